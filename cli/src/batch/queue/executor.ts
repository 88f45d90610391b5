/** Computes shards by the workers of a queue. */
import { DataError, UsageError } from 'fovea';
import { counted } from '../../counted.ts';
import { printable } from '../../printable.ts';
import type { Place } from '../place.ts';
import type { Executor } from '../run.ts';
import type { ShardDone, ShardTask } from '../runner.ts';
import { CANCELLED, shardName, workPlace } from '../work.ts';
import type { Backend } from './backend.ts';
import { jobId, jobOf } from './backend.ts';

/** Shards that are in the queue at a time: enough for many workers, so few that the queue stays small. */
const WINDOW = 256;
/** How often all shards that are out are looked at, in milliseconds: an event may be lost while the server restarts. */
const LOOK = 1000;
/** How often a shard is looked for in vain, in the queue and among the results, before it is given to the queue again. */
const MISSED = 3;
/** How often it is given again before its workers are said not to see the folder. */
const GIVEN = 3;
/** After how many looks without a worker that is said. */
const ALONE = 5;

interface Out {
  readonly task: ShardTask;
  missed: number;
  given: number;
}

export class QueueExecutor implements Executor {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async *run(tasks: readonly ShardTask[]): AsyncGenerator<ShardDone> {
    const [first] = tasks;
    if (!first) return;
    const place = workPlace(first.out);
    await place.remove(CANCELLED);
    const { queue } = this.#backend;
    const waiting = [...tasks];
    const out = new Map<string, Out>();
    const failed: { readonly shard: number; readonly reason: string }[] = [];
    /** Ids of which something was heard. */
    const heard = new Set<string>();
    let wake: () => void = () => undefined;
    const events = this.#backend.events();
    for (const name of ['completed', 'failed'] as const) {
      events.on(name, ({ jobId: id }: { jobId: string }) => {
        if (!out.has(id)) return;
        heard.add(id);
        wake();
      });
    }
    /** Undefined while it is on its way. */
    const outcome = async (id: string, one: Out, isDone: boolean): Promise<'done' | 'failed' | undefined> => {
      if (isDone) return 'done';
      const state = await queue.getJobState(id);
      if (state === 'failed') {
        const job = await queue.getJob(id);
        failed.push({ shard: one.task.shard, reason: job?.failedReason ?? 'unknown' });
        return 'failed';
      }
      one.missed = state === 'unknown' || state === 'completed' ? one.missed + 1 : 0;
      if (one.missed >= MISSED) {
        // Its server has lost it, or a worker looked for its batch in vain.
        if (one.given >= GIVEN) {
          const reason = `workers end it, and it is not there; every worker needs ${one.task.out} under the same path, as by a shared file system`;
          failed.push({ shard: one.task.shard, reason });
          return 'failed';
        }
        one.given++;
        one.missed = 0;
        await this.#give([one.task]);
      }
      return undefined;
    };
    let [looks, said, away] = [0, false, false];
    let looked = 0;
    while (waiting.length > 0 || out.size > 0) {
      try {
        if (out.size <= WINDOW / 2 && waiting.length > 0) {
          const some = waiting.slice(0, WINDOW - out.size);
          await this.#give(some);
          waiting.splice(0, some.length);
          for (const task of some) out.set(jobId(task), { task, missed: 0, given: 1 });
        }
        const all = Date.now() - looked >= LOOK;
        if (all) looked = Date.now();
        const ids = all ? [...out.keys()] : [...heard];
        heard.clear();
        // One question for all: a store would take long over hundreds.
        const done = all ? await this.#done(place, out) : undefined;
        let news = false;
        for (const id of ids) {
          const one = out.get(id);
          if (!one) continue;
          const name = shardName(one.task.shard);
          const found = await outcome(id, one, done?.has(name) ?? (await place.has(name)));
          if (!found) continue;
          news = true;
          out.delete(id);
          const { shard, inputs } = one.task;
          if (found === 'done') yield { shard, images: inputs.length, faults: 0 };
        }
        if (all && (await place.has(CANCELLED))) {
          throw new UsageError(
            `${first.out}: the batch was cancelled (fovea cancel); the same command goes on with it`,
          );
        }
        away = false;
        looks = news ? 0 : looks + (all ? 1 : 0);
        if (looks >= ALONE && !said && (await queue.getWorkersCount()) === 0) {
          process.stderr.write(
            `no worker is there; start one or more: fovea worker --queue ${printable(this.#backend.shown)}\n`,
          );
          said = true;
        }
      } catch (error) {
        if (error instanceof UsageError || error instanceof DataError) throw error;
        // The server is away: what it had is there again when it is, or is given again.
        if (!away) {
          const reason = error instanceof Error ? error.message : String(error);
          process.stderr.write(`the queue does not answer (${printable(reason)}); waiting for it\n`);
        }
        away = true;
        await new Promise((resolve) => setTimeout(resolve, LOOK));
      }
      if (heard.size === 0 && out.size > 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, LOOK);
        });
      }
    }
    if (failed.length === 0) return;
    const [one] = failed as [{ readonly shard: number; readonly reason: string }];
    throw new DataError(
      `${first.out}: ${counted(failed.length, 'shard')} could not be computed; the first, ${one.shard}: ${one.reason}; the same command goes on with the rest`,
    );
  }

  /** The names of shards whose results are there, of those that are out. */
  async #done(place: Place, out: ReadonlyMap<string, Out>): Promise<ReadonlySet<string>> {
    const [first] = [...out.values()].map(({ task }) => shardName(task.shard)).sort();
    if (first === undefined) return new Set();
    const [folder, name] = first.split('/') as [string, string];
    // Those before it are done, and may be very many.
    const names = await place.list(folder, name.slice(0, -1));
    return new Set(names.map((one) => `${folder}/${one}`));
  }

  /** Gives shards to the queue; those that are there from before stay, unless they had failed. */
  async #give(tasks: readonly ShardTask[]): Promise<void> {
    const { queue } = this.#backend;
    for (const task of tasks) {
      const job = await queue.getJob(jobId(task));
      if (job && ['failed', 'completed'].includes(await job.getState())) await job.remove();
    }
    await queue.addBulk(tasks.map(jobOf));
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
