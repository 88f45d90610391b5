// Apart from the types, which are public: declarations must not name valibot.
import * as v from 'valibot';
import type { TrainingRecord } from './trainingRecord.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

/** Checks a `TrainingRun` of a file. */
export const runSchema = v.object({
  fovea: v.string(),
  adapter: v.string(),
  images: v.object({ train: count, valid: count }),
  note: v.optional(v.looseObject({})),
});

const recordSchema = v.object({
  ...runSchema.entries,
  settings: v.looseObject({}),
  step: count,
  best: v.optional(v.object({ name: v.string(), value: v.number(), epoch: count })),
});

/** The record in a file's metadata; undefined where it has none, or one of another version. */
export function recordIn(value: unknown): TrainingRecord | undefined {
  return v.is(recordSchema, value) ? (value as unknown as TrainingRecord) : undefined;
}
