import { StateDictError, UsageError } from '../../errors.ts';
import { add, affine, div, minimum, mul, sqrt } from '../../graph/functions/elementwise.ts';
import { sum } from '../../graph/functions/reduce.ts';
import { assign, onRun } from '../../graph/recorder.ts';
import type { State } from '../../graph/state.ts';
import { full, stateTensor, type Tensor } from '../../graph/tensor.ts';
import { objectOf } from '../../options.ts';
import { formatShape, type HostArray, numel, type Shape, sameShape } from '../../shape.ts';
import type { Download, Parameter, StateEntry } from '../module.ts';
import { BLOCK, type Flat, flatten, takeGradients } from './flat.ts';
import { groupsOf, type OptimizerGroup, type ParameterGroup } from './groups.ts';
import { expectSetting } from './settings.ts';

/** Options of all optimizers. */
export interface OptimizerOptions {
  /**
   * The learning rate, at least 0. Default 1e-3, as PyTorch's, where nothing else is said; undefined is an error. Set
   * `optimizer.lr` to change it between steps.
   */
  readonly lr?: number;
  /**
   * Weight decay, at least 0. Only weights of two dimensions or more decay, not biases and norms. Default 0; of AdamW
   * 0.01.
   */
  readonly weightDecay?: number;
  /** Scales the gradients of all groups down together so that their norm is at most this, a number above 0. Default: no limit. */
  readonly clipNorm?: number;
}

/** Defaults of the options of all optimizers. */
export const OPTIONS = { lr: 1e-3, weightDecay: 0, clipNorm: undefined } as const;

/** What an optimizer's class says of it. */
interface Traits {
  /** What it keeps for each weight. */
  readonly moments: readonly string[];
  /** How many settings its kernel takes. */
  readonly hyperSize: number;
  /** Whether its kernel is told how many steps a parameter has taken. Default false. */
  readonly counts?: boolean;
  /** Momentum must be below this. Default: no limit. */
  readonly momentumBelow?: number;
}

/** What the kernel of an optimizer takes. */
export interface UpdateInputs {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly hyper: Tensor;
  readonly scale: Tensor;
  readonly steps: Tensor;
  readonly moments: readonly Tensor[];
}

/**
 * The shared half of all optimizers: each group's parameters in two flat buffers (with and without weight decay: biases and
 * norms are not decayed), gradients packed beside them, so that a step is one dispatch per buffer.
 */
export abstract class Optimizer {
  /** How many times `step` has run. */
  steps = 0;
  /** Its groups of parameters, in the order in which they were given; one where a list of parameters was. */
  readonly groups: readonly OptimizerGroup[];
  /** The weight decay of groups that have none of their own. */
  readonly weightDecay: number;
  #lr: number;
  #momentum: number;
  readonly #traits: Traits;
  readonly #flats: readonly Flat[];
  readonly #clipNorm: number | undefined;

  /** @hidden */
  protected constructor(
    parameters: readonly Parameter[] | readonly ParameterGroup[],
    options: {
      readonly lr: number;
      readonly weightDecay: number;
      readonly clipNorm?: number | undefined;
      readonly momentum: number;
    },
    traits: Traits,
  ) {
    const { name } = new.target;
    const { lr, weightDecay, clipNorm, momentum } = objectOf(name, options);
    expectSetting(name, { lr, weightDecay, ...(clipNorm === undefined ? {} : { clipNorm }) });
    if (clipNorm === 0)
      throw new UsageError(`${name}: clipNorm must be above 0, got 0; leave it out for no limit`);
    this.#lr = lr;
    this.#momentum = momentum;
    this.#traits = traits;
    this.weightDecay = weightDecay;
    this.#clipNorm = clipNorm;
    this.groups = groupsOf(this, parameters);
    const { moments, hyperSize, counts = false } = traits;
    this.#flats = this.groups.flatMap((group) => flatten(group, moments, hyperSize, counts));
  }

  /**
   * The learning rate of the next step, at least 0: `optimizer.lr = schedule(i)`. Groups take it times their `lrMult`. Throws
   * UsageError for anything else.
   */
  get lr(): number {
    return this.#lr;
  }

  set lr(lr: number) {
    expectSetting(this.constructor.name, { lr });
    this.#lr = lr;
  }

  /**
   * The momentum of the next step, at least 0, as schedules set it: `momentum` of SGD and RMSprop; beta1 of Adam, AdamW and
   * Lion, which is below 1. Throws UsageError for anything else.
   */
  get momentum(): number {
    return this.#momentum;
  }

