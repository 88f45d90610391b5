import { StateDictError, UsageError } from '../errors.ts';
import { affine, div, minimum, mul, sqrt } from '../graph/functions/elementwise.ts';
import { sum } from '../graph/functions/reduce.ts';
import { expand } from '../graph/operations/broadcast.ts';
import * as elementwiseOps from '../graph/operations/elementwise.ts';
import * as optimizersOps from '../graph/operations/optimizers.ts';
import { assign, copied, onRun } from '../graph/recorder.ts';
import { State } from '../graph/state.ts';
import { apply, full, stateTensor, type Tensor } from '../graph/tensor.ts';
import { objectOf, withDefaults } from '../options.ts';
import { type HostArray, numel } from '../shape.ts';
import { type Download, Parameter } from './module.ts';

/** Elements between parameters in a flat buffer: WebGPU binds at multiples of 256 bytes. */
const ALIGNMENT = 64;

/** Parameters that share a flat buffer and settings. */
interface Flat {
  readonly parameters: readonly Parameter[];
  readonly offsets: readonly number[];
  readonly size: number;
  readonly weights: State;
  readonly moments: readonly State[];
  readonly hyper: State;
  readonly decays: boolean;
  /** In how many steps it had a gradient. */
  steps: number;
}

/** Options of all optimizers. */
export interface OptimizerOptions {
  /** The learning rate, at least 0. Default 1e-3, as PyTorch's; undefined is an error. Set `optimizer.lr` to change it between steps. */
  readonly lr?: number;
  /**
   * Weight decay, at least 0. Only weights of two dimensions or more decay, not biases and norms. Default 0; of AdamW
   * 0.01.
   */
  readonly weightDecay?: number;
  /** Scales all gradients down together so that their norm is at most this, a number above 0. Default: no limit. */
  readonly clipNorm?: number;
}

/** Defaults of the options of all optimizers. */
const OPTIONS = { lr: 1e-3, weightDecay: 0, clipNorm: undefined };

/** Throws UsageError for a setting that is given as undefined: the value that should be there is missing. No `clipNorm` is no limit. */
function expectGiven(optimizer: string, options: object): void {
  for (const [name, value] of Object.entries(options ?? {})) {
    if (value !== undefined || name === 'clipNorm') continue;
    throw new UsageError(
      `${optimizer}: ${name} is given as undefined; give a value, or leave it out for the default`,
    );
  }
}

/** Throws UsageError unless each value is a finite number of at least 0 and, where it is given, below `limit`. */
function expectSetting(
  optimizer: string,
  settings: Readonly<Record<string, unknown>>,
  limit = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && value >= 0 && value < limit) continue;
    const range = limit < Number.POSITIVE_INFINITY ? `at least 0 and below ${limit}` : 'at least 0';
    throw new UsageError(`${optimizer}: ${name} must be a number of ${range}, got ${value}`);
  }
}

/**
 * The shared half of all optimizers: parameters in two flat buffers (with and without weight decay: biases and
 * norms are not decayed), gradients packed beside them, so that a step is one dispatch a buffer.
 */
export abstract class Optimizer {
  /** How many steps were taken. */
  steps = 0;
  #lr: number;
  readonly #flats: Flat[];
  readonly #clipNorm: number | undefined;
  protected readonly weightDecay: number;

