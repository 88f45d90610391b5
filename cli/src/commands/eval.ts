import path from 'node:path';
import { DataError, evaluateDetector, evaluateSegmenter, UsageError } from 'fovea';
import { type AugmentationOptions, augmentationOf } from '../augmentation.ts';
import type { DataOptions } from '../dataOptions.ts';
import { detectionSummary, segmentationSummary } from '../evalReport.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { type ModelFileOptions, readModel } from '../modelFiles.ts';
import { printable } from '../printable.ts';
import { writeReport } from '../report.ts';
import { type LoadedSample, loadFolder } from '../samples.ts';
import { textTable } from '../textTable.ts';

export interface EvalOptions extends DataOptions, AugmentationOptions, ModelFileOptions {
  readonly data: string;
  readonly json?: string;
  readonly report?: string;
  readonly adapter?: string;
}

/** Labels that the model has never seen cannot be judged. */
function checkClasses(samples: readonly LoadedSample[], classNames: readonly string[]): void {
  for (const { source, annotation } of samples) {
    const index = annotation.shapes.findIndex(({ label }) => !classNames.includes(label));
    if (index >= 0) {
      throw new DataError(
        `${source}: shapes[${index}].label is "${annotation.shapes[index]!.label}", which is not a class of the model (${classNames.join(', ')}); rename it, or train the model with it`,
      );
    }
  }
}

/** fovea eval: AP for a detector, IoU and Dice for a segmenter, in all and for each class; curves in a report. */
export async function evalCommand(model: string, options: EvalOptions): Promise<void> {
  const { data, json, report, adapter } = options;
  const augmentation = augmentationOf(options);
  const trained = await readModel(model, options);
  if (augmentation && trained.task === 'segment') {
    throw new UsageError(
      `${model}: this is a segmentation model; --scales, --flip and --merge are for detectors`,
    );
  }
  const samples = await loadFolder(data, Infinity, options);
  checkClasses(samples, trained.classNames);
  for (const file of [json, report]) if (file !== undefined) await checkOutputFile(file);
  await withGpu(adapter, async (gpu) => {
    const start = performance.now();
    const { metrics, tables, lines, run } =
      trained.task === 'detect'
        ? detectionSummary(
            await evaluateDetector(
              trained.detector(gpu, { name: model, ...(augmentation ? { augmentation } : {}) }),
              samples,
            ),
          )
        : segmentationSummary(
            await evaluateSegmenter(trained.segmenter(gpu, { name: model }), samples),
            trained.classNames,
          );
    const seconds = (performance.now() - start) / 1000;
    process.stdout.write(`${[textTable(tables[0]!), ...lines.map(printable)].join('\n')}\n`);
    if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(metrics, undefined, 2)}\n`);
    if (report === undefined) return;
    const { name, software } = gpu.device.adapter;
    await writeReport(report, {
      title: `Fovea: ${path.basename(model)} on ${path.basename(path.resolve(data))}`,
      lead: `${samples.length} labelled image${samples.length === 1 ? '' : 's'}, classes ${trained.classNames.join(', ')}.`,
      adapter: { name, software },
      runs: [
        {
          name: path.basename(model),
          task: trained.task === 'detect' ? 'detection' : 'segmentation',
          ...run,
          tables,
        },
      ],
      timings: [{ what: 'all images, compilation included', where: name, seconds, count: samples.length }],
      versions: { node: process.versions.node },
    });
    process.stdout.write(`report written to ${printable(report)}\n`);
  });
}