  set momentum(momentum: number) {
    expectSetting(this.constructor.name, { momentum }, this.#traits.momentumBelow);
    this.#momentum = momentum;
  }

  /**
   * The values of the kernel's `hyper` for the next step.
   * @hidden
   */
  protected abstract hyper(lr: number, weightDecay: number): number[];
  /**
   * Records the update of one flat buffer.
   * @hidden
   */
  protected abstract update(inputs: UpdateInputs): { param: Tensor; moments: Tensor[] };

  /**
   * Records one step on the gradients that `backward` left, and clears them. Each run of the capture then takes a step with
   * the learning rates and momentum that are set at the time. Parameters without a gradient, such as frozen ones, keep their
   * value, their moments and their number of steps, as in PyTorch. Returns the norm of all gradients before clipping. Only
   * inside `gpu.capture` or `gpu.run`.
   */
  step(): { gradNorm: Tensor } {
    const updates = this.#flats.flatMap(takeGradients);
    const squares = updates.map(({ grad }) => sum(mul(grad, grad)));
    const gradNorm = squares.length > 0 ? sqrt(squares.reduce(add)) : full([], 0);
    const scale =
      this.#clipNorm === undefined
        ? full([1], 1)
        : minimum(div(full([1], this.#clipNorm), affine(gradNorm.reshape([1]), 1, 1e-6)), 1);
    for (const { flat, grad, active } of updates) {
      const { param, moments } = this.update({
        param: stateTensor(flat.weights),
        grad,
        hyper: stateTensor(flat.hyper),
        scale,
        steps: counted(flat, active),
        moments: flat.moments.map((state) => stateTensor(state)),
      });
      assign(flat.weights, param);
      flat.moments.forEach((state, k) => {
        assign(state, moments[k]!);
      });
    }
    onRun(() => {
      this.steps++;
      for (const { flat } of updates) {
        const { group, decays, hyper } = flat;
        hyper.set(Float32Array.from(this.hyper(group.lr, decays ? group.weightDecay : 0)));
      }
    });
    return { gradNorm };
  }

  /** Each parameter's number, over all groups in order, and its place. */
  #places(): { flat: Flat; at: number; shape: Shape; number: number }[] {
    const numbers = new Map(this.groups.flatMap(({ parameters }) => parameters).map((one, i) => [one, i]));
    return this.#flats.flatMap((flat) =>
      flat.parameters.map((parameter, i) => {
        const { shape } = parameter.state.spec;
        return { flat, at: flat.offsets[i]!, shape, number: numbers.get(parameter)! };
      }),
    );
  }

  /**
   * Reads what a step changes besides the weights, to resume training with the same bits: the number of `steps`, and of each
   * parameter, by its number over all groups, the moments (`3.m`) and, of Adam, how many steps it has taken (`3.step`). Learning
   * rates and other settings are not in it.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   */
  async stateDict(download: Download): Promise<Map<string, StateEntry>> {
    const result = new Map<string, StateEntry>();
    const put = (name: string, shape: Shape, data: Float32Array) =>
      result.set(name, { dtype: 'f32', shape: [...shape], data });
    put('steps', [1], Float32Array.of(this.steps));
    const read = new Map<State, Float32Array>();
    for (const { moments, steps } of this.#flats) {
      for (const state of [...moments, ...(steps ? [steps] : [])]) {
        read.set(state, (await download(state)) as Float32Array);
      }
    }
    for (const { flat, at, shape, number } of this.#places()) {
      for (const state of flat.moments) {
        put(`${number}.${state.label}`, shape, read.get(state)!.slice(at, at + numel(shape)));
      }
      if (flat.steps) {
        put(`${number}.${flat.steps.label}`, [1], read.get(flat.steps)!.slice(at / BLOCK, at / BLOCK + 1));
      }
    }
    return result;
  }

  /**
   * Loads what `stateDict` returned, also of an optimizer with other groups or frozen parameters, where the parameters are the
   * same in the same order. Throws StateDictError where an entry is missing, of another shape, or one too many, before anything changes.
   */
  loadStateDict(entries: ReadonlyMap<string, { readonly shape?: Shape; readonly data: HostArray }>): void {
    const unread = new Set(entries.keys());
    const get = (name: string, shape: Shape): HostArray => {
      const entry = entries.get(name);
      unread.delete(name);
      const { data, shape: found = [data?.length ?? 0] } = entry ?? {};
      if (data?.length === numel(shape) && (!entry?.shape || sameShape(found, shape))) return data;
      const what = entry ? `${name} ${formatShape(found)}, not ${formatShape(shape)}` : `no ${name}`;
      throw new StateDictError(
        `optimizer: the checkpoint has ${what}; use one that this optimizer saved, of the same parameters`,
      );
    };
    const steps = get('steps', [1])[0]!;
    const values = new Map<State, Float32Array>();
    const into = (state: State): Float32Array => {
      const array = values.get(state) ?? new Float32Array(numel(state.spec.shape));
      values.set(state, array);
      return array;
    };
    for (const { flat, at, shape, number } of this.#places()) {
      for (const state of flat.moments) into(state).set(get(`${number}.${state.label}`, shape), at);
      if (!flat.steps) continue;
      const [taken] = get(`${number}.${flat.steps.label}`, [1]);
      into(flat.steps).fill(taken!, at / BLOCK, at / BLOCK + Math.ceil(numel(shape) / BLOCK));
    }
    for (const name of unread) {
      throw new StateDictError(
        `optimizer: the checkpoint has ${name}, which this optimizer does not; use one of the same parameters`,
      );
    }
    this.steps = steps;
    for (const [state, data] of values) state.set(data);
  }
}

/** Which step the next one is of each block: 0 where it stays as it is. Of optimizers that do not count, any number above 0. */
function counted({ steps }: Flat, active: Tensor | undefined): Tensor {
  if (!steps) return active ?? full([1], 1);
  const next = add(stateTensor(steps), active ?? 1);
  assign(steps, next);
  return active ? mul(next, active) : next;
}
