/** What a sweep tries: the options of `fovea train` that are the same for all, and those that differ. */

import { Command } from 'commander';
import { DataError, UsageError } from 'fovea';
import { Random } from 'fovea/vision';
import * as v from 'valibot';
import { checkAs } from '../checked.ts';
import { applyTable, type Config, readTable } from '../config.ts';
import type { TrainOptions } from '../trainOptions.ts';
import { trainingOptions } from '../trainProgram.ts';

const count = (least: number) => v.pipe(v.number(), v.integer(), v.minValue(least));
const number = v.pipe(v.number(), v.finite());
const choice = v.union([v.string(), number, v.boolean()]);

const rangeSchema = v.pipe(
  v.strictObject({
    low: number,
    high: number,
    log: v.optional(v.boolean(), false),
    integer: v.optional(v.boolean(), false),
  }),
  v.check(({ low, high }) => low < high, 'low must be below high'),
  v.check(({ low, high }) => Number.isFinite(high - low), 'the range is too wide'),
  v.check(
    ({ low, high, integer }) => !integer || (Number.isSafeInteger(low) && Number.isSafeInteger(high)),
    'low and high of integer = true must be whole numbers',
  ),
  v.check(({ low, log }) => !log || low > 0, 'a logarithmic range begins above 0'),
);
const spaceSchema = v.pipe(
  v.record(
    v.string(),
    v.union(
      [v.pipe(v.array(choice), v.minLength(1, 'give at least one value')), rangeSchema],
      'give a list of values, or a range such as { low = 1e-4, high = 1e-2, log = true }; a single value belongs in [train]',
    ),
  ),
  v.check((space) => Object.keys(space).length > 0, 'give at least one option to try values of'),
);

const shared = {
  /** The metric that trials are compared by, without `val_`, as `--best`. */
  metric: v.optional(v.string()),
  /** In how many folds each setting is judged; 0: by the images of `val`. */
  folds: v.optional(v.union([v.literal(0), count(2)]), 0),
} as const;
const sampled = { trials: count(1), seed: v.optional(count(0), 0) } as const;

const searchSchema = v.variant(
  'kind',
  [
    v.strictObject({ kind: v.literal('grid'), ...shared }),
    v.strictObject({ kind: v.literal('random'), ...shared, ...sampled }),
    v.strictObject({
      kind: v.literal('halving'),
      ...shared,
      ...sampled,
      /** Steps of the first rung. Default: those of the last, divided by the reduction twice. */
      'min-steps': v.optional(count(1)),
      /** One of so many goes on to the next rung, which has so many times the steps. */
      reduction: v.optional(count(2), 3),
    }),
  ],
  'give "grid", "random" or "halving"',
);

const sweepSchema = v.strictObject({
  train: v.record(v.string(), v.unknown()),
  space: spaceSchema,
  search: searchSchema,
});
export type SweepConfig = v.InferOutput<typeof sweepSchema>;
type Space = SweepConfig['space'];

/** A setting that is tried: its number from 1, and its values of the options that differ. */
export interface Trial {
  readonly number: number;
  readonly values: Config;
}

/** Options that a sweep sets by itself, or that are of one training alone. */
const OWN = [
  'out',
  'log',
  'best',
  'epochs',
  'patience',
  'config',
  'resume',
  'force',
  'until',
  'skip-batches',
];
const MOST_TRIALS = 10_000;

/** Reads the file of a sweep. Throws DataError for what it cannot be, UsageError for options that trainings do not have. */
export async function readSweep(file: string): Promise<SweepConfig> {
  const config = checkAs(sweepSchema, await readTable(file, 'sweep'), file);
  const { train, space, search } = config;
  for (const name of [...Object.keys(train), ...Object.keys(space)]) {
    if (OWN.includes(name)) {
      const instead = { epochs: '; give steps', best: '; give metric in [search]' }[name] ?? '';
      throw new UsageError(`${file}: ${name} is not for a sweep${instead}; leave it out`);
    }
    if (name in train && name in space) {
      throw new UsageError(`${file}: ${name} is in [train] and in [space]; leave one of them out`);
    }
  }
  if (search.folds > 0 && ('val' in train || 'val' in space)) {
    throw new UsageError(
      `${file}: folds = ${search.folds} says what trials are judged by, as does val; leave one of them out`,
    );
  }
  if (train.steps === undefined)
    throw new UsageError(`${file}: give steps in [train], the length of a whole training`);
  if (search.kind === 'grid') {
    const range = Object.entries(space).find(([, values]) => !Array.isArray(values));
    if (range)
      throw new UsageError(
        `${file}: ${range[0]} is a range, and a grid tries lists; give a list, or another kind of search`,
      );
  }
  const count = trialCount(config);
  if (count > MOST_TRIALS) {
    throw new UsageError(`${file}: gives ${count} trials; give fewer, at most ${MOST_TRIALS}`);
  }
  const trials = trialsOf(config);
  for (const trial of trials) trainOptionsOf(config, trial, 0, file);
  if (search.kind === 'halving') {
    const least = search['min-steps'];
    if (least !== undefined && least > Number(train.steps)) {
      throw new UsageError(
        `${file}: min-steps = ${least} are more than the ${train.steps} steps of a training`,
      );
    }
  }
  return config;
}

