import { UsageError } from '../errors.ts';
import { Adam, AdamW } from '../nn/optimizers/adam.ts';
import type { ParameterGroup } from '../nn/optimizers/groups.ts';
import { Lion } from '../nn/optimizers/lion.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import { RMSprop } from '../nn/optimizers/rmsprop.ts';
import { SGD } from '../nn/optimizers/sgd.ts';
import { cosineRestarts, flatCos, warmupCosine } from '../nn/schedules/cosine.ts';
import { cyclical } from '../nn/schedules/cyclical.ts';
import { exponentialDecay, polynomialDecay, stepDecay } from '../nn/schedules/decay.ts';
import { oneCycle } from '../nn/schedules/oneCycle.ts';
import type { Schedule } from '../nn/schedules/schedule.ts';
import { warmup } from '../nn/schedules/warmup.ts';
import { expectOneOf } from '../options.ts';

/** Makes the schedule of a training: the learning rate of each step, numbered from 0, given the number of steps and the highest rate `lr`. */
type MakeSchedule = (lr: number, steps: number) => Schedule;

/** A share of the steps: a whole number of at least 1. */
const part = (steps: number, parts: number): number => Math.max(1, Math.ceil(steps / parts));

/** The schedules of `train`, by name: those of fovea/nn with settings that fit any number of steps. */
const MAKE_SCHEDULE = {
  'one-cycle': (maxLr, steps) => oneCycle({ maxLr, steps }),
  'flat-cos': (lr, steps) => flatCos({ lr, steps }),
  cosine: (lr, steps) => warmupCosine({ lr, steps }),
  // Periods of 1, 2 and 4 parts end with the training.
  'cosine-restarts': (lr, steps) => cosineRestarts({ lr, t0: part(steps, 7), tMult: 2 }),
  step: (lr, steps) => stepDecay({ lr, stepSize: part(steps, 3) }),
  exponential: (lr, steps) => exponentialDecay({ lr, gamma: 0.01 ** (1 / steps) }),
  polynomial: (lr, steps) => polynomialDecay({ lr, steps, power: 0.9 }),
  cyclical: (maxLr, steps) => cyclical({ baseLr: maxLr / 4, maxLr, stepSizeUp: part(steps, 8) }),
  // The callback ReduceLROnPlateau lowers it.
  plateau: (lr) => () => lr,
  constant: (lr) => () => lr,
} as const satisfies Record<string, MakeSchedule>;

/**
 * How the learning rate changes in a training of `train`. The highest rate is `TrainSettings.lr`, momentum stays as it is:
 *
 * - `one-cycle`: up in 30 % of the steps, then down to 0 (`oneCycle`);
 * - `flat-cos`: constant for 75 % of the steps, then down to 0 along a cosine (`flatCos`);
 * - `cosine`: down to 0 along a cosine (`warmupCosine`);
 * - `cosine-restarts`: three cosines, each twice as long as the one before (`cosineRestarts`);
 * - `step`: a tenth after each third of the steps (`stepDecay`);
 * - `exponential`: down to a hundredth by one factor per step (`exponentialDecay`);
 * - `polynomial`: lr * (1 - step / steps)^0.9 (`polynomialDecay`);
 * - `cyclical`: four triangles between a quarter of the rate and the rate (`cyclical`);
 * - `plateau`: a tenth after three epochs without a lower loss, of validation if there is one (`ReduceLROnPlateau`);
 * - `constant`.
 *
 * @useDeclaredType
 */
export type ScheduleName = keyof typeof MAKE_SCHEDULE;

/** The names of all schedules of `train`. */
export const SCHEDULE_NAMES = Object.keys(MAKE_SCHEDULE) as readonly ScheduleName[];

/** Epochs without a lower loss after which the schedule `plateau` lowers the rate. */
export const PLATEAU_PATIENCE = 3;

/** The first rate of a warm-up is this share of the schedule's, as in torchvision's training of detectors. */
const WARMUP_START = 1e-3;

/** Settings of the optimizers that `train` takes. */
interface OptimizerSettings {
  readonly lr: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly momentum?: number;
}

interface OptimizerEntry {
  /** How many times the learning rate of AdamW is usual. */
  readonly rate: number;
  /** The default momentum; without it the optimizer has no momentum to choose. */
  readonly momentum?: number;
  make(groups: readonly ParameterGroup[], settings: OptimizerSettings): Optimizer;
}

/** The optimizers of `train`, by name. */
const OPTIMIZERS = {
  adamw: { rate: 1, make: (groups, settings) => new AdamW(groups, settings) },
  adam: { rate: 1, make: (groups, settings) => new Adam(groups, settings) },
  sgd: { rate: 10, momentum: 0.9, make: (groups, settings) => new SGD(groups, settings) },
  rmsprop: { rate: 1, momentum: 0, make: (groups, settings) => new RMSprop(groups, settings) },
  lion: { rate: 0.1, make: (groups, settings) => new Lion(groups, settings) },
} as const satisfies Record<string, OptimizerEntry>;

/**
 * An optimizer of `train`: those of fovea/nn, in lower case.
 *
 * @useDeclaredType
 */
export type OptimizerName = keyof typeof OPTIMIZERS;

/** The names of all optimizers of `train`. */
export const OPTIMIZER_NAMES = Object.keys(OPTIMIZERS) as readonly OptimizerName[];

