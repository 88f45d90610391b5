/** fovea status and fovea cancel: what is in a queue, and taking a batch or a sweep out of it. */
import type { Job } from 'bullmq';
import { DataError } from 'fovea';
import { SHARD, shardJobSchema } from '../batch/shardJob.ts';
import { readWork, shardCount, workPlace } from '../batch/work.ts';
import { checkAs } from '../checked.ts';
import { counted } from '../counted.ts';
import { openPlace } from '../place/place.ts';
import { printable } from '../printable.ts';
import { type Backend, jobPrefix, openQueue, type QueueOptions, WAITING } from '../queue/backend.ts';
import { CANCELLED } from '../queue/handout.ts';
import { partsPlace, RESULTS, readState } from '../sweep/state.ts';
import { resultName } from '../sweep/task.ts';
import { TRAINING, trainingJobSchema } from '../sweep/trainingJob.ts';
import { textTable } from '../textTable.ts';

const STATES = ['waiting', 'active', 'delayed', 'failed'] as const;
type State = (typeof STATES)[number];
/** BullMQ's names. */
const BULL_STATES = {
  waiting: ['waiting', 'prioritized'],
  active: ['active'],
  delayed: ['delayed'],
  failed: ['failed'],
} as const;

/** A job that could not be done. */
interface Dead {
  /** As `shard 3`. */
  readonly job: string;
  readonly reason: string;
}

interface Work {
  readonly kind: 'batch' | 'sweep' | 'unknown';
  readonly id: string;
  readonly out: string;
  readonly counts: Record<State, number>;
  readonly failed: Dead[];
}

async function withQueue<T>(options: QueueOptions, work: (backend: Backend) => Promise<T>): Promise<T> {
  const backend = await openQueue(options);
  try {
    return await work(backend);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DataError(
      `--queue ${backend.shown}: holds a job that is none of fovea (${error.message}); remove it, or choose another --namespace`,
      { cause: error },
    );
  } finally {
    await backend.close();
  }
}

/** What a job belongs to; of one that this version does not understand what can be said. */
function workOf({ id, name, data }: Job): Pick<Work, 'kind' | 'id' | 'out'> & { readonly job: string } {
  try {
    if (name === TRAINING) {
      const { sweep, out, trial, fold, until } = checkAs(trainingJobSchema, data, '');
      const job = `trial ${trial}${fold === 0 ? '' : `, fold ${fold}`}, step ${until}`;
      return { kind: 'sweep', id: sweep, out, job };
    }
    const { batch, out, shard } = checkAs(shardJobSchema, data, '');
    return { kind: 'batch', id: batch, out, job: `${SHARD} ${shard}` };
  } catch {
    return { kind: 'unknown', id: 'unknown', out: `job ${id}`, job: name };
  }
}

/** The batches and sweeps that have jobs in the queue. */
async function workIn({ queue }: Backend): Promise<Work[]> {
  const all = new Map<string, Work>();
  for (const state of STATES) {
    for (const job of (await queue.getJobs([...BULL_STATES[state]])) as (Job | undefined)[]) {
      // It may have been taken in between.
      if (!job) continue;
      const { job: shown, ...of } = workOf(job);
      const key = `${of.id} ${of.out}`;
      const one = all.get(key) ?? {
        ...of,
        counts: { waiting: 0, active: 0, delayed: 0, failed: 0 },
        failed: [],
      };
      one.counts[state]++;
      if (state === 'failed') one.failed.push({ job: shown, reason: job.failedReason ?? 'unknown' });
      all.set(key, one);
    }
  }
  return [...all.values()];
}

/** How much is done; `?` where the place cannot be seen from here. */
async function doneOf({ kind, out }: Work): Promise<string> {
  try {
    if (kind === 'sweep') {
      const state = await readState(openPlace(out));
      if (!state) return '?';
      // Results that are there, also where no process has heard of them yet.
      const known = state.runs.map(resultName);
      const results = (await partsPlace(out).list(RESULTS)).map((name) => `${RESULTS}/${name}`);
      return `${new Set([...known, ...results]).size}/${state.most}`;
    }
    const place = workPlace(out);
    const work = await readWork(place);
    return work ? `${(await place.list('shards')).length}/${shardCount(work)}` : '?';
  } catch {
    return '?';
  }
}

/** fovea status: the workers of a queue, its batches and sweeps, and what could not be done. */
export async function statusCommand(options: QueueOptions & { readonly json?: boolean }): Promise<void> {
  await withQueue(options, async (backend) => {
    const workers = await backend.queue.getWorkersCount();
    const found = await workIn(backend);
    const work = await Promise.all(found.map(async (one) => ({ ...one, done: await doneOf(one) })));
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ workers, work }, undefined, 2)}\n`);
      return;
    }
    const count = (kind: Work['kind']): number => work.filter((one) => one.kind === kind).length;
    process.stdout.write(
      `${counted(workers, 'worker')}, ${counted(count('batch'), 'batch', 'batches')}, ${counted(count('sweep'), 'sweep')}\n`,
    );
    if (work.length === 0) return;
    const rows = work.map(({ kind, id, out, counts, done }) => [
      ...[kind, id, done],
      ...STATES.map((state) => String(counts[state])),
      printable(out),
    ]);
    process.stdout.write(`${textTable({ header: ['work', 'id', 'done', ...STATES, 'out'], rows })}\n`);
    for (const { out, failed } of work) {
      for (const { job, reason } of failed)
        process.stdout.write(`${printable(`${out}, ${job}: ${reason}`)}\n`);
    }
  });
}

/** The batch or the sweep that is at a place. */
async function workAt(out: string) {
  const { url } = openPlace(out);
  const place = workPlace(out);
  const work = await readWork(place);
  if (work) return { place, prefix: jobPrefix(work.id, url), job: SHARD };
  const sweep = await readState(openPlace(out));
  if (sweep) return { place: partsPlace(out), prefix: jobPrefix(sweep.id, url), job: TRAINING };
  throw new DataError(`${out}: has no batch or sweep to cancel; give the folder of --out`);
}

/** Takes the jobs of a batch or a sweep out of the queue; the process that began it ends, and the same command goes on with it. */
export async function cancelCommand(out: string, options: QueueOptions): Promise<void> {
  const { place, prefix, job: what } = await workAt(out);
  await withQueue(options, async ({ queue }) => {
    await place.write(CANCELLED, '');
    let taken = 0;
    const active = (await queue.getJobs(['active'])).filter((job) => job?.id?.startsWith(prefix)).length;
    for (const state of [...WAITING, 'failed'] as const) {
      for (const job of (await queue.getJobs([state])) as (Job | undefined)[]) {
        if (!job?.id?.startsWith(prefix)) continue;
        // One that a worker has just taken is done by it.
        await job.remove().then(
          () => taken++,
          () => undefined,
        );
      }
    }
    const more =
      active === 0 ? '' : `; ${active} ${what === SHARD ? 'still being computed' : 'being stopped'}`;
    process.stdout.write(
      `${printable(out)}: cancelled, ${counted(taken, what)} taken out of the queue${more}\n`,
    );
  });
}
