/** How a model is evaluated: which data, how they are read, and what is said of them before anything is computed. */
import { architectureOf, EVALUATED_SCORE, UsageError } from 'fovea';
import { type Annotation, trainingAnnotation } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from './augmentation.ts';
import type { DataOptions } from './dataOptions.ts';
import type { EvalSummary } from './evalReport.ts';
import type { FaultLog } from './faultLog.ts';
import type { ModelFileOptions } from './modelFiles.ts';
import { printable, printableLines } from './printable.ts';
import { type ReadAnnotation, SampleReader } from './samples.ts';
import { textTable } from './textTable.ts';
import { checkMasks } from './trainingData.ts';

/** What a model is evaluated on. */
export interface EvalDataOptions extends DataOptions {
  readonly data: string;
  /** Fill boxes without outlines, to judge masks by them. */
  readonly boxesAsMasks?: boolean;
}

/** What a model is evaluated on, and how it is run. */
export interface EvalChoice extends EvalDataOptions, AugmentationOptions, ModelFileOptions {}

/** Throws UsageError for options that a model cannot follow. Says where it does not give all that an evaluation needs. */
export function expectEvaluable(
  model: string,
  { task, leastScore = 0 }: OpenedModel,
  options: EvalChoice,
): void {
  const augmentation = augmentationOf(options);
  const what = { classify: 'a classifier', segment: 'a segmentation model', detect: '' }[task];
  if (augmentation && what !== '') {
    throw new UsageError(`${model}: this is ${what}; --scales, --flip and --merge are for detectors`);
  }
  if (leastScore > EVALUATED_SCORE) {
    process.stderr.write(
      `${printable(model)}: was exported with a score threshold of ${leastScore}, so AP may be lower than that of the model; export it again with --threshold ${EVALUATED_SCORE}\n`,
    );
  }
}

/**
 * The samples as the model is judged by them. For a model of masks, what is known by a box only is ignored as in training, unless
 * `boxesAsMasks` is set. Labels that the model does not have are faults; with `skipBad` they are ignored.
 */
export function openSamples(
  options: EvalDataOptions,
  { task, trained, classNames }: OpenedModel,
  faults: FaultLog,
): Promise<SampleReader> {
  const hasMasks = task === 'segment' || (trained && architectureOf(trained.name).hasMasks);
  const masks = hasMasks === true && !options.boxesAsMasks;
  const change = (annotation: Annotation) => trainingAnnotation(annotation, { masks });
  return SampleReader.open(options.data, { clip: true, ...options }, faults, { change, classes: classNames });
}

/** What a training says of its data is said before the device is opened: the annotations are read. `onAnnotation` is called with each image. */
export async function checkAnnotations(
  reader: SampleReader,
  options: EvalDataOptions,
  model: string,
  onAnnotation: (read: ReadAnnotation) => void = () => undefined,
): Promise<void> {
  let [images, boxes, drawn] = [0, 0, false];
  for await (const read of reader.annotations()) {
    const { annotation, left } = read;
    images++;
    onAnnotation(read);
    boxes += annotation.shapes.length - left.shapes.length;
    drawn ||= left.shapes.length > 0;
  }
  if (images === 0) await reader.faults.finishEmpty(options, options.data);
  process.stderr.write(printableLines(checkMasks(drawn, boxes, model, options.data)));
}

/** The same, and images are read where all faults are asked for. */
export async function checkSamples(
  reader: SampleReader,
  options: EvalDataOptions,
  model: string,
): Promise<void> {
  await checkAnnotations(reader, options, model);
  if (options.reportBad === undefined || options.skipBad) return;
  for await (const sample of reader.samples()) void sample;
  await reader.faults.finish(options);
}

/** The name of the model in what is said of data. */
export const evaluatedName = ({ trained }: OpenedModel): string => trained?.name ?? 'the model';

/** What `fovea eval` prints. */
export const evalText = ({ tables, lines }: Pick<EvalSummary, 'tables' | 'lines'>): string =>
  `${[textTable(tables[0]!), ...lines.map(printable)].join('\n')}\n`;

/** What it writes as JSON. */
export const evalJson = ({ metrics }: Pick<EvalSummary, 'metrics'>): string =>
  `${JSON.stringify(metrics, undefined, 2)}\n`;
