import { objectOf, withDefaults } from '../../options.ts';
import {
  between,
  expectAbove0,
  expectAtLeast0,
  expectShare,
  expectSteps,
  type Schedule,
} from './schedule.ts';

/** Options of `warmupCosine`. */
export interface WarmupCosineOptions {
  /** The highest learning rate, above 0. */
  readonly lr: number;
  /** Steps of the training, at least 1. */
  readonly steps: number;
  /** Steps of warm-up. Default 0. */
  readonly warmup?: number;
  /** The learning rate at the end, at least 0. Default 0. */
  readonly final?: number;
}

/**
 * Linear warm-up over the first steps, then half a cosine down to `final` (Loshchilov and Hutter 2017). Throws
 * UsageError for numbers out of range and unknown options.
 */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  objectOf('warmupCosine', options);
  const { lr, steps, warmup, final } = withDefaults('warmupCosine', options, {
    lr: options.lr,
    steps: options.steps,
    warmup: 0,
    final: 0,
  });
  expectAbove0('warmupCosine', { lr });
  expectSteps('warmupCosine', { steps });
  expectAtLeast0('warmupCosine', { warmup, final });
  return (step) =>
    step < warmup
      ? (lr * (step + 1)) / warmup
      : between('cos', lr, final, (step - warmup) / Math.max(1, steps - warmup));
}

/** Options of `flatCos`. */
export interface FlatCosOptions {
  /** The learning rate at first, above 0. */
  readonly lr: number;
  /** Steps of the training, at least 1. */
  readonly steps: number;
  /** The share of the steps with that rate, from 0 to 1. Default 0.75. */
  readonly pctStart?: number;
  /** The rate goes down to lr / divFinal, above 0. Default 1e5. */
  readonly divFinal?: number;
}

/**
 * One rate, then half a cosine down to lr / divFinal (fastai's `fit_flat_cos`). As in fastai the last step is one step before
 * the end of the cosine. Throws UsageError for numbers out of range and unknown options.
 */
export function flatCos(options: FlatCosOptions): Schedule {
  objectOf('flatCos', options);
  const { lr, steps, pctStart, divFinal } = withDefaults('flatCos', options, {
    lr: options.lr,
    steps: options.steps,
    pctStart: 0.75,
    divFinal: 1e5,
  });
  expectAbove0('flatCos', { lr, divFinal });
  expectSteps('flatCos', { steps });
  expectShare('flatCos', { pctStart });
  return (step) =>
    pctStart === 1 ? lr : between('cos', lr, lr / divFinal, (step / steps - pctStart) / (1 - pctStart));
}

/** Options of `cosineRestarts`. */
export interface CosineRestartsOptions {
  /** The learning rate after each restart, above 0. */
  readonly lr: number;
  /** Steps before the first restart, at least 1. */
  readonly t0: number;
  /** Each period has this times the steps of the one before, a whole number of at least 1. Default 1. */
  readonly tMult?: number;
  /** The lowest learning rate, at least 0. Default 0. */
  readonly etaMin?: number;
}

/**
 * Half a cosine from `lr` down to `etaMin`, again and again (Loshchilov and Hutter 2017; PyTorch's
 * CosineAnnealingWarmRestarts): etaMin + (lr - etaMin) (1 + cos(π t / T)) / 2, where t steps of a period of T are over.
 * Throws UsageError for numbers out of range and unknown options.
 */
export function cosineRestarts(options: CosineRestartsOptions): Schedule {
  objectOf('cosineRestarts', options);
  const { lr, t0, tMult, etaMin } = withDefaults('cosineRestarts', options, {
    lr: options.lr,
    t0: options.t0,
    tMult: 1,
    etaMin: 0,
  });
  expectAbove0('cosineRestarts', { lr });
  expectSteps('cosineRestarts', { t0, tMult });
  expectAtLeast0('cosineRestarts', { etaMin });
  return (step) => {
    let [start, period] = [0, t0];
    if (tMult === 1) start = Math.floor(step / t0) * t0;
    else {
      while (step >= start + period) {
        start += period;
        period *= tMult;
      }
    }
    return between('cos', lr, etaMin, (step - start) / period);
  };
}
