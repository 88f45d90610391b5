/// <reference lib="esnext.disposable" preserve="true" />
import { expectArguments, GPU } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { ShapeError } from '../errors.ts';
import { affine, mul } from '../graph/functions/elementwise.ts';
import { cdist, matmul } from '../graph/functions/reduce.ts';
import { transpose } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { expectOneOf, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Step } from '../plan/step.ts';
import { expectNumber } from '../shape.ts';
import { Cosines, type DistanceBlock } from './cosines.ts';
import { expectVectors, someRows, type Vectors } from './vectors.ts';

/**
 * How far apart two vectors are, by scikit-learn's names:
 *
 * - `euclidean`: sqrt(Σ (x - y)²)
 * - `sqeuclidean`: Σ (x - y)²
 * - `manhattan`: Σ |x - y|
 * - `cosine`: 1 - Σ x y / (|x| |y|). A vector of zeros is at distance 1 from all others, and 0 from itself
 * - `dot`: Σ x y. No distance: the larger, the more alike
 */
export type Metric = 'euclidean' | 'sqeuclidean' | 'manhattan' | 'cosine' | 'dot';
export const METRICS: readonly Metric[] = ['euclidean', 'sqeuclidean', 'manhattan', 'cosine', 'dot'];

/** Options of pairwise distances. */
export interface PairwiseOptions {
  /** Default 'euclidean'. */
  readonly metric?: Metric;
  /** MiB of distances that are in memory at a time (scikit-learn's working_memory). Default 64. One row always is. */
  readonly workingMemory?: number;
}

/** What is compared: rows as the metric's graph takes them. */
interface Operands {
  readonly x: Vectors;
  readonly y: Vectors;
  fromX(start: number, rows: number): Vectors;
  fromY(start: number, rows: number): Vectors;
  mend?(block: DistanceBlock): void;
}

/** What a block reads of x and of y, in bytes: small, so that blocks of any width fit every device. */
const OPERAND_BYTES = 2 ** 25;
/** Rows of x, and of y, that a block has at most. */
const BLOCK_ROWS = 2048;

const compute: Readonly<Record<Metric, (x: Tensor, y: Tensor) => Tensor>> = {
  euclidean: (x, y) => cdist(x, y),
  sqeuclidean: (x, y) => squares(x, y),
  manhattan: (x, y) => cdist(x, y, { p: 1 }),
  // Half the squared distance on the unit sphere, which keeps the digits of vectors that are nearly parallel.
  cosine: (x, y) => affine(squares(x, y), 0.5),
  dot: (x, y) => matmul(x, transpose(y)),
};

function squares(x: Tensor, y: Tensor): Tensor {
  const distances = cdist(x, y);
  return mul(distances, distances);
}

/**
 * Distances of all pairs of rows, computed on the GPU block by block: nothing of N x M is in memory but what the caller keeps.
 * The steps are captured once and replayed for every block and every later call, so keep one for a loop; `dispose` frees them.
 * Sums are of differences, in f32: near rows keep their digits, and a row is at distance 0 from itself. The same rows give the
 * same bits, whatever the block.
 *
 * Throws UsageError for unknown options, values that are not finite, and ShapeError for other ranks and for widths that differ.
 */
export class PairwiseDistances {
  readonly metric: Metric;
  readonly #memory: number;
  readonly #step: Step<{ readonly distances: Tensor }>;

  constructor(gpu: Gpu, options: PairwiseOptions = {}) {
    const call = 'PairwiseDistances';
    expectArguments(call, { gpu }, { gpu: GPU });
    const { metric, workingMemory } = withDefaults(call, options, {
      metric: 'euclidean',
      workingMemory: 64,
    });
    expectOneOf(call, 'metric', metric, METRICS);
    expectNumber(call, 'workingMemory', workingMemory, 0);
    this.metric = metric;
    this.#memory = workingMemory * 2 ** 20;
    this.#step = gpu.capture((x, y) => ({ distances: compute[metric](x!, y!) }), { maxPrograms: 8 });
  }

