import * as v from 'valibot';
import { expectArguments } from '../arguments.ts';
import { checkAugment } from '../data/augment/check.ts';
import { DataError } from '../errors.ts';
import { MODEL_NAMES } from './architectures.ts';
import { OPTIMIZER_NAMES, SCHEDULE_NAMES } from './recipe.ts';
import type { TrainSettings } from './settings.ts';
import type { TrainingRun } from './trainingRecord.ts';
import { runSchema } from './trainingSchemas.ts';

/** The JSON part of a checkpoint of `train`. */
export interface TrainProgress {
  /** The settings of the training. */
  readonly settings: TrainSettings;
  /** The number of steps done. */
  readonly step: number;
  /** Crops per epoch. */
  readonly crops: number;
  /** What the Learner needs to go on: its `FitProgress`. */
  readonly fit: Readonly<Record<string, unknown>>;
  /** Where and on what the training ran. */
  readonly run?: TrainingRun;
  /** The SHA-256 of the file with the losses of these steps, in hexadecimal, where `fovea train` keeps one. */
  readonly history?: string;
  /** The folder for its logs, where `fovea train` has one. */
  readonly log?: string;
}

const MAX_STEPS = 1e9;
const count = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(most));
const place = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_STEPS));
const atLeast0 = v.pipe(v.number(), v.minValue(0), v.maxValue(1e30));
const rate = v.pipe(v.number(), v.gtValue(0), v.maxValue(1e30));
const whole = v.pipe(v.number(), v.safeInteger());

const settings = v.object({
  model: v.picklist(MODEL_NAMES),
  classNames: v.pipe(v.array(v.string()), v.minLength(1)),
  config: v.looseObject({}),
  maxSide: count(65536),
  cropSize: count(65536),
  batchSize: count(1e6),
  steps: count(MAX_STEPS),
  lr: rate,
  schedule: v.picklist(SCHEDULE_NAMES),
  warmup: place,
  optimizer: v.picklist(OPTIMIZER_NAMES),
  momentum: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  weightDecay: atLeast0,
  clipNorm: rate,
  accumulate: count(1e6),
  amp: v.boolean(),
  ema: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  freezeEpochs: v.optional(rate),
  classWeights: v.optional(v.array(rate)),
  labelSmoothing: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  seed: whole,
  skipBatches: v.optional(v.array(count(MAX_STEPS))),
  val: v.optional(v.string()),
  best: v.optional(v.string()),
  patience: v.optional(count(MAX_STEPS)),
  weights: v.optional(v.string()),
  freeze: v.optional(v.array(v.string())),
  augment: v.array(v.looseObject({ name: v.string() })),
});

const schema = v.object({
  settings,
  step: place,
  crops: count(1e9),
  fit: v.looseObject({}),
  run: v.optional(runSchema),
  history: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  log: v.optional(v.string()),
});

/**
 * Checks the JSON part of a checkpoint.
 *
 * @param value `Checkpoint.progress`.
 * @param file The file's name, for messages.
 * @returns The same, typed.
 * @throws DataError that names the first field that is missing or out of range.
 */
export function readProgress(value: unknown, file: string): TrainProgress {
  expectArguments('readProgress', { value, file }, { value: 'object', file: 'text' });
  const refuse = (problem: string) =>
    new DataError(`${file}: is not a checkpoint of "fovea train" (${problem}); train again (--force)`);
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    const where = v.getDotPath(issue);
    throw refuse(`${where ? `${where}: ` : ''}${issue.message}`);
  }
  const progress = value as TrainProgress;
  try {
    checkAugment(progress.settings.augment, 'settings.augment');
  } catch (error) {
    throw refuse((error as Error).message);
  }
  const { step, fit } = progress;
  const { steps } = progress.settings;
  if (step > steps) throw refuse(`step is ${step} of ${steps}`);
  if (fit.step !== step) throw refuse(`fit.step is ${fit.step} at step ${step}`);
  return progress;
}
