import type { Batch, Loader } from '../data/loader.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Task } from '../tasks/task.ts';
import type { LayerGroup } from './groups.ts';

/** What a Learner trains, on what, and by what. */
export interface Trained<Item, M extends Module, B extends Batch> {
  /** Where the model is trained. */
  readonly gpu: Gpu;
  readonly model: M;
  readonly task: Task<Item, M, B>;
  /** What the model learns from. */
  readonly train: Loader<Item, B>;
  /** What it is judged by after each epoch. */
  readonly valid: Loader<Item, B> | undefined;
  /** Its layer groups, from the input to the output. */
  readonly groups: readonly LayerGroup[];
  readonly optimizer: Optimizer;
  /** Trains the layer groups from the n-th on, and freezes those before it. */
  freezeTo(n: number): void;
}
