import { expectOneOf, objectOf, withDefaults } from '../../options.ts';
import { expectAbove0, expectAtLeast0, expectSteps, type MomentumSchedule } from './schedule.ts';

/** How the height of `cyclical` changes: not, halved by each cycle, or times `gamma` by each step (PyTorch's `exp_range`). */
export type CyclicalMode = 'triangular' | 'triangular2' | 'exp';

/** Options of `cyclical`. */
export interface CyclicalOptions {
  /** The lowest learning rate, at least 0. */
  readonly baseLr: number;
  /** The highest learning rate, above 0. */
  readonly maxLr: number;
  /** Steps in which the rate rises, at least 1. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps in which it goes down, at least 1. Default: stepSizeUp. */
  readonly stepSizeDown?: number;
  /** How the height of the cycles changes. Default `triangular`: not. */
  readonly mode?: CyclicalMode;
  /** What mode `exp` multiplies the height by at each step, above 0. Default 1. */
  readonly gamma?: number;
  /** The momentum at the highest rate, at least 0. Default 0.8. */
  readonly baseMomentum?: number;
  /** The momentum at the lowest rate, at least 0. Default 0.9. */
  readonly maxMomentum?: number;
}

/**
 * The learning rate goes from baseLr to maxLr and back in lines, again and again (Smith 2017; PyTorch's CyclicLR), and momentum the other
 * way. Throws UsageError for numbers out of range and unknown options.
 */
export function cyclical(options: CyclicalOptions): MomentumSchedule {
  objectOf('cyclical', options);
  const filled = withDefaults('cyclical', options, {
    baseLr: options.baseLr,
    maxLr: options.maxLr,
    stepSizeUp: 2000,
    stepSizeDown: options.stepSizeUp ?? 2000,
    mode: 'triangular',
    gamma: 1,
    baseMomentum: 0.8,
    maxMomentum: 0.9,
  });
  const { baseLr, maxLr, stepSizeUp, stepSizeDown, mode, gamma, baseMomentum, maxMomentum } = filled;
  expectAtLeast0('cyclical', { baseLr, baseMomentum, maxMomentum });
  expectAbove0('cyclical', { maxLr, gamma });
  expectSteps('cyclical', { stepSizeUp, stepSizeDown });
  expectOneOf('cyclical', 'mode', mode, ['triangular', 'triangular2', 'exp']);
  const total = stepSizeUp + stepSizeDown;
  /** How high a step is: 0 at baseLr, 1 at maxLr. */
  const height = (step: number): number => {
    const cycle = Math.floor(step / total);
    const within = step - cycle * total;
    const triangle = within <= stepSizeUp ? within / stepSizeUp : (total - within) / stepSizeDown;
    return triangle * { triangular: 1, triangular2: 0.5 ** cycle, exp: gamma ** step }[mode];
  };
  return Object.assign((step: number) => baseLr + (maxLr - baseLr) * height(step), {
    momentum: (step: number) => maxMomentum - (maxMomentum - baseMomentum) * height(step),
  });
}
