import { type Classification, UsageError } from 'fovea';
import type { OpenedModel } from 'fovea/open';
import { CLASS_TABLE, classHeader, classRow, TOP_CLASSES } from '../classTable.ts';
import { FaultLog } from '../faultLog.ts';
import { withGpu } from '../gpu.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { type LoadedImage, loadImage } from '../images.ts';
import { type ModelFileOptions, readModel, sayBuilders } from '../modelFiles.ts';
import { printable } from '../printable.ts';
import { ResultFolder } from '../resultFolder.ts';

export interface ClassifyCommandOptions extends ModelFileOptions {
  /** Folder for classes.csv. Default: nothing is written. */
  readonly out?: string;
  /** How many classes are said of each image. */
  readonly top?: number;
  readonly recursive?: boolean;
  readonly reportBad?: string;
  readonly adapter?: string;
}

/** `cat 0.97, dog 0.02`. */
const summaryOf = (found: readonly Classification[]): string =>
  found.map(({ label, score }) => `${label} ${score.toFixed(2)}`).join(', ');

/** Throws UsageError for a model of another task. */
export function expectClassifier(model: string, { task }: OpenedModel): void {
  if (task === 'classify') return;
  throw new UsageError(`${model}: is no classifier; use fovea ${task === 'detect' ? 'detect' : 'segment'}`);
}

/** fovea classify: the most probable classes of each image, and with --out a table of them. */
export async function classifyCommand(
  model: string,
  images: readonly string[],
  options: ClassifyCommandOptions,
): Promise<void> {
  const opened = await readModel(model, options);
  expectClassifier(model, opened);
  process.stderr.write(`${printable(model)}: ${printable(opened.description)}\n`);
  sayBuilders(model, opened);
  const { out, reportBad } = options;
  const inputs = await imageInputs(images, { ...options, stored: true });
  await FaultLog.check(options);
  const topK = Math.min(options.top ?? TOP_CLASSES, opened.classNames.length);
  await withGpu(options.adapter, async (gpu) => {
    const classifier = opened.classifier(gpu, { name: model });
    const results = out === undefined ? undefined : await ResultFolder.create(out);
    await results?.append(CLASS_TABLE, classHeader(topK));
    await runImages<readonly Classification[], LoadedImage>(
      inputs,
      reportBad === undefined ? {} : { reportBad },
      {
        load: loadImage,
        predict: (image) => classifier.classify(image, { topK }),
        async write(found, _, { file }) {
          await results?.append(CLASS_TABLE, classRow(file, found));
          return summaryOf(found);
        },
        finish: async () => results?.finish(),
        discard: async () => results?.discard(),
      },
    );
    classifier.dispose();
  });
}
