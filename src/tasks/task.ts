import type { Batch, Collate } from '../data/loader.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';

/** The tensors of a batch, by the names of its arrays. */
export type TensorsOf<B extends Batch> = { readonly [Name in keyof B]: Tensor };

/** A metric that is accumulated over the batches of an evaluation. */
export interface Metric<Item = unknown, B extends Batch = Batch> {
  /** Whether a higher (`max`) or a lower (`min`) value is better. */
  readonly mode: 'max' | 'min';
  /**
   * Takes the predictions of a batch.
   *
   * @param predictions What `Task.predict` returned, read back.
   * @param batch The batch, with its targets.
   * @param items The items that the batch was made of.
   */
  add(predictions: Batch, batch: B, items: readonly Item[]): void;
  /** Returns the metric over all batches so far. NaN without any. */
  value(): number;
}

/** A metric of a model. */
export interface Judgement {
  readonly value: number;
  /** Whether a higher (`max`) or a lower (`min`) value is better. */
  readonly mode: 'max' | 'min';
}

/**
 * Defines a learning task: how items become batches, which losses are minimised, what is predicted, and which metrics are computed. The
 * Learner of fovea/learn does the rest.
 */
export interface Task<Item = unknown, M extends Module = Module, B extends Batch = Batch> {
  /** Makes a training batch from items, with random augmentation if there is any. Needed if the Learner is given items rather than loaders. */
  readonly collate?: Collate<Item, B>;
  /** Makes a validation batch, without random augmentation. Default: `collate`. */
  readonly collateValid?: Collate<Item, B>;
  /**
   * Computes the losses of a batch. The sum is minimised.
   *
   * @returns One loss, or several by name: tensors of one element. Values marked by `logged` of fovea/learn are not minimised.
   */
  losses(model: M, batch: TensorsOf<B>): Tensor | Readonly<Record<string, Tensor>>;
  /** Computes the predictions that metrics need, in evaluation mode. Default: none, and then there are no metrics. */
  predict?(model: M, batch: TensorsOf<B>): Readonly<Record<string, Tensor>>;
  /** Makes the metrics, by name. Default: none. */
  metrics?(): Readonly<Record<string, Metric<Item, B>>>;
  /**
   * Evaluates the model after each epoch on something other than batches, such as whole images. The model is in evaluation mode.
   *
   * @returns Metrics by name, with the direction in which they improve. They come before those of `metrics`.
   */
  judge?(gpu: Gpu, model: M): Promise<Readonly<Record<string, Judgement>>>;
  /** What messages call an item, such as the name of its file. */
  nameOf?(item: Item): string;
}
