import { expectArguments, GPU } from '../../arguments.ts';
import { type HostTensor, isLoader, type Loader } from '../../data/loader.ts';
import { UsageError } from '../../errors.ts';
import { mul } from '../../graph/functions/elementwise.ts';
import { mean } from '../../graph/functions/reduce.ts';
import { record } from '../../graph/recorder.ts';
import { Tensor, tensor } from '../../graph/tensor.ts';
import type { UnaryModule } from '../../nn/containers.ts';
import { Module } from '../../nn/module.ts';
import type { Optimizer } from '../../nn/optimizers/optimizer.ts';
import type { Summary } from '../../nn/summary.ts';
import { type Filled, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { type HostArray, numel, type Shape } from '../../shape.ts';
import type { Task, TensorsOf } from '../../tasks/task.ts';
import type { Callback } from '../callback.ts';
import { expectCallbacks } from '../expectCallbacks.ts';
import { layerGroups } from '../groups.ts';
import { History, type Logs } from '../history.ts';
import { keepModes } from '../keepModes.ts';
import { Learner } from '../learner.ts';
import { logged } from '../logged.ts';
import { BatchProgram } from '../program.ts';
import { Validation } from '../validation.ts';
import {
  arrayLoader,
  arraysOf,
  classWeights,
  expectClasses,
  type KerasBatch,
  type Samples,
  samplesOf,
  slice,
  type WeightedBatch,
  weighted,
} from './data.ts';
import { type KerasLossName, lossOf, metricsOf } from './losses.ts';
import { makeKerasOptimizer } from './optimizers.ts';
import {
  type CompileOptions,
  FIT_OPTIONS,
  type FitLoaderOptions,
  type KerasEvaluateOptions,
  type KerasFitOptions,
  LOADER_OPTIONS,
} from './options.ts';

type Network = Module & UnaryModule;

const SPARSE: KerasLossName = 'sparseCategoricalCrossentropy';

/**
 * Keras's way to train, evaluate and use a module from one tensor to one, such as `Sequential`: `compile`, `fit`, `evaluate`, `predict`. A
 * `Learner` does the work.
 */
export class KerasModel {
  readonly gpu: Gpu;
  readonly module: Module & UnaryModule;
  #optimizer: Optimizer | undefined;
  #task: Task<unknown, Network, WeightedBatch> | undefined;
  #validation: Validation<unknown, Network, WeightedBatch> | undefined;
  readonly #predict: BatchProgram<{ readonly x: HostTensor }>;
  #epochs = 0;
  /** Whether targets are class numbers. */
  #isSparse = false;
  #isTraining = false;
  /** Calls of `fit` and `evaluate` that are running. */
  #running = 0;

  /**
   * @param gpu Where the module is trained and used.
   * @param module Maps a tensor to a tensor. Throws UsageError for anything else.
   */
  constructor(gpu: Gpu, module: Module & UnaryModule) {
    if (!(module instanceof Module && typeof module.forward === 'function')) {
      throw new UsageError(
        `KerasModel: takes a module with forward(x), got ${String(module)}; give a Sequential of layers`,
      );
    }
    expectArguments('KerasModel', { gpu }, { gpu: GPU });
    this.gpu = gpu;
    this.module = module;
    this.#predict = new BatchProgram(gpu, ({ x }) => ({ y: module.forward(x) }));
  }

  /** The optimizer; set its `lr` to change the learning rate. Throws UsageError before `compile`. */
  get optimizer(): Optimizer {
    return this.#compiled().optimizer;
  }

  /**
   * Sets what the model learns, and how. Called again, it changes the loss and the metrics; the optimizer stays, as its parameters are its own.
   *
   * @param options Throws UsageError for names that are unknown, for a second optimizer, and while `fit` or `evaluate` runs.
   */
  compile(options: CompileOptions): void {
    const { optimizer, loss, metrics } = withDefaults('KerasModel.compile', options, {
      optimizer: undefined,
      loss: options?.loss,
      metrics: [],
    });
    const lossFn = lossOf(loss);
    const named = metricsOf(metrics);
    if (this.#running > 0) {
      throw new UsageError('KerasModel.compile: the model is being trained or evaluated; await that first');
    }
    if (optimizer && this.#optimizer) {
      throw new UsageError(
        'KerasModel.compile: the model has an optimizer already; leave optimizer out, and set model.optimizer.lr',
      );
    }
    this.#optimizer ??= makeKerasOptimizer(optimizer ?? 'rmsprop', layerGroups(this.module));
    // From here on nothing throws: a call with wrong options changes nothing.
    this.#isSparse = (typeof loss === 'string' ? loss : (loss as { name?: string }).name) === SPARSE;
    this.#validation?.dispose();
    this.#validation = undefined;
    this.#task = {
      // Items of arrays are numbers of samples.
      nameOf: (item) => (typeof item === 'number' ? `sample ${item}` : 'an item of the loader'),
      losses: (module, { x, y, weights }: TensorsOf<WeightedBatch>) => {
        const predictions = module.forward(x);
        const losses = lossFn(y, predictions);
        if (!(losses instanceof Tensor)) {
          throw new UsageError(`KerasModel: the loss is ${String(losses)}; return a tensor`);
        }
        const others = weights.shape[0] === losses.shape[0] ? losses.shape.slice(1).map(() => 1) : undefined;
        const values = named.map(
          ({ name, fn, mode }) => [name, logged(mean(fn(y, predictions)), mode)] as const,
        );
        return {
          loss: mean(others ? mul(losses, weights.reshape([-1, ...others])) : losses),
          ...Object.fromEntries(values),
        };
      },
    };
  }

  #compiled() {
    if (this.#task && this.#optimizer) return { task: this.#task, optimizer: this.#optimizer };
    throw new UsageError('KerasModel: is not compiled; call compile({ optimizer, loss, metrics }) first');
  }

  /**
   * Trains the model. Called again, it goes on: with the weights, the optimizer's state and its learning rate as they are.
   *
   * @param x Inputs, samples along the first dimension; or a loader of batches with `x` and `y`, and optionally `weights`.
   * @param y Targets: class numbers for sparse losses, else as many values as the model predicts.
   * @param options Epochs, batches, validation, callbacks.
   * @returns What was logged of each epoch: `history.history.loss`, `val_loss`, and the metrics.
   * @throws UsageError for options that cannot be used together; ShapeError where there are not as many targets as inputs.
   */
  fit(x: Samples, y: Samples, options?: KerasFitOptions): Promise<History>;
  fit(loader: Loader<unknown, KerasBatch>, options?: FitLoaderOptions): Promise<History>;
  async fit(
    x: Samples | Loader<unknown, KerasBatch>,
    second?: Samples | FitLoaderOptions,
    third?: KerasFitOptions,
  ): Promise<History> {
    const call = 'KerasModel.fit';
    const { task, optimizer } = this.#compiled();
    const given = isLoader<unknown, KerasBatch>(x)
      ? {
          loader: x,
          options: withDefaults<FitLoaderOptions, typeof LOADER_OPTIONS>(
            call,
            (second ?? {}) as FitLoaderOptions,
            LOADER_OPTIONS,
          ),
        }
      : { x, options: withDefaults<KerasFitOptions, typeof FIT_OPTIONS>(call, third ?? {}, FIT_OPTIONS) };
    const { epochs, initialEpoch, callbacks, verbose } = given.options;
    for (const [name, value] of Object.entries({ epochs, initialEpoch })) {
      if (Number.isSafeInteger(value) && value >= 0) continue;
      throw new UsageError(`${call}: ${name} is ${value}; give a whole number of at least 0`);
    }
    expectCallbacks(call, callbacks);
    if (this.#isTraining) throw new UsageError(`${call}: is training already; await that first`);
    if (epochs <= initialEpoch) return new History();
    const { train, valid } = given.loader
      ? {
          train: weighted(call, given.loader, this.#epochs, this.#checked(call)),
          valid: this.#validOf(call, given.options),
        }
      : this.#arrays(call, given.x, second as Samples, given.options);
    const learner = new Learner<unknown, Network, WeightedBatch>(this.gpu, {
      model: this.module,
      task,
      train,
      ...(valid ? { valid } : {}),
      optimizer: () => optimizer,
      best: false,
      callbacks: [...callbacks, ...(verbose ? [printer(initialEpoch, epochs)] : [])],
    });
    this.#isTraining = true;
    this.#running++;
    try {
      const result = await learner.fit(epochs - initialEpoch, { lr: optimizer.lr });
      this.#epochs += result.epochs;
      return result.history;
    } finally {
      this.#isTraining = false;
      this.#running--;
      learner.dispose();
    }
  }

  /** Throws for a batch whose targets are no classes of the model, where its loss takes class numbers; before anything is computed. */
  #checked(call: string): (batch: KerasBatch) => void {
    let classes: number | undefined;
    return ({ x, y }) => {
      if (!this.#isSparse || !(x.shape[0]! > 0)) return;
      classes ??= this.#classesOf(x);
      expectClasses(call, y, classes);
    };
  }

  /** Arrays whose targets can be used. */
  #arraysOf(call: string, x: Samples, y: Samples, weights?: Samples): ReturnType<typeof arraysOf> {
    const arrays = arraysOf(call, x, y, weights);
    this.#checked(call)({ x: arrays.x, y: arrays.y });
    return arrays;
  }

  /** How many classes the model predicts of such inputs. Nothing is computed: the forward pass is only recorded. */
  #classesOf(x: HostTensor): number {
    // Two samples are enough for the shape of the predictions.
    const { data, shape } = slice(x, 0, Math.min(2, x.shape[0]!));
    return record(() => this.module.forward(tensor(data.slice(), shape))).result.shape.at(-1)!;
  }

  /** Loaders of arrays. */
  #arrays(call: string, x: Samples, y: Samples, options: Filled<KerasFitOptions, typeof FIT_OPTIONS>) {
    const { batchSize, validationSplit, shuffle, classWeight, sampleWeight, seed } = options;
    if (classWeight && sampleWeight) {
      throw new UsageError(`${call}: has both classWeight and sampleWeight; give one of them`);
    }
    if (!(validationSplit >= 0 && validationSplit < 1)) {
      throw new UsageError(
        `${call}: validationSplit is ${validationSplit}; give a number of at least 0 and below 1`,
      );
    }
    const all = this.#arraysOf(call, x, y, sampleWeight);
    const count = all.x.shape[0]!;
    // Validation data that are given come first, as in Keras.
    const end = options.validationData ? count : Math.floor(count * (1 - validationSplit));
    if (end === 0 && count > 0) {
      throw new UsageError(
        `${call}: validationSplit is ${validationSplit} of ${count} samples, which leaves none to train on; give a smaller share`,
      );
    }
    const part = (from: number, to: number) => ({
      x: slice(all.x, from, to),
      y: slice(all.y, from, to),
      weights: slice(all.weights, from, to),
    });
    const own = part(0, end);
    const weights = classWeight
      ? { data: classWeights(own.y, classWeight), shape: own.weights.shape }
      : own.weights;
    const still = { batchSize: options.validationBatchSize ?? batchSize, shuffle: false, seed };
    return {
      train: weighted(
        call,
        arrayLoader({ ...own, weights }, { batchSize, shuffle, seed }),
        this.#epochs,
        () => {},
      ),
      valid: end < count ? arrayLoader(part(end, count), still) : this.#validOf(call, options),
    };
  }

  #validOf(call: string, options: KerasFitOptions): Loader<unknown, WeightedBatch> | undefined {
    const { validationData: data, validationBatchSize, batchSize = 32 } = options;
    if (!data) return undefined;
    if (isLoader<unknown, KerasBatch>(data))
      return weighted(`${call}: validationData`, data, 0, this.#checked(`${call}: validationData`));
    if (!Array.isArray(data) || data.length < 2 || data.length > 3) {
      throw new UsageError(
        `${call}: validationData is no [x, y] or [x, y, sampleWeight]; give one, or a loader`,
      );
    }
    const [x, y, weights] = data;
    return arrayLoader(this.#arraysOf(`${call}: validationData`, x, y, weights), {
      batchSize: validationBatchSize ?? batchSize,
      shuffle: false,
      seed: 0,
    });
  }

  /**
   * Judges the model in evaluation mode.
   *
   * @param x Inputs, samples along the first dimension; or a loader of batches with `x` and `y`, and optionally `weights`.
   * @param y Targets.
   * @param options Samples per batch, and their weights.
   * @returns `loss` and the metrics, by name (Keras's with `return_dict`).
   */
  evaluate(x: Samples, y: Samples, options?: KerasEvaluateOptions): Promise<Logs>;
  evaluate(loader: Loader<unknown, KerasBatch>): Promise<Logs>;
  async evaluate(
    x: Samples | Loader<unknown, KerasBatch>,
    y?: Samples,
    options: KerasEvaluateOptions = {},
  ): Promise<Logs> {
    const call = 'KerasModel.evaluate';
    const { task } = this.#compiled();
    const { batchSize, sampleWeight } = withDefaults(call, options, {
      batchSize: 32,
      sampleWeight: undefined,
    });
    const loader = isLoader<unknown, KerasBatch>(x)
      ? weighted(call, x, 0, this.#checked(call))
      : arrayLoader(this.#arraysOf(call, x, y as Samples, sampleWeight), {
          batchSize,
          shuffle: false,
          seed: 0,
        });
    this.#validation ??= new Validation(this.gpu, task, this.module);
    this.#running++;
    try {
      const { logs } = await this.#validation.run(loader);
      return Object.fromEntries(
        Object.entries(logs).map(([name, value]) => [name.slice('val_'.length), value]),
      );
    } finally {
      this.#running--;
    }
  }

  /**
   * Predicts in evaluation mode.
   *
   * @param x Inputs, samples along the first dimension.
   * @param options `batchSize`: samples per batch. Default 32.
   * @returns The predictions of all samples.
   */
  async predict(x: Samples, options: { readonly batchSize?: number } = {}): Promise<HostTensor> {
    const call = 'KerasModel.predict';
    const { batchSize } = withDefaults(call, options, { batchSize: 32 });
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new UsageError(`${call}: batchSize is ${batchSize}; give a whole number of at least 1`);
    }
    const inputs = samplesOf(`${call}: x`, x);
    const count = inputs.shape[0] ?? 0;
    if (count === 0) throw new UsageError(`${call}: x has no samples; give at least one`);
    const restoreModes = keepModes(this.module);
    this.module.eval();
    const parts: HostArray[] = [];
    let shape: Shape = [];
    try {
      for (let from = 0; from < count; from += batchSize) {
        const batch = slice(inputs, from, Math.min(count, from + batchSize));
        const { results } = await this.#predict.run({ x: { ...batch, data: batch.data.slice() } });
        const { y } = await results;
        parts.push(y!.data);
        shape = y!.shape.slice(1);
      }
    } finally {
      restoreModes();
    }
    const data = new Float32Array(count * numel(shape));
    let at = 0;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    return { data, shape: [count, ...shape] };
  }

  /**
   * Prints and returns a summary of the layers: see `Module.summary`.
   *
   * @param inputShape The shape of the input, the batch included. Default [1,224,224,3].
   * @param print Receives the table as text. Default console.log.
   */
  summary(inputShape?: Shape, print?: (table: string) => void): Summary {
    return this.module.summary(inputShape, print);
  }

  /** Frees the programs of `evaluate` and `predict`. The parameters stay with the module. */
  dispose(): void {
    this.#validation?.dispose();
    this.#predict.dispose();
  }
}

/** Prints a line per epoch. */
const printer = (first: number, last: number): Callback => ({
  onEpochEnd: ({ history }, logs) => {
    const values = Object.entries(logs).map(([name, value]) => `${name}: ${Number(value.toPrecision(4))}`);
    console.log(`Epoch ${first + history.epochs.length}/${last} - ${values.join(' - ')}`);
  },
});
