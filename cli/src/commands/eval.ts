import path from 'node:path';
import {
  architectureOf,
  EVALUATED_SCORE,
  evaluateClassifier,
  evaluateDetector,
  evaluateSegmenter,
  type Gpu,
  type ObjectDetector,
  type PixelSegmenter,
  UsageError,
} from 'fovea';
import { type Annotation, trainingAnnotation } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import { type AugmentationOptions, augmentationOf } from '../augmentation.ts';
import { ClassMistakes } from '../classMistakes.ts';
import { classificationSummary } from '../classReport.ts';
import { openClassData, readClassSamples } from '../classSamples.ts';
import { counted } from '../counted.ts';
import type { DataOptions } from '../dataOptions.ts';
import { expectChosenPart } from '../dataParts.ts';
import { detectionSummary, type EvalSummary, segmentationSummary } from '../evalReport.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import type { Gallery } from '../gallery.ts';
import { withGpu } from '../gpu.ts';
import { detectionMistakes } from '../mistakes.ts';
import { type ModelFileOptions, readModel } from '../modelFiles.ts';
import { PixelMistakes } from '../pixelMistakes.ts';
import { printable, printableLines } from '../printable.ts';
import { writeReport } from '../report.ts';
import { SampleReader } from '../samples.ts';
import { textTable } from '../textTable.ts';
import { checkMasks } from '../trainingData.ts';

export interface EvalOptions extends DataOptions, AugmentationOptions, ModelFileOptions {
  readonly data: string;
  /** Fill boxes without outlines, to judge masks by them. */
  readonly boxesAsMasks?: boolean;
  readonly json?: string;
  readonly report?: string;
  /** The most images in the report. Default 100. */
  readonly worst?: number;
  readonly adapter?: string;
}

/**
 * The samples as the model is judged by them. For a model of masks, what is known by a box only is ignored as in training, unless
 * `boxesAsMasks` is set. Labels that the model does not have are faults; with `skipBad` they are ignored.
 */
function openSamples(
  options: EvalOptions,
  { task, trained, classNames }: OpenedModel,
  faults: FaultLog,
): Promise<SampleReader> {
  const hasMasks = task === 'segment' || (trained && architectureOf(trained.name).hasMasks);
  const masks = hasMasks === true && !options.boxesAsMasks;
  const change = (annotation: Annotation) => trainingAnnotation(annotation, { masks });
  return SampleReader.open(options.data, { clip: true, ...options }, faults, { change, classes: classNames });
}

/** What a training says of its data is said before the device is opened: the annotations are read, images only where all faults are asked for. */
async function checkSamples(reader: SampleReader, options: EvalOptions, model: string): Promise<void> {
  let [images, boxes, drawn] = [0, 0, false];
  for await (const { annotation, left } of reader.annotations()) {
    images++;
    boxes += annotation.shapes.length - left.shapes.length;
    drawn ||= left.shapes.length > 0;
  }
  if (images === 0) await reader.faults.finishEmpty(options, options.data);
  process.stderr.write(printableLines(checkMasks(drawn, boxes, model, options.data)));
  if (options.reportBad === undefined || options.skipBad) return;
  for await (const sample of reader.samples()) void sample;
  await reader.faults.finish(options);
}

/** Images in the report unless `--worst` says otherwise. */
const WORST = 100;

/** fovea eval: AP for a detector, IoU and Dice for a segmenter, accuracy and F1 for a classifier, in all and for each class; curves in a report. */
export async function evalCommand(model: string, options: EvalOptions): Promise<void> {
  const { json, report, adapter } = options;
  const augmentation = augmentationOf(options);
  const trained = await readModel(model, options);
  if (augmentation && trained.task === 'classify') {
    throw new UsageError(`${model}: this is a classifier; --scales, --flip and --merge are for detectors`);
  }
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
  for (const file of [json, report]) if (file !== undefined) await checkOutputFile(file);
  await FaultLog.check(options);
  const faults = new FaultLog();
  if (trained.task === 'classify') {
    await faults.during(options, () => evaluateClasses(trained, model, options, faults));
    return;
  }
  await faults.during(options, async () => {
    const reader = await openSamples(options, trained, faults);
    await checkSamples(reader, options, trained.trained?.name ?? 'the model');
    await withGpu(adapter, (gpu) => evaluateModel(gpu, trained, model, reader, options));
  });
}

/** What was evaluated, and the images that show what is wrong. */
interface Evaluated extends EvalSummary {
  /** The number of images. */
  readonly images: number;
  /** Makes the images for the report, which takes a while. */
  mistakes(): Gallery | Promise<Gallery>;
}

