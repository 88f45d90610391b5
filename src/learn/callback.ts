import type { Checkpoint } from '../io/checkpoint.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { History, Logs, StepLogs } from './history.ts';

/** A running training, as callbacks see and change it. */
export interface TrainingState {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history: History;
  /** The number of the epoch, from 0, counted over all phases. */
  readonly epoch: number;
  /** The number of epochs of all phases. */
  readonly epochs: number;
  /** The number of steps done. */
  readonly step: number;
  /** The number of steps of all epochs. */
  readonly steps: number;
  /** A factor for the learning rates of the schedule. Set it to lower or raise them from the next step on. */
  lrScale: number;
  /** Whether the last epoch is the best so far: see `LearnerOptions.best`. */
  readonly isBest: boolean;
  /** The name of the logged value by which epochs are compared; undefined if they are not compared. */
  readonly best: string | undefined;
  /** Whether a higher (`max`) or a lower (`min`, such as a loss) logged value is better. */
  mode(name: string): 'max' | 'min';
  /** Ends the training after the current step or, in `onEpochEnd`, after that epoch. The user is shown `reason`. */
  stop(reason?: string): void;
  /** The current weights: parameters and buffers by name. */
  weights(): ReturnType<Module['stateDict']>;
  /** Sets the weights, by name. */
  loadWeights(weights: Awaited<ReturnType<Module['stateDict']>>): void;
  /** Everything that resuming needs: see `Learner.checkpoint`. */
  checkpoint(): Promise<LearnerCheckpoint>;
}

/** Everything that resuming a training needs; `saveCheckpoint` of fovea/io writes it. */
export type LearnerCheckpoint = Checkpoint;

/** Functions that are called during a training (Keras's Callback). All hooks are optional; promises that they return are awaited. */
export interface Callback {
  /** Before the first step. */
  onTrainBegin?(training: TrainingState): void | Promise<void>;
  /** Before an epoch. */
  onEpochBegin?(training: TrainingState): void | Promise<void>;
  /** Before a step. Return `'skip'` to leave the batch out. */
  onBatchBegin?(training: TrainingState): undefined | 'skip' | Promise<undefined | 'skip'>;
  /** After a step, once its losses are known; the next step may be running by then. */
  onBatchEnd?(training: TrainingState, logs: StepLogs): void | Promise<void>;
  /** After an epoch and its validation. */
  onEpochEnd?(training: TrainingState, logs: Logs): void | Promise<void>;
  /** When a loss or the norm of the gradients is not finite. Return `'stop'` to end the training; otherwise it throws NumericError. */
  onNaN?(training: TrainingState, problem: string): undefined | 'stop';
  /** After the last step, also if the training was stopped, but not after an error. */
  onTrainEnd?(training: TrainingState): void | Promise<void>;
  /** Returns what the callback needs when the training is resumed, as plain JSON data. */
  state?(): unknown;
  /** Restores what `state` returned. */
  loadState?(state: unknown): void;
}
