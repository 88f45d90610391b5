import type { HostArray } from '../shape.ts';
import type { Random } from '../vision/random.ts';

/** The elements of a tensor of a batch, on the host. */
export interface HostTensor {
  /** The elements, row by row. */
  readonly data: HostArray;
  /** The sizes of its dimensions. */
  readonly shape: readonly number[];
}

/** A batch as a model is fed with it: tensors by name, such as `images` and `labels`. */
export type Batch = Readonly<Record<string, HostTensor>>;

/** What `DataLoaderOptions.collate` may depend on, besides the items. */
export interface CollateContext {
  /** A generator of its own for each batch: what is drawn depends on the seed, the epoch and the batch's number only. */
  readonly random: Random;
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The number of the batch in its epoch, from 0. */
  readonly index: number;
  /** Reads a further item of the set, for augmentations that combine images. */
  readonly other: (random: Random) => unknown;
  /** What `DataLoaderOptions.data` says. */
  readonly data?: unknown;
}

/** Makes a batch of items. */
export type Collate<Item, B extends Batch> = (
  items: readonly Item[],
  context: CollateContext,
) => B | Promise<B>;