  /**
   * The distances of all rows of x [n, d] to all of y [m, d], in blocks of some rows and columns, row by row of blocks. Without y:
   * of x to itself, and each pair once: of the blocks below the diagonal, which hold the same as those above, none comes.
   */
  async *blocks(x: HostTensor, y?: HostTensor): AsyncGenerator<DistanceBlock, void> {
    const operands = this.#operands(x, y);
    const { x: from, y: to } = operands;
    const most = Math.max(1, Math.floor(OPERAND_BYTES / (4 * Math.max(1, from.width))));
    const size = Math.max(1, Math.min(BLOCK_ROWS, most, Math.floor(Math.sqrt(this.#memory / 4))));
    const places: Place[] = [];
    for (let row = 0; row < from.rows; row += size) {
      for (let column = y ? 0 : row; column < to.rows; column += size) {
        const rows = Math.min(size, from.rows - row);
        places.push({ row, rows, column, columns: Math.min(size, to.rows - column) });
      }
    }
    yield* this.#run(operands, places);
  }

  /**
   * The same in blocks of whole rows: each has the distances of some rows of x to all rows of y (scikit-learn's
   * pairwise_distances_chunked). Default of y: x.
   */
  async *rows(x: HostTensor, y: HostTensor = x): AsyncGenerator<DistanceBlock, void> {
    const operands = this.#operands(x, y);
    const { x: from, y: to } = operands;
    const most = Math.max(1, Math.floor(OPERAND_BYTES / (4 * Math.max(1, from.width))));
    const fitting = Math.floor(this.#memory / (4 * Math.max(1, to.rows)));
    const height = Math.max(1, Math.min(BLOCK_ROWS, most, fitting));
    const width = Math.min(2 * BLOCK_ROWS, most);
    const places: Place[] = [];
    for (let row = 0; row < from.rows; row += height) {
      const rows = Math.min(height, from.rows - row);
      for (let column = 0; column < to.rows; column += width) {
        places.push({ row, rows, column, columns: Math.min(width, to.rows - column) });
      }
    }
    const columns = to.rows;
    let whole = new Float32Array();
    for await (const block of this.#run(operands, places)) {
      const { row, rows, column } = block;
      if (column === 0)
        whole = block.columns === columns ? block.distances : new Float32Array(rows * columns);
      if (block.columns < columns) {
        for (let i = 0; i < rows; i++) {
          const part = block.distances.subarray(i * block.columns, (i + 1) * block.columns);
          whole.set(part, i * columns + column);
        }
      }
      if (column + block.columns === columns) yield { row, rows, column: 0, columns, distances: whole };
    }
  }

  /** Frees the captured steps. */
  dispose(): void {
    this.#step.dispose();
  }

  /** Calls `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #operands(given: HostTensor, others: HostTensor | undefined): Operands {
    const call = 'PairwiseDistances';
    const x = expectVectors(call, 'x', given);
    const y = others === undefined || others === given ? x : expectVectors(call, 'y', others);
    if (x.width !== y.width) {
      throw new ShapeError(`${call}: rows of x have ${x.width} values, those of y ${y.width}; give as many`);
    }
    if (this.metric === 'cosine') return new Cosines(x, y);
    const fromX = (start: number, rows: number) => someRows(x, start, rows);
    const fromY = (start: number, rows: number) => someRows(y, start, rows);
    return { x, y, fromX, fromY };
  }

  /** Computes the blocks; each while the caller looks at the one before. */
  async *#run(operands: Operands, places: readonly Place[]): AsyncGenerator<DistanceBlock, void> {
    const compute = async (place: Place | undefined): Promise<DistanceBlock | undefined> => {
      if (!place) return undefined;
      const { distances } = await this.#step(
        asTensor(operands.fromX(place.row, place.rows)),
        asTensor(operands.fromY(place.column, place.columns)),
      );
      const block = { ...place, distances: (await distances.data()) as Float32Array<ArrayBuffer> };
      operands.mend?.(block);
      return block;
    };
    let coming = compute(places[0]);
    try {
      for (let i = 0; i < places.length; i++) {
        const block = await coming;
        coming = compute(places[i + 1]);
        yield block!;
      }
    } finally {
      // Who leaves early may dispose of the step at once.
      await coming.catch(() => undefined);
    }
  }
}

type Place = Omit<DistanceBlock, 'distances'>;

const asTensor = ({ data, rows, width }: Vectors): Tensor => tensor(data, [rows, width]);

/**
 * The distances of all rows of x [n, d] to all of y [m, d] (by default x): [n, m], by `PairwiseDistances`. scikit-learn's
 * pairwise_distances. For more than a few thousand rows take its blocks.
 */
export async function pairwiseDistances(
  gpu: Gpu,
  x: HostTensor,
  y: HostTensor = x,
  options: PairwiseOptions = {},
): Promise<HostTensor & { readonly data: Float32Array<ArrayBuffer> }> {
  const rows = { data: 'values', shape: 'values' } as const;
  expectArguments('pairwiseDistances', { gpu, x, y }, { gpu: GPU, x: rows, y: rows });
  const shape = [x.shape[0]!, y.shape[0]!];
  const data = new Float32Array(shape[0]! * shape[1]!);
  using pairs = new PairwiseDistances(gpu, options);
  for await (const { row, columns, distances } of pairs.rows(x, y)) data.set(distances, row * columns);
  return { data, shape };
}
