import type { Batch, Collate } from '../data/loader.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import type { Gpu } from '../plan/gpu.ts';

/** The tensors of a batch, by the names of its arrays. */
export type TensorsOf<B extends Batch> = { readonly [Name in keyof B]: Tensor };

/** A measure of predictions, over all batches of an evaluation. */
export interface Metric<Item = unknown, B extends Batch = Batch> {
  /** Whether more is better (`max`), or less (`min`). */
  readonly mode: 'max' | 'min';
  /**
   * Takes the predictions of a batch.
   *
   * @param predictions What `Task.predict` returned, read back.
   * @param batch What was predicted from.
   * @param items The items that the batch was made of.
   */
  add(predictions: Batch, batch: B, items: readonly Item[]): void;
  /** Returns the measure of all batches so far. NaN without any. */
  value(): number;
}

/** A measure of a model. */
export interface Judgement {
  readonly value: number;
  /** Whether more is better (`max`), or less (`min`). */
  readonly mode: 'max' | 'min';
}

/**
 * What there is to learn: how items become batches, what is minimised, what is predicted, and how predictions are judged. The
 * Learner of fovea/learn does the rest.
 */
export interface Task<Item = unknown, M extends Module = Module, B extends Batch = Batch> {
  /** Makes a batch to train on of items, with random augmentation if there is one. Needed where the Learner is given items, not loaders. */
  readonly collate?: Collate<Item, B>;
  /** Makes a batch to validate on, without random augmentation. Default: `collate`. */
  readonly collateValid?: Collate<Item, B>;
  /**
   * Computes the losses of a batch. The sum is minimised.
   *
   * @returns One loss, or several by name: tensors of one element. What `logged` of fovea/learn marks is not minimised.
   */
  losses(model: M, batch: TensorsOf<B>): Tensor | Readonly<Record<string, Tensor>>;
  /** Computes what metrics need, in evaluation mode. Default: nothing, and there are no metrics. */
  predict?(model: M, batch: TensorsOf<B>): Readonly<Record<string, Tensor>>;
  /** Makes the metrics, by name. Default: none. */
  metrics?(): Readonly<Record<string, Metric<Item, B>>>;
  /**
   * Judges a model by more than batches, such as whole images, after each epoch. It is in evaluation mode.
   *
   * @returns Metrics by name, and whether more is better. They come before those of `metrics`.
   */
  judge?(gpu: Gpu, model: M): Promise<Readonly<Record<string, Judgement>>>;
  /** What messages call an item, such as the name of its file. */
  nameOf?(item: Item): string;
}
