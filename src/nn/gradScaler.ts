import { StateDictError, UsageError } from '../errors.ts';
import {
  add,
  affine,
  greaterEqual,
  maximum,
  mul,
  reciprocal,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { isfinite, logicalNot } from '../graph/functions/logical.ts';
import { sum } from '../graph/functions/reduce.ts';
import { cast } from '../graph/functions/shape.ts';
import { assign, assignedTo } from '../graph/recorder.ts';
import { State } from '../graph/state.ts';
import { expectTensors, full, stateTensor, type Tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import type { HostArray } from '../shape.ts';
import type { Download, StateEntry } from './module.ts';
import { Optimizer, type StepOptions } from './optimizers/optimizer.ts';

/** Options of `GradScaler`. */
export interface GradScalerOptions {
  /** The scale at first, above 0. Default 65536. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` steps without an overflow, above 1. Default 2. */
  readonly growthFactor?: number;
  /** What the scale is multiplied by after an overflow, above 0 and below 1. Default 0.5. */
  readonly backoffFactor?: number;
  /** After how many steps in a row without an overflow the scale grows, a whole number of at least 1. Default 2000. */
  readonly growthInterval?: number;
  /** False: losses are not scaled, and every step is taken. Default true. */
  readonly enabled?: boolean;
}

/** What this recording has made of a state so far. */
const now = (state: State): Tensor => assignedTo(state) ?? stateTensor(state);

const scalar = (label: string, value: number): State =>
  new State(label, { shape: [1], dtype: 'f32' }, Float32Array.of(value));

/**
 * Scales the loss so that small gradients do not become 0 in f16, and leaves out the steps in which they became infinite
 * (Micikevicius et al. 2018, by the rules of PyTorch's GradScaler). The scale is kept on the device, and nothing waits for the host:
 *
 * `backward(scaler.scale(loss)); scaler.step(optimizer); scaler.update();`
 *
 * in the captured function. A step that is left out changes no weight, no moment and no count of Adam's; only `optimizer.steps`,
 * how many were asked for, goes on.
 */
export class GradScaler {
  /** Whether it does anything. */
  readonly enabled: boolean;
  readonly #scale: State;
  /** Steps in a row without an overflow. */
  readonly #tracker = scalar('growth tracker', 0);
  /** 1 where a step since the last update has found an overflow. */
  readonly #found = scalar('found inf', 0);
  readonly #options: Required<GradScalerOptions>;

  /** @param options Throws UsageError for numbers out of range and unknown options. */
  constructor(options: GradScalerOptions = {}) {
    this.#options = withDefaults('GradScaler', options, {
      initScale: 65536,
      growthFactor: 2,
      backoffFactor: 0.5,
      growthInterval: 2000,
      enabled: true,
    });
    const { initScale, growthFactor, backoffFactor, growthInterval, enabled } = this.#options;
    const expectIn = (name: string, value: unknown, fits: boolean, range: string) => {
      if (typeof value === 'number' && Number.isFinite(value) && fits) return;
      throw new UsageError(`GradScaler: ${name} must be ${range}, got ${String(value)}`);
    };
    expectIn('initScale', initScale, initScale > 0, 'a number above 0');
    expectIn('growthFactor', growthFactor, growthFactor > 1, 'a number above 1');
    expectIn('backoffFactor', backoffFactor, backoffFactor > 0 && backoffFactor < 1, 'between 0 and 1');
    const whole = Number.isInteger(growthInterval) && growthInterval >= 1;
    expectIn('growthInterval', growthInterval, whole, 'a whole number of at least 1');
    this.enabled = enabled;
    this.#scale = scalar('scale', initScale);
  }

  /** The loss times the scale, in f32, for `backward`. The loss itself, where the scaler is not enabled. */
  scale(loss: Tensor): Tensor {
    expectTensors('GradScaler.scale', { loss });
    if (!this.enabled) return loss;
    const wide = loss.dtype === 'f16' ? cast(loss, 'f32') : loss;
    return mul(wide, now(this.#scale).reshape(loss.shape.length === 0 ? [] : [1]));
  }

  /**
   * Records a step of an optimizer on gradients of a scaled loss: they are divided by the scale, and the whole step is left out where
   * one of them is infinite or NaN. Clipping is of the gradients without the scale. Only inside `gpu.capture` or `gpu.run`.
   *
   * @param optimizer Which takes the step. With several, each is left out for its own gradients alone.
   * @param options Those of `Optimizer.step`.
   * @returns `gradNorm`: as of `Optimizer.step`, without the scale; not finite where the step is left out. `foundInf`: 1 where it
   * is left out, else 0.
   * @throws UsageError for what is no optimizer.
   */
  step(optimizer: Optimizer, options: StepOptions = {}): { gradNorm: Tensor; foundInf: Tensor } {
    if (!(optimizer instanceof Optimizer)) {
      throw new UsageError(
        `GradScaler.step: ${String(optimizer)} is no optimizer; give the one that takes the step`,
      );
    }
    let foundInf = full([], 0);
    if (!this.enabled) return { ...optimizer.step(options), foundInf };
    const unscale = (grads: readonly Tensor[]) => {
      // Of finite gradients the sum is finite, short of 1e38; infinities and NaN stay in it. Nothing as large as they is stored.
      for (const grad of grads) foundInf = maximum(foundInf, logicalNot(isfinite(sum(grad))));
      return { factor: reciprocal(now(this.#scale)), taken: sub(1, foundInf).reshape([1]) };
    };
    const { gradNorm } = optimizer.step({ ...options, unscale });
    assign(this.#found, maximum(now(this.#found), foundInf.reshape([1])));
    return { gradNorm, foundInf };
  }

  /**
   * Records the change of the scale after the steps of an iteration: times `backoffFactor` where one of them was left out; times
   * `growthFactor` after `growthInterval` iterations in a row without that, unless that is infinite. Only inside `gpu.capture` or
   * `gpu.run`.
   */
  update(): void {
    if (!this.enabled) return;
    const { growthFactor, backoffFactor, growthInterval } = this.#options;
    const [found, scale] = [now(this.#found), now(this.#scale)];
    const good = add(now(this.#tracker), 1);
    const grows = greaterEqual(good, growthInterval);
    const grown = affine(scale, growthFactor);
    const larger = where(isfinite(grown), grown, scale);
    assign(this.#scale, where(found, affine(scale, backoffFactor), where(grows, larger, scale)));
    assign(this.#tracker, where(found, 0, where(grows, 0, good)));
    assign(this.#found, full([1], 0));
  }

  /**
   * Reads the scale (PyTorch's get_scale); 1 where the scaler is not enabled.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   */
  async getScale(download: Download): Promise<number> {
    return this.enabled ? (await download(this.#scale))[0]! : 1;
  }

  /**
   * Reads the scale and how many steps without an overflow there were, to resume training with the same bits.
   * @param download Reads a state: `(state) => gpu.download(state)`.
   */
  async stateDict(download: Download): Promise<Map<string, StateEntry>> {
    const read = async (state: State): Promise<StateEntry> => ({
      dtype: 'f32',
      shape: [1],
      data: Float32Array.from(await download(state)),
    });
    return new Map([
      ['scale', await read(this.#scale)],
      ['growthTracker', await read(this.#tracker)],
    ]);
  }

  /** Loads what `stateDict` returned. Throws StateDictError for anything else, before anything changes. */
  loadStateDict(entries: ReadonlyMap<string, { readonly data: HostArray }>): void {
    const get = (name: string, least: (value: number) => boolean): Float32Array => {
      const [value = Number.NaN, ...others] = entries.get(name)?.data ?? [];
      if (Number.isFinite(value) && least(value) && others.length === 0) return Float32Array.of(value);
      throw new StateDictError(
        `GradScaler: the checkpoint has no usable ${name}; use one that a scaler saved`,
      );
    };
    const scale = get('scale', (value) => value > 0);
    const tracker = get('growthTracker', (value) => value >= 0);
    this.#scale.set(scale);
    this.#tracker.set(tracker);
    this.#found.set(Float32Array.of(0));
  }
}
