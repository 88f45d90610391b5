import { UsageError } from '../errors.ts';
import { flatCos } from '../nn/schedules/cosine.ts';
import { type OneCycleOptions, oneCycle } from '../nn/schedules/oneCycle.ts';
import type { MomentumSchedule } from '../nn/schedules/schedule.ts';
import { withDefaults } from '../options.ts';
import { FIT_CONTROLS, type FitControls } from './fitControls.ts';
import type { FitPlan, Phase, StepRates } from './fitPlan.ts';
import { type Rate, ratesOf, slice } from './rates.ts';
import { expectAccumulate } from './steps.ts';

/** Options of `Learner.fit`. */
export interface FitOptions extends FitControls {
  /** The learning rate, or those of the layer groups: see `slice`. Default 1e-3. */
  readonly lr?: Rate;
  /**
   * The learning rate of the last layer group for each step, numbered from 0, given the number of steps. A schedule of fovea/nn may also set the
   * momentum. Default: `lr` at every step.
   */
  readonly schedule?: (step: number, steps: number) => number | StepRates;
}

/** Options of `Learner.fitOneCycle`. */
export interface FitOneCycleOptions extends FitControls {
  /** The highest learning rate, or those of the layer groups: see `slice`. Default 1e-3. */
  readonly lrMax?: Rate;
  /** The share of the steps in which the learning rate rises. Default 0.25. */
  readonly pctStart?: number;
  /** The first learning rate is lrMax / div. Default 25. */
  readonly div?: number;
  /** The last learning rate is lrMax / divFinal. Default 1e5. */
  readonly divFinal?: number;
  /** The momentum at the start, at the highest learning rate, and at the end. Default [0.95, 0.85, 0.95]. */
  readonly moms?: readonly [number, number, number];
  /**
   * A cycle of the batch size, opposite to that of the learning rate (Smith et al. 2018, Don't Decay the Learning Rate, Increase the Batch Size): the
   * batches per step at the start, at the highest learning rate, and at the end, such as [8, 1, 8]. Between them it changes as the momentum does, rounded. A step
   * uses the mean gradient of its batches: see `LearnerOptions.accumulate`, which this replaces. With `div: 1, divFinal: 1` the rate
   * is constant and only the batch size changes. Default: the Learner's `accumulate` at every step.
   */
  readonly accumulate?: readonly [number, number, number];
}

/** Options of `Learner.fitFlatCos`. */
export interface FitFlatCosOptions extends FitControls {
  /** The learning rate, or those of the layer groups: see `slice`. Default 1e-3. */
  readonly lr?: Rate;
  /** The share of the steps after which the learning rate falls. Default 0.75. */
  readonly pctStart?: number;
  /** The last learning rate is lr / divFinal. Default 1e5. */
  readonly divFinal?: number;
}

/** Options of `Learner.fineTune`. */
export interface FineTuneOptions extends FitControls {
  /** The highest learning rate of the last layer group while the others are frozen; half of it afterwards. Default 2e-3. */
  readonly baseLr?: number;
  /** Epochs with the last layer group alone. Default 1. */
  readonly freezeEpochs?: number;
  /** The first layer group learns this many times more slowly than the last one. Default 100. */
  readonly lrMult?: number;
  /** The share of the steps in which the learning rate rises, once all groups are trained. Default 0.3. */
  readonly pctStart?: number;
  /** The first learning rate is the highest / div, once all groups are trained. Default 5. */
  readonly div?: number;
}

const ONE_CYCLE = { pctStart: 0.25, div: 25, divFinal: 1e5, moms: [0.95, 0.85, 0.95] as const };

function expectEpochs(call: string, values: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (typeof value === 'number' && value > 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`${call}: ${name} is ${value}; give a number above 0`);
  }
}

/** Options as plain JSON data, without the controls. */
function asked(call: string, epochs: number, options: object): Record<string, unknown> {
  return { call, epochs, ...options };
}

export function planFit(groups: number, epochs: number, options: FitOptions): FitPlan {
  const {
    lr: rate,
    schedule,
    ...controls
  } = withDefaults('fit', options, {
    ...FIT_CONTROLS,
    lr: 1e-3 as Rate,
    schedule: undefined,
  });
  expectEpochs('fit', { epochs });
  const { lr, mults: lrMults } = ratesOf('fit', rate, groups);
  const rates = (step: number, steps: number): StepRates => {
    const given = schedule ? schedule(step, steps) : lr;
    if (typeof given !== 'number') return given;
    const momentum = (schedule as Partial<MomentumSchedule> | undefined)?.momentum?.(step);
    return { lr: given, ...(momentum === undefined ? {} : { momentum }) };
  };
  return { asked: asked('fit', epochs, { lr: rate }), phases: [{ epochs, lrMults, rates }], controls };
}

