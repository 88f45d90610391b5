import { UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Best } from './best.ts';
import type { LearnerCheckpoint, TrainingState } from './callback.ts';
import { History } from './history.ts';
import type { Steps } from './steps.ts';

type Weights = ReturnType<Module['stateDict']>;

/** Reads weights and checkpoints for callbacks. */
interface Reading {
  weights(): Weights;
  checkpoint(): Promise<LearnerCheckpoint>;
}

/** The progress of a training, as callbacks and the loop see it. */
export class FitState implements TrainingState {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history = new History();
  /** The number of steps begun, including skipped ones. */
  step = 0;
  stopped = false;
  reason: string | undefined;
  /** Whether a higher or lower value is better, by the name of the logged value. */
  modes: Readonly<Record<string, 'max' | 'min'>> = {};
  /** Whether hooks may read the weights, that is, no step is running. */
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
