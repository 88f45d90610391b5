import { StateDictError, UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { expectAtLeast0 } from './schedule.ts';

/** Options of `ReduceLROnPlateau`. */
export interface PlateauOptions {
  /** Whether the metric is better when it is lower (`min`) or higher (`max`). Default `min`. */
  readonly mode?: 'min' | 'max';
  /** What the learning rate is multiplied by, at least 0 and below 1. Default 0.1. */
  readonly factor?: number;
  /** How many calls in a row may be without an improvement; after one more the rate is lowered. Default 10. */
  readonly patience?: number;
  /** By how much the metric must be better to count as an improvement, at least 0. Default 1e-4. */
  readonly threshold?: number;
  /** Whether `threshold` is a share of the best (`rel`) or a difference (`abs`). Default `rel`. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** How many calls are not counted after the rate was lowered. Default 0. */
  readonly cooldown?: number;
  /** The lowest learning rate, at least 0. Default 0. */
  readonly minLr?: number;
  /** A change of the rate of no more than this is not made, at least 0. Default 1e-8. */
  readonly eps?: number;
}

/** The state of a `ReduceLROnPlateau`: plain JSON. */
export interface PlateauState {
  /** The best metric so far; null before the first. */
  readonly best: number | null;
  /** Calls in a row without an improvement. */
  readonly badCount: number;
  /** Calls that are still not counted. */
  readonly cooldownCount: number;
}

/**
 * Lowers an optimizer's learning rate when a metric has stopped to improve, by PyTorch's rules: mode `min` and `rel` count a metric as
 * better below best * (1 - threshold), `abs` below best - threshold; `max` above best * (1 + threshold) or best + threshold. A
 * metric that is NaN is not better. All groups follow `optimizer.lr`. The callback of this name in fovea/learn has Keras's rules: it
 * lowers the rate an epoch earlier, counts the last epoch of its cooldown, and `minDelta` is a difference.
 */
export class ReduceLROnPlateau {
  readonly #optimizer: { lr: number };
  readonly #options: Required<PlateauOptions>;
  #best: number | null = null;
  #badCount = 0;
  #cooldownCount = 0;

  /**
   * @param optimizer Whose `lr` is lowered.
   * @param options Throws UsageError for numbers out of range and unknown options.
   */
  constructor(optimizer: { lr: number }, options: PlateauOptions = {}) {
    const name = 'ReduceLROnPlateau';
    if (typeof optimizer?.lr !== 'number') {
      throw new UsageError(
        `${name}: takes an optimizer, got ${String(optimizer)}; pass the one whose lr it lowers`,
      );
    }
    this.#optimizer = optimizer;
    this.#options = withDefaults(name, options, {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
    });
    const { mode, thresholdMode, factor, ...numbers } = this.#options;
    expectOneOf(name, 'mode', mode, ['min', 'max']);
    expectOneOf(name, 'thresholdMode', thresholdMode, ['rel', 'abs']);
    expectAtLeast0(name, { factor, ...numbers });
    if (factor >= 1) throw new UsageError(`${name}: factor must be below 1, got ${factor}`);
  }

  /**
   * Takes the metric of an epoch, or of whatever is counted, and lowers `optimizer.lr` where it is time.
   * @returns Whether it was lowered.
   */
  step(metric: number): boolean {
    if (typeof metric !== 'number') {
      throw new UsageError(`ReduceLROnPlateau: the metric is ${String(metric)}; give a number`);
    }
    const { patience, cooldown, factor, minLr, eps } = this.#options;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#badCount = 0;
    } else {
      this.#badCount++;
    }
    if (this.#cooldownCount > 0) {
      this.#cooldownCount--;
      this.#badCount = 0;
    }
    if (this.#badCount <= patience) return false;
    this.#cooldownCount = cooldown;
    this.#badCount = 0;
    const lr = Math.max(this.#optimizer.lr * factor, minLr);
    if (!(this.#optimizer.lr - lr > eps)) return false;
    this.#optimizer.lr = lr;
    return true;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    if (this.#best === null) return sign * metric > Number.NEGATIVE_INFINITY;
    const bar = thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return sign * metric > sign * bar;
  }

  /** What it knows, to resume. The learning rate is the optimizer's and not in it. */
  stateDict(): PlateauState {
    return { best: this.#best, badCount: this.#badCount, cooldownCount: this.#cooldownCount };
  }

  /** Takes what `stateDict` returned. Throws StateDictError for anything else, before anything changes. */
  loadStateDict(state: PlateauState): void {
    const { best, badCount, cooldownCount } = Object(state) as Partial<PlateauState>;
    const counts = [badCount, cooldownCount];
    if ((best !== null && typeof best !== 'number') || !counts.every((count) => Number.isInteger(count))) {
      throw new StateDictError(
        'ReduceLROnPlateau: the state has no best, badCount and cooldownCount; use what stateDict returned',
      );
    }
    this.#best = best;
    this.#badCount = badCount!;
    this.#cooldownCount = cooldownCount!;
  }
}
