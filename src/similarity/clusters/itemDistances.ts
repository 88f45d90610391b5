import type { HostTensor } from '../../data/batch.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { formatShape } from '../../shape.ts';
import type { Distances } from '../../vision/medoidSwaps.ts';
import { PairwiseDistances } from '../distances.ts';
import { expectRows, type Rows } from '../vectors.ts';
import { betweenOf, type ClusterMetric, expectMetric } from './metrics.ts';
import { chosenDoubles, doubles, fitsF32 } from './squares.ts';

/** Distances of some of the chosen items to all items. */
export interface RowBlock {
  /** The place of the first in the list of chosen items. */
  readonly first: number;
  readonly rows: number;
  /** [rows, items]. */
  readonly distances: Distances;
}

/** Distances of some items to some others. */
export interface PairBlock {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
  /** [rows, columns]. */
  readonly distances: Distances;
}

/** The distances of items to each other, block by block: all of them are never in memory, unless they were given. */
export interface ItemDistances {
  /** How many items there are. */
  readonly items: number;
  /** The distances of the chosen items to all; by default, of all. */
  rows(chosen?: readonly number[]): AsyncGenerator<RowBlock, void>;
  /** The distances of each pair of items once: blocks on the diagonal and above it. */
  pairs(): AsyncGenerator<PairBlock, void>;
  /** The same for the chosen items alone. */
  subset(chosen: readonly number[]): ItemDistances;
  dispose(): void;
}

/** Bytes of distances that are in memory at a time. */
const BLOCK_BYTES = 2 ** 25;
/** Rows that are in float64 at a time. */
const BLOCK_ROWS = 512;
/** Items whose distances are all kept in memory: 128 MiB of them in float64. */
export const MOST_IN_MEMORY = 4096;

/** Metrics that the GPU has. */
const onGpu = ['euclidean', 'sqeuclidean', 'manhattan', 'cosine'] as const;

/** The distances of the rows of x [n, d], or those that x [n, n] is. */
export function itemDistances(
  call: string,
  x: HostTensor,
  metric: ClusterMetric,
  gpu: Gpu | undefined,
): ItemDistances {
  expectMetric(call, metric);
  const rows = expectRows(call, 'x', x);
  if (metric === 'precomputed') return new Matrix(expectDistances(call, x, rows), rows.rows);
  if (rows.width === 0)
    throw new ShapeError(`${call}: rows of x have no values; give [n, d] with d at least 1`);
  const name = onGpu.find((known) => known === metric);
  return gpu && name && fitsF32(rows) ? new OnGpu(rows, gpu, name) : new OnCpu(call, rows, metric);
}

/** Distances that are given. Throws for those that are none: negative, not symmetric, or not 0 on the diagonal. */
function expectDistances(call: string, x: HostTensor, { data, rows, width }: Rows): Distances {
  if (rows !== width) {
    throw new ShapeError(`${call}: x has shape ${formatShape(x.shape)}; precomputed distances are [n, n]`);
  }
  const rounding = 100 * (data instanceof Float32Array ? 2 ** -23 : 2 ** -52);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      const [there, back] = [data[i * rows + j]!, data[j * rows + i]!];
      const fault =
        there < 0 || back < 0
          ? 'give no negative ones'
          : i === j && there > rounding
            ? 'an item is at distance 0 from itself'
            : Math.abs(there - back) > 1e-5 * Math.max(there, back)
              ? `that of ${j} and ${i} is ${back}; they must be the same`
              : '';
      if (fault) throw new UsageError(`${call}: the distance of items ${i} and ${j} is ${there}; ${fault}`);
    }
  }
  return data;
}

/** All distances in memory, where the items are few. */
export async function inMemory(distances: ItemDistances): Promise<ItemDistances> {
  if (distances instanceof Matrix) return distances;
  const n = distances.items;
  let all: Distances | undefined;
  for await (const { row, rows, column, columns, distances: block } of distances.pairs()) {
    all ??= block instanceof Float32Array ? new Float32Array(n * n) : new Float64Array(n * n);
    for (let i = row, at = 0; i < row + rows; i++) {
      for (let j = column; j < column + columns; j++, at++) {
        all[i * n + j] = block[at]!;
        all[j * n + i] = block[at]!;
      }
    }
  }
  return new Matrix(all ?? new Float64Array(), n);
}

/** [items, items], in memory. */
class Matrix implements ItemDistances {
  readonly items: number;
  readonly #all: Distances;

  constructor(all: Distances, items: number) {
    this.#all = all;
    this.items = items;
  }

  async *rows(chosen?: readonly number[]): AsyncGenerator<RowBlock, void> {
    const n = this.items;
    if (!chosen) yield { first: 0, rows: n, distances: this.#all };
    for (const [first, item] of chosen?.entries() ?? []) {
      yield { first, rows: 1, distances: this.#all.subarray(item * n, (item + 1) * n) };
    }
  }

  async *pairs(): AsyncGenerator<PairBlock, void> {
    const n = this.items;
    for (let row = 0; row < n; row++) {
      const distances = this.#all.subarray(row * n + row, (row + 1) * n);
      yield { row, rows: 1, column: row, columns: n - row, distances };
    }
  }

  subset(chosen: readonly number[]): ItemDistances {
    const [n, m] = [this.items, chosen.length];
    const some = new Float64Array(m * m);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < m; j++) some[i * m + j] = this.#all[chosen[i]! * n + chosen[j]!]!;
    }
    return new Matrix(some, m);
  }

