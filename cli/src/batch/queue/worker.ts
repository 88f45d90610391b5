/** fovea worker: takes shards from a queue, and lets other processes compute them, so that a busy step never keeps it from answering the queue. */
import { hostname } from 'node:os';
import { UnrecoverableError } from 'bullmq';
import { UsageError } from 'fovea';
import { checkAs } from '../../checked.ts';
import { onInterrupt } from '../../errors.ts';
import { ComputingProcess } from '../childProcess.ts';
import type { ShardDone, ShardTask } from '../runner.ts';
import { jobSchema, openQueue, type QueueOptions, type ShardJob } from './backend.ts';
import { WorkerMetrics } from './metrics.ts';
import { IMAGE_SECONDS, NAMESPACE } from './settings.ts';

export interface WorkerCommandOptions extends QueueOptions {
  readonly concurrency?: number;
  readonly imageTime?: number;
  readonly lock?: number;
  readonly metrics?: { readonly host: string; readonly port: number };
  readonly adapter?: string;
}

/** How long a worker may be out of reach before another one takes its shards, in seconds. */
const LOCK_SECONDS = 30;
/** How often the shard of a worker that is gone is given to the next: machines may come and go. */
const MOST_STALLED = 100;
/** How soon a worker asks again after the server was away. */
const AGAIN = 1000;

type Level = 'info' | 'warn' | 'error';

/** A line of the log, as JSON. */
function log(level: Level, event: string, more: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...more })}\n`);
}

/** The shard of a job. Throws UsageError for one that this version does not understand. */
function readJob({ id, data }: ShardJob): ShardTask {
  try {
    return checkAs(jobSchema, data, `shard ${id}`);
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message}; it was given by another version of fovea, or by something else`,
    );
  }
}

/** Processes that compute, each for one shard at a time. */
class Processes {
  readonly #idle: ComputingProcess[];
  readonly #all: readonly ComputingProcess[];

  constructor(count: number, start: () => ComputingProcess) {
    this.#all = Array.from({ length: count }, start);
    this.#idle = [...this.#all];
  }

  async run(job: ShardJob): Promise<ShardDone> {
    const task = readJob(job);
    // There are as many as the queue gives shards at a time.
    const one = this.#idle.pop()!;
    try {
      return await one.run(task);
    } finally {
      this.#idle.push(one);
    }
  }

  close(): void {
    for (const one of this.#all) one.close();
  }
}

export async function workerCommand(options: WorkerCommandOptions): Promise<void> {
  const { namespace = NAMESPACE, concurrency = 1, adapter } = options;
  const { imageTime = IMAGE_SECONDS, lock = LOCK_SECONDS } = options;
  const metrics = new WorkerMetrics();
  let away = false;
  const backend = await openQueue(options, (error) => {
    if (!away) log('warn', 'queue away', { reason: error.message });
    away = true;
    metrics.queueIs(false);
  });
  const port = options.metrics && (await metrics.serve(options.metrics));
  const processes = new Processes(
    concurrency,
    () =>
      new ComputingProcess({
        adapter,
        imageTime: imageTime * 1000,
        onAdapter: (found) => log('info', 'adapter', { ...found }),
      }),
  );
  const worker = backend.worker(
    async (job) => {
      const start = performance.now();
      try {
        const { images, faults, gone } = await metrics.during(() => processes.run(job));
        if (gone) {
          const { out } = readJob(job);
          log('warn', 'no batch', {
            id: job.id,
            out,
            reason: 'it has ended, or its folder is not seen from here',
          });
          return { images, faults };
        }
        const seconds = (performance.now() - start) / 1000;
        log('info', 'shard', { id: job.id, images, faults, seconds: Number(seconds.toFixed(3)) });
        return { images, faults };
      } catch (error) {
        const { message } = error as Error;
        log('error', 'shard failed', { id: job.id, attempt: job.attemptsMade + 1, reason: message });
        // What no other worker can do either: what was asked for, or a shard that this version does not understand.
        if (error instanceof UsageError) throw new UnrecoverableError(message);
        throw error;
      }
    },
    {
      ...{ concurrency, lockDuration: lock * 1000, maxStalledCount: MOST_STALLED },
      // How often workers that are gone are looked for.
      stalledInterval: lock * 250,
      ...{ runRetryDelay: AGAIN, name: `${hostname()}-${process.pid}` },
    },
  );
  worker.on('active', () => {
    if (away) log('info', 'queue back');
    away = false;
    metrics.queueIs(true);
  });
  await worker.waitUntilReady();
  log('info', 'waiting', {
    ...{ queue: backend.shown, namespace, concurrency },
    ...(port === undefined ? {} : { metrics: port }),
  });
  await new Promise<void>((resolve) => {
    onInterrupt(() => {
      log('info', 'draining');
      // What is being computed is done first.
      void worker.close().then(resolve, resolve);
    });
  });
  processes.close();
  await backend.close();
  metrics.close();
  log('info', 'ended');
}
