/** Computes shards by the workers of a queue. */
import { DataError } from 'fovea';
import { counted } from '../counted.ts';
import type { Backend } from '../queue/backend.ts';
import { Handout } from '../queue/handout.ts';
import type { Executor } from './run.ts';
import type { ShardDone, ShardTask } from './runner.ts';
import { shardJob } from './shardJob.ts';
import { shardName, workPlace } from './work.ts';

export class QueueExecutor implements Executor {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async *run(tasks: readonly ShardTask[]): AsyncGenerator<ShardDone> {
    const [first] = tasks;
    if (!first) return;
    const { out } = first;
    const handout = await Handout.begin<ShardTask>(this.#backend, {
      place: workPlace(out),
      out,
      what: 'batch',
      jobOf: (task) => ({ job: shardJob(task), result: shardName(task.shard) }),
    });
    handout.give(tasks);
    const failed: string[] = [];
    for (let one = await handout.next(); one; one = await handout.next()) {
      const { shard, inputs } = one.task;
      if (one.failed === undefined) yield { shard, images: inputs.length, faults: 0 };
      else failed.push(`${shard}: ${one.failed}`);
    }
    if (failed.length === 0) return;
    throw new DataError(
      `${out}: ${counted(failed.length, 'shard')} could not be computed; the first, ${failed[0]}; the same command goes on with the rest`,
    );
  }

  close(): Promise<void> {
    return this.#backend.close();
  }
}
