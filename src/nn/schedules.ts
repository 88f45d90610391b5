import { UsageError } from '../errors.ts';
import { objectOf, withDefaults } from '../options.ts';

/** The learning rate of step 0, 1, 2, … of a training: `optimizer.lr = schedule(step)`. */
export type Schedule = (step: number) => number;

function check(name: string, lr: number, steps: number): void {
  if (lr > 0 && lr < Number.POSITIVE_INFINITY && steps >= 1) return;
  throw new UsageError(`${name}: lr ${lr} must be a number above 0, and steps ${steps} at least 1`);
}

const cosine = (from: number, to: number, t: number): number =>
  to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * Math.min(Math.max(t, 0), 1)));

/** Options of `warmupCosine`. */
export interface WarmupCosineOptions {
  /** The highest learning rate, above 0. */
  readonly lr: number;
  /** Steps of the training. */
  readonly steps: number;
  /** Steps of warm-up. Default 0. */
  readonly warmup?: number;
  /** The learning rate at the end. Default 0. */
  readonly final?: number;
}

/**
 * Linear warm-up over the first steps, then half a cosine down to `final` (Loshchilov and Hutter 2017). Throws
 * UsageError for an invalid learning rate or number of steps.
 */
export function warmupCosine(options: WarmupCosineOptions): Schedule {
  objectOf('warmupCosine', options);
  const { lr, steps, warmup, final } = withDefaults('warmupCosine', options, {
    lr: options.lr,
    steps: options.steps,
    warmup: 0,
    final: 0,
  });
  check('warmupCosine', lr, steps);
  return (step) =>
    step < warmup
      ? (lr * (step + 1)) / warmup
      : cosine(lr, final, (step - warmup) / Math.max(1, steps - warmup));
}

/** Options of `oneCycle`. */
export interface OneCycleOptions {
  /** The highest learning rate, above 0. */
  readonly lr: number;
  /** Steps of the training. */
  readonly steps: number;
  /** The share of the steps in which the learning rate rises. Default 0.3. */
  readonly rise?: number;
  /** The first learning rate is lr / startDivisor. Default 25. */
  readonly startDivisor?: number;
  /** The last learning rate is lr / startDivisor / finalDivisor. Default 1e4. */
  readonly finalDivisor?: number;
}

/**
 * One cycle (Smith and Topin 2018; PyTorch's OneCycleLR): a cosine from lr / startDivisor up to lr in the first `rise`
 * of the steps, then a cosine down to lr / startDivisor / finalDivisor. Throws UsageError for an invalid learning rate
 * or number of steps.
 */
export function oneCycle(options: OneCycleOptions): Schedule {
  objectOf('oneCycle', options);
  const { lr, steps, rise, startDivisor, finalDivisor } = withDefaults('oneCycle', options, {
    lr: options.lr,
    steps: options.steps,
    rise: 0.3,
    startDivisor: 25,
    finalDivisor: 1e4,
  });
  check('oneCycle', lr, steps);
  const start = lr / startDivisor;
  const peak = Math.max(1, rise * steps - 1);
  return (step) =>
    step <= peak
      ? cosine(start, lr, step / peak)
      : cosine(lr, start / finalDivisor, (step - peak) / Math.max(1, steps - 1 - peak));
}
