/** BullMQ on Redis or PostgreSQL, behind what batches need of it. */
import type { Job, Processor, Queue, QueueEvents, Worker, WorkerOptions } from 'bullmq';
import * as v from 'valibot';
import type { ShardTask } from '../runner.ts';
import { BATCH_VERSION, inputsSchema } from '../work.ts';
import { expectQueue, type QueueAddress, queueAddress } from './address.ts';
import { NAMESPACE } from './settings.ts';

/** Jobs of another version are in a queue of another name. */
const QUEUE_NAME = `shards-v${BATCH_VERSION}`;
/** How often a shard is tried whose worker says that it cannot do it, and the time before the second try, in milliseconds. */
const ATTEMPTS = 4;
const BACKOFF = 2000;

/** Connections to PostgreSQL of a queue or a worker, beside the one that it is woken by. */
const CONNECTIONS = 2;

/** A shard as it travels. */
export const jobSchema = v.object({
  version: v.literal(BATCH_VERSION),
  batch: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/)),
  out: v.string(),
  shard: v.pipe(v.number(), v.integer(), v.minValue(0)),
  inputs: inputsSchema,
});
export type ShardJob = Job<unknown, unknown>;

export const jobId = ({ batch, shard }: Pick<ShardTask, 'batch' | 'shard'>): string => `${batch}-${shard}`;

/** The names of shards in the queue, and the options that they are tried by. */
export const jobOf = (task: ShardTask) => ({
  name: 'shard',
  data: { version: BATCH_VERSION, ...task },
  opts: {
    jobId: jobId(task),
    attempts: ATTEMPTS,
    backoff: { type: 'exponential', delay: BACKOFF },
    // What is done is a file at the place of results.
    removeOnComplete: true,
    removeOnFail: false,
  },
});

/** Which queue a command is for. */
export interface QueueOptions {
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
  let queue: Queue | undefined;
  return {
    shown,
    get queue() {
      queue ??= keep(new Queue(QUEUE_NAME, shared));
      return queue;
    },
    events: () => keep(new QueueEvents(QUEUE_NAME, shared)),
    worker: (processor, options) => keep(new Worker(QUEUE_NAME, processor, { ...options, ...shared })),
    async close() {
      await Promise.allSettled(opened.reverse().map((one) => one.close()));
    },
  };
}