/** Options of a training of a sweep, as `fovea train --config` takes them. */
export function optionsOf({ train, search }: SweepConfig, { values }: Trial, fold: number): Config {
  return {
    ...train,
    ...values,
    ...(search.metric === undefined ? {} : { best: search.metric }),
    ...(fold === 0 ? {} : { val: `${fold}/${search.folds}` }),
  };
}

/** The same as the command line parses them. Throws UsageError and DataError that name the file and the trial. */
export function trainOptionsOf(config: SweepConfig, trial: Trial, fold: number, file: string): TrainOptions {
  const command = trainingOptions(new Command('train'));
  try {
    applyTable(command, optionsOf(config, trial, fold), `${file}, trial ${trial.number}`);
  } catch (error) {
    const isDrawn = Object.entries(config.space).some(
      ([name, values]) =>
        !Array.isArray(values) && !values.integer && (error as Error).message.includes(`: ${name} is `),
    );
    if (!isDrawn || !/whole number/.test((error as Error).message)) throw error;
    throw new DataError(`${(error as Error).message}: add integer = true to its range`, { cause: error });
  }
  return command.opts();
}

/** All combinations, the last option changing fastest. */
function gridOf(space: Space): Config[] {
  let all: Config[] = [{}];
  for (const [name, values] of Object.entries(space)) {
    all = all.flatMap((one) => (values as unknown[]).map((value) => ({ ...one, [name]: value })));
  }
  return all;
}

/** A value of each option, drawn by the number of the trial alone: more trials leave the first ones as they are. */
function drawn(space: Space, random: Random): Config {
  return Object.fromEntries(
    Object.entries(space).map(([name, values]) => {
      // By its name: another option changes no values of this one.
      const own = random.fork(name);
      if (Array.isArray(values)) return [name, values[own.integer(values.length)]];
      const { low, high, log, integer } = values;
      if (integer) return [name, low + own.integer(high - low + 1)];
      const share = own.uniform();
      const value = log ? low * (high / low) ** share : low + share * (high - low);
      // Four digits tell trials apart, and can be read.
      return [name, Number(value.toPrecision(4))];
    }),
  );
}

/** How many settings a sweep tries. */
const trialCount = ({ space, search }: SweepConfig): number =>
  search.kind === 'grid'
    ? Object.values(space).reduce((product, values) => product * (values as unknown[]).length, 1)
    : search.trials;

/** The settings that a sweep tries. */
export function trialsOf({ space, search }: SweepConfig): Trial[] {
  const settings =
    search.kind === 'grid'
      ? gridOf(space)
      : Array.from({ length: search.trials }, (_, i) => drawn(space, new Random(search.seed).fork(i)));
  return settings.map((values, i) => ({ number: i + 1, values }));
}

/** A stretch of the trainings: until this step, after which so many trials go on. */
export interface Rung {
  readonly until: number;
  readonly keep: number;
}

/**
 * The rungs of a search. Successive halving (Jamieson and Talwalkar 2016, "Non-stochastic Best Arm Identification", algorithm 1, with eta as in
 * Hyperband, Li et al. 2017): after each rung one of `reduction` trials goes on, the best ones, and the next rung has `reduction` times the steps.
 * Other searches have one rung.
 */
export function rungsOf(config: SweepConfig): Rung[] {
  const { search, train } = config;
  const steps = Number(train.steps);
  const trials = trialsOf(config).length;
  if (search.kind !== 'halving') return [{ until: steps, keep: trials }];
  const { reduction } = search;
  const least = search['min-steps'] ?? Math.max(1, Math.round(steps / reduction ** 2));
  const ends: number[] = [];
  for (let until = least; until < steps; until *= reduction) ends.push(until);
  ends.push(steps);
  let keep = trials;
  return ends.map((until, i) => {
    keep = i === ends.length - 1 ? keep : Math.max(1, Math.floor(keep / reduction));
    return { until, keep };
  });
}