  protected constructor(
    parameters: readonly Parameter[],
    options: { readonly lr: number; readonly weightDecay: number; readonly clipNorm?: number | undefined },
    moments: readonly string[],
    hyperSize: number,
  ) {
    const { name } = new.target;
    const { lr, weightDecay, clipNorm } = objectOf(name, options);
    if (!Array.isArray(parameters) || !parameters.every((one) => one instanceof Parameter)) {
      throw new UsageError(`${name}: takes a list of parameters; pass model.parameters()`);
    }
    if (!parameters.length) throw new UsageError(`${name}: no parameters; pass model.parameters()`);
    expectSetting(name, { lr, weightDecay, ...(clipNorm === undefined ? {} : { clipNorm }) });
    if (clipNorm === 0)
      throw new UsageError(`${name}: clipNorm must be above 0, got 0; leave it out for no limit`);
    this.#lr = lr;
    this.weightDecay = weightDecay;
    this.#clipNorm = clipNorm;
    if (parameters.some(({ state }) => state.home)) {
      throw new UsageError(`${name}: a parameter belongs to another optimizer already; give it to one only`);
    }
    // Modules that share a parameter list it twice. Frozen ones lie apart, so that their step takes neither time nor memory.
    const all = [...new Set(parameters)];
    const kinds = [0, 1, 2, 3].map((kind) => ({ decays: kind % 2 === 0, trained: kind < 2 }));
    this.#flats = kinds.flatMap(({ decays, trained }) => {
      const group = all.filter(
        ({ state, requiresGrad }) => state.spec.shape.length > 1 === decays && requiresGrad === trained,
      );
      return group.length > 0 ? [flatten(group, moments, hyperSize, decays)] : [];
    });
  }

  /** The learning rate of the next step, at least 0: `optimizer.lr = schedule(i)`. Throws UsageError for anything else. */
  get lr(): number {
    return this.#lr;
  }

  set lr(lr: number) {
    expectSetting(this.constructor.name, { lr });
    this.#lr = lr;
  }

  /** The values of the kernel's `hyper` for the next step, where it is this one of a flat buffer's. */
  protected abstract hyper(decays: boolean, step: number): number[];
  /** Records the update of one flat buffer. */
  protected abstract update(inputs: {
    param: Tensor;
    grad: Tensor;
    hyper: Tensor;
    scale: Tensor;
    moments: Tensor[];
  }): { param: Tensor; moments: Tensor[] };

  /**
   * Records one step on the gradients that `backward` left, and clears them. Each run of the capture then takes a step with the
   * learning rate that `lr` has at the time. Parameters without a gradient, such as frozen ones, keep their value and their
   * moments, as in PyTorch. Returns the norm of all gradients before clipping. Only inside `gpu.capture` or `gpu.run`.
   */
  step(): { gradNorm: Tensor } {
    const updates = this.#flats.flatMap((flat) => gradientsFor(flat));
    const squares = updates.map(({ grad }) => sum(mul(grad, grad)));
    const add = (a: Tensor, b: Tensor) => apply(elementwiseOps.add, { a, b }).y;
    const gradNorm = squares.length > 0 ? sqrt(squares.reduce(add)) : full([], 0);
    const scale =
      this.#clipNorm === undefined
        ? full([1], 1)
        : minimum(div(full([1], this.#clipNorm), affine(gradNorm.reshape([1]), 1, 1e-6)), 1);
    for (const { flat, grad, kept } of updates) {
      const { param, moments } = this.update({
        param: stateTensor(flat.weights),
        grad,
        hyper: stateTensor(flat.hyper),
        scale,
        moments: flat.moments.map((state) => stateTensor(state)),
      });
      assign(flat.weights, kept(param, flat.weights));
      flat.moments.forEach((state, k) => {
        assign(state, kept(moments[k]!, state));
      });
    }
    onRun(() => {
      this.steps++;
      for (const { flat } of updates) {
        flat.steps++;
        flat.hyper.set(Float32Array.from(this.hyper(flat.decays, flat.steps)));
      }
    });
    return { gradNorm };
  }

  /** Reads the moments and the number of steps, to resume training with the same bits. `download` is `(state) => gpu.download(state)`. */
  async stateDict(
    download: Download,
  ): Promise<Map<string, { dtype: 'f32'; shape: number[]; data: Float32Array }>> {
    const entries: [string, { dtype: 'f32'; shape: number[]; data: Float32Array }][] = [
      ['steps', { dtype: 'f32', shape: [1], data: Float32Array.of(this.steps) }],
    ];
    for (const [i, flat] of this.#flats.entries()) {
      if (flat.steps !== this.steps) {
        entries.push([`${i}.steps`, { dtype: 'f32', shape: [1], data: Float32Array.of(flat.steps) }]);
      }
      for (const state of flat.moments) {
        const data = (await download(state)) as Float32Array;
        entries.push([`${i}.${state.label}`, { dtype: 'f32', shape: [flat.size], data }]);
      }
    }
    return new Map(entries);
  }

  /** Loads what `stateDict` returned. Throws StateDictError where an entry is missing, before anything changes. */
  loadStateDict(entries: ReadonlyMap<string, { readonly data: HostArray }>): void {
    const get = (name: string): HostArray => {
      const entry = entries.get(name);
      if (!entry) {
        throw new StateDictError(
          `optimizer: the checkpoint has no ${name}; use one that this optimizer saved`,
        );
      }
      return entry.data;
    };
    const moments = this.#flats.flatMap((flat, i) =>
      flat.moments.map((state) => [state, get(`${i}.${state.label}`)] as const),
    );
    this.steps = get('steps')[0]!;
    this.#flats.forEach((flat, i) => {
      flat.steps = entries.get(`${i}.steps`)?.data[0] ?? this.steps;
    });
    for (const [state, data] of moments) state.set(Float32Array.from(data));
  }
}

function flatten(
  parameters: readonly Parameter[],
  moments: readonly string[],
  hyperSize: number,
  decays: boolean,
): Flat {
  let size = 0;
  const offsets = parameters.map(({ state }) => {
    const offset = size;
    size += Math.ceil(numel(state.spec.shape) / ALIGNMENT) * ALIGNMENT;
    return offset;
  });
  const state = (label: string, length: number) => new State(label, { shape: [length], dtype: 'f32' });
  const weights = state('weights', size);
  parameters.forEach((parameter, i) => {
    parameter.state.moveInto(weights, offsets[i]!);
  });
  return {
    parameters,
    offsets,
    size,
    weights,
    moments: moments.map((label) => state(label, size)),
    hyper: state('hyper', hyperSize),
    decays,
    steps: 0,
  };
}

