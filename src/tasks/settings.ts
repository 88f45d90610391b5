import { expectArguments, GPU } from '../arguments.ts';
import type { Augment } from '../data/augment/parameters.ts';
import { type AugmentPreset, augmentOf } from '../data/augment/presets.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import { classNames, type Sample } from '../data/dataset.ts';
import { shrunkSize } from '../data/resize.ts';
import { BACKGROUND } from '../data/stuff.ts';
import { UsageError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { expectOptions } from '../options.ts';
import type { AnchorLayout } from '../vision/anchorFit.ts';
import { architectureOf, knownArchitecture, type ModelName } from './architectures.ts';
import { classAugment } from './classLoader.ts';
import { balancedClassWeights, checkClassLoss } from './classTask.ts';
import { type ClassWeights, checkClassWeights, namedWeights, pixelWeights } from './classWeights.ts';
import { fixedSide, usualCropSize } from './cropSize.ts';
import { expectRecipe, type Recipe, type RecipeOptions, recipeOf } from './recipe.ts';
import { haveClasses, type TaskSamples } from './samples.ts';
import { nameOfWeights } from './startWeights.ts';
import { classesWithStuff } from './stuff.ts';
import { configFromWeights, ownCropSize } from './weightConfig.ts';

/** Everything that determines the result of a training: the same settings and data give the same weights, bit for bit. */
export interface TrainSettings extends Recipe {
  /** The architecture. */
  readonly model: ModelName;
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** The configuration of the architecture. */
  readonly config: unknown;
  /** Images whose longer side exceeds this number of pixels are shrunk to it before crops are cut. */
  readonly maxSide: number;
  /** Side of the square training crops in pixels. */
  readonly cropSize: number;
  /** Crops per batch. */
  readonly batchSize: number;
  /** The number of steps, of `accumulate` batches each. */
  readonly steps: number;
  /**
   * Passes over the data in which the last layer group alone is trained, before all of them are, with lower rates in front (fastai's
   * fine_tune: see `Learner.fineTune`). They are the first of `steps`. Default: there are none.
   */
  readonly freezeEpochs?: number;
  /** The weight of each class in the cross-entropy, of segmenters the background first. Not for detectors. Default: all count the same. */
  readonly classWeights?: readonly number[];
  /** For classifiers: the share of each target that is spread over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** Seed of the weights and of the crops. */
  readonly seed: number;
  /** How crops are varied at random. */
  readonly augment: Augment;
  /** Numbers of the steps, from 1, whose batches are not learned from: they change nothing. Default: none. */
  readonly skipBatches?: readonly number[];
  /** How the images of `TrainOptions.valid` were chosen, for whoever resumes it: `0.2`, say. Default: there are none. */
  readonly val?: string;
  /** The name in the logs by which epochs are compared: `val_ap`, `val_loss` … Default: the first metric of the task. */
  readonly best?: string;
  /** The number of epochs in a row without an improvement after which the training ends. Default: it goes on to the last epoch. */
  readonly patience?: number;
  /** What the weights are called that it starts from, `TrainOptions.weights`. Default: none, it starts from random ones. */
  readonly weights?: string;
  /**
   * Patterns of names of parameters that are not trained, such as `backbone.*`: `*` is any text, dots included, `?` any
   * character. Their batch norms keep their running statistics and use them. Default: none.
   */
  readonly freeze?: readonly string[];
}

/** Options of `defaultSettings`. */
export interface SettingsOptions extends Omit<RecipeOptions, 'ema'> {
  /** What stays of the averaged weights at each step, less at first (see `LearnerOptions.ema`); true for 0.999. Default: there are no averages. */
  readonly ema?: number | true | undefined;
  /** The classes, in the order of their labels. Default: those of the samples, sorted. */
  readonly classNames?: readonly string[];
  /**
   * For `panopticfpn`: the classes of regions ("stuff"); the others are objects. `background` has every pixel that nothing labelled
   * covers; without it those are ignored. Default: `background` alone.
   */
  readonly stuff?: readonly string[] | undefined;
  /** Passes over all pixels of the images, after those of `freezeEpochs`; sets the number of steps. */
  readonly epochs?: number;
  /** The number of steps; takes precedence over `epochs`. Default: 1000 with one class, 2500 with several; of a YOLO from weights 1000. */
  readonly steps?: number;
  /** Images are shrunk to this longer side in pixels. Default `DEFAULT_MAX_SIDE`. */
  readonly maxSide?: number;
  /** Side of the square training crops in pixels. Default: chosen by the size of the objects. */
  readonly cropSize?: number;
  /** Crops per batch. Default 4. */
  readonly batchSize?: number;
  /** Channels of the model's first stage. Default: that of the architecture. */
  readonly width?: number;
  /** For detectors: anchors as found by `fitAnchors` or `fovea anchors`. Default: those of the architecture. */
  readonly anchors?: AnchorLayout;
  /** The configuration of the architecture; `width` and `anchors` are then ignored. Default: its own. */
  readonly config?: unknown;
  /**
   * The highest learning rate. Default: that of the architecture, 0.003 or 0.01, of a YOLO from weights
   * 0.001 (yolo-fastest 0.003); times 10 for SGD, times 0.1 for Lion.
   */
  readonly lr?: number | undefined;
  /** Passes over the data in which the last layer group alone is trained, before all are: see `TrainSettings`. Default 0. */
  readonly freezeEpochs?: number;
  /**
   * For segmenters and classifiers: weights of classes in the cross-entropy, or `auto`: see `ClassWeights`, and of classifiers
   * `balancedClassWeights`. Default: all count the same.
   */
  readonly classWeights?: ClassWeights;
  /** For classifiers: the share of each target that is spread over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number | undefined;
  /** Seed of the weights and of the crops. Default 0. */
  readonly seed?: number;
  /** How crops are varied at random: a list of transforms, or the name of a ready-made one. Default: that of the name `default`. */
  readonly augment?: Augment | AugmentPreset;
  /** Numbers of the batches, from 1, that are not learned from. Default: none. */
  readonly skipBatches?: readonly number[];
  /** How the images of `TrainOptions.valid` were chosen: see `TrainSettings`. */
  readonly val?: string;
  /** The name in the logs by which epochs are compared. Default: the first metric of the task. */
  readonly best?: string;
  /** The number of epochs in a row without an improvement after which the training ends. Default: it goes on to the last epoch. */
  readonly patience?: number;
  /**
   * The weights to start from, which `train` is given too. Unless `config`, `width` or `anchors` are given, the model is built so
   * that as many of them as possible fit: see `configFromWeights`. Default: none.
   */
  readonly weights?: LoadedWeights;
  /** Patterns of names of parameters that are not trained, such as `backbone.*`. Default: none. */
  readonly freeze?: readonly string[];
}

/** The names of `SettingsOptions`. */
const SETTINGS_OPTIONS = Object.keys({
  ...{ epochs: 0, steps: 0, maxSide: 0, cropSize: 0, batchSize: 0, width: 0, anchors: 0 },
  ...{ config: 0, lr: 0, seed: 0, augment: 0, skipBatches: 0, weights: 0, freeze: 0 },
  ...{ val: 0, best: 0, patience: 0, classNames: 0, freezeEpochs: 0, classWeights: 0 },
  ...{ labelSmoothing: 0, schedule: 0, warmup: 0, optimizer: 0, momentum: 0, weightDecay: 0, clipNorm: 0 },
  ...{ accumulate: 0, amp: 0, ema: 0, stuff: 0 },
} satisfies Record<keyof SettingsOptions, 0>) as (keyof SettingsOptions)[];

/** The names of `TrainSettings`. */
const TRAIN_SETTINGS = Object.keys({
  ...{ model: 0, classNames: 0, config: 0, maxSide: 0, cropSize: 0, batchSize: 0, steps: 0, lr: 0 },
  ...{ weightDecay: 0, clipNorm: 0, seed: 0, augment: 0, skipBatches: 0, weights: 0, freeze: 0 },
  ...{ val: 0, best: 0, patience: 0, freezeEpochs: 0, classWeights: 0, labelSmoothing: 0 },
  ...{ schedule: 0, warmup: 0, optimizer: 0, momentum: 0, accumulate: 0, amp: 0, ema: 0 },
} satisfies Record<keyof TrainSettings, 0>) as (keyof TrainSettings)[];

const TRAIN_ARGUMENTS = {
  gpu: GPU,
  samples: [{ image: 'object' }],
  settings: { model: 'text', cropSize: 'number' },
} as const;

/** Throws UsageError for what `train` cannot use. */
export function expectTraining(gpu: unknown, samples: TaskSamples, settings: TrainSettings): void {
  expectOptions('train: settings', settings, TRAIN_SETTINGS);
  expectArguments('train', { gpu, samples, settings }, TRAIN_ARGUMENTS);
  expectRecipe('train', settings);
  expectSamples('train', settings.model, samples);
  const { model, steps, freezeEpochs, schedule, batchSize, accumulate, classWeights, classNames } = settings;
  if (classWeights) {
    expectWeighable('train', model);
    const isClassifier = architectureOf(model).task === 'classify';
    checkClassWeights('train', isClassifier ? classNames : [BACKGROUND, ...classNames], classWeights);
  }
  if (settings.labelSmoothing !== undefined) {
    expectClassifier('train', model, 'labelSmoothing');
    checkClassLoss('train', classNames, { labelSmoothing: settings.labelSmoothing });
  }
  if (freezeEpochs === undefined) return;
  if (!(freezeEpochs > 0 && freezeEpochs < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`train: freezeEpochs is ${freezeEpochs}; give a number above 0, or leave it out`);
  }
  if (schedule !== 'one-cycle') {
    throw new UsageError(
      `train: freezeEpochs is ${freezeEpochs} and schedule ${schedule}: fine-tuning has a cycle for the head and one for all; choose the schedule one-cycle, or leave freezeEpochs out`,
    );
  }
  const frozen = stepsOf(freezeEpochs, cropsOf(samples, settings) / batchSize / accumulate);
  if (frozen >= steps) {
    throw new UsageError(
      `train: freezeEpochs ${freezeEpochs} take ${frozen} steps, of ${steps} in all; give more steps, or fewer freezeEpochs`,
    );
  }
}

/** Steps of passes over the data, at least one; 0 of none. */
export const stepsOf = (epochs: number, stepsPerPass: number): number =>
  epochs === 0 ? 0 : Math.max(1, Math.round(epochs * stepsPerPass));

/** Throws UsageError for samples of another task. */
function expectSamples(call: string, model: ModelName, samples: readonly object[]): void {
  if (samples.length === 0) return;
  const classifies = knownArchitecture(call, model).task === 'classify';
  const wanted = classifies ? 'label' : 'annotation';
  const lacking = samples.findIndex((sample) => !(wanted in sample));
  if (lacking < 0) return;
  throw new UsageError(
    `${call}: samples[${lacking}] has no ${wanted}, which ${model} learns; give ${classifies ? 'images with a label each' : 'images with annotations'}, or train ${classifies ? 'a detector or segmenter' : 'a classifier'}`,
  );
}

/** Throws UsageError for a setting of classifiers. */
function expectClassifier(call: string, model: ModelName, setting: string): void {
  if (architectureOf(model).task === 'classify') return;
  throw new UsageError(`${call}: ${setting} is for classifiers, and ${model} is none; leave it out`);
}
/** The decay of averaged weights unless one is given: with the lower ones at first, it suits short and long trainings. */
const USUAL_DECAY = 0.999;

/** Throws UsageError for a model whose losses take no weights of classes. */
function expectWeighable(call: string, model: ModelName): void {
  if (architectureOf(model).task !== 'detect') return;
  throw new UsageError(
    `${call}: classWeights are for segmenters and classifiers, and ${model} is a detector, whose losses take none; leave classWeights out`,
  );
}

function weighted(
  model: ModelName,
  names: readonly string[],
  samples: readonly Sample[] | readonly Pick<ClassSample, 'label'>[],
  weights: ClassWeights | undefined,
): Pick<TrainSettings, 'classWeights'> {
  if (weights === undefined) return {};
  expectWeighable('defaultSettings', model);
  if (haveClasses(samples)) {
    const isAuto = weights === 'auto';
    return {
      classWeights: isAuto
        ? balancedClassWeights(samples, names)
        : namedWeights('defaultSettings', names, weights),
    };
  }
  return { classWeights: pixelWeights('defaultSettings', samples, names, weights) };
}

/** The settings with which a training may go on differently. */
export const ADJUSTABLE: readonly string[] = [
  'lr',
  'steps',
  'skipBatches',
  'patience',
] satisfies (keyof TrainSettings)[];

/** The default longer side, in pixels, to which training shrinks images. */
export const DEFAULT_MAX_SIDE = 512;
/** Default numbers of steps: telling classes apart takes longer than finding objects of one class. */
const DEFAULT_STEPS = { one: 1000, several: 2500 };
/** The number of crops of each image per epoch: as many as cover its pixels, shrunk to maxSide, once; one of an image with a class. */
export function cropsPerEpoch(
  samples: readonly Sample[] | readonly Pick<ClassSample, 'label'>[],
  { maxSide, cropSize }: { readonly maxSide: number; readonly cropSize: number },
): number[] {
  if (haveClasses(samples)) return samples.map(() => 1);
  return samples.map(({ image, region }) => {
    const [x1, y1, x2, y2] = region ?? [0, 0, image.width, image.height];
    const [height, width] = shrunkSize(image, maxSide);
    const pixels = (x2 - x1) * (y2 - y1) * (width / image.width) * (height / image.height);
    return Math.max(1, Math.round(pixels / cropSize ** 2));
  });
}

/** Crops that see all pixels of the images once. */
export const cropsOf = (...given: Parameters<typeof cropsPerEpoch>): number =>
  cropsPerEpoch(...given).reduce((sum, count) => sum + count, 0);

/** Default passes over images with classes, and steps at least. */
const CLASS_EPOCHS = { epochs: 20, leastSteps: 200 };

/**
 * Chooses the settings of a training by the data set, and by what the user gives.
 *
 * The side of the crops is 1.5 times the longer side of nine out of ten objects, 2 times for detectors; at least 96 pixels,
 * at most `maxSide`, and a multiple of 32. Where the weights of a YOLO are given, crops are at least as large as whole images, or as those
 * that the published network was trained on. Of an SSD or a vision transformer that weights tell, it is the size of its images. For
 * classifiers it is the size that the weights were trained with, or else 128.
 *
 * @param model The architecture.
 * @param samples The training data: images with annotations, or for classifiers with labels, which alone are read of them.
 * @param options Settings to use instead of the chosen ones.
 */
export function defaultSettings(
  model: ModelName,
  samples: readonly Sample[] | readonly Pick<ClassSample, 'label'>[],
  options: SettingsOptions = {},
): TrainSettings {
  const architecture = knownArchitecture('defaultSettings', model);
  const classifies = architecture.task === 'classify';
  expectArguments(
    'defaultSettings',
    { model, samples },
    { model: 'text', samples: [classifies ? { label: 'text' } : { annotation: { shapes: ['object'] } }] },
  );
  expectOptions('defaultSettings', options, SETTINGS_OPTIONS);
  const { names, stuff } = classesWithStuff(model, options.classNames ?? classNames(samples), options.stuff);
  const numStuff = stuff ? { numStuff: stuff.length } : {};
  const maxSide = options.maxSide ?? DEFAULT_MAX_SIDE;
  const { weights } = options;
  const built = weights !== undefined && options.width === undefined && options.anchors === undefined;
  const objects = names.length - (stuff?.length ?? 0);
  const config = built && !options.config ? configFromWeights(model, weights, objects) : undefined;
  const told = config && stuff ? { ...config, ...numStuff } : config;
  const tuned = weights && architecture.fineTuned;
  const own = told && weights ? ownCropSize(weights) : undefined;
  const cropSize =
    options.cropSize ??
    fixedSide(told) ??
    usualCropSize(model, samples, maxSide, { told, own, tuned, stuff });
  const batchSize = options.batchSize ?? (classifies ? 16 : 4);
  const perEpoch = cropsOf(samples, { maxSide, cropSize }) / batchSize / (options.accumulate ?? 1);
  const { freezeEpochs = 0 } = options;
  const usualSteps = classifies
    ? Math.max(CLASS_EPOCHS.leastSteps, Math.round(CLASS_EPOCHS.epochs * perEpoch))
    : DEFAULT_STEPS[names.length > 1 ? 'several' : 'one'];
  const steps =
    options.steps ??
    (options.epochs === undefined
      ? (tuned?.steps ?? usualSteps)
      : Math.max(1, Math.round(options.epochs * perEpoch)) + stepsOf(freezeEpochs, perEpoch));
  // Anchors that were given change the heads, and not what the weights are for.
  const width = options.width ?? tuned?.width;
  const chosen =
    options.config ??
    told ??
    architecture.defaultConfig({
      numClasses: names.length,
      ...{ cropSize, ...numStuff },
      ...(width === undefined ? {} : { width }),
      ...(options.anchors === undefined ? {} : { anchors: options.anchors }),
    });
  if (options.labelSmoothing !== undefined) expectClassifier('defaultSettings', model, 'labelSmoothing');
  const augment = options.augment ?? 'default';
  return {
    model,
    classNames: names,
    config: chosen,
    ...{ maxSide, cropSize, batchSize, steps },
    ...recipeOf('defaultSettings', tuned?.lr ?? architecture.lr ?? 0.003, {
      ...options,
      ema: options.ema === true ? USUAL_DECAY : options.ema,
    }),
    ...(freezeEpochs === 0 ? {} : { freezeEpochs }),
    ...weighted(model, names, samples, options.classWeights),
    ...(options.labelSmoothing === undefined ? {} : { labelSmoothing: options.labelSmoothing }),
    seed: options.seed ?? 0,
    augment: classifies
      ? classAugment(augment, 'defaultSettings: augment')
      : augmentOf(augment, 'defaultSettings: augment'),
    ...(options.skipBatches?.length ? { skipBatches: options.skipBatches } : {}),
    ...(options.val === undefined ? {} : { val: options.val }),
    ...(options.best === undefined ? {} : { best: options.best }),
    ...(options.patience === undefined ? {} : { patience: options.patience }),
    ...(weights ? { weights: nameOfWeights(weights) } : {}),
    ...(options.freeze?.length ? { freeze: options.freeze } : {}),
  };
}