  dispose(): void {}
}

/** From rows, in float64. */
class OnCpu implements ItemDistances {
  readonly items: number;
  readonly #call: string;
  readonly #x: Rows;
  readonly #metric: Exclude<ClusterMetric, 'precomputed'>;

  constructor(call: string, x: Rows, metric: Exclude<ClusterMetric, 'precomputed'>) {
    this.#call = call;
    this.#x = x;
    this.#metric = metric;
    this.items = x.rows;
    this.#between = betweenOf(call, metric, x.width);
  }

  readonly #between: ReturnType<typeof betweenOf>;

  async *rows(chosen?: readonly number[]): AsyncGenerator<RowBlock, void> {
    const [x, n] = [this.#x, this.items];
    const count = chosen?.length ?? n;
    const height = Math.max(1, Math.min(BLOCK_ROWS, Math.floor(BLOCK_BYTES / (8 * n))));
    for (let first = 0; first < count; first += height) {
      const rows = Math.min(height, count - first);
      const block = chosen ? chosenDoubles(x, chosen.slice(first, first + rows)) : doubles(x, first, rows);
      const distances = new Float64Array(rows * n);
      for (let column = 0; column < n; column += BLOCK_ROWS) {
        const columns = Math.min(BLOCK_ROWS, n - column);
        const part = this.#between(block, doubles(x, column, columns), x.width);
        for (let i = 0; i < rows; i++) {
          distances.set(part.subarray(i * columns, (i + 1) * columns), i * n + column);
        }
      }
      for (let i = 0; i < rows; i++) distances[i * n + (chosen ? chosen[first + i]! : first + i)] = 0;
      yield { first, rows, distances };
    }
  }

  async *pairs(): AsyncGenerator<PairBlock, void> {
    const [x, n] = [this.#x, this.items];
    for (let row = 0; row < n; row += BLOCK_ROWS) {
      const rows = Math.min(BLOCK_ROWS, n - row);
      const block = doubles(x, row, rows);
      for (let column = row; column < n; column += BLOCK_ROWS) {
        const columns = Math.min(BLOCK_ROWS, n - column);
        const distances = this.#between(block, doubles(x, column, columns), x.width);
        if (column === row) for (let i = 0; i < rows; i++) distances[i * columns + i] = 0;
        yield { row, rows, column, columns, distances };
      }
    }
  }

  subset(chosen: readonly number[]): ItemDistances {
    const { width } = this.#x;
    const some = { data: chosenDoubles(this.#x, chosen), rows: chosen.length, width };
    return new OnCpu(this.#call, some, this.#metric);
  }

  dispose(): void {}
}

/** From rows, in f32. */
class OnGpu implements ItemDistances {
  readonly items: number;
  readonly #x: Float32Array;
  readonly #width: number;
  readonly #gpu: Gpu;
  readonly #metric: (typeof onGpu)[number];
  readonly #pairs: PairwiseDistances;

  constructor({ data, rows, width }: Rows, gpu: Gpu, metric: (typeof onGpu)[number]) {
    this.#x = data instanceof Float32Array ? data : new Float32Array(data);
    this.items = rows;
    this.#width = width;
    this.#gpu = gpu;
    this.#metric = metric;
    this.#pairs = new PairwiseDistances(gpu, { metric });
  }

  async *rows(chosen?: readonly number[]): AsyncGenerator<RowBlock, void> {
    const n = this.items;
    const x = this.#tensor(this.#x);
    const from = chosen ? this.#tensor(this.#chosen(chosen)) : x;
    for await (const { row, rows, distances } of this.#pairs.rows(from, x)) {
      for (let i = 0; i < rows; i++) distances[i * n + (chosen ? chosen[row + i]! : row + i)] = 0;
      yield { first: row, rows, distances };
    }
  }

  pairs(): AsyncGenerator<PairBlock, void> {
    return this.#pairs.blocks(this.#tensor(this.#x));
  }

  subset(chosen: readonly number[]): ItemDistances {
    const some = { data: this.#chosen(chosen), rows: chosen.length, width: this.#width };
    return new OnGpu(some, this.#gpu, this.#metric);
  }

  dispose(): void {
    this.#pairs.dispose();
  }

  #chosen(chosen: readonly number[]): Float32Array {
    const rows = new Float32Array(chosen.length * this.#width);
    for (const [i, item] of chosen.entries()) {
      rows.set(this.#x.subarray(item * this.#width, (item + 1) * this.#width), i * this.#width);
    }
    return rows;
  }

  #tensor(data: Float32Array): HostTensor {
    return { data, shape: [data.length / this.#width, this.#width] };
  }
}