/** The gradients of a flat buffer's parameters in their places, and what keeps the rest as it was. None where there are none. */
function gradientsFor(
  flat: Flat,
): { flat: Flat; grad: Tensor; kept: (value: Tensor, state: State) => Tensor }[] {
  const present = flat.parameters.flatMap(({ tensor }, i) =>
    tensor.grad && tensor.requiresGrad ? [{ grad: tensor.grad, offset: flat.offsets[i]! }] : [],
  );
  for (const { tensor } of flat.parameters) tensor.grad = undefined;
  if (present.length === 0) return [];
  const offsets = present.map(({ offset }) => offset);
  const packed = (values: readonly Tensor[]) =>
    apply(optimizersOps.pack, Object.fromEntries(values.map((value, i) => [`x${i}`, value])), {
      offsets,
      size: flat.size,
    }).y;
  const grad = packed(present.map(({ grad }) => grad));
  if (present.length === flat.parameters.length) return [{ flat, grad, kept: (value) => value }];
  const one = full([], 1);
  const condition = packed(present.map(({ grad: { shape } }) => apply(expand, { x: one }, { shape }).y));
  // The kernels write into the states, so what the rest was is copied before.
  const before = new Map([flat.weights, ...flat.moments].map((state) => [state, copied(stateTensor(state))]));
  const kept = (a: Tensor, state: State) =>
    apply(elementwiseOps.where, { condition, a, b: before.get(state)! }).y;
  return [{ flat, grad, kept }];
}

/** Options of `SGD`. */
export interface SGDOptions extends OptimizerOptions {
  /** Momentum, at least 0. Default 0. */
  readonly momentum?: number;
  /** Nesterov's momentum; it needs a momentum above 0. Default false. */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent with momentum (PyTorch's SGD with dampening 0). */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  /**
   * @param parameters What is trained: `model.parameters()`. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[], options: SGDOptions = {}) {
    expectGiven('SGD', options);
    const { momentum, nesterov, ...shared } = withDefaults('SGD', options, {
      ...OPTIONS,
      momentum: 0,
      nesterov: false,
    });
    expectSetting('SGD', { momentum });
    if (nesterov && momentum === 0) {
      throw new UsageError('SGD: nesterov needs a momentum above 0, got 0; give both, such as momentum: 0.9');
    }
    super(parameters, shared, ['momentum'], 4);
    this.#momentum = momentum;
    this.#nesterov = nesterov;
  }

  protected override hyper(decays: boolean): number[] {
    return [this.lr, this.#momentum, decays ? this.weightDecay : 0, this.#nesterov ? 1 : 0];
  }

  protected override update({ param, grad, hyper, scale, moments }: Parameters<Optimizer['update']>[0]) {
    const out = apply(optimizersOps.sgdStep, { param, grad, momentum: moments[0]!, hyper, scale });
    return { param: out.newParam, moments: [out.newMomentum] };
  }
}

/** Options of `Adam` and `AdamW`. */
export interface AdamOptions extends OptimizerOptions {
  /**
   * Decay rates of the running means of the gradient and of its square: at least 0, below 1. Default [0.9, 0.999].
   */
  readonly betas?: readonly [number, number];
  /** What is added to the root of the mean square, at least 0. Default 1e-8. */
  readonly eps?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019; PyTorch's AdamW), by default 0.01. */
export class AdamW extends Optimizer {
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  protected readonly decoupled: number = 1;

  /**
   * @param parameters What is trained: `model.parameters()`. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[], options: AdamOptions = {}) {
    expectGiven(new.target.name, options);
    const { betas, eps, ...shared } = withDefaults(new.target.name, options, {
      ...OPTIONS,
      weightDecay: 0.01,
      betas: [0.9, 0.999],
      eps: 1e-8,
    });
    // As a caller without types may give them: one number, or a single one.
    const [beta1, beta2] = Array.isArray(betas) ? (betas as readonly unknown[]) : [betas];
    expectSetting(new.target.name, { 'betas[0]': beta1, 'betas[1]': beta2 }, 1);
    expectSetting(new.target.name, { eps });
    super(parameters, shared, ['m', 'v'], 8);
    this.#betas = betas;
    this.#eps = eps;
  }

  protected override hyper(decays: boolean, step: number): number[] {
    const [beta1, beta2] = this.#betas;
    const decay = decays ? this.weightDecay : 0;
    return [this.lr, beta1, beta2, this.#eps, decay, 1 - beta1 ** step, 1 - beta2 ** step, this.decoupled];
  }

  protected override update({ param, grad, hyper, scale, moments }: Parameters<Optimizer['update']>[0]) {
    const out = apply(optimizersOps.adamwStep, { param, grad, m: moments[0]!, v: moments[1]!, hyper, scale });
    return { param: out.newParam, moments: [out.newM, out.newV] };
  }
}

/** Adam (Kingma and Ba 2015; PyTorch's Adam). Weight decay is an L2 term of the gradient, by default 0. */
export class Adam extends AdamW {
  protected override readonly decoupled: number = 0;

  /**
   * @param parameters What is trained: `model.parameters()`. A parameter belongs to one optimizer.
   * @param options Throws UsageError for numbers out of range.
   */
  constructor(parameters: readonly Parameter[], options: AdamOptions = {}) {
    super(parameters, { weightDecay: 0, ...options });
  }
}
