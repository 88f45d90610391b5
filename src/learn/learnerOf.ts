import type { ClassSample } from '../data/classify/sample.ts';
import type { Sample } from '../data/dataset.ts';
import { DataLoader } from '../data/loader.ts';
import { resizeShorterSide, shrinkSample } from '../data/resize.ts';
import { DataError, UsageError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { architectureOf } from '../tasks/architectures.ts';
import { ClassLoader, type ClassTensors } from '../tasks/classLoader.ts';
import { classifyTask } from '../tasks/classTask.ts';
import { CropLoader, type DetectTensors, type SegmentTensors } from '../tasks/cropLoader.ts';
import { detectTask, segmentTask } from '../tasks/cropTasks.ts';
import { freeze } from '../tasks/freeze.ts';
import { checkedModel, loadStart } from '../tasks/newModel.ts';
import { cropPreprocessing } from '../tasks/preprocessing.ts';
import { optimizerOf } from '../tasks/recipe.ts';
import { haveClasses, type TaskSamples } from '../tasks/samples.ts';
import { cropsOf, cropsPerEpoch, expectTraining, type TrainSettings } from '../tasks/settings.ts';
import type { StartReport } from '../tasks/startWeights.ts';
import {
  type ClassificationModel,
  type DetectionModel,
  isClassifier,
  isDetector,
  type SegmentationModel,
} from '../tasks/step.ts';
import { thingsAndStuff } from '../tasks/stuff.ts';
import { Learner } from './learner.ts';

/** A Learner of labelled images: `learnerOf` makes it. */
export type TaskLearner =
  | Learner<Sample, DetectionModel, DetectTensors>
  | Learner<Sample, SegmentationModel, SegmentTensors>
  | Learner<ClassSample, ClassificationModel, ClassTensors>;

/** Options of `learnerOf`. */
export interface LearnerOfOptions {
  /** The weights to start from, which `defaultSettings` was given too. Default: none. */
  readonly weights?: LoadedWeights;
  /** Called with what was taken of `weights`. */
  onWeights?(report: StartReport): void;
  /** Whole images by which the model is judged after each epoch. Default: none. */
  readonly valid?: TaskSamples;
  /** Steps per epoch. Default: enough to see all pixels once, but at least 20; with `valid`, enough for at most 25 epochs. */
  readonly stepsPerEpoch?: number;
  /** Whether a checkpoint is loaded afterwards: the weights that the settings start from are then not needed. Default false. */
  readonly isResumed?: boolean;
  /** See `LearnerOptions.advice`. */
  readonly advice?: (step: number, items: string) => string;
}

const OPTIONS = Object.keys({
  ...{ weights: 0, onWeights: 0, valid: 0, stepsPerEpoch: 0, isResumed: 0, advice: 0 },
} satisfies Record<keyof LearnerOfOptions, 0>) as (keyof LearnerOfOptions)[];

/** The lowest number of steps per epoch: in shorter ones most time would go into what is done at the end of an epoch. */
const LEAST_STEPS = 20;
/** The highest number of validations in a training. */
const MOST_EPOCHS = 25;

/**
 * Makes the Learner of a training: the model with its first weights, augmented crops, the optimizer and what it is judged by. `train` does
 * the rest; `learnerOf(…).lrFind()` finds a learning rate for it.
 *
 * @param gpu Where the model is trained.
 * @param samples Images and annotations; for classifiers images and labels.
 * @param settings Settings of the training; see `defaultSettings`.
 * @throws What `train` throws for impossible settings, and for weights that do not fit.
 */
export function learnerOf(
  gpu: Gpu,
  samples: TaskSamples,
  settings: TrainSettings,
  options: LearnerOfOptions = {},
): TaskLearner {
  expectOptions('learnerOf', options, OPTIONS);
  expectTraining(gpu, samples, settings);
  const { cropSize, batchSize, seed, classNames, maxSide, best, classWeights } = settings;
  const architecture = architectureOf(settings.model);
  const model = checkedModel(settings, gpu.device.caps);
  if (!options.isResumed) {
    const report = loadStart(model, settings, options.weights);
    if (report) options.onWeights?.(report);
  }
  freeze(model, settings.freeze ?? []);
  const { accumulate } = settings;
  const perEpoch =
    options.stepsPerEpoch ??
    Math.max(
      ...[LEAST_STEPS, Math.ceil(cropsOf(samples, settings) / batchSize / accumulate)],
      options.valid ? Math.ceil(settings.steps / MOST_EPOCHS) : 0,
    );
  const crops = { batchSize, size: [cropSize, cropSize] as const, classNames, seed };
  const given = { ...crops, augment: settings.augment, stepsPerEpoch: perEpoch * accumulate };
  const still = { ...crops, augment: 'none' as const };
  const common = {
    optimizer: (groups: Parameters<typeof optimizerOf>[1]) => optimizerOf(settings, groups),
    ...{ accumulate, amp: settings.amp },
    ...(settings.ema === undefined ? {} : { ema: settings.ema }),
    ...(options.advice ? { advice: options.advice } : {}),
    ...(options.valid ? (best === undefined ? {} : { best }) : { best: false as const }),
  };
  const { valid: judges } = options;
  if (isClassifier(model)) {
    if (!haveClasses(samples)) throw new DataError('train: there are no images; give at least one');
    if (judges && !haveClasses(judges)) {
      throw new UsageError('train: valid has no images with labels; give some, or leave valid out');
    }
    const own = cropPreprocessing(cropSize);
    const task = classifyTask({
      ...{ classNames, preprocessing: own },
      ...(classWeights ? { classWeights } : {}),
      ...(settings.labelSmoothing === undefined ? {} : { labelSmoothing: settings.labelSmoothing }),
    });
    // They are resized once, and not in each epoch.
    const resized = judges?.map((sample) => ({
      ...sample,
      image: resizeShorterSide(sample.image, own.resizeSize),
    }));
    return new Learner(gpu, {
      ...{ ...common, model, task },
      train: new ClassLoader(samples, given),
      ...(resized ? { valid: new DataLoader(resized, { collate: task.collateValid, batchSize, seed }) } : {}),
    });
  }
  if (haveClasses(samples) || (judges && haveClasses(judges))) {
    throw new UsageError(`train: a ${settings.model} takes images with annotations, not labels`);
  }
  const shrunk = samples.map((sample) => shrinkSample(sample, maxSide));
  const repeated = cropsPerEpoch(samples, settings).flatMap((count, i) =>
    new Array<Sample>(count).fill(shrunk[i]!),
  );
  const valid = judges?.map((sample) => shrinkSample(sample, maxSide));
  const task = {
    name: settings.model,
    classNames,
    preprocessing: { maxSide },
    ...(valid ? { valid } : {}),
  };
  if (isDetector(model)) {
    const objects = {
      task: 'detect' as const,
      masks: architecture.hasMasks ?? false,
      ...(architecture.numStuff
        ? { stuff: thingsAndStuff(settings.model, settings.config, classNames).stuff }
        : {}),
      ...(architecture.needsSeed ? { firstSeed: seed * 1_000_003 } : {}),
    };
    return new Learner(gpu, {
      ...common,
      model,
      task: detectTask(task),
      train: new CropLoader(repeated, { ...given, ...objects }),
      ...(valid ? { valid: new CropLoader(valid, { ...still, ...objects }) } : {}),
    });
  }
  const pixels = { task: 'segment' as const };
  return new Learner(gpu, {
    ...common,
    model,
    task: segmentTask({ ...task, ...(classWeights ? { classWeights } : {}) }),
    train: new CropLoader(repeated, { ...given, ...pixels }),
    ...(valid ? { valid: new CropLoader(valid, { ...still, ...pixels }) } : {}),
  });
}
