/** A training as a job of a queue. */
import * as v from 'valibot';
import { JOBS_VERSION, jobPrefix, type NewJob } from '../queue/backend.ts';
import { sweepIdSchema } from './state.ts';
import type { TrainingTask } from './task.ts';

/** The name of jobs that are trainings. */
export const TRAINING = 'training';
/** Shards go first: they are short, and a sweep may have many trainings. */
const PRIORITY = 1;
/** How often a training is tried that fails by itself: another worker may see its images. */
export const FAILURES = 3;
/** How often it is tried in all, as by workers that have no room for it. */
const ATTEMPTS = 10;

const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

export const trainingJobSchema = v.object({
  version: v.literal(JOBS_VERSION),
  sweep: sweepIdSchema,
  out: v.string(),
  trial: whole,
  fold: whole,
  until: v.pipe(whole, v.minValue(1)),
  options: v.record(v.string(), v.unknown()),
  metric: v.optional(v.string()),
  folder: v.string(),
  /** How often it has failed by itself. */
  failures: v.optional(whole, 0),
});

export const trainingJob = (task: TrainingTask): NewJob => ({
  id: `${jobPrefix(task.sweep, task.out)}${task.trial}-${task.fold}-${task.until}`,
  name: TRAINING,
  data: { ...task },
  priority: PRIORITY,
  attempts: ATTEMPTS,
});
