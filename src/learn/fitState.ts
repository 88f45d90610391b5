import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Best } from './best.ts';
import type { LearnerCheckpoint, TrainingState } from './callback.ts';
import { History } from './history.ts';
import type { Steps } from './steps.ts';

type Weights = ReturnType<Module['stateDict']>;

/** What a training does for its state. */
interface Reading {
  weights(): Weights;
  checkpoint(): Promise<LearnerCheckpoint>;
}

/** How far a training is: what callbacks see of it, and what the loop goes by. */
export class FitState implements TrainingState {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history = new History();
  /** Steps done: those that are running included, and those that were skipped. */
  step = 0;
  stopped = false;
  reason: string | undefined;
  /** Whether more is better, by names of the logs. */
  modes: Readonly<Record<string, 'max' | 'min'>> = {};
  /** Whether hooks may look at the weights: no step is running. */
  atRest = true;
  readonly #table: Steps;
  readonly #kept: Best;
  readonly #reading: Reading;
  #lrScale = 1;

  constructor(
    { model, optimizer }: { readonly model: Module; readonly optimizer: Optimizer },
    table: Steps,
    kept: Best,
    reading: Reading,
  ) {
    this.model = model;
    this.optimizer = optimizer;
    this.#table = table;
    this.#kept = kept;
    this.#reading = reading;
  }

  get epochs(): number {
    return this.#table.epochs;
  }

  get steps(): number {
    return this.#table.count;
  }

  get epoch(): number {
    return this.#table.epochOf(Math.min(this.step, this.steps - 1));
  }

  get lrScale(): number {
    return this.#lrScale;
  }

  set lrScale(scale: number) {
    if (!(scale >= 0 && scale < Number.POSITIVE_INFINITY)) {
      throw new UsageError(`lrScale: is ${scale}; give a number of at least 0`);
    }
    this.#lrScale = scale;
  }

  get isBest(): boolean {
    return this.#kept.epoch !== undefined && this.#kept.epoch.epoch === this.history.epochs.length - 1;
  }

  get best(): string | undefined {
    return this.#kept.epoch?.name;
  }

  mode(name: string): 'max' | 'min' {
    return this.modes[name] ?? 'min';
  }

  stop(reason?: string): void {
    this.stopped = true;
    this.reason ??= reason;
  }

  weights(): Weights {
    this.#expectRest('weights');
    return this.#reading.weights();
  }

  loadWeights(weights: Awaited<Weights>): void {
    this.#expectRest('loadWeights');
    this.model.loadStateDict(weights);
  }

  checkpoint(): Promise<LearnerCheckpoint> {
    this.#expectRest('checkpoint');
    return this.#reading.checkpoint();
  }

  #expectRest(call: string): void {
    if (this.atRest) return;
    throw new UsageError(
      `${call}: the next step may be running in onBatchEnd; use onEpochEnd, or checkpointEvery`,
    );
  }
}
