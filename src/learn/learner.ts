import {
  type Batch,
  DataLoader,
  type DataLoaderOptions,
  type Dataset,
  isLoader,
  type Loader,
} from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import type { Module, Parameter } from '../nn/module.ts';
import { AdamW } from '../nn/optimizers/adam.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import { withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Task } from '../tasks/task.ts';
import type { Callback } from './callback.ts';
import { expectCallbacks } from './expectCallbacks.ts';
import { Fit, type FitResult } from './fit.ts';
import type { FitPlan } from './fitPlan.ts';
import { expectGroups, freezeGroups, type LayerGroup, layerGroups } from './groups.ts';
import { History, type Logs } from './history.ts';
import { type LrFinding, type LrFindOptions, lrFind } from './lrFind.ts';
import {
  type FineTuneOptions,
  type FitFlatCosOptions,
  type FitOneCycleOptions,
  type FitOptions,
  planFineTune,
  planFit,
  planFlatCos,
  planOneCycle,
} from './plans.ts';
import type { Trained } from './trained.ts';
import { Update, type UpdateOptions } from './update.ts';
import { Validation } from './validation.ts';

/** Makes an optimizer of the parameters of each layer group, in their order. */
export type MakeOptimizer = (groups: readonly LayerGroup[]) => Optimizer;

/** Options of `Learner`. */
export interface LearnerOptions<Item, M extends Module, B extends Batch> extends UpdateOptions {
  /** What is trained. */
  readonly model: M;
  /** What it learns. */
  readonly task: Task<Item, M, B>;
  /** What it learns from: items, which become batches in random order, or a loader of your own. */
  readonly train: readonly Item[] | Dataset<Item> | Loader<Item, B>;
  /** What it is judged by after each epoch. Default: nothing. */
  readonly valid?: readonly Item[] | Dataset<Item> | Loader<Item, B>;
  /** Items per batch, where loaders are made of items. Default 16. */
  readonly batchSize?: number;
  /** Seed of the order of the items and of augmentation, where loaders are made of items. Default 0. */
  readonly seed?: number | string;
  /** Makes the optimizer. Default: `new AdamW(groups, { weightDecay: 0.01, clipNorm })`. */
  readonly optimizer?: MakeOptimizer;
  /** The highest norm of the gradients of all groups together; they are scaled down to it. Of the default optimizer: others have it themselves. Default: no limit. */
  readonly clipNorm?: number;
  /** Layer groups, from the input to the output. Default: those of `layerGroups`. */
  readonly groups?: (model: M) => readonly LayerGroup[];
  /** What happens at points of every training. Default: nothing. */
  readonly callbacks?: readonly Callback[];
  /**
   * The name in the logs by which epochs are compared, such as `val_accuracy`: the weights of the best are restored at the end of a
   * training. `false`: the last ones stay. Default: the task's first metric, or `val_loss` without metrics; without validation the last weights stay.
   */
  readonly best?: string | false;
  /**
   * What the NumericError advises when losses, gradients or weights are not finite after a step, whose number and items it is given.
   * Default: a lower learning rate, and to check the items.
   */
  readonly advice?: (step: number, items: string) => string;
}

/** A loader of items; one stays as it is. Throws UsageError where the task does not say how items become batches. */
function loaderOf<Item, B extends Batch>(
  name: 'train' | 'valid',
  given: readonly Item[] | Dataset<Item> | Loader<Item, B>,
  collate: Task<Item, Module, B>['collate'],
  options: Omit<DataLoaderOptions<Item, B>, 'collate'>,
): Loader<Item, B> {
  if (Object(given) !== given) {
    throw new UsageError(
      `Learner: ${name} is ${String(given)}; give a list of items, a Dataset, or a loader`,
    );
  }
  if (isLoader<Item, B>(given)) return given;
  if (collate) return new DataLoader(given, { ...options, collate });
  throw new UsageError(`Learner: ${name} are items, and the task has no collate; give it one, or a loader`);
}

