/** Gives jobs to the workers of a queue, and waits until the result of each is at its place. */
import { FoveaError, UsageError } from 'fovea';
import type { Place } from '../place/place.ts';
import { printable } from '../printable.ts';
import { type Backend, bullJob, type NewJob } from './backend.ts';

/** Jobs that are in the queue at a time: enough for many workers, so few that the queue stays small. */
const WINDOW = 256;
/** How often all jobs that are out are looked at, in milliseconds: an event may be lost while the server restarts. */
const LOOK = 1000;
/** How often a job is looked for in vain, in the queue and among the results, before it is given to the queue again. */
const MISSED = 3;
/** How often workers may end a job whose result is not there before they are said not to see the folder. */
const ENDED = 3;
/** After how many looks without a worker that is said. */
const ALONE = 5;

/** This name is at the place of a batch or a sweep that was cancelled. */
export const CANCELLED = 'cancelled';

/** A job, and the name of its result, `FOLDER/NAME`: where that is at the place, the job is done. The results of a handout are in one folder. */
export interface Handed {
  readonly job: NewJob;
  readonly result: string;
}

/** A task whose job has ended: its result is there, or `failed` says why there is none. */
export interface Returned<T> {
  readonly task: T;
  readonly failed?: string;
}

interface Out<T> extends Handed {
  readonly task: T;
  missed: number;
  /** How often the server has said that a worker has ended it. */
  ended: number;
}

export interface HandoutOptions<T> {
  /** The job of a task. It is asked for when the queue has room: there may be very many tasks. */
  readonly jobOf: (task: T) => Handed;
  /** Where the results are. */
  readonly place: Place;
  /** The `--out` of the user, for messages. */
  readonly out: string;
  readonly what: 'batch' | 'sweep';
}

export class Handout<T> {
  readonly #backend: Backend;
  readonly #options: HandoutOptions<T>;
  #waiting: T[] = [];
  readonly #out = new Map<string, Out<T>>();
  readonly #returned: Returned<T>[] = [];
  /** Ids of jobs that the server has said to have ended. */
  readonly #heard = new Set<string>();
  #wake: () => void = () => undefined;
  #looked = 0;
  /** Looks in a row that found nothing new. */
  #idle = 0;
  #saidAlone = false;
  #isAway = false;

  private constructor(backend: Backend, options: HandoutOptions<T>) {
    this.#backend = backend;
    this.#options = options;
    const events = backend.events();
    for (const name of ['completed', 'failed'] as const) {
      events.on(name, ({ jobId }: { jobId: string }) => {
        const one = this.#out.get(jobId);
        if (!one) return;
        if (name === 'completed') one.ended++;
        this.#heard.add(jobId);
        this.#wake();
      });
    }
  }

  /** Begins; that it was cancelled before is over. */
  static async begin<T>(backend: Backend, options: HandoutOptions<T>): Promise<Handout<T>> {
    await options.place.remove(CANCELLED);
    return new Handout(backend, options);
  }

  give(tasks: readonly T[]): void {
    this.#waiting = this.#waiting.concat(tasks);
  }