export function planOneCycle(groups: number, epochs: number, options: FitOneCycleOptions): FitPlan {
  const call = 'fitOneCycle';
  const { lrMax, pctStart, div, divFinal, moms, accumulate, ...controls } = withDefaults(call, options, {
    ...FIT_CONTROLS,
    ...ONE_CYCLE,
    lrMax: 1e-3 as Rate,
    accumulate: undefined,
  });
  expectEpochs(call, { epochs });
  const cycle = { pctStart, div, divFinal, moms };
  const phase = oneCyclePhase(call, groups, epochs, lrMax, cycle);
  const sizes = accumulate && { accumulate: batchCycle(call, accumulate, pctStart) };
  return {
    asked: asked(call, epochs, {
      lrMax,
      ...cycle,
      ...(accumulate ? { 'accumulate of the cycle': accumulate } : {}),
    }),
    phases: [{ ...phase, ...sizes }],
    controls,
  };
}

/** Batches per step along a cycle. */
function batchCycle(
  call: string,
  sizes: readonly [number, number, number],
  pctStart: number,
): (batch: number, batches: number) => number {
  if (!Array.isArray(sizes) || sizes.length !== 3) {
    throw new UsageError(`${call}: accumulate is ${String(sizes)}; give three numbers, such as [8, 1, 8]`);
  }
  sizes.forEach((size, i) => {
    expectAccumulate(call, `accumulate[${i}]`, size);
  });
  // It follows the same curve as momentum.
  return (batch, batches) =>
    Math.round(oneCycle({ maxLr: 1, steps: batches, pctStart, moms: sizes }).momentum(batch));
}

function oneCyclePhase(
  call: string,
  groups: number,
  epochs: number,
  rate: Rate,
  cycle: Omit<OneCycleOptions, 'maxLr' | 'steps'>,
): Phase {
  const { lr, mults: lrMults } = ratesOf(call, rate, groups);
  let made: { readonly steps: number; readonly schedule: MomentumSchedule } | undefined;
  const rates = (step: number, steps: number): StepRates => {
    if (made?.steps !== steps) made = { steps, schedule: oneCycle({ maxLr: lr, steps, ...cycle }) };
    return { lr: made.schedule(step), momentum: made.schedule.momentum(step) };
  };
  // Impossible settings are errors before the training begins.
  rates(0, 1);
  return { epochs, lrMults, rates };
}

export function planFlatCos(groups: number, epochs: number, options: FitFlatCosOptions): FitPlan {
  const {
    lr: rate,
    pctStart,
    divFinal,
    ...controls
  } = withDefaults('fitFlatCos', options, {
    ...FIT_CONTROLS,
    lr: 1e-3 as Rate,
    pctStart: 0.75,
    divFinal: 1e5,
  });
  expectEpochs('fitFlatCos', { epochs });
  const { lr, mults: lrMults } = ratesOf('fitFlatCos', rate, groups);
  const rates = (step: number, steps: number): StepRates => ({
    lr: flatCos({ lr, steps, pctStart, divFinal })(step),
  });
  rates(0, 1);
  return {
    asked: asked('fitFlatCos', epochs, { lr: rate, pctStart, divFinal }),
    phases: [{ epochs, lrMults, rates }],
    controls,
  };
}

export function planFineTune(groups: number, epochs: number, options: FineTuneOptions): FitPlan {
  const { baseLr, freezeEpochs, lrMult, pctStart, div, ...controls } = withDefaults('fineTune', options, {
    ...FIT_CONTROLS,
    baseLr: 2e-3,
    freezeEpochs: 1,
    lrMult: 100,
    pctStart: 0.3,
    div: 5,
  });
  expectEpochs('fineTune', { epochs, ...(freezeEpochs === 0 ? {} : { freezeEpochs }) });
  const call = 'fineTune';
  const frozen = oneCyclePhase(call, groups, freezeEpochs, slice(baseLr), { ...ONE_CYCLE, pctStart: 0.99 });
  const tuned = oneCyclePhase(call, groups, epochs, slice(baseLr / 2 / lrMult, baseLr / 2), {
    ...ONE_CYCLE,
    pctStart,
    div,
  });
  return {
    asked: asked(call, epochs, { baseLr, freezeEpochs, lrMult, pctStart, div }),
    phases: [...(freezeEpochs > 0 ? [{ ...frozen, freezeTo: groups - 1 }] : []), { ...tuned, freezeTo: 0 }],
    controls,
  };
}
