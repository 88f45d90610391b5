/// <reference lib="esnext.disposable" preserve="true" />
import { expectArguments, GPU } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { UsageError } from '../errors.ts';
import { expectOneOf, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { METRICS, type Metric } from './distances.ts';
import { type Id, type IdFilter, Names } from './names.ts';
import { RowStore } from './rowStore.ts';
import { Searcher } from './search.ts';
import { type SearchOptions, type SearchResult, searchByName } from './searchByName.ts';
import { expectVectors } from './vectors.ts';

/** Options of `FlatIndex`. */
export interface FlatIndexOptions {
  /** Default 'euclidean'. By `dot` the largest products come first, by all others the smallest distances. */
  readonly metric?: Metric;
}

/**
 * Vectors to be searched exactly, in memory (faiss' IndexFlat, with ids as its IndexIDMap has them). A search compares every
 * query with every vector: the GPU computes all distances in f32, block by block, so that the index may be larger than its memory;
 * of those vectors that could be among the nearest, given how f32 rounds, distances are computed in float64 on the CPU. So the
 * result is that of float64, in its order; of equal distances the item that was added first comes first.
 */
export class FlatIndex {
  /** Values of a vector. */
  readonly d: number;
  readonly metric: Metric;
  readonly #rows: RowStore;
  readonly #searcher: Searcher;
  readonly #names = new Names();

  /**
   * @param d Values of a vector.
   * @throws UsageError for a d that is no whole number of 1 or more, for another metric and for unknown options.
   */
  constructor(gpu: Gpu, d: number, options: FlatIndexOptions = {}) {
    expectArguments('FlatIndex', { gpu, d }, { gpu: GPU, d: 'number' });
    const { metric } = withDefaults('FlatIndex', options, { metric: 'euclidean' });
    expectOneOf('FlatIndex', 'metric', metric, METRICS);
    if (!(Number.isSafeInteger(d) && d >= 1)) throw new UsageError(`FlatIndex: d is ${d}; give 1 or more`);
    this.d = d;
    this.metric = metric;
    this.#rows = new RowStore(d);
    this.#searcher = new Searcher(gpu, metric);
  }

  /** How many vectors there are. */
  get size(): number {
    return this.#rows.rows;
  }

  /** The ids in the order of the rows, which `indices` of a result number. */
  get ids(): readonly Id[] {
    return this.#names.list;
  }

  /**
   * Adds vectors [n, d], which are copied. `ids`: one for each; default: numbers from the one after the largest on. Nothing is added
   * where it throws: ShapeError for another width, UsageError for values that are not finite and ids that are there already.
   */
  add(vectors: HostTensor, ids?: readonly Id[]): void {
    const call = 'FlatIndex.add';
    const rows = expectVectors(call, 'vectors', vectors, this.d);
    this.#names.append(this.#names.forNew(call, rows.rows, ids));
    this.#rows.append(rows);
  }

  /** Removes items; the others keep their order and ids. Returns how many there were. Ids that are not there are no error. */
  remove(ids: IdFilter): number {
    const gone = this.#names.rows('FlatIndex.remove', 'ids', ids);
    if (gone.length === 0) return 0;
    const kept = othersThan(gone, this.size);
    this.#rows.keep(kept);
    this.#names.keep(kept);
    return gone.length;
  }

  /** Whether there is an item of this id. */
  has(id: Id): boolean {
    return this.#names.rowOf(id) !== undefined;
  }

  /** The vector of an item (faiss' reconstruct), or undefined where there is none of this id. */
  get(id: Id): Float32Array | undefined {
    const row = this.#names.rowOf(id);
    return row === undefined ? undefined : this.#rows.row(row);
  }

  /**
   * The k nearest items of every query [q, d], or where there are fewer all of them.
   *
   * @throws ShapeError for another width, UsageError for a k that is no whole number of 1 or more, for values that are not finite
   * and for unknown options.
   */
  async search(queries: HostTensor, k: number, options: SearchOptions = {}): Promise<SearchResult> {
    const source = (numbers?: Int32Array) => this.#rows.source(numbers);
    return searchByName('FlatIndex.search', this.#searcher, this.#names, source, queries, k, options);
  }

  /** Frees what searches keep on the device. */
  dispose(): void {
    this.#searcher.dispose();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The numbers below `count` that are not among these, which are in ascending order. */
export function othersThan(numbers: Int32Array, count: number): Int32Array {
  const others = new Int32Array(count - numbers.length);
  let next = 0;
  for (let number = 0, at = 0; number < count; number++) {
    if (numbers[next] === number) next++;
    else others[at++] = number;
  }
  return others;
}
