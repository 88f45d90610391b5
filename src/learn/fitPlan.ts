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
  /** The first layer group that is trained; undefined: those that are trained at the time. */
  readonly freezeTo?: number;
  /** The factor of each group's learning rate. */
  readonly lrMults: readonly number[];
  /** Batches per step, by the number of the step's first batch in the phase, from 0, of so many. Undefined: those of the Learner. */
  readonly accumulate?: (batch: number, batches: number) => number;
  /** The rates of each of the phase's steps, from 0. Steps are parts of whole numbers where `accumulate` is given. */
  rates(step: number, steps: number): StepRates;
}

/** A training: what was asked for, as plain JSON data, what that means, and its controls. */
export interface FitPlan {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly phases: readonly Phase[];
  readonly controls: FitControls & { readonly callbacks: readonly Callback[] };
}
