/** A shard as a job of a queue. */
import * as v from 'valibot';
import { JOBS_VERSION, jobPrefix, type NewJob } from '../queue/backend.ts';
import type { ShardTask } from './runner.ts';
import { inputsSchema } from './work.ts';

/** The name of jobs that are shards. */
export const SHARD = 'shard';

export const shardJobSchema = v.object({
  version: v.literal(JOBS_VERSION),
  batch: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  out: v.string(),
  shard: v.pipe(v.number(), v.integer(), v.minValue(0)),
  inputs: inputsSchema,
});

export const shardJob = (task: ShardTask): NewJob => ({
  id: `${jobPrefix(task.batch, task.out)}${task.shard}`,
  name: SHARD,
  data: { ...task },
});
