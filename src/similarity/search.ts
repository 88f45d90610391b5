import type { Tensor } from '../graph/tensor.ts';
import { tensor } from '../graph/tensor.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Step } from '../plan/step.ts';
import type { Metric } from './distances.ts';
import { GROUP, type GroupNorms, SCORING, type Scoring } from './scores.ts';
import { TopK } from './topK.ts';
import { someRows, type Vectors } from './vectors.ts';

/** Some rows of a database. */
export interface RowBlock extends Vectors {
  /** The number of each row, in ascending order; where it is left out they follow `start`. */
  readonly numbers?: Int32Array | undefined;
  /** The number of the first row. */
  readonly start: number;
  /** The sum of squares of each row, where it is known. */
  readonly squares?: Float64Array | undefined;
}

/** A database, which is gone through once a search. */
export interface RowSource {
  readonly rows: number;
  readonly width: number;
  /** All rows in the order of their numbers, in blocks of `size` rows; only the last may have fewer. */
  blocks(size: number): AsyncIterable<RowBlock> | Iterable<RowBlock>;
}

/** The nearest rows of each query. */
export interface Neighbors {
  /** Those of the nearest rows, the nearest first, as [queries, k]. Infinity (of dot products -Infinity) where there are fewer than k. */
  readonly distances: Float64Array;
  /** Their numbers, as [queries, k]; -1 where there are fewer than k. */
  readonly indices: Int32Array;
  /** The numbers of queries and of neighbours: [queries, k]. */
  readonly shape: readonly [number, number];
}

/** Bytes of a block of rows, and of scores, on the device. */
const BLOCK_BYTES = 2 ** 25;
const SCORE_BYTES = 2 ** 26;
const MOST_ROWS = 2 ** 14;
/** Up to so many queries sending the rows to the device takes as long as comparing them here. */
const FEW = 2;

const NONE = new Float64Array();
const NO_NORMS: GroupNorms = { most: 0, least: Number.POSITIVE_INFINITY };

/** Rows of a block: as many as fill the device, and no more than there are. */
export function blockRows(rows: number, width: number): number {
  const fitting = Math.floor(BLOCK_BYTES / (4 * Math.max(1, width)) / GROUP) * GROUP;
  const most = Math.max(GROUP, Math.min(MOST_ROWS, fitting));
  // Of small databases a power of two, so that one that grows is not captured anew with every row.
  const needed = 2 ** Math.ceil(Math.log2(Math.max(GROUP, rows)));
  return Math.min(most, needed);
}

/** Exact search by one metric: a captured step that is replayed for every block of rows and of queries. */
export class Searcher {
  readonly metric: Metric;
  readonly #scoring: Scoring;
  readonly #step: Step<{ readonly maxima: Tensor }>;

  constructor(gpu: Gpu, metric: Metric) {
    this.metric = metric;
    this.#scoring = SCORING[metric];
    const { graph } = this.#scoring;
    this.#step = gpu.capture((x, q, scales) => ({ maxima: graph(x!, q!, scales!) }), { maxPrograms: 3 });
  }

  /** The k nearest rows of every query. */
  async search(source: RowSource, queries: Vectors, k: number): Promise<Neighbors> {
    const found = new TopK(queries.rows, Math.min(k, Math.max(1, source.rows)));
    const squares = squaresOf(queries);
    const size = blockRows(source.rows, source.width);
    if (queries.rows > 0 && source.rows > 0) {
      const all = { queries, squares, found };
      if (queries.rows <= FEW) await this.#compare(source, size, all);
      else await this.#searchOnGpu(source, size, all);
    }
    return this.#neighbors(found, squares, k);
  }

  dispose(): void {
    this.#step.dispose();
  }