/**
 * Trains a model on a task (fastai's Learner): batches, losses, gradients, the optimizer, validation, the best weights, callbacks,
 * and all of it resumable. The same model, data, options and calls give the same weights, bit for bit on one adapter.
 */
export class Learner<Item, M extends Module, B extends Batch = Batch> implements Trained<Item, M, B> {
  readonly gpu: Gpu;
  readonly model: M;
  readonly task: Task<Item, M, B>;
  readonly train: Loader<Item, B>;
  readonly valid: Loader<Item, B> | undefined;
  readonly groups: readonly LayerGroup[];
  readonly optimizer: Optimizer;
  /** The logs of the last training. */
  history = new History();
  /**
   * The share of the time of the steps of the last training, 0 to 1, in which the device had nothing to do, because the next batch was not
   * made yet; from the second step on. Above 0.05 a `WorkerPool` makes the training faster.
   */
  waiting = 0;
  readonly #callbacks: readonly Callback[];
  readonly #best: string | false | undefined;
  readonly #advice: ((step: number, items: string) => string) | undefined;
  readonly #validation: Validation<Item, M, B>;
  readonly #update: Update;
  /** Parameters that were frozen before: no group unfreezes them. */
  readonly #fixed: readonly Parameter[];
  /** Epochs done: the order of the items goes on with them. */
  #epochs = 0;
  #busy = false;

  /**
   * @param gpu Where the model is trained.
   * @param options What is trained, on what, and how.
   * @throws UsageError for options that cannot be used, DataError for no items.
   */
  constructor(gpu: Gpu, options: LearnerOptions<Item, M, B>) {
    const given = withDefaults('Learner', options, {
      model: options?.model,
      task: options?.task,
      train: options?.train,
      valid: undefined,
      batchSize: 16,
      seed: 0,
      optimizer: undefined,
      clipNorm: undefined,
      ema: undefined,
      accumulate: undefined,
      amp: undefined,
      groups: layerGroups,
      callbacks: [],
      best: undefined,
      advice: undefined,
    });
    const { model, task, train, valid, batchSize, seed, optimizer, clipNorm, groups, callbacks } = given;
    if (typeof task?.losses !== 'function') {
      throw new UsageError('Learner: task needs the function losses; see Task');
    }
    this.gpu = gpu;
    this.model = model;
    this.task = task;
    const { collate, collateValid = collate } = task;
    this.train = loaderOf('train', train, collate, { batchSize, seed, shuffle: true, fillLast: true });
    this.valid = valid && loaderOf('valid', valid, collateValid, { batchSize, seed });
    this.groups = groups(model);
    expectGroups(model, this.groups);
    this.#fixed = model.parameters().filter(({ requiresGrad }) => !requiresGrad);
    if (optimizer && clipNorm !== undefined) {
      throw new UsageError(`Learner: clipNorm is ${clipNorm} beside an optimizer; give it to that optimizer`);
    }
    this.optimizer = optimizer
      ? optimizer(this.groups)
      : new AdamW(this.groups, { weightDecay: 0.01, ...(clipNorm === undefined ? {} : { clipNorm }) });
    this.#update = new Update(gpu, model, this.optimizer, given);
    expectCallbacks('Learner', callbacks);
    this.#callbacks = callbacks;
    this.#best = given.best;
    this.#advice = given.advice;
    this.#validation = new Validation(gpu, task, model);
  }

