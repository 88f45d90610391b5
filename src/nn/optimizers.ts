import { FoveaError } from '../errors.ts';
import { affine, div, minimum, mul, sqrt } from '../graph/functions/elementwise.ts';
import { sum } from '../graph/functions/reduce.ts';
import * as elementwiseOps from '../graph/operations/elementwise.ts';
import * as optimizersOps from '../graph/operations/optimizers.ts';
import { assign } from '../graph/recorder.ts';
import { State } from '../graph/state.ts';
import { apply, full, stateTensor, type Tensor } from '../graph/tensor.ts';
import { type HostArray, numel } from '../shape.ts';
import type { Download, Parameter } from './module.ts';

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
}

export interface OptimizerOptions {
  readonly lr: number;
  readonly weightDecay?: number;
  /** Scales all gradients down together so that their norm is at most this. */
  readonly clipNorm?: number;
}

/**
 * The shared half of all optimizers: parameters in two flat buffers (with and without weight decay: biases and
 * norms are not decayed), gradients packed beside them, so that a step is one dispatch a buffer.
 */
export abstract class Optimizer {
  /** The learning rate of the next step. */
  lr: number;
  /** Steps taken. */
  steps = 0;
  readonly #flats: Flat[];
  readonly #clipNorm: number | undefined;
  protected readonly weightDecay: number;

  protected constructor(
    parameters: readonly Parameter[],
    options: OptimizerOptions,
    moments: readonly string[],
    hyperSize: number,
  ) {
    if (parameters.length === 0) throw new FoveaError('optimizer: no parameters; pass model.parameters()');
    this.lr = options.lr;
    this.weightDecay = options.weightDecay ?? 0;
    this.#clipNorm = options.clipNorm;
    const decayed = parameters.filter(({ state }) => state.spec.shape.length > 1);
    const others = parameters.filter(({ state }) => state.spec.shape.length <= 1);
    this.#flats = [decayed, others].flatMap((group, i) =>
      group.length > 0 ? [flatten(group, moments, hyperSize, i === 0)] : [],
    );
  }

  /** The values of the kernel's `hyper` for the next step. */
  protected abstract hyper(decays: boolean): number[];
  /** Records the update of one flat buffer. */
  protected abstract update(inputs: {
    param: Tensor;
    grad: Tensor;
    hyper: Tensor;
    scale: Tensor;
    moments: Tensor[];
  }): { param: Tensor; moments: Tensor[] };

  /**
   * Records one step on the gradients that `backward` left, and clears them. Parameters without a gradient keep
   * their value apart from momentum and decay. Returns the norm of all gradients before clipping. Only inside a
   * capture; before each run of it, call `advance`.
   */
  step(): { gradNorm: Tensor } {
    const grads = this.#flats.map((flat) => {
      const present = flat.parameters.flatMap(({ tensor }, i) =>
        tensor.grad ? [{ grad: tensor.grad, offset: flat.offsets[i]! }] : [],
      );
      for (const { tensor } of flat.parameters) tensor.grad = undefined;
      const inputs = Object.fromEntries(present.map(({ grad }, i) => [`x${i}`, grad]));
      return apply(optimizersOps.pack, inputs, {
        offsets: present.map(({ offset }) => offset),
        size: flat.size,
      }).y;
    });
    const squares = grads.map((g) => sum(mul(g, g)));
    const gradNorm = sqrt(squares.reduce((a, b) => apply(elementwiseOps.add, { a, b }).y));
    const scale =
      this.#clipNorm === undefined
        ? full([1], 1)
        : minimum(div(full([1], this.#clipNorm), affine(gradNorm.reshape([1]), 1, 1e-6)), 1);
    this.#flats.forEach((flat, i) => {
      const { param, moments } = this.update({
        param: stateTensor(flat.weights),
        grad: grads[i]!,
        hyper: stateTensor(flat.hyper),
        scale,
        moments: flat.moments.map((state) => stateTensor(state)),
      });
      assign(flat.weights, param);
      flat.moments.forEach((state, k) => {
        assign(state, moments[k]!);
      });
    });
    return { gradNorm };
  }

  /** Sets the learning rate and the step's number for the run that follows. */
  advance(lr = this.lr): void {
    this.lr = lr;
    this.steps++;
    for (const flat of this.#flats) flat.hyper.set(Float32Array.from(this.hyper(flat.decays)));
  }

  /** Moments and step count, to go on later bit for bit. */
  async stateDict(
    download: Download,
  ): Promise<Map<string, { dtype: 'f32'; shape: number[]; data: Float32Array }>> {
    const entries: [string, { dtype: 'f32'; shape: number[]; data: Float32Array }][] = [
      ['steps', { dtype: 'f32', shape: [1], data: Float32Array.of(this.steps) }],
    ];
    for (const [i, flat] of this.#flats.entries()) {
      for (const state of flat.moments) {
        const data = (await download(state)) as Float32Array;
        entries.push([`${i}.${state.label}`, { dtype: 'f32', shape: [flat.size], data }]);
      }
    }
    return new Map(entries);
  }

  loadStateDict(entries: ReadonlyMap<string, { readonly data: HostArray }>): void {
    const get = (name: string): HostArray => {
      const entry = entries.get(name);
      if (!entry) throw new FoveaError(`optimizer: the checkpoint lacks ${name}; it is of another optimizer`);
      return entry.data;
    };
    const moments = this.#flats.flatMap((flat, i) =>
      flat.moments.map((state) => [state, get(`${i}.${state.label}`)] as const),
    );
    this.steps = get('steps')[0]!;
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
  };
}

