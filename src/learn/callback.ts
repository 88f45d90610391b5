import type { Checkpoint } from '../io/checkpoint.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { History, Logs, StepLogs } from './history.ts';

/** A training while it runs: what callbacks see, and what they can change. */
export interface TrainingState {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly history: History;
  /** The epoch, from 0, of all phases of the training. */
  readonly epoch: number;
  /** Epochs of all phases. */
  readonly epochs: number;
  /** The number of steps done. */
  readonly step: number;
  /** Steps of all epochs. */
  readonly steps: number;
  /** Factor of the learning rates that the schedule gives. Set it to lower or raise them from the next step on. */
  lrScale: number;
  /** Whether the last epoch is the best so far: see `LearnerOptions.best`. */
  readonly isBest: boolean;
  /** What epochs are compared by; undefined where they are not. */
  readonly best: string | undefined;
  /** Whether more of a value in the logs is better (`max`) or less (`min`, as of losses). */
  mode(name: string): 'max' | 'min';
  /** Ends the training after the current step; at the end of an epoch, after it. `reason` is told to the user. */
  stop(reason?: string): void;
  /** The weights of now: parameters and buffers by name. */
  weights(): ReturnType<Module['stateDict']>;
  /** Sets the weights, by name. */
  loadWeights(weights: Awaited<ReturnType<Module['stateDict']>>): void;
  /** Everything that resuming needs: see `Learner.checkpoint`. */
  checkpoint(): Promise<LearnerCheckpoint>;
}

/** Everything that resuming a training needs; `saveCheckpoint` of fovea/io writes it. */
export type LearnerCheckpoint = Checkpoint;

/** What happens at points of a training (Keras's Callback). All hooks may be left out; those that return a promise are awaited. */
export interface Callback {
  /** Before the first step. */
  onTrainBegin?(training: TrainingState): void | Promise<void>;
  /** Before an epoch. */
  onEpochBegin?(training: TrainingState): void | Promise<void>;
  /** Before a step. `'skip'`: the batch is not learned from. */
  onBatchBegin?(training: TrainingState): undefined | 'skip' | Promise<undefined | 'skip'>;
  /** After a step, once its losses are known; the next step may be running by then. */
  onBatchEnd?(training: TrainingState, logs: StepLogs): void | Promise<void>;
  /** After an epoch and its validation. */
  onEpochEnd?(training: TrainingState, logs: Logs): void | Promise<void>;
  /** When a loss, or the norm of the gradients, is not finite. `'stop'`: the training ends. Otherwise it throws NumericError. */
  onNaN?(training: TrainingState, problem: string): undefined | 'stop';
  /** After the last step, also of a training that was stopped, but not after an error. */
  onTrainEnd?(training: TrainingState): void | Promise<void>;
  /** What the callback must remember when a training is resumed, as plain JSON data. */
  state?(): unknown;
  /** Takes what `state` returned. */
  loadState?(state: unknown): void;
}
