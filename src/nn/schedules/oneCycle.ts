import { UsageError } from '../../errors.ts';
import { expectOneOf, objectOf, withDefaults } from '../../options.ts';
import {
  type Anneal,
  between,
  expectAbove0,
  expectAtLeast0,
  expectShare,
  expectSteps,
  type MomentumSchedule,
} from './schedule.ts';

/** Options of `oneCycle`, by fastai's names. */
export interface OneCycleOptions {
  /** The highest learning rate, above 0. */
  readonly maxLr: number;
  /** Steps of the training, at least 1. */
  readonly steps: number;
  /** The share of the steps in which the learning rate rises, from 0 to 1. Default 0.3, as PyTorch's; fastai's is 0.25. */
  readonly pctStart?: number;
  /** The first learning rate is maxLr / div, above 0. Default 25. */
  readonly div?: number;
  /**
   * The last learning rate is maxLr / divFinal, as in fastai, above 0. PyTorch's `final_div_factor` divides the first rate
   * instead: divFinal is `div_factor * final_div_factor`. Default 2.5e5, which is PyTorch's 25 * 1e4; fastai's is 1e5.
   */
  readonly divFinal?: number;
  /** The momentum at first, at the peak of the learning rate, and at the end, at least 0. Default [0.95, 0.85, 0.95]. */
  readonly moms?: readonly [number, number, number];
  /** How values change: along half a cosine, or a line. Default `cos`. */
  readonly anneal?: Anneal;
  /**
   * The rate goes down to the first one in as many steps as it rose, and then, in the rest, to the last one. Default false: it
   * goes down to the last one at once.
   */
  readonly threePhase?: boolean;
}

/**
 * One cycle (Smith and Topin 2018; PyTorch's OneCycleLR, fastai's fit_one_cycle): the learning rate goes from maxLr / div up to
 * maxLr in the first `pctStart` of the steps, then down to maxLr / divFinal at the last one; momentum goes the other way.
 * Steps after the last one keep its values. A rise takes a step at least, but for `pctStart` 0. Throws UsageError for numbers out of range and unknown options.
 */
export function oneCycle(options: OneCycleOptions): MomentumSchedule {
  objectOf('oneCycle', options);
  const { maxLr, steps, pctStart, div, divFinal, moms, anneal, threePhase } = withDefaults(
    'oneCycle',
    options,
    {
      maxLr: options.maxLr,
      steps: options.steps,
      pctStart: 0.3,
      div: 25,
      divFinal: 2.5e5,
      moms: [0.95, 0.85, 0.95],
      anneal: 'cos',
      threePhase: false,
    },
  );
  expectAbove0('oneCycle', { maxLr, div, divFinal });
  expectSteps('oneCycle', { steps });
  expectShare('oneCycle', { pctStart });
  expectOneOf('oneCycle', 'anneal', anneal, ['cos', 'linear']);
  if (!Array.isArray(moms) || moms.length !== 3) {
    throw new UsageError(`oneCycle: moms is ${String(moms)}; give three numbers, such as [0.95, 0.85, 0.95]`);
  }
  expectAtLeast0('oneCycle', { 'moms[0]': moms[0], 'moms[1]': moms[1], 'moms[2]': moms[2] });
  if (threePhase && pctStart > 0.5) {
    throw new UsageError(`oneCycle: pctStart is ${pctStart}; threePhase takes at most 0.5`);
  }
  const first = maxLr / div;
  const last = maxLr / divFinal;
  const peak = pctStart === 0 ? -1 : Math.max(1, pctStart * steps - 1);
  const ends = threePhase ? [peak, 2 * peak, steps - 1] : [peak, steps - 1];
  const rates = threePhase ? [first, maxLr, first, last] : [first, maxLr, last];
  const momentums = threePhase ? [...moms, moms[2]] : moms;
  /** The value of a step, of those at the beginning and at the end of each phase. */
  const at = (step: number, values: readonly number[]): number => {
    const found = ends.findIndex((end) => step <= end);
    const phase = found < 0 ? ends.length - 1 : found;
    const start = phase === 0 ? 0 : ends[phase - 1]!;
    const length = ends[phase]! - start;
    return between(anneal, values[phase]!, values[phase + 1]!, length > 0 ? (step - start) / length : 1);
  };
  return Object.assign((step: number) => at(step, rates), {
    momentum: (step: number) => at(step, momentums),
  });
}