export interface SGDOptions extends OptimizerOptions {
  readonly momentum?: number;
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent with momentum, as PyTorch's SGD. */
export class SGD extends Optimizer {
  readonly #momentum: number;
  readonly #nesterov: boolean;

  constructor(parameters: readonly Parameter[], options: SGDOptions) {
    super(parameters, options, ['momentum'], 4);
    this.#momentum = options.momentum ?? 0;
    this.#nesterov = options.nesterov ?? false;
  }

  protected override hyper(decays: boolean): number[] {
    return [this.lr, this.#momentum, decays ? this.weightDecay : 0, this.#nesterov ? 1 : 0];
  }

  protected override update({ param, grad, hyper, scale, moments }: Parameters<Optimizer['update']>[0]) {
    const out = apply(optimizersOps.sgdStep, { param, grad, momentum: moments[0]!, hyper, scale });
    return { param: out.newParam, moments: [out.newMomentum] };
  }
}

export interface AdamOptions extends OptimizerOptions {
  readonly betas?: readonly [number, number];
  readonly eps?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2019). */
export class AdamW extends Optimizer {
  readonly #betas: readonly [number, number];
  readonly #eps: number;
  protected readonly decoupled: number = 1;

  constructor(parameters: readonly Parameter[], options: AdamOptions) {
    super(parameters, { weightDecay: 0.01, ...options }, ['m', 'v'], 8);
    this.#betas = options.betas ?? [0.9, 0.999];
    this.#eps = options.eps ?? 1e-8;
  }

  protected override hyper(decays: boolean): number[] {
    const [beta1, beta2] = this.#betas;
    const decay = decays ? this.weightDecay : 0;
    return [
      this.lr,
      beta1,
      beta2,
      this.#eps,
      decay,
      1 - beta1 ** this.steps,
      1 - beta2 ** this.steps,
      this.decoupled,
    ];
  }

  protected override update({ param, grad, hyper, scale, moments }: Parameters<Optimizer['update']>[0]) {
    const out = apply(optimizersOps.adamwStep, { param, grad, m: moments[0]!, v: moments[1]!, hyper, scale });
    return { param: out.newParam, moments: [out.newM, out.newV] };
  }
}

/** Adam (Kingma and Ba 2015); weight decay is an L2 term of the gradient. */
export class Adam extends AdamW {
  protected override readonly decoupled: number = 0;

  constructor(parameters: readonly Parameter[], options: AdamOptions) {
    super(parameters, { weightDecay: 0, ...options });
  }
}
