import { StateDictError, UsageError } from '../../errors.ts';
import { add, affine, div, minimum, mul, sqrt } from '../../graph/functions/elementwise.ts';
import { sum } from '../../graph/functions/reduce.ts';
import { assign, heed, onRun } from '../../graph/recorder.ts';
import type { State } from '../../graph/state.ts';
import { full, stateTensor, type Tensor } from '../../graph/tensor.ts';
import { objectOf } from '../../options.ts';
import { formatShape, type HostArray, numel, type Shape, sameShape } from '../../shape.ts';
import type { Download, Parameter, StateEntry } from '../module.ts';
import { type Accumulated, BLOCK, type Flat, flatten, takeGradients } from './flat.ts';
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

/** Options of `Optimizer.step`. */
export interface StepOptions {
  /**
   * What the sum of accumulated gradients is divided by: 1 where the losses were divided before. Default: how many parts there
   * were, those of `accumulate` and the gradients of this run. Without `accumulate` it has no effect.
   */
  readonly parts?: number;
  /**
   * What gradients are multiplied by, and whether the step is taken, 1 or 0: how `GradScaler` takes part.
   * @hidden
   */
  readonly unscale?: (grads: readonly Tensor[]) => { readonly factor: Tensor; readonly taken: Tensor };
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
  readonly #clipNorm: number | undefined;
  /** @hidden */
  readonly flats: readonly Flat[];
  /**
   * What `accumulate` has added up, once it was used.
   * @hidden
   */
  accumulated?: Accumulated;

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
    this.flats = this.groups.flatMap((group) => flatten(group, moments, hyperSize, counts));
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
   * value, their moments and their number of steps, as in PyTorch. After `accumulate`, the step is on the mean of what was
   * accumulated since the last one and, where `backward` has left some, these gradients. Only inside `gpu.capture` or `gpu.run`.
   *
   * @returns `gradNorm`: the norm of all gradients, of which the mean is taken, before clipping.
   */
  step({ parts, unscale }: StepOptions = {}): { gradNorm: Tensor } {
    const { accumulated } = this;
    heed(this, () => this.accumulated?.size);
    let own = false;
    const updates = this.flats.flatMap((flat) => {
      const gradients = takeGradients(flat);
      own ||= gradients !== undefined;
      return (accumulated ? accumulated.sum(flat, gradients) : gradients) ?? [];
    });
    const squares = updates.map(({ grad }) => sum(mul(grad, grad)));
    let gradNorm = squares.length > 0 ? sqrt(squares.reduce(add)).reshape([1]) : full([1], 0);
    let scale = full([1], 1);
    const { factor, taken } = unscale?.(updates.map(({ grad }) => grad)) ?? {};
    for (const one of [factor, accumulated?.finish(own, parts)]) {
      if (!one) continue;
      gradNorm = mul(gradNorm, one);
      scale = mul(scale, one);
    }
    if (this.#clipNorm !== undefined) {
      scale = mul(scale, minimum(div(this.#clipNorm, affine(gradNorm, 1, 1e-6)), 1));
    }
    for (const { flat, grad, active } of updates) {
      const { param, moments } = this.update({
        param: stateTensor(flat.weights),
        grad,
        hyper: stateTensor(flat.hyper),
        scale,
        steps: counted(flat, active && taken ? mul(active, taken) : (active ?? taken)),
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
    return { gradNorm: gradNorm.reshape([]) };
  }

  /** What a state dict holds of each parameter, by name: the elements of a state from `at` on, or one of `blocks` that are equal. */
  #entries(): { name: string; state: State; shape: Shape; at: number; blocks: number }[] {
    const all = this.groups.flatMap(({ parameters }) => parameters);
    return this.flats.flatMap(({ parameters, offsets, moments, steps }) =>
      parameters.flatMap((parameter, i) => {
        const { shape } = parameter.state.spec;
        const [at, number] = [offsets[i]!, all.indexOf(parameter)];
        const blocks = Math.ceil(numel(shape) / BLOCK);
        return [
          ...moments.map((state) => ({ name: `${number}.${state.label}`, state, shape, at, blocks: 0 })),
          ...(steps ? [{ name: `${number}.step`, state: steps, shape: [1], at: at / BLOCK, blocks }] : []),
        ];
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
    const dtype = 'f32';
    const result = new Map<string, StateEntry>([
      ['steps', { dtype, shape: [1], data: Float32Array.of(this.steps) }],
    ]);
    const read = new Map<State, HostArray>();
    for (const { name, state, shape, at } of this.#entries()) {
      const whole = read.get(state) ?? (await download(state));
      read.set(state, whole);
      result.set(name, { dtype, shape, data: (whole as Float32Array).slice(at, at + numel(shape)) });
    }
    return result;
  }

  /**
   * Loads what `stateDict` returned, also of an optimizer with other groups or frozen parameters, where the parameters are the
   * same in the same order. Throws StateDictError where an entry is missing, of another shape, or one too many, before anything changes.
   */
  loadStateDict(entries: ReadonlyMap<string, { readonly shape?: Shape; readonly data: HostArray }>): void {
    const unread = new Set(entries.keys());
    const refuse = (what: string): never => {
      throw new StateDictError(
        `optimizer: the checkpoint has ${what}; use one that an optimizer of the same kind and parameters saved`,
      );
    };
    const get = (name: string, shape: Shape): HostArray => {
      const entry = entries.get(name) ?? refuse(`no ${name}`);
      unread.delete(name);
      const { data, shape: found = shape } = entry;
      if (data.length === numel(shape) && sameShape(found, shape)) return data;
      return refuse(`${name} of ${data.length} values as ${formatShape(found)}, not ${formatShape(shape)}`);
    };
    const [steps] = get('steps', [1]);
    const values = new Map<State, Float32Array>();
    for (const { name, state, shape, at, blocks } of this.#entries()) {
      const array = values.get(state) ?? new Float32Array(numel(state.spec.shape));
      values.set(state, array);
      const data = get(name, shape);
      if (blocks) array.fill(data[0]!, at, at + blocks);
      else array.set(data, at);
    }
    for (const name of unread) refuse(`${name}, which is not one of this`);
    this.steps = steps!;
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
