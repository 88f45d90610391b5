import { UsageError } from '../../errors.ts';
import { objectOf, withDefaults } from '../../options.ts';
import { between, expectShare, expectSteps, type Schedule } from './schedule.ts';

/** Options of `warmup`. */
export interface WarmupOptions {
  /** Steps of warm-up, at least 1: from the one of this number on the rate is the schedule's. */
  readonly steps: number;
  /** What the schedule's rate is multiplied by at first, from 0 to 1. Default 1 / 3. */
  readonly startFactor?: number;
}

/**
 * A schedule whose first rates are multiplied by a factor that rises in a line from `startFactor` to 1 (PyTorch's LinearLR in a
 * ChainedScheduler). The steps of the warm-up count as the schedule's first ones; momentum is the schedule's. Throws UsageError for numbers out of
 * range and unknown options.
 *
 * @param schedule What is warmed up: a schedule, or a function of the step.
 * @param options `steps`; `startFactor`, default 1 / 3.
 */
export function warmup<S extends Schedule>(schedule: S, options: WarmupOptions): S {
  if (typeof schedule !== 'function') {
    throw new UsageError(`warmup: ${String(schedule)} is no schedule; give one, such as stepDecay(…)`);
  }
  objectOf('warmup', options);
  const { steps, startFactor } = withDefaults('warmup', options, {
    steps: options.steps,
    startFactor: 1 / 3,
  });
  expectSteps('warmup', { steps });
  expectShare('warmup', { startFactor });
  const rate = (step: number) => schedule(step) * between('linear', startFactor, 1, step / steps);
  return Object.assign(rate, schedule) as Schedule as S;
}
