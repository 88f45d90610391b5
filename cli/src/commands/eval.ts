import path from 'node:path';
import { architectureOf, EVALUATED_SCORE, evaluateDetector, evaluateSegmenter, UsageError } from 'fovea';
import { type Annotation, trainingAnnotation } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from '../augmentation.ts';
import { counted } from '../counted.ts';
import type { DataOptions } from '../dataOptions.ts';
import { detectionSummary, segmentationSummary } from '../evalReport.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { type ModelFileOptions, readModel } from '../modelFiles.ts';
import { printable, printableLines } from '../printable.ts';
import { writeReport } from '../report.ts';
import { type LoadedSample, loadFolder } from '../samples.ts';
import { textTable } from '../textTable.ts';
import { checkMasks } from '../trainingData.ts';

export interface EvalOptions extends DataOptions, AugmentationOptions, ModelFileOptions {
  readonly data: string;
  /** Fill boxes without outlines, to judge masks by them. */
  readonly boxesAsMasks?: boolean;
  readonly json?: string;
  readonly report?: string;
  readonly adapter?: string;
}

/**
 * The samples as the model is judged by them. For a model of masks, what is known by a box only is ignored as in training, unless
 * `boxesAsMasks` is set. Throws DataError for labels that the model does not have; with `skipBad` they are ignored.
 */
async function evalSamples(
  options: EvalOptions,
  { task, trained, classNames }: OpenedModel,
): Promise<readonly LoadedSample[]> {
  const hasMasks = task === 'segment' || (trained && architectureOf(trained.name).hasMasks);
  const masks = hasMasks === true && !options.boxesAsMasks;
  let boxes = 0;
  const outlined = (annotation: Annotation): Annotation => {
    const left = trainingAnnotation(annotation, { masks });
    boxes += annotation.shapes.length - left.shapes.length;
    return left;
  };
  const known = { classes: classNames };
  const samples = await loadFolder(options.data, Infinity, { clip: true, ...options }, outlined, known);
  process.stderr.write(
    printableLines(checkMasks(samples, boxes, trained?.name ?? 'the model', options.data)),
  );
  return samples;
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
  const { leastScore = 0 } = trained;
  if (leastScore > EVALUATED_SCORE) {
    process.stderr.write(
      `${printable(model)}: was exported with a score threshold of ${leastScore}, so AP may be lower than that of the model; export it again with --threshold ${EVALUATED_SCORE}\n`,
    );
  }
  const samples = await evalSamples(options, trained);
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
      lead: `${counted(samples.length, 'labelled image')}, classes ${trained.classNames.join(', ')}.`,
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
