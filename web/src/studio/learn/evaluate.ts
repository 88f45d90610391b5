/** Judges models by labelled pictures with the library's own evaluations, one picture in memory at a time. */
import {
  evaluateClassifier,
  evaluateDetector,
  evaluateSegmenter,
  type ImageClassifier,
  labelMap,
  type ObjectDetector,
  type PixelSegmenter,
} from 'fovea';
import { type Annotation, type ClassSample, IGNORE_INDEX, type Sample, trainingAnnotation } from 'fovea/data';
import type { OpenedModel } from 'fovea/open';
import { ConfusionMatrix, chooseThreshold, type DetectionImage } from 'fovea/vision';
import type { Picture, Project } from '../project/model.ts';
import type { Store } from '../store/index.ts';
import {
  BACKGROUND,
  type ClassifierEvaluation,
  confusionOf,
  type DetectorEvaluation,
  type Evaluation,
  type JudgedClass,
  type JudgedMap,
  type SegmenterEvaluation,
} from './judged.ts';
import type { ModelShelf, ModelSource, RunningModel } from './modelShelf.ts';
import { ignoringOthers, type LabelledPicture, readClassSample, readLabels, readSample } from './samples.ts';

export interface EvaluateRequest {
  readonly source: ModelSource;
  readonly project: Project;
  /** Those to judge by; they must be labelled. */
  readonly pictures: readonly Picture[];
  /** Called after each picture. */
  readonly onProgress?: (done: number, all: number) => void;
  readonly signal?: AbortSignal;
}

/** What the kinds of evaluation share. */
interface Reading {
  readonly shelf: ModelShelf;
  readonly request: EvaluateRequest;
  readonly store: Store;
  readonly labelled: readonly LabelledPicture[];
}

/** Labels that the model does not have. */
const unknownIn = (labelled: readonly LabelledPicture[], classNames: readonly string[]): string[] => [
  ...new Set(
    labelled.flatMap(({ annotation }) =>
      annotation.shapes.map(({ label }) => label).filter((label) => !classNames.includes(label)),
    ),
  ),
];

/** What a model is judged by: what it cannot know, and for masks what is known by a box only, is neither right nor wrong. */
function judgedBy(annotation: Annotation, classNames: readonly string[], masks: boolean): Annotation {
  return trainingAnnotation(ignoringOthers(annotation, classNames), { masks });
}

/** The samples one after another, with progress after each; ends with the reason of the signal. */
async function* samplesOf<S>(
  { request: { signal, onProgress }, labelled }: Reading,
  read: (one: LabelledPicture) => Promise<S>,
): AsyncGenerator<S, void> {
  for (const [i, one] of labelled.entries()) {
    signal?.throwIfAborted();
    yield await read(one);
    onProgress?.(i + 1, labelled.length);
  }
  signal?.throwIfAborted();
}

const isOf = <T extends RunningModel['task']>(
  model: RunningModel,
  task: T,
): Extract<RunningModel, { readonly task: T }> => {
  if (model.task !== task) throw new TypeError(`the model became one of another task: ${model.task}`);
  return model as Extract<RunningModel, { readonly task: T }>;
};

const placeOf = ({ picture: { id, name, width, height } }: LabelledPicture) => ({
  picture: id,
  ...{ name, width, height },
});

async function judgeDetector(
  reading: Reading,
  opened: OpenedModel,
  known: ObjectDetector,
): Promise<Omit<DetectorEvaluation, 'spent' | 'leftOut' | 'unknown'>> {
  const { shelf, request, store, labelled } = reading;
  const detect = <T>(work: (detector: ObjectDetector) => Promise<T>) =>
    shelf.use(request.source, (model) => work(isOf(model, 'detect').run));
  // Each picture takes its turn, so that others may use the GPU in between.
  const detector: ObjectDetector = {
    ...{ classNames: known.classNames, hasMasks: known.hasMasks, leastScore: known.leastScore },
    ...(known.stuff ? { stuff: known.stuff } : {}),
    detect: (image, options) => detect((one) => one.detect(image, options)),
    ...(known.panoptic
      ? { panoptic: (image, options) => detect((one) => one.panoptic!(image, options)) }
      : {}),
    dispose: () => undefined,
  };
  const change = (annotation: Annotation) => judgedBy(annotation, opened.classNames, known.hasMasks);
  const samples = samplesOf<Sample>(reading, (one) => readSample(store, one, { change }));
  const { result, coco, segm, panoptic, images } = await evaluateDetector(detector, samples);
  const curve = result.precisionRecall;
  const best = chooseThreshold({ ...curve, thresholds: curve.scores }, { best: 'fbeta' });
  const boxes = <T extends { readonly mask?: unknown }>({ mask: _, ...rest }: T): Omit<T, 'mask'> => rest;
  return {
    task: 'detect',
    classNames: known.classNames,
    ...{ result, coco },
    ...(segm ? { segm } : {}),
    ...(panoptic ? { panoptic } : {}),
    ...(best ? { best } : {}),
    images: images.map(
      ({ groundTruth, predictions }): DetectionImage<string> => ({
        groundTruth: groundTruth.map(boxes),
        predictions: predictions.map(boxes),
      }),
    ),
    pictures: labelled.map(placeOf),
  };
}

