import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { Random } from '../vision/random.ts';
import { madeAhead } from './ahead.ts';
import type { Batch } from './batch.ts';
import { type BatchMaker, type BatchRequest, loadItem, makeBatch } from './batchMaker.ts';
import { firstAbove } from './firstAbove.ts';
import type { WorkerPool } from './workers.ts';

export type { Batch, Collate, CollateContext, HostTensor } from './batch.ts';

/** A set of items, numbered from 0. An array is one; so is anything that reads an item on demand. */
export interface Dataset<Item> {
  /** How many items there are. */
  readonly length: number;
  /** Returns an item. It may be read from a disk, or made. */
  get(index: number): Item | Promise<Item>;
}

/** Options of `DataLoader`, besides how batches are made. */
export interface BatchingOptions {
  /** Items per batch. Default 1. */
  readonly batchSize?: number;
  /** Whether items come in a new random order each epoch. Default false. */
  readonly shuffle?: boolean;
  /** Whether a last batch of fewer items is left out. Default false. */
  readonly dropLast?: boolean;
  /** Whether a last batch of fewer items is filled up with the first ones of the epoch, so that all have the same size. Default false. */
  readonly fillLast?: boolean;
  /**
   * How often each item is drawn, in proportion to the others: as many items as the set has are drawn each epoch, with
   * replacement (PyTorch's WeightedRandomSampler). Default: each item once.
   */
  readonly weights?: readonly number[];
  /** Seed of the order, and of `CollateContext.random`. Default 0. */
  readonly seed?: number | string;
  /** How many batches are made ahead of the one that is used. Default 1; with workers, two per worker. */
  readonly prefetch?: number;
  /** Plain data for `CollateContext.data`, such as how to augment. Default: none. */
  readonly data?: unknown;
}

/** Options of `DataLoader`. One of `collate` and `workers` is needed. */
export interface DataLoaderOptions<Item, B extends Batch, Loaded = Item>
  extends BatchingOptions,
    Partial<BatchMaker<Item, B, Loaded>> {
  /** The threads that make the batches, by their own `load` and `collate`; items must be plain data. Default: this thread. */
  readonly workers?: WorkerPool;
}

/** What makes the batches of a loader. */
type MakeBatch<B> = (
  numbers: readonly number[],
  items: readonly unknown[],
  request: BatchRequest,
) => Promise<B>;

/** A batch, with what it was made of. */
export interface LoadedBatch<Item, B extends Batch> {
  readonly batch: B;
  readonly items: readonly Item[];
  /** The epoch, from 0. */
  readonly epoch: number;
  /** The number of the batch in its epoch, from 0. */
  readonly index: number;
}

/** What a training takes its batches from: a `DataLoader`, or anything that gives the same batches each time. */
export interface Loader<Item, B extends Batch> {
  /** Batches per epoch. */
  readonly length: number;
  /** Makes the batches of an epoch, from a number on, both from 0. */
  batches(epoch: number, from?: number): AsyncGenerator<LoadedBatch<Item, B>, void>;
}

/** Whether this is a loader, and not items or a batch. */
export const isLoader = <Item, B extends Batch>(given: unknown): given is Loader<Item, B> =>
  typeof (given as Partial<Loader<Item, B>> | null | undefined)?.batches === 'function';

/** A data set of an array; one stays as it is. */
export const datasetOf = <Item>(items: Dataset<Item> | readonly Item[]): Dataset<Item> =>
  Array.isArray(items)
    ? { length: items.length, get: (index) => (items as readonly Item[])[index]! }
    : (items as Dataset<Item>);

/**
 * Batches of a data set, one epoch after the other (PyTorch's DataLoader). The batches of an epoch depend on the seed, the
 * epoch's number and the options only, so that a training can go on at any of them.
 */
export class DataLoader<Item, B extends Batch = Batch, Loaded = Item> implements Loader<Item, B> {
  readonly dataset: Dataset<Item>;
  readonly batchSize: number;
  readonly #options: Required<Omit<BatchingOptions, 'weights' | 'data'>>;
  readonly #data: unknown;
  readonly #make: MakeBatch<B>;
  /** Sums of the weights up to each item. */
  readonly #sums: readonly number[] | undefined;

