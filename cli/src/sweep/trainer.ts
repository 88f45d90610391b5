/** Who trains for a sweep: this machine, one training after the other, or the workers of a queue. */
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { openPlace, type Place } from '../place/place.ts';
import type { Outcome } from './state.ts';
import { hasStored, trainStored } from './stored.ts';
import { type TrainingTask, trainingFolder } from './task.ts';
import { trainUntil } from './training.ts';

/** A training that has ended: what it came to, or why it failed. */
export interface Ended {
  readonly task: TrainingTask;
  readonly outcome: Outcome | { readonly failed: string };
}

export interface Trainer {
  give(tasks: readonly TrainingTask[]): void;
  /** The next training that ends, in any order; undefined where all have. */
  next(): Promise<Ended | undefined>;
  /** Ends; what was trained since the last checkpoint may be lost. */
  stop(): Promise<void>;
}

/** This machine. */
export class LocalTrainer implements Trainer {
  readonly #place: Place;
  /** The folder of the sweep; undefined in a store. */
  readonly #out: string | undefined;
  readonly #adapter: string | undefined;
  readonly #waiting: TrainingTask[] = [];
  readonly #abort = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor(out: string, adapter: string | undefined) {
    this.#place = openPlace(out);
    this.#out = this.#place.isFolder ? out : undefined;
    this.#adapter = adapter;
  }

  give(tasks: readonly TrainingTask[]): void {
    this.#waiting.push(...tasks);
  }

  async next(): Promise<Ended | undefined> {
    const task = this.#waiting.shift();
    if (!task) return undefined;
    const running = this.#train(task);
    this.#running = running.catch(() => undefined);
    const outcome = await running;
    // The process ends, and nobody is to hear of a training that did not.
    if (this.#abort.signal.aborted) return new Promise(() => undefined);
    return { task, outcome };
  }

  /** In the folder itself where nobody else may have trained, so that its logs can be looked at meanwhile. */
  async #train(task: TrainingTask): Promise<Ended['outcome']> {
    const { signal } = this.#abort;
    const how = { adapter: this.#adapter, signal };
    const folder = trainingFolder(task);
    if (this.#out === undefined || (await hasStored(this.#place, folder))) {
      const end = await trainStored(task, how);
      if (end.kind === 'trained') return end.outcome;
      if (end.kind === 'failed') return { failed: end.reason };
      if (end.kind === 'stopped') return { failed: 'stopped' };
      const { url } = this.#place;
      if (end.kind === 'gone')
        throw new DataError(`${url}: another sweep was begun there meanwhile; choose another --out`);
      throw new UsageError(
        `${url}: the sweep was cancelled (fovea cancel); the same command goes on with it`,
      );
    }
    const { options, until, metric } = task;
    return trainUntil({ ...{ folder: path.join(this.#out, folder), options, until, metric }, ...how });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#running;
  }
}
