/** fovea worker: takes jobs from a queue, and lets other processes compute, so that a busy step never keeps it from answering the queue. */
import { hostname } from 'node:os';
import type { Worker } from 'bullmq';
import { IMAGE_SECONDS } from '../batch/options.ts';
import { onInterrupt } from '../errors.ts';
import { NAMESPACE, openQueue, type QueueOptions } from '../queue/backend.ts';
import { Jobs } from './jobs.ts';
import { log } from './log.ts';
import { WorkerMetrics } from './metrics.ts';

export interface WorkerCommandOptions extends QueueOptions {
  readonly concurrency?: number;
  readonly imageTime?: number;
  readonly lock?: number;
  readonly metrics?: { readonly host: string; readonly port: number };
  readonly adapter?: string;
}

/** How long a worker may be out of reach before another one takes its jobs, in seconds. */
const LOCK_SECONDS = 30;
/** How often the job of a worker that is gone is given to the next: machines may come and go. */
const MOST_STALLED = 100;
/** How long a worker takes no jobs after one that its machine cannot do. */
const REST_SECONDS = 30;
/** How long a worker that ends tries to tell the queue, in milliseconds. */
const GIVE_BACK = 5000;
/** How long connections may stay open behind a worker that has ended, in milliseconds. */
const LINGERING = 1000;
/** How soon a worker asks again after the server was away. */
const AGAIN = 1000;

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
  /** Others may take what this machine cannot do. */
  const onFault = (): void => {
    log('warn', 'resting', { seconds: REST_SECONDS });
    void worker.pause(true);
    setTimeout(() => worker.closing || worker.resume(), REST_SECONDS * 1000).unref();
  };
  const jobs = new Jobs({ concurrency, adapter, imageTime: imageTime * 1000, onFault }, metrics);
  const worker: Worker = backend.worker((job, token, signal) => jobs.run(job, token, signal), {
    ...{ concurrency, lockDuration: lock * 1000, maxStalledCount: MOST_STALLED },
    // How often workers that are gone are looked for.
    stalledInterval: lock * 250,
    ...{ runRetryDelay: AGAIN, name: `${hostname()}-${process.pid}` },
  });
  worker.on('active', () => {
    if (away) log('info', 'queue back');
    away = false;
    metrics.queueIs(true);
  });
  // They were given to another worker, as this one was out of reach.
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id);
  });
  await worker.waitUntilReady();
  log('info', 'waiting', {
    ...{ queue: backend.shown, namespace, concurrency },
    ...(port === undefined ? {} : { metrics: port }),
  });
  await new Promise<void>((resolve) => {
    onInterrupt(() => {
      log('info', 'draining');
      jobs.drain();
      // What is being computed is done first. A server that is away by then is not waited for: it gives the jobs to others.
      const given = jobs.settled().then(() => new Promise((late) => setTimeout(late, GIVE_BACK).unref()));
      void Promise.race([worker.close(), given]).then(() => resolve(), resolve);
    });
  });
  jobs.close();
  await backend.close();
  metrics.close();
  log('info', 'ended');
  // Connections to a server that is away would keep this process. It has no device, which ends in another way.
  setTimeout(() => process.exit(), LINGERING).unref();
}