async function evaluatedDetector(
  detector: ObjectDetector,
  reader: SampleReader,
  worst: number,
): Promise<Evaluated> {
  const names: string[] = [];
  const evaluation = await evaluateDetector(detector, reader.samples(), {
    onImage: ({ sample }) => void names.push(sample.name),
  });
  const summary = detectionSummary(evaluation);
  const { errors, scoreThreshold } = summary;
  const read = (chosen: ReadonlySet<string>) => reader.samples(chosen);
  const mistakes = () => detectionMistakes(evaluation, errors, { scoreThreshold, worst, names, read });
  return { ...summary, images: names.length, mistakes };
}

async function evaluatedSegmenter(
  segmenter: PixelSegmenter,
  reader: SampleReader,
  { worst, report }: { readonly worst: number; readonly report: boolean },
): Promise<Evaluated> {
  const { classNames } = segmenter;
  const mistakes = new PixelMistakes(classNames, worst);
  let images = 0;
  const evaluation = await evaluateSegmenter(segmenter, reader.samples(), {
    async onImage({ sample, found }) {
      images++;
      if (report) await mistakes.add(sample, found);
    },
  });
  return { ...segmentationSummary(evaluation, classNames), images, mistakes: () => mistakes.gallery };
}

async function evaluateModel(
  gpu: Gpu,
  trained: OpenedModel,
  model: string,
  reader: SampleReader,
  options: EvalOptions,
): Promise<void> {
  const { data, report, worst = WORST } = options;
  const augmentation = augmentationOf(options);
  const start = performance.now();
  const opened = { name: model, ...(augmentation ? { augmentation } : {}) };
  const evaluated =
    trained.task === 'detect'
      ? await evaluatedDetector(trained.detector(gpu, opened), reader, worst)
      : await evaluatedSegmenter(trained.segmenter(gpu, { name: model }), reader, {
          ...{ worst, report: report !== undefined },
        });
  const seconds = (performance.now() - start) / 1000;
  if (evaluated.images === 0) await reader.faults.finishEmpty(options, data);
  await reader.faults.finish(options);
  await writeResults(gpu, trained, model, evaluated, seconds, options);
}

/** The evaluation of a classifier, whose data are images with one class each. */
async function evaluateClasses(
  opened: OpenedModel,
  model: string,
  options: EvalOptions,
  faults: FaultLog,
): Promise<void> {
  const { data, report, worst = WORST } = options;
  const dataset = await openClassData(data, options, faults, opened.classNames);
  expectChosenPart(dataset.path, dataset.splits, options);
  const samples = readClassSamples(dataset.files, options, faults);
  const first = await samples.next();
  if (first.done) return faults.finishEmpty(options, data);
  await withGpu(options.adapter, async (gpu) => {
    const start = performance.now();
    const classifier = opened.classifier(gpu, { name: model });
    const found = new ClassMistakes(opened.classNames, report === undefined ? 0 : worst);
    const evaluation = await evaluateClassifier(classifier, withFirst(first.value, samples), {
      onImage: (image) => found.add(image),
    });
    classifier.dispose();
    const seconds = (performance.now() - start) / 1000;
    await faults.finish(options);
    const evaluated = {
      ...classificationSummary(evaluation),
      images: found.images,
      mistakes: () => found.gallery,
    };
    await writeResults(gpu, opened, model, evaluated, seconds, options);
  });
}

/** A list whose first item was taken already. */
async function* withFirst<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void> {
  yield first;
  yield* rest;
}

const TASKS = { detect: 'detection', segment: 'segmentation', classify: 'classification' } as const;

/** Prints the results, and writes the JSON file and the report that were asked for. */
async function writeResults(
  gpu: Gpu,
  opened: OpenedModel,
  model: string,
  { images, metrics, tables, lines, run, mistakes }: Evaluated,
  seconds: number,
  { data, json, report }: EvalOptions,
): Promise<void> {
  process.stdout.write(`${[textTable(tables[0]!), ...lines.map(printable)].join('\n')}\n`);
  if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(metrics, undefined, 2)}\n`);
  if (report === undefined) return;
  const { name, software } = gpu.device.adapter;
  await writeReport(report, {
    title: `Fovea: ${path.basename(model)} on ${path.basename(path.resolve(data))}`,
    lead: `${counted(images, 'labelled image')}, classes ${opened.classNames.join(', ')}.`,
    adapter: { name, software },
    runs: [
      {
        name: path.basename(model),
        task: TASKS[opened.task],
        ...run,
        tables,
        galleries: [await mistakes()],
      },
    ],
    timings: [{ what: 'all images, compilation included', where: name, seconds, count: images }],
    versions: { node: process.versions.node },
  });
  process.stdout.write(`report written to ${printable(report)}\n`);
}
