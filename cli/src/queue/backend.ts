/** BullMQ on Redis or PostgreSQL, behind what batches and sweeps need of it. */
import type { Job, Processor, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq';
import { sha256 } from '../sha256.ts';
import { expectQueue, type QueueAddress, queueAddress } from './address.ts';

/** Redis's prefix of keys, PostgreSQL's schema. */
export const NAMESPACE = 'fovea';
/** The version of all jobs. Those of another one are in a queue of another name, which this fovea does not see. */
export const JOBS_VERSION = 1;
const QUEUE_NAME = `jobs-v${JOBS_VERSION}`;
/** How often a job is tried whose worker says that it cannot do it, and the time before the second try, in milliseconds. */
const ATTEMPTS = 4;
const BACKOFF = 2000;
/** Connections to PostgreSQL of a queue or a worker, beside the one that it is woken by. */
const CONNECTIONS = 2;

/** How long a question to Redis may take. */
const ASKING = { maxRetriesPerRequest: 1, commandTimeout: 10_000 } as const;
/** How long the closing of connections may take, in milliseconds. */
const CLOSING = 5000;

/** A job of which nothing has been checked. */
export type UnknownJob = Job<unknown, unknown>;

/** A job before it is in the queue. */
export interface NewJob {
  readonly id: string;
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Jobs of lower numbers go first; those without one before all others. */
  readonly priority?: number;
  /** How often it is tried. Default: 4. */
  readonly attempts?: number;
}

/** The first part of the ids of jobs. It names the place of results, too, since one batch may be computed for two places. */
export const jobPrefix = (id: string, out: string): string => `${id}-${sha256(out).slice(0, 8)}-`;

/** A job as BullMQ takes it. */
export const bullJob = ({ id, name, data, priority, attempts = ATTEMPTS }: NewJob) => ({
  name,
  data: { version: JOBS_VERSION, ...data },
  opts: {
    jobId: id,
    attempts,
    backoff: { type: 'exponential', delay: BACKOFF },
    ...(priority === undefined ? {} : { priority }),
    // The results are at their place.
    removeOnComplete: true,
    removeOnFail: false,
  },
});

/** States of jobs that wait to be taken. */
export const WAITING = ['waiting', 'prioritized', 'delayed'] as const;

/** Which queue a command is for. */
export interface QueueOptions {
  /** '' for none. */
  readonly queue?: string;
  readonly namespace?: string;
}

export interface Backend {
  /** The address of the server, without its password. */
  readonly shown: string;
  /** Opened when it is first asked for: a worker has no use for it, and a server lets in so many connections. */
  readonly queue: Queue;
  events(): QueueEvents;
  worker(processor: Processor, options: Omit<WorkerOptions, 'connection'>): Worker;
  close(): Promise<void>;
}

/**
 * Opens the queue of a command. What goes wrong with the connection later is told to `onError`, and tried again.
 *
 * @throws UsageError where no queue is named, or its server does not answer or does not let this user in.
 */
export async function openQueue(
  { queue, namespace = NAMESPACE }: QueueOptions,
  onError: (error: Error) => void = () => undefined,
): Promise<Backend> {
  const address = queueAddress(queue);
  await expectQueue(address);
  return openBackend(address, namespace, onError);
}

/**
 * The same of an address that is known to answer.
 *
 * @param namespace Redis's prefix of keys, PostgreSQL's schema.
 */
export async function openBackend(
  { kind, url, shown }: QueueAddress,
  namespace: string,
  onError: (error: Error) => void,
): Promise<Backend> {
  const bull = await import('bullmq');
  const opened: { close(): Promise<void> }[] = [];
  const keep = <
    T extends { close(): Promise<void>; on(event: 'error', listener: (error: Error) => void): unknown },
  >(
    one: T,
  ): T => {
    one.on('error', onError);
    opened.push(one);
    return one;
  };
  const classes = kind === 'postgres' ? bull.withBackend(bull.createPostgresBackend) : bull;
  const connection =
    kind === 'postgres'
      ? { connectionString: url, schema: namespace, migrate: true, max: CONNECTIONS }
      : { url, maxRetriesPerRequest: null };
  // The types of the two backends differ in their connection alone.
  const { Queue, QueueEvents, Worker } = classes as unknown as typeof bull;
  const shared = { connection: connection as never, ...(kind === 'redis' ? { prefix: namespace } : {}) };
  // Commands report a server that is away; workers wait for it.
  const asking = kind === 'redis' ? { ...shared, connection: { url, ...ASKING } as never } : shared;
  let queue: Queue | undefined;
  return {
    shown,
    get queue() {
      queue ??= keep(new Queue(QUEUE_NAME, asking));
      return queue;
    },
    events: () => keep(new QueueEvents(QUEUE_NAME, shared)),
    worker: (processor, options) => keep(new Worker(QUEUE_NAME, processor, { ...options, ...shared })),
    async close() {
      // A server that is away would be waited for.
      const patience = new Promise((resolve) => setTimeout(resolve, CLOSING).unref());
      await Promise.race([Promise.allSettled(opened.reverse().map((one) => one.close())), patience]);
    },
  };
}