  /**
   * Waits for the next job that ends, in any order; undefined where all have. While the server is away, it waits for it.
   *
   * @throws UsageError where all was cancelled, PlaceError where the place of results cannot be read.
   */
  async next(): Promise<Returned<T> | undefined> {
    for (;;) {
      const one = this.#returned.shift();
      if (one) return one;
      if (this.#waiting.length === 0 && this.#out.size === 0) return undefined;
      try {
        await this.#refill();
        await this.#look();
        this.#isAway = false;
      } catch (error) {
        if (error instanceof FoveaError) throw error;
        this.#sayAway(error);
        await new Promise((resolve) => setTimeout(resolve, LOOK));
      }
      if (this.#returned.length === 0 && this.#heard.size === 0) await this.#wait();
    }
  }

  /** Jobs survive a restart of the server, or are given to it again. */
  #sayAway(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    if (!this.#isAway)
      process.stderr.write(`the queue does not answer (${printable(reason)}); waiting for it\n`);
    this.#isAway = true;
  }

  /** Waits until something is heard, or it is time to look at all. */
  #wait(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #refill(): Promise<void> {
    if (this.#out.size > WINDOW / 2 || this.#waiting.length === 0) return;
    const some = this.#waiting
      .slice(0, WINDOW - this.#out.size)
      .map((task): Out<T> => ({ task, ...this.#options.jobOf(task), missed: 0, ended: 0 }));
    await this.#enqueue(some);
    this.#waiting = this.#waiting.slice(some.length);
    for (const one of some) this.#out.set(one.job.id, one);
  }

  /** Gives jobs to the queue; those that are there from before stay, unless they had ended. */
  async #enqueue(some: readonly Handed[]): Promise<void> {
    const { queue } = this.#backend;
    for (const { job } of some) {
      const known = await queue.getJob(job.id);
      if (known && ['failed', 'completed'].includes(await known.getState())) await known.remove();
    }
    await queue.addBulk(some.map(({ job }) => bullJob(job)));
  }

  /** Looks at the jobs that were heard of, and now and then at all that are out. */
  async #look(): Promise<void> {
    const { place, out, what } = this.#options;
    const isFull = Date.now() - this.#looked >= LOOK;
    if (isFull) this.#looked = Date.now();
    const ids = isFull ? [...this.#out.keys()] : [...this.#heard];
    this.#heard.clear();
    // One question for all: a store would take long over hundreds.
    const done = isFull ? await this.#results() : undefined;
    for (const id of ids) {
      const one = this.#out.get(id);
      if (!one) continue;
      const { result } = one;
      const returned =
        (done?.has(result) ?? (await place.has(result))) ? { task: one.task } : await this.#ended(id, one);
      if (!returned) continue;
      this.#out.delete(id);
      this.#returned.push(returned);
    }
    if (!isFull) return;
    if (await place.has(CANCELLED)) {
      throw new UsageError(
        `${out}: the ${what} was cancelled (fovea cancel); the same command goes on with it`,
      );
    }
    await this.#sayAlone();
  }

  async #sayAlone(): Promise<void> {
    this.#idle = this.#returned.length > 0 ? 0 : this.#idle + 1;
    if (this.#idle < ALONE || this.#saidAlone || (await this.#backend.queue.getWorkersCount()) > 0) return;
    this.#saidAlone = true;
    process.stderr.write(
      `no worker is there; start one or more: fovea worker --queue ${printable(this.#backend.shown)}\n`,
    );
  }

  /** The end of a job whose result is not there; undefined while it is on its way. */
  async #ended(id: string, one: Out<T>): Promise<Returned<T> | undefined> {
    const { task } = one;
    const { queue } = this.#backend;
    const state = await queue.getJobState(id);
    if (state === 'failed') {
      const job = await queue.getJob(id);
      return { task, failed: job?.failedReason ?? 'unknown' };
    }
    one.missed = state === 'unknown' || state === 'completed' ? one.missed + 1 : 0;
    if (one.missed < MISSED) return undefined;
    // Its server has lost it, or a worker looked for its place in vain.
    if (one.ended >= ENDED) {
      const where = this.#options.place.url;
      const failed = `workers end it, and it is not there; every worker needs ${where} under the same path, as by a shared file system`;
      return { task, failed };
    }
    one.missed = 0;
    await this.#enqueue([one]);
    return undefined;
  }

  /** The names of results that are there, of jobs that are out. */
  async #results(): Promise<ReadonlySet<string>> {
    const [first] = [...this.#out.values()].map(({ result }) => result).sort();
    if (first === undefined) return new Set();
    const [folder, name] = first.split('/') as [string, string];
    // Those before it are done, and may be very many.
    const names = await this.#options.place.list(folder, name.slice(0, -1));
    return new Set(names.map((one) => `${folder}/${one}`));
  }
}
