import type { Loader } from '../../data/loader.ts';
import type { Callback } from '../callback.ts';
import type { KerasBatch, Samples } from './data.ts';
import type { KerasLoss, KerasMetric } from './losses.ts';
import type { KerasOptimizer } from './optimizers.ts';

/** Options of `KerasModel.compile`. */
export interface CompileOptions {
  /** The optimizer, with Keras's default settings. Default rmsprop; of a model that was compiled before, the one that it has. */
  readonly optimizer?: KerasOptimizer;
  /** The loss. */
  readonly loss: KerasLoss;
  /** What else is logged of each epoch: means over its samples. Default: nothing. */
  readonly metrics?: readonly KerasMetric[];
}

/** Validation data: inputs and targets, with the weights of the samples; or a loader. */
export type ValidationData =
  | readonly [Samples, Samples]
  | readonly [Samples, Samples, Samples]
  | Loader<unknown, KerasBatch>;

/** Options of `KerasModel.fit` that hold for loaders too. */
export interface FitLoaderOptions {
  /** The number of the last epoch. Default 1. */
  readonly epochs?: number;
  /** The number of epochs that are done before. Default 0. */
  readonly initialEpoch?: number;
  /** What the model is judged by after each epoch. Default: nothing. */
  readonly validationData?: ValidationData;
  /** Samples per batch of validation. Default `batchSize`. */
  readonly validationBatchSize?: number;
  /** What happens at points of the training. Default: nothing. */
  readonly callbacks?: readonly Callback[];
  /** 1 or 2: prints a line per epoch. Default 0: nothing, where Keras prints a bar. */
  readonly verbose?: 0 | 1 | 2;
}

/** Options of `KerasModel.fit`, by Keras's names. */
export interface KerasFitOptions extends FitLoaderOptions {
  /** Samples per batch. The last batch of an epoch may have fewer. Default 32. */
  readonly batchSize?: number;
  /** The share of the samples, the last ones before shuffling, that the model is judged by and does not learn from. Default 0. */
  readonly validationSplit?: number;
  /** Whether samples come in a new random order each epoch. Default true. */
  readonly shuffle?: boolean;
  /** The weight of the samples of each class; of classes that are left out 1. Validation has no weights. Default: none. */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** The weight of each sample. The loss is the sum of weighted losses by the number of samples. Default: 1 each. */
  readonly sampleWeight?: Samples;
  /** Seed of the order. Default 0. */
  readonly seed?: number | string;
}

/** Options of `KerasModel.evaluate`. */
export interface KerasEvaluateOptions {
  /** Samples per batch. Default 32. */
  readonly batchSize?: number;
  /** The weight of each sample. Default: 1 each. */
  readonly sampleWeight?: Samples;
}

/** The defaults of `fit` of a loader. */
export const LOADER_OPTIONS = {
  epochs: 1,
  initialEpoch: 0,
  validationData: undefined,
  validationBatchSize: undefined,
  callbacks: [] as readonly Callback[],
  verbose: 0,
} as const;

/** The defaults of `fit`. */
export const FIT_OPTIONS = {
  ...LOADER_OPTIONS,
  batchSize: 32,
  validationSplit: 0,
  shuffle: true,
  classWeight: undefined,
  sampleWeight: undefined,
  seed: 0,
} as const;