/** How a training goes about it, whatever it learns. */
export interface Recipe {
  /** The highest learning rate: that of the last layer group. */
  readonly lr: number;
  /** How the learning rate changes. */
  readonly schedule: ScheduleName;
  /** Steps at the start in which the learning rate rises to the schedule's. 0: none. */
  readonly warmup: number;
  /** The optimizer. */
  readonly optimizer: OptimizerName;
  /** Momentum of SGD and RMSprop. The others have none to choose. */
  readonly momentum?: number;
  /** Weight decay. Biases and norms have none. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this norm if theirs is larger. */
  readonly clipNorm: number;
  /** Batches per step, whose gradients are accumulated. */
  readonly accumulate: number;
  /** Whether activations are f16, with a scaled loss: see `LearnerOptions.amp`. */
  readonly amp: boolean;
  /** What stays of the averaged weights at each step, less at first: see `LearnerOptions.ema`. Without it there are no averages. */
  readonly ema?: number;
}

/** Options of `recipeOf`, whose defaults depend on each other. */
export type RecipeOptions = { readonly [K in keyof Recipe]?: Recipe[K] | undefined };

/**
 * Fills in the defaults of a recipe: one cycle with AdamW, whose rate is `lr`; SGD's is 10 times, Lion's a tenth of it.
 *
 * @param call What messages begin with.
 * @param usualLr The learning rate of the architecture with AdamW.
 * @throws UsageError as `expectRecipe` does.
 */
export function recipeOf(call: string, usualLr: number, options: RecipeOptions): Recipe {
  const { optimizer = 'adamw' } = options;
  expectOneOf(call, 'optimizer', optimizer, OPTIMIZER_NAMES);
  const { rate, momentum: usual }: OptimizerEntry = OPTIMIZERS[optimizer];
  const momentum = options.momentum ?? usual;
  const recipe: Recipe = {
    lr: options.lr ?? usualLr * rate,
    schedule: options.schedule ?? 'one-cycle',
    warmup: options.warmup ?? 0,
    optimizer,
    ...(momentum === undefined ? {} : { momentum }),
    weightDecay: options.weightDecay ?? 1e-4,
    clipNorm: options.clipNorm ?? 10,
    accumulate: options.accumulate ?? 1,
    amp: options.amp ?? false,
    ...(options.ema === undefined ? {} : { ema: options.ema }),
  };
  expectRecipe(call, recipe);
  return recipe;
}

/** Throws UsageError for settings that contradict each other, or are out of range; names both values and the way out. */
export function expectRecipe(call: string, recipe: Recipe): void {
  const { schedule, warmup, optimizer, momentum, accumulate, amp, ema } = recipe;
  expectOneOf(call, 'schedule', schedule, SCHEDULE_NAMES);
  expectOneOf(call, 'optimizer', optimizer, OPTIMIZER_NAMES);
  const above0 = (value: unknown) => typeof value === 'number' && value > 0 && Number.isFinite(value);
  const ranges: readonly (readonly [keyof Recipe, boolean, string])[] = [
    ['lr', above0(recipe.lr), 'a number above 0'],
    ['clipNorm', above0(recipe.clipNorm), 'a number above 0'],
    ['weightDecay', recipe.weightDecay === 0 || above0(recipe.weightDecay), 'a number of at least 0'],
    ['warmup', Number.isSafeInteger(warmup) && warmup >= 0, 'a number of steps of at least 0'],
    ['accumulate', Number.isSafeInteger(accumulate) && accumulate > 0, 'a whole number of at least 1'],
    ['amp', typeof amp === 'boolean', 'true or false'],
    ['ema', ema === undefined || (ema >= 0 && ema < 1), 'a number from 0 to below 1, such as 0.999'],
    ['momentum', momentum === undefined || (momentum >= 0 && momentum < 1), 'a number from 0 to below 1'],
  ];
  for (const [name, fits, range] of ranges) {
    if (!fits) throw new UsageError(`${call}: ${name} is ${String(recipe[name])}; give ${range}`);
  }
  if (warmup > 0 && schedule === 'one-cycle') {
    throw new UsageError(
      `${call}: warmup is ${warmup}, and the schedule one-cycle rises by itself; leave warmup out, or choose another schedule, such as cosine`,
    );
  }
  const { momentum: usual }: OptimizerEntry = OPTIMIZERS[optimizer];
  if (momentum !== undefined && usual === undefined) {
    throw new UsageError(
      `${call}: momentum is ${momentum}, and the optimizer ${optimizer} has none to choose; leave momentum out, or choose sgd or rmsprop`,
    );
  }
}

/** Makes a schedule: the learning rate of each step, numbered from 0, given the number of steps. */
export function scheduleOf({ lr, schedule, warmup: rise }: Recipe, steps: number): Schedule {
  if (schedule === 'cosine') return warmupCosine({ lr, steps, warmup: rise });
  const rates: Schedule = MAKE_SCHEDULE[schedule](lr, steps);
  // The learning rate alone: momentum stays as it is.
  const own: Schedule = (step) => rates(step);
  return rise > 0 ? warmup(own, { steps: rise, startFactor: WARMUP_START }) : own;
}

/** Makes the optimizer of groups of parameters. */
export function optimizerOf(
  { optimizer, lr, weightDecay, clipNorm, momentum }: Recipe,
  groups: readonly ParameterGroup[],
): Optimizer {
  return OPTIMIZERS[optimizer].make(groups, {
    lr,
    weightDecay,
    clipNorm,
    ...(momentum === undefined ? {} : { momentum }),
  });
}