  /**
   * @param dataset The items: an array, or a `Dataset`.
   * @param options How they become batches.
   * @throws UsageError for options that cannot be used; DataError for no items.
   */
  constructor(dataset: Dataset<Item> | readonly Item[], options: DataLoaderOptions<Item, B, Loaded>) {
    expectArguments('DataLoader', { dataset }, { dataset: { length: 'number' } });
    const { weights, data, load, collate, workers, ...rest } = withDefaults('DataLoader', options, {
      collate: undefined,
      load: undefined,
      workers: undefined,
      batchSize: 1,
      shuffle: false,
      dropLast: false,
      fillLast: false,
      weights: undefined,
      seed: 0,
      prefetch: options?.workers ? 2 * options.workers.count : 1,
      data: undefined,
    });
    expectArguments('DataLoader', { options: rest }, { options: { seed: 'label' } });
    if (workers ? load || collate : typeof collate !== 'function') {
      throw new UsageError(
        `DataLoader: needs collate, or workers, which have their own load and collate; got ${workers ? 'both' : 'neither'}`,
      );
    }
    for (const [name, least] of [
      ['batchSize', 1],
      ['prefetch', 0],
    ] as const) {
      if (Number.isSafeInteger(rest[name]) && rest[name] >= least) continue;
      throw new UsageError(`DataLoader: ${name} is ${rest[name]}; give a whole number of at least ${least}`);
    }
    this.dataset = datasetOf(dataset);
    if (this.dataset.length < 1) throw new DataError('DataLoader: there are no items; give at least one');
    this.#options = rest;
    this.#data = data;
    this.batchSize = rest.batchSize;
    this.#sums = weights && sumsOf(weights, this.dataset.length);
    if (this.length === 0) {
      throw new DataError(
        `DataLoader: ${this.dataset.length} items are fewer than a batch of ${rest.batchSize}, which dropLast leaves out; give a smaller batchSize`,
      );
    }
    this.#make = workers
      ? inWorkers(workers, dataset)
      : inThisThread(this.dataset, { load, collate: collate! });
  }

  /** Batches per epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize;
    return this.#options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The numbers of the items of an epoch, in their order. */
  order(epoch: number): number[] {
    const { length } = this.dataset;
    const random = new Random(this.#options.seed).fork('epochs').fork(epoch);
    const sums = this.#sums;
    if (sums) {
      // A product that is rounded up to the whole sum is the last item.
      const draw = () => firstAbove(sums, random.uniform() * sums.at(-1)!, 0, length - 1);
      return Array.from({ length }, draw);
    }
    const indices = Array.from({ length }, (_, i) => i);
    return this.#options.shuffle ? random.shuffle(indices) : indices;
  }

  /**
   * Makes the batches of an epoch. While one is used, the next ones are made.
   *
   * @param epoch The number of the epoch, from 0.
   * @param from The number of the first batch. Default 0.
   */
  batches(epoch: number, from = 0): AsyncGenerator<LoadedBatch<Item, B>, void> {
    const order = this.order(epoch);
    return madeAhead(from, this.length, this.#options.prefetch, (index) => this.#load(order, epoch, index));
  }

  async #load(order: readonly number[], epoch: number, index: number): Promise<LoadedBatch<Item, B>> {
    const { batchSize, seed, fillLast } = this.#options;
    const numbers = order.slice(index * batchSize, (index + 1) * batchSize);
    const missing = fillLast ? batchSize - numbers.length : 0;
    for (let i = 0; i < missing; i++) numbers.push(order[i % order.length]!);
    const items = await Promise.all(numbers.map((number) => this.dataset.get(number)));
    const data = this.#data === undefined ? {} : { data: this.#data };
    const batch = await this.#make(numbers, items, { seed, epoch, index, ...data });
    return { batch, items, epoch, index };
  }
}

/** Makes batches in this thread. */
function inThisThread<Item, B extends Batch, Loaded>(
  dataset: Dataset<Item>,
  maker: BatchMaker<Item, B, Loaded>,
): MakeBatch<B> {
  const other = async (random: Random): Promise<Loaded> => {
    const number = random.integer(dataset.length);
    return loadItem(maker, await dataset.get(number), number);
  };
  return (numbers, items, request) => {
    const own = items.map((item, i) => [item as Item, numbers[i]!] as const);
    return makeBatch(maker, own, request, other);
  };
}

/** Makes batches in workers. They are given an array of items once, and those of other sets with each batch. */
function inWorkers<B>(workers: WorkerPool, dataset: unknown): MakeBatch<B> {
  const items = Array.isArray(dataset) ? { items: dataset } : {};
  let opened: number | undefined;
  return (numbers, given, request) => {
    opened ??= workers.open({ kind: 'items', ...items });
    return workers.run<B>(opened, { ...request, numbers, ...(Array.isArray(dataset) ? {} : { given }) });
  };
}

function sumsOf(weights: readonly number[], length: number): number[] {
  if (weights.length !== length) {
    throw new UsageError(
      `DataLoader: ${weights.length} weights for ${length} items; give one weight per item`,
    );
  }
  const bad = weights.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY));
  if (bad >= 0)
    throw new UsageError(`DataLoader: weights[${bad}] is ${weights[bad]}; give a number of at least 0`);
  let sum = 0;
  const sums = weights.map((weight) => {
    sum += weight;
    return sum;
  });
  if (sum > 0) return sums;
  throw new UsageError('DataLoader: all weights are 0; give at least one above 0');
}
