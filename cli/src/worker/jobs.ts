/** Does the jobs of a queue, each by its kind. */
import { UnrecoverableError, WaitingError } from 'bullmq';
import { UsageError } from 'fovea';
import type * as v from 'valibot';
import { ComputingProcess } from '../batch/childProcess.ts';
import { SHARD, shardJobSchema } from '../batch/shardJob.ts';
import { checkAs } from '../checked.ts';
import type { UnknownJob } from '../queue/backend.ts';
import { trainStored } from '../sweep/stored.ts';
import { FAILURES, TRAINING, trainingJobSchema } from '../sweep/trainingJob.ts';
import { log } from './log.ts';
import type { JobKind, WorkerMetrics } from './metrics.ts';

/** The data of a job. Throws UsageError for one that this version does not understand. */
function readJob<const Schema extends v.GenericSchema>(
  schema: Schema,
  { id, data }: UnknownJob,
  kind: JobKind,
): v.InferOutput<Schema> {
  try {
    return checkAs(schema, data, `${kind} ${id}`);
  } catch (error) {
    throw new UsageError(
      `${(error as Error).message}; it was given by another version of fovea, or by something else`,
    );
  }
}

/** What a job came to. */
interface Done {
  readonly outcome: string;
  /** For the queue. */
  readonly result: unknown;
  /** It is to be given back to the queue. */
  readonly isLeft?: boolean;
}

export interface JobsOptions {
  readonly concurrency: number;
  readonly adapter: string | undefined;
  /** The most time, in milliseconds, that an image may take. */
  readonly imageTime: number;
  /** Called where this machine cannot train, as without room for temporary files. */
  readonly onFault: () => void;
}

export class Jobs {
  readonly #options: JobsOptions;
  readonly #metrics: WorkerMetrics;
  /** Those that compute shards. */
  readonly #processes: readonly ComputingProcess[];
  readonly #idle: ComputingProcess[];
  readonly #draining = new AbortController();
  readonly #working = new Set<Promise<unknown>>();

  constructor(options: JobsOptions, metrics: WorkerMetrics) {
    const { concurrency, adapter, imageTime } = options;
    this.#options = options;
    this.#metrics = metrics;
    const onAdapter = (found: object): void => log('info', 'adapter', { ...found });
    this.#processes = Array.from(
      { length: concurrency },
      () => new ComputingProcess({ adapter, imageTime, onAdapter }),
    );
    this.#idle = [...this.#processes];
  }

  /**
   * Does a job.
   *
   * @param signal The queue's: another worker has the job.
   * @throws UnrecoverableError for what no other worker can do, another error for what one may.
   */
  async run(job: UnknownJob, token = '', signal = new AbortController().signal): Promise<unknown> {
    const kind = job.name === TRAINING ? TRAINING : SHARD;
    const work = kind === SHARD ? () => this.#shard(job) : () => this.#training(job, signal);
    const done = this.#metrics.during(kind, work);
    const settled: Promise<unknown> = done.then(
      () => this.#working.delete(settled),
      () => this.#working.delete(settled),
    );
    this.#working.add(settled);
    try {
      const { result, isLeft } = await done;
      if (!isLeft) return result;
    } catch (error) {
      const { message } = error as Error;
      log('error', `${kind} failed`, { id: job.id, attempt: job.attemptsMade + 1, reason: message });
      // What no other worker can do either: what was asked for, or a job that this version does not understand.
      if (error instanceof UsageError) throw new UnrecoverableError(message);
      throw error;
    }
    await job.moveToWait(token);
    log('info', `${kind} given back`, { id: job.id });
    throw new WaitingError();
  }

  /** Waits for all that is being computed; the queue need not know of it yet. */
  async settled(): Promise<void> {
    await Promise.all(this.#working);
  }

  async #shard(job: UnknownJob): Promise<Done> {
    const task = readJob(shardJobSchema, job, SHARD);
    const start = performance.now();
    // There are as many as the queue gives jobs at a time.
    const one = this.#idle.pop()!;
    const done = await one.run(task).finally(() => this.#idle.push(one));
    const { images, faults } = done;
    const result = { images, faults };
    if (done.gone) {
      const reason = 'it has ended, or its folder is not seen from here';
      log('warn', 'no batch', { id: job.id, out: task.out, reason });
      return { outcome: 'gone', result };
    }
    this.#metrics.add(result);
    log('info', SHARD, { id: job.id, images, faults, seconds: secondsSince(start) });
    return { outcome: 'done', result };
  }

  async #training(job: UnknownJob, signal: AbortSignal): Promise<Done> {
    const task = readJob(trainingJobSchema, job, TRAINING);
    const start = performance.now();
    const { adapter } = this.#options;
    const stop = AbortSignal.any([signal, this.#draining.signal]);
    const onBegin = (continued: boolean): void =>
      log('info', 'training begun', { id: job.id, out: task.out, continued });
    const end = await trainStored(task, { adapter, signal: stop, onBegin }).catch((error) => {
      this.#options.onFault();
      throw error;
    });
    const said = { id: job.id, seconds: secondsSince(start) };
    switch (end.kind) {
      case 'failed': {
        const failures = task.failures + 1;
        if (failures >= FAILURES) throw new UnrecoverableError(end.reason);
        await job.updateData({ ...task, failures });
        throw new Error(end.reason);
      }
      case 'gone':
        log('warn', 'no sweep', {
          ...said,
          out: task.out,
          reason: 'it has ended, or its folder is not seen from here',
        });
        return { outcome: 'gone', result: {} };
      case 'cancelled':
        log('info', 'training cancelled', said);
        return { outcome: 'cancelled', result: {} };
      case 'trained':
        log('info', TRAINING, said);
        return { outcome: 'done', result: {} };
      case 'stopped':
        if (signal.aborted) throw new Error('this worker was out of reach, and another one has it');
        return { outcome: 'stopped', result: {}, isLeft: true };
    }
  }

  /** Trainings save what they have, and are given back to the queue; shards are finished. */
  drain(): void {
    this.#draining.abort();
  }

  close(): void {
    for (const one of this.#processes) one.close();
  }
}

const secondsSince = (start: number): number => Number(((performance.now() - start) / 1000).toFixed(3));
