import path from 'node:path';
import type { Sample } from '../../../src/data/dataset.ts';
import { DataError } from '../../../src/errors.ts';
import { readFileBytes } from '../../../src/io/files.ts';
import { evaluateDetector, evaluateSegmenter } from '../../../src/tasks/evaluate.ts';
import { Detector, Segmenter } from '../../../src/tasks/infer.ts';
import { decodeModel } from '../../../src/tasks/modelFile.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import { loadFolder } from '../samples.ts';

export interface EvalOptions {
  readonly data: string;
  readonly json?: string;
  readonly adapter?: string;
}

const format = (value: number): string => (Number.isNaN(value) ? '-' : value.toFixed(4));

function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const text = [
    header,
    ...rows.map((row) => row.map((cell) => (typeof cell === 'number' ? format(cell) : cell))),
  ];
  const widths = header.map((_, i) => Math.max(...text.map((row) => row[i]!.length)));
  return text
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    )
    .join('\n');
}

/** Labels that the model has never seen cannot be judged. */
function checkClasses(folder: string, samples: readonly Sample[], classNames: readonly string[]): void {
  for (const { name, annotation } of samples) {
    const index = annotation.shapes.findIndex(({ label }) => !classNames.includes(label));
    if (index >= 0) {
      throw new DataError(
        `${path.join(folder, `${name}.json`)}: shapes[${index}].label is "${annotation.shapes[index]!.label}", none of the model’s classes (${classNames.join(', ')}); rename it, or train with it`,
      );
    }
  }
}

/** fovea eval: AP for a detector, IoU and Dice for a segmenter, in all and for each class. */
export async function evalCommand(model: string, { data, json, adapter }: EvalOptions): Promise<void> {
  const trained = decodeModel(await readFileBytes(model), model);
  const samples = await loadFolder(data);
  checkClasses(data, samples, trained.classNames);
  if (json !== undefined) await checkOutputFile(json);
  await withGpu(adapter, async (gpu) => {
    let metrics: object;
    let text: string;
    if (trained.task === 'detect') {
      const { result } = await evaluateDetector(new Detector(gpu, trained), samples);
      const { ap50, ap, perClass } = result;
      metrics = {
        ap50,
        ap,
        perClass: perClass.map(({ label, ap50, ap, groundTruths }) => ({ label, ap50, ap, groundTruths })),
      };
      const rows = perClass.map((row) => [String(row.label), row.ap50, row.ap, String(row.groundTruths)]);
      text = table(
        ['class', 'AP@.5', 'AP@[.5:.95]', 'objects'],
        [...rows, ['all', ap50, ap, String(perClass.reduce((n, row) => n + row.groundTruths, 0))]],
      );
    } else {
      const { iou, dice, meanIou, pixelAccuracy, perClass } = await evaluateSegmenter(
        new Segmenter(gpu, trained),
        samples,
      );
      metrics = { mIoU: meanIou, iou, dice, pixelAccuracy, perClass };
      text = `${table(['class', 'IoU', 'Dice'], [...perClass.map((row) => [row.label, row.iou, row.dice]), ['mean', iou, dice]])}\nmIoU with background ${format(meanIou)}, pixel accuracy ${format(pixelAccuracy)}`;
    }
    process.stdout.write(`${text}\n`);
    if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(metrics, undefined, 2)}\n`);
  });
}
