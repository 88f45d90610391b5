/** fovea status and fovea cancel: what is in a queue, and taking a batch out of it. */

import type { Job } from 'bullmq';
import { DataError } from 'fovea';
import { checkAs } from '../../checked.ts';
import { counted } from '../../counted.ts';
import { printable } from '../../printable.ts';
import { textTable } from '../../textTable.ts';
import { CANCELLED, readWork, shardCount, workPlace } from '../work.ts';
import { type Backend, jobSchema, openQueue, type QueueOptions } from './backend.ts';

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;
type State = (typeof STATES)[number];

/** A shard that could not be computed. */
interface DeadShard {
  readonly shard: number;
  readonly reason: string;
}

interface BatchStatus {
  readonly id: string;
  readonly out: string;
  readonly counts: Record<State, number>;
  readonly failed: DeadShard[];
}

async function withQueue<T>(options: QueueOptions, work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await openQueue(options);
  try {
    return await work(backend);
  } finally {
    await backend.close();
  }
}

/** The shard of a job; of one that this version does not understand what can be said. */
function shardOf({ id, data }: Job): {
  readonly batch: string;
  readonly out: string;
  readonly shard: number;
} {
  try {
    return checkAs(jobSchema, data, '');
  } catch {
    return { batch: 'unknown', out: `job ${id}`, shard: 0 };
  }
}

/** The batches that have shards in the queue. */
async function batchesIn({ queue }: Backend): Promise<BatchStatus[]> {
  const batches = new Map<string, BatchStatus>();
  for (const state of STATES) {
    for (const job of (await queue.getJobs([state])) as (Job | undefined)[]) {
      // It may have been taken in between.
      if (!job) continue;
      const { batch, out, shard } = shardOf(job);
      const counts = { waiting: 0, active: 0, delayed: 0, failed: 0 };
      const one = batches.get(batch) ?? { id: batch, out, counts, failed: [] };
      one.counts[state]++;
      if (state === 'failed') one.failed.push({ shard, reason: job.failedReason ?? 'unknown' });
      batches.set(batch, one);
    }
  }
  return [...batches.values()];
}

/** How many shards of a batch are done; undefined where its folder cannot be seen from here. */
async function doneOf({ out }: BatchStatus): Promise<string> {
  try {
    const place = workPlace(out);
    const work = await readWork(place);
    return work ? `${(await place.list('shards')).length}/${shardCount(work)}` : '?';
  } catch {
    return '?';
  }
}

/** fovea status: the workers of a queue, its batches, and the shards that could not be computed. */
export async function statusCommand(options: QueueOptions & { readonly json?: boolean }): Promise<void> {
  await withQueue(options, async (backend) => {
    const workers = await backend.queue.getWorkersCount();
    const found = await batchesIn(backend);
    const batches = await Promise.all(found.map(async (one) => ({ ...one, done: await doneOf(one) })));
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ workers, batches }, undefined, 2)}\n`);
      return;
    }
    process.stdout.write(`${counted(workers, 'worker')}, ${counted(batches.length, 'batch', 'batches')}\n`);
    if (batches.length === 0) return;
    const rows = batches.map(({ id, out, counts, done }) => [
      id,
      done,
      ...STATES.map((state) => String(counts[state])),
      printable(out),
    ]);
    process.stdout.write(`${textTable({ header: ['batch', 'done', ...STATES, 'out'], rows })}\n`);
    for (const { out, failed } of batches) {
      for (const { shard, reason } of failed)
        process.stdout.write(`${printable(`${out}, shard ${shard}: ${reason}`)}\n`);
    }
  });
}

/** Takes the shards of a batch out of the queue; the process that began it ends, and the same command goes on with it. */
export async function cancelCommand(out: string, options: QueueOptions): Promise<void> {
  const place = workPlace(out);
  const work = await readWork(place);
  if (!work) throw new DataError(`${out}: has no batch to cancel; give the folder of --out`);
  await place.write(CANCELLED, '');
  await withQueue(options, async ({ queue }) => {
    let taken = 0;
    for (const state of ['waiting', 'delayed', 'failed'] as const) {
      for (const job of (await queue.getJobs([state])) as (Job | undefined)[]) {
        if (!job?.id?.startsWith(`${work.id}-`)) continue;
        // One that a worker has just taken is done by it.
        await job.remove().then(
          () => taken++,
          () => undefined,
        );
      }
    }
    process.stdout.write(`${printable(out)}: cancelled, ${counted(taken, 'shard')} taken out of the queue\n`);
  });
}
