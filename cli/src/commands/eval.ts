import path from 'node:path';
import {
  evaluateClassifier,
  evaluateDetector,
  evaluateSegmenter,
  type Gpu,
  type ObjectDetector,
  type PixelSegmenter,
} from 'fovea';
import type { OpenedModel } from 'fovea/open';
import { augmentationOf } from '../augmentation.ts';
import { ClassMistakes } from '../classMistakes.ts';
import { classificationSummary } from '../classReport.ts';
import { openClassData, readClassSamples } from '../classSamples.ts';
import { counted } from '../counted.ts';
import { expectChosenPart } from '../dataParts.ts';
import { detectionSummary, type EvalSummary, segmentationSummary } from '../evalReport.ts';
import {
  checkSamples,
  type EvalChoice,
  evalJson,
  evalText,
  evaluatedName,
  expectEvaluable,
  openSamples,
} from '../evaluating.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import type { Gallery } from '../gallery.ts';
import { withGpu } from '../gpu.ts';
import { detectionMistakes } from '../mistakes.ts';
import { readModel } from '../modelFiles.ts';
import { PixelMistakes } from '../pixelMistakes.ts';
import { printable } from '../printable.ts';
import { writeReport } from '../report.ts';
import type { SampleReader } from '../samples.ts';

export interface EvalOptions extends EvalChoice {
  readonly json?: string;
  readonly report?: string;
  /** The most images in the report. Default 100. */
  readonly worst?: number;
  readonly adapter?: string;
}

/** Images in the report unless `--worst` says otherwise. */
const WORST = 100;

/** fovea eval: AP for a detector, IoU and Dice for a segmenter, accuracy and F1 for a classifier, in all and for each class; curves in a report. */
export async function evalCommand(model: string, options: EvalOptions): Promise<void> {
  const { json, report, adapter } = options;
  const trained = await readModel(model, options);
  expectEvaluable(model, trained, options);
  for (const file of [json, report]) if (file !== undefined) await checkOutputFile(file);
  await FaultLog.check(options);
  const faults = new FaultLog();
  if (trained.task === 'classify') {
    await faults.during(options, () => evaluateClasses(trained, model, options, faults));
    return;
  }
  await faults.during(options, async () => {
    const reader = await openSamples(options, trained, faults);
    await checkSamples(reader, options, evaluatedName(trained));
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
  evaluated: Evaluated,
  seconds: number,
  { data, json, report }: EvalOptions,
): Promise<void> {
  const { images, tables, run, mistakes } = evaluated;
  process.stdout.write(evalText(evaluated));
  if (json !== undefined) await writeFileAtomic(json, evalJson(evaluated));
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