  async #compare(source: RowSource, size: number, search: Search): Promise<void> {
    for await (const given of source.blocks(size)) {
      const block = this.#withSquares(given);
      for (let query = 0; query < search.queries.rows; query++) {
        this.#look(block, 0, block.rows, query, search);
      }
    }
  }

  async #searchOnGpu(source: RowSource, size: number, search: Search): Promise<void> {
    const { queries, squares } = search;
    const chunk = Math.max(4, Math.floor(SCORE_BYTES / 4 / size / 4) * 4);
    const chunks: Chunk[] = [];
    for (let start = 0; start < queries.rows; start += chunk) {
      const rows = Math.min(chunk, queries.rows - start);
      chunks.push({
        start,
        rows,
        tensor: this.#forGpu(someRows(queries, start, rows), squares.subarray(start)),
      });
    }
    // While the GPU computes the maxima of a block, those of the one before are looked at here.
    let coming: Promise<Float32Array> | undefined;
    let sift = (_maxima: Float32Array): void => undefined;
    for await (const given of source.blocks(size)) {
      const block = this.#withSquares(given);
      const [x, scales] = operandsOf(block, size, this.metric === 'cosine');
      const norms = this.#scoring.scaled ? normsOf(block) : undefined;
      for (const part of chunks) {
        const maxima = await coming;
        coming = this.#maxima(x, part.tensor, scales);
        coming.catch(() => undefined);
        if (maxima) sift(maxima);
        sift = (values) => this.#sift(values, block, norms, part, search);
      }
    }
    if (coming) sift(await coming);
  }

  async #maxima(...operands: [x: Tensor, q: Tensor, scales: Tensor]): Promise<Float32Array> {
    const { maxima } = await this.#step(...operands);
    return (await maxima.data()) as Float32Array;
  }

  /** Differences need no lengths. */
  #withSquares(block: RowBlock): MeasuredBlock {
    return { ...block, squares: block.squares ?? (this.#scoring.scaled ? squaresOf(block) : NONE) };
  }

  /** Looks at the groups of a block that may hold one of the best rows. */
  #sift(
    maxima: Float32Array,
    block: MeasuredBlock,
    norms: readonly GroupNorms[] | undefined,
    part: Chunk,
    search: Search,
  ): void {
    const { found, squares } = search;
    const groups = Math.ceil(block.rows / GROUP);
    const stride = part.tensor.shape[0]!;
    const bounds = new Float64Array(groups);
    const passing: number[] = [];
    for (let i = 0; i < part.rows; i++) {
      const query = part.start + i;
      passing.length = 0;
      for (let group = 0; group < groups; group++) {
        const { bound } = this.#scoring;
        const most = bound(
          maxima[group * stride + i]!,
          norms?.[group] ?? NO_NORMS,
          squares[query]!,
          block.width,
        );
        bounds[group] = most;
        if (found.takes(query, most, numberOf(block, group * GROUP))) passing.push(group);
      }
      const look = (group: number) => {
        if (!found.takes(query, bounds[group]!, numberOf(block, group * GROUP))) return;
        this.#look(block, group * GROUP, Math.min(block.rows, (group + 1) * GROUP), query, search);
      };
      // The best groups first: what they hold rules most others out.
      const first =
        passing.length > found.k ? kthLargest(passing, bounds, found.k) : Number.NEGATIVE_INFINITY;
      for (const group of passing) if (!(bounds[group]! < first)) look(group);
      for (const group of passing) if (bounds[group]! < first) look(group);
    }
  }

  /** Offers rows of a block by their exact scores. */
  #look(block: MeasuredBlock, from: number, to: number, query: number, { queries, found }: Search): void {
    const { exact } = this.#scoring;
    const { data, width, squares } = block;
    for (let row = from; row < to; row++) {
      const score = exact(data, row * width, queries.data, query * width, width, squares[row]!);
      found.offer(query, score, numberOf(block, row));
    }
  }

  /** Queries as the GPU takes them: in fours, which its kernels read best. */
  #forGpu({ data, rows, width }: Vectors, squares: Float64Array): Tensor {
    const padded = Math.ceil(rows / 4) * 4;
    const values = new Float32Array(padded * width);
    if (this.#scoring.scaled) {
      for (let row = 0, at = 0; row < rows; row++) {
        const scale = squares[row] === 0 ? 0 : 1 / Math.sqrt(squares[row]!);
        for (let i = 0; i < width; i++, at++) values[at] = data[at]! * scale;
      }
    } else values.set(data);
    return tensor(values, [padded, width]);
  }

  #neighbors(found: TopK, squares: Float64Array, k: number): Neighbors {
    const count = squares.length;
    const none = this.metric === 'dot' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
    const distances = new Float64Array(count * k).fill(none);
    const indices = new Int32Array(count * k).fill(-1);
    for (let query = 0; query < count; query++) {
      for (const [i, { score, row }] of found.sorted(query).entries()) {
        distances[query * k + i] = this.#scoring.distance(score, squares[query]!);
        indices[query * k + i] = row;
      }
    }
    return { distances, indices, shape: [count, k] };
  }
}

/** A block whose rows' lengths are known, where the metric needs them. */
interface MeasuredBlock extends RowBlock {
  readonly squares: Float64Array;
}

interface Search {
  readonly queries: Vectors;
  readonly squares: Float64Array;
  readonly found: TopK;
}

/** Queries that are compared at a time. */
interface Chunk {
  readonly start: number;
  readonly rows: number;
  readonly tensor: Tensor;
}

const numberOf = ({ start, numbers }: RowBlock, row: number): number => numbers?.[row] ?? start + row;

/** The sum of squares of each row. */
export function squaresOf({ data, rows, width }: Vectors): Float64Array {
  const squares = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (const end = at + width; at < end; at++) sum += data[at]! * data[at]!;
    squares[row] = sum;
  }
  return squares;
}

/** The rows of a block, with zeros up to its full size, and 1 / length of each where it is needed. */
function operandsOf(block: MeasuredBlock, size: number, scaled: boolean): [x: Tensor, scales: Tensor] {
  const { data, rows, width, squares } = block;
  let values = data;
  if (rows < size) {
    values = new Float32Array(size * width);
    values.set(data);
  }
  const scales = new Float32Array(scaled ? size : 1);
  if (scaled)
    for (let row = 0; row < rows; row++) scales[row] = squares[row] === 0 ? 0 : 1 / Math.sqrt(squares[row]!);
  return [tensor(values, [size, width]), tensor(scales, [scales.length, 1])];
}

function normsOf({ rows, squares }: MeasuredBlock): GroupNorms[] {
  return Array.from({ length: Math.ceil(rows / GROUP) }, (_, group) => {
    let [most, least] = [0, Number.POSITIVE_INFINITY];
    for (let row = group * GROUP; row < Math.min(rows, (group + 1) * GROUP); row++) {
      most = Math.max(most, squares[row]!);
      if (squares[row]! > 0) least = Math.min(least, squares[row]!);
    }
    return { most: Math.sqrt(most), least: Math.sqrt(least) };
  });
}

/** The k-th largest bound of some groups. */
function kthLargest(groups: readonly number[], bounds: Float64Array, k: number): number {
  const some = Float64Array.from(groups, (group) => bounds[group]!).sort();
  return some[some.length - k]!;
}
