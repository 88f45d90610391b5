/** Other threads that make batches: `WorkerPool` in the thread that trains, `serveBatches` in the workers. */
import { expectArguments } from '../arguments.ts';
import { DataError, LifetimeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';

/** A worker, as browsers and node:worker_threads have it. */
export interface WorkerLike {
  /** Sends a message to the worker. */
  postMessage(message: unknown): void;
  /** Ends the worker. */
  terminate(): unknown;
}

/** The events of a worker in Node, and what keeps the process alive for it. */
interface NodeWorker extends WorkerLike {
  on(event: string, listener: (value: unknown) => void): unknown;
  ref(): void;
  unref(): void;
}

/** The events of a worker in a browser. */
interface PageWorker extends WorkerLike {
  addEventListener(event: string, listener: (event: { data?: unknown; message?: string }) => void): void;
}

/** What a pool tells its workers: of what batches are made, and which to make. */
export type ToWorker =
  | { readonly open: number; readonly source: BatchSourceData }
  | { readonly close: number }
  | { readonly job: number; readonly of: number; readonly request: unknown };

/** Of what batches are made, as plain data. */
export interface BatchSourceData {
  /** What makes them: `items` with the functions of `serveBatches`; `crops`. */
  readonly kind: 'items' | 'crops';
  readonly [name: string]: unknown;
}

/** What a worker answers. */
export type FromWorker =
  | { readonly job: number; readonly result: unknown }
  | { readonly job: number; readonly error: WorkerFault };

/** An error of a worker, as plain data. */
export interface WorkerFault {
  /** The name of its class. */
  readonly name: string;
  readonly message: string;
}

/** Options of `WorkerPool`. */
export interface WorkerPoolOptions {
  /** How many workers there are. Default 2. */
  readonly count?: number;
}

interface Job {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A worker with the jobs that it has not answered. */
class Member {
  readonly jobs = new Map<number, Job>();
  readonly #worker: WorkerLike;
  /** Why it takes no more jobs. */
  failure: Error | undefined;

  constructor(worker: WorkerLike) {
    expectArguments('WorkerPool', { make: worker }, { make: { postMessage: 'function' } });
    this.#worker = worker;
    const fail = (why: string): void =>
      this.fail(new DataError(`WorkerPool: ${why}; correct the module of the worker, or use fewer workers`));
    if ('on' in worker) {
      const node = worker as NodeWorker;
      node.on('message', (message) => this.#take(message as FromWorker));
      node.on('error', (error) => fail(`a worker failed: ${error instanceof Error ? error.message : error}`));
      node.on('exit', (code) => fail(`a worker has ended with exit code ${code}`));
      // An idle worker does not keep the process alive.
      node.unref();
      return;
    }
    const page = worker as PageWorker;
    page.addEventListener('message', ({ data }) => this.#take(data as FromWorker));
    page.addEventListener('error', ({ message }) =>
      fail(`a worker failed: ${message ?? 'it cannot be loaded'}`),
    );
    page.addEventListener('messageerror', () => fail('a message of a worker cannot be read'));
  }

  post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  run(id: number, job: Job, message: ToWorker): void {
    if (this.failure) throw this.failure;
    this.post(message);
    if (this.jobs.size === 0 && 'ref' in this.#worker) (this.#worker as NodeWorker).ref();
    this.jobs.set(id, job);
  }

  #take(answer: FromWorker): void {
    const job = this.jobs.get(answer.job);
    this.jobs.delete(answer.job);
    this.#rest();
    if (!job) return;
    if ('error' in answer) job.reject(errorOf(answer.error));
    else job.resolve(answer.result);
  }

  #rest(): void {
    if (this.jobs.size === 0 && 'unref' in this.#worker) (this.#worker as NodeWorker).unref();
  }

  fail(error: Error): void {
    this.failure ??= error;
    const jobs = [...this.jobs.values()];
    this.jobs.clear();
    this.#rest();
    for (const { reject } of jobs) reject(this.failure);
  }

  end(): void {
    this.fail(
      new LifetimeError(
        'WorkerPool: was disposed of while batches were made; dispose of it after the training',
      ),
    );
    this.#worker.terminate();
  }
}

/** The error of a worker in this thread: of the same class, where that is one of Fovea. */
function errorOf({ name, message }: WorkerFault): Error {
  return name === 'UsageError' ? new UsageError(message) : new DataError(message);
}

/**
 * Threads that make batches for a `DataLoader` or a `CropLoader`, while this one feeds the device. Batches are the same with any number of
 * workers, and without. Idle workers do not keep a process of Node alive; `dispose` ends them.
 */
export class WorkerPool {
  /** How many workers there are. */
  readonly count: number;
  readonly #members: readonly Member[];
  #opened = 0;
  #jobs = 0;
  #disposed = false;

  /**
   * @param make Makes a worker whose module calls `serveBatches`: `() => new Worker(new URL('./batches.js', import.meta.url), { type: 'module' })`
   * in a page, the same with the Worker of node:worker_threads in Node.
   * @param options How many.
   * @throws UsageError for a count that is no whole number of at least 1.
   */
  constructor(make: () => WorkerLike, options: WorkerPoolOptions = {}) {
    expectArguments('WorkerPool', { make }, { make: 'function' });
    const { count } = withDefaults('WorkerPool', options, { count: 2 });
    if (!Number.isSafeInteger(count) || count < 1) {
      throw new UsageError(`WorkerPool: count is ${count}; give a whole number of at least 1`);
    }
    this.count = count;
    this.#members = Array.from({ length: count }, () => new Member(make()));
  }

  /**
   * Sends every worker what batches are made of.
   *
   * @internal
   * @returns The number to ask for batches with.
   */
  open(source: BatchSourceData): number {
    const id = this.#opened++;
    for (const member of this.#members) member.post({ open: id, source });
    return id;
  }

  /**
   * Lets the worker with the fewest jobs make a batch.
   *
   * @internal
   */
  run<R>(of: number, request: unknown): Promise<R> {
    return new Promise((resolve, reject) => {
      if (this.#disposed) throw new LifetimeError('WorkerPool: is disposed of; make a new one');
      const member = this.#members.reduce((best, one) => (one.jobs.size < best.jobs.size ? one : best));
      const job = this.#jobs++;
      member.run(job, { resolve: (result) => resolve(result as R), reject }, { job, of, request });
    });
  }

  /** Ends the workers. Batches that they still make are errors. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const member of this.#members) member.end();
  }

  /** `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