async function judgeSegmenter(
  reading: Reading,
  known: PixelSegmenter,
): Promise<Omit<SegmenterEvaluation, 'spent' | 'leftOut' | 'unknown'>> {
  const { shelf, request, store, labelled } = reading;
  const { classNames } = known;
  const segmenter: PixelSegmenter = {
    classNames,
    segment: (image) => shelf.use(request.source, (model) => isOf(model, 'segment').run.segment(image)),
    dispose: () => undefined,
  };
  const change = (annotation: Annotation) => judgedBy(annotation, classNames, true);
  const pictures: JudgedMap[] = [];
  const samples = samplesOf<Sample>(reading, (one) => readSample(store, one, { change }));
  const { confusion, perClass, ...means } = await evaluateSegmenter(segmenter, samples, {
    onImage({ index, sample, found }) {
      const own = new ConfusionMatrix(classNames.length + 1);
      own.add(found.labels, labelMap(sample.annotation, classNames), { ignoreIndex: IGNORE_INDEX });
      const ious = own.iou().slice(1);
      const present = ious.filter((iou) => !Number.isNaN(iou));
      const iou = present.length === 0 ? 1 : present.reduce((a, b) => a + b, 0) / present.length;
      const { pixelAccuracy } = own;
      pictures.push({ ...placeOf(labelled[index]!), wrong: 1 - iou, iou, pixelAccuracy, ious });
    },
  });
  const [precision, recall] = [confusion.precision(), confusion.recall()];
  return {
    task: 'segment',
    classNames,
    ...means,
    perClass: perClass.map((one, i) => ({ ...one, precision: precision[i + 1]!, recall: recall[i + 1]! })),
    confusion: confusionOf([BACKGROUND, ...classNames], confusion),
    pictures,
  };
}

async function judgeClassifier(
  reading: Reading,
  known: ImageClassifier,
): Promise<Omit<ClassifierEvaluation, 'spent' | 'leftOut' | 'unknown'>> {
  const { shelf, request, store, labelled } = reading;
  const { classNames } = known;
  const each = <T>(work: (one: ImageClassifier) => Promise<T>) =>
    shelf.use(request.source, (model) => work(isOf(model, 'classify').run));
  const classifier: ImageClassifier = {
    classNames,
    probabilities: (image) => each((one) => one.probabilities(image)),
    classify: (image, options) => each((one) => one.classify(image, options)),
    dispose: () => undefined,
  };
  const pictures: JudgedClass[] = [];
  const samples = samplesOf<ClassSample>(reading, (one) => readClassSample(store, one));
  const { confusion, ...scores } = await evaluateClassifier(classifier, samples, {
    onImage({ index, sample: { label }, probabilities }) {
      const score = Math.max(...probabilities);
      const predicted = classNames[probabilities.indexOf(score)]!;
      const own = probabilities[classNames.indexOf(label)]!;
      const wrong = predicted === label ? 0 : 1 - own;
      pictures.push({ ...placeOf(labelled[index]!), wrong, label, predicted, score, own });
    },
  });
  return {
    task: 'classify',
    classNames,
    ...scores,
    confusion: confusionOf(classNames, confusion),
    pictures,
  };
}

/**
 * Judges a model by labelled pictures, as `fovea eval` does: at their full size, with COCO's rules.
 *
 * @throws DataError where no picture can be judged by; the reason of the signal once it is aborted.
 */
export async function evaluate(
  shelf: ModelShelf,
  store: Store,
  request: EvaluateRequest,
): Promise<Evaluation> {
  const began = performance.now();
  const model = await shelf.use(request.source, (one) => one);
  const { task, opened } = model;
  const { classes } = request.project;
  const read = await readLabels(store, request.pictures, { task, classes });
  const { classNames } = opened;
  // A classifier can only be judged by pictures of its classes.
  const labelled = read.filter(({ label }) => label === undefined || classNames.includes(label));
  const reading = { shelf, request, store, labelled };
  const more = async () => {
    switch (model.task) {
      case 'detect':
        return judgeDetector(reading, opened, model.run);
      case 'segment':
        return judgeSegmenter(reading, model.run);
      case 'classify':
        return judgeClassifier(reading, model.run);
    }
  };
  const judged = await more();
  return {
    ...judged,
    leftOut: request.pictures.length - labelled.length,
    unknown: unknownIn(read, classNames),
    spent: performance.now() - began,
  };
}