  /** Steps per epoch: batches of `train`, or groups of `accumulate` of them. */
  get stepsPerEpoch(): number {
    return Math.ceil(this.train.length / this.#update.accumulate);
  }

  /** Trains all layer groups, but for the parameters that were frozen before the Learner was made. */
  unfreeze(): void {
    this.freezeTo(0);
  }

  /** Freezes all layer groups but the last one. Frozen batch norms use their running statistics and keep them. */
  freeze(): void {
    this.freezeTo(this.groups.length - 1);
  }

  /** Trains the layer groups from the n-th on, and freezes those before it. Throws UsageError for no such group. */
  freezeTo(n: number): void {
    freezeGroups(this.groups, n);
    for (const parameter of this.#fixed) parameter.requiresGrad = false;
  }

  /**
   * Trains with one learning rate.
   *
   * @param epochs Passes over the data; may be a fraction.
   * @param options The learning rate, and controls of the training.
   */
  fit(epochs: number, options: FitOptions = {}): Promise<FitResult> {
    return this.#run(planFit(this.groups.length, epochs, options));
  }

  /**
   * Trains with one cycle of the learning rate and, against it, of the momentum (Smith and Topin 2018; fastai's fit_one_cycle).
   *
   * @param epochs Passes over the data; may be a fraction.
   * @param options The highest learning rate, the cycle, and controls of the training.
   */
  fitOneCycle(epochs: number, options: FitOneCycleOptions = {}): Promise<FitResult> {
    return this.#run(planOneCycle(this.groups.length, epochs, options));
  }

  /**
   * Trains with a constant learning rate that falls by a cosine at the end (fastai's fit_flat_cos).
   *
   * @param epochs Passes over the data; may be a fraction.
   * @param options The learning rate, when it falls, and controls of the training.
   */
  fitFlatCos(epochs: number, options: FitFlatCosOptions = {}): Promise<FitResult> {
    return this.#run(planFlatCos(this.groups.length, epochs, options));
  }

  /**
   * Fine-tunes pretrained weights (fastai's fine_tune): `freezeEpochs` of the last layer group alone, then `epochs` of all of them, with
   * half of the base rate for the last and `lrMult` times less for the first.
   *
   * @param epochs Passes over the data with all groups; may be a fraction.
   * @param options The base rate and the cycles, and controls of the training.
   */
  fineTune(epochs: number, options: FineTuneOptions = {}): Promise<FitResult> {
    return this.#run(planFineTune(this.groups.length, epochs, options));
  }

  /**
   * Tries learning rates from low to high on a few batches each and suggests one (Smith 2017; fastai's lr_find). Everything is restored
   * afterwards: weights, statistics, optimizer and random states.
   *
   * @param options The range of rates.
   */
  lrFind(options: LrFindOptions = {}): Promise<LrFinding> {
    return this.#alone(() => lrFind(this, this.#update, options));
  }

  /**
   * Judges the model: the losses and metrics of validation, with `val_` before their names.
   *
   * @param loader What to judge by. Default: the Learner's `valid`.
   * @throws UsageError without one.
   */
  async validate(loader: Loader<Item, B> | undefined = this.valid): Promise<Logs> {
    if (!loader) throw new UsageError('validate: there is nothing to validate on; give the Learner valid');
    return (await this.#validation.run(loader)).logs;
  }

  #run(plan: FitPlan): Promise<FitResult> {
    return this.#alone(async () => {
      expectCallbacks('Learner', plan.controls.callbacks);
      const callbacks = [...this.#callbacks, ...plan.controls.callbacks];
      const fit = new Fit(this, plan, {
        update: this.#update,
        callbacks,
        best: this.#best,
        validation: this.#validation,
        firstEpoch: this.#epochs,
        advice: this.#advice,
      });
      this.history = fit.history;
      const result = await fit.run();
      this.waiting = fit.waiting;
      this.#epochs = result.epochs;
      return result;
    });
  }

  /** One training at a time: two would mix their states. */
  async #alone<R>(run: () => Promise<R>): Promise<R> {
    if (this.#busy) throw new UsageError('Learner: is training already; await that first');
    this.#busy = true;
    try {
      return await run();
    } finally {
      this.#busy = false;
    }
  }

  /** Frees the programs of validation. Parameters stay with the model. */
  dispose(): void {
    this.#validation.dispose();
  }
}
