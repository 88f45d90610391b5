import { FoveaError } from '../errors.ts';

/** The learning rate of step 0, 1, 2, … of a run. */
export type Schedule = (step: number) => number;

function check(name: string, lr: number, steps: number): void {
  if (!(lr > 0) || !(steps >= 1))
    throw new FoveaError(`${name}: lr ${lr} and steps ${steps} must be positive`);
}

const cosine = (from: number, to: number, t: number): number =>
  to + 0.5 * (from - to) * (1 + Math.cos(Math.PI * Math.min(Math.max(t, 0), 1)));

/** Linear warm-up over the first steps, then half a cosine down to `final` (Loshchilov and Hutter 2017). */
export function warmupCosine({
  lr,
  steps,
  warmup = 0,
  final = 0,
}: {
  lr: number;
  steps: number;
  warmup?: number;
  final?: number;
}): Schedule {
  check('warmupCosine', lr, steps);
  return (step) =>
    step < warmup
      ? (lr * (step + 1)) / warmup
      : cosine(lr, final, (step - warmup) / Math.max(1, steps - warmup));
}

/**
 * One cycle (Smith and Topin 2018; PyTorch's OneCycleLR): cosine from lr / startDivisor up to lr in the first
 * `rise` of the steps, then cosine down to lr / startDivisor / finalDivisor.
 */
export function oneCycle({
  lr,
  steps,
  rise = 0.3,
  startDivisor = 25,
  finalDivisor = 1e4,
}: {
  lr: number;
  steps: number;
  rise?: number;
  startDivisor?: number;
  finalDivisor?: number;
}): Schedule {
  check('oneCycle', lr, steps);
  const start = lr / startDivisor;
  const peak = Math.max(1, rise * steps - 1);
  return (step) =>
    step <= peak
      ? cosine(start, lr, step / peak)
      : cosine(lr, start / finalDivisor, (step - peak) / Math.max(1, steps - 1 - peak));
}
