import type { Callback } from './callback.ts';
import type { FitControls } from './fitControls.ts';

/** The rates of a step. */
export interface StepRates {
  /** The learning rate of the last layer group. */
  readonly lr: number;
  /** The momentum (Adam: the first beta). Default: it stays as it is. */
  readonly momentum?: number;
}

/** Epochs with one schedule. */
export interface Phase {
  /** Passes over the data; may be a fraction. */
  readonly epochs: number;
  /** The first layer group that is trained. Undefined: frozen groups stay as they are. */
  readonly freezeTo?: number;
  /** The factor of each group's learning rate. */
  readonly lrMults: readonly number[];
  /** Batches per step, given the number of the step's first batch in the phase, from 0, and the number of batches in the phase. Undefined: the Learner's. */
  readonly accumulate?: (batch: number, batches: number) => number;
  /** The rates of a step of the phase, numbered from 0. With `accumulate`, step numbers may be fractions. */
  rates(step: number, steps: number): StepRates;
}

/** A training: the call as plain JSON data, its phases, and its controls. */
export interface FitPlan {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly phases: readonly Phase[];
  readonly controls: FitControls & { readonly callbacks: readonly Callback[] };
}
