import { DataError } from '../errors.ts';
import { Random } from '../vision/random.ts';
import type { Batch, Collate } from './batch.ts';

/** How items become batches: in the thread that trains, or in workers (`serveBatches`). */
export interface BatchMaker<Item, B extends Batch, Loaded = Item> {
  /** Reads one item, such as the image of a file name. An error names the item. Default: items are taken as they are. */
  readonly load?: (item: Item) => Loaded | Promise<Loaded>;
  /** Makes a batch of what `load` returned: puts the images into one array, and so on. */
  readonly collate: Collate<Loaded, B>;
}

/** A batch to make. */
export interface BatchRequest {
  readonly seed: number | string;
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The number of the batch in its epoch, from 0. */
  readonly index: number;
  /** Plain data for `CollateContext.data`. */
  readonly data?: unknown;
}

/** What messages call an item: itself, if it is text; its name, file or path; else its number. */
export function nameOfItem(item: unknown, number: number): string {
  if (typeof item === 'string') return item;
  const { name, file, path, url } = Object(item) as Readonly<Record<string, unknown>>;
  const found = [name, file, path, url].find((text) => typeof text === 'string');
  return found === undefined ? `item ${number}` : String(found);
}

/** Loads one item. Throws DataError with its name. */
export async function loadItem<Item, B extends Batch, Loaded>(
  { load }: BatchMaker<Item, B, Loaded>,
  item: Item,
  number: number,
): Promise<Loaded> {
  // Without `load` what is collated are the items.
  if (!load) return item as unknown as Loaded;
  try {
    return await load(item);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const name = nameOfItem(item, number);
    if (error instanceof DataError && message.includes(name)) throw error;
    throw new DataError(`${name}: cannot be loaded: ${message}; correct or leave out the item`, {
      cause: error,
    });
  }
}

/**
 * Makes a batch: the same in any thread.
 *
 * @param items The items, with their numbers.
 * @param other Reads a further item.
 */
export async function makeBatch<Item, B extends Batch, Loaded>(
  maker: BatchMaker<Item, B, Loaded>,
  items: readonly (readonly [item: Item, number: number])[],
  { seed, epoch, index, data }: BatchRequest,
  other: (random: Random) => Promise<Loaded>,
): Promise<B> {
  const loaded = await Promise.all(items.map(([item, number]) => loadItem(maker, item, number)));
  return maker.collate(loaded, {
    random: new Random(seed).fork('batches').fork(epoch).fork(index),
    epoch,
    index,
    other,
    ...(data === undefined ? {} : { data }),
  });
}
