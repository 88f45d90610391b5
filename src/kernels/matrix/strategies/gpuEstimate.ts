import { DISPATCH, FLOATS, MULTIPROCESSORS } from '../../gpuCosts.ts';
import type { Product } from './product.ts';

/** What an estimate takes of a matrix kernel for GPUs. */
export interface TileShape {
  /** What one workgroup covers of the result. */
  readonly rows: number;
  readonly columns: number;
  readonly threads: number;
  /** Multiply-adds per cycle that a full multiprocessor does with it. */
  readonly rate: number;
}

/** gemm_tile.wgsl, the plain strategy. It loads scalars and holds 4x4 in registers: reckoned, not measured. */
export const PLAIN_TILE: TileShape = { rows: 64, columns: 64, threads: 256, rate: 20 };

/** Invocations from which on a multiprocessor has enough to do while others wait for memory. */
const BUSY = 256;
/** Cycles before a tile's first and after its last product. */
const ENDS = 2000;

/** Cycles of a product of so many tiles: the multiprocessor that has most of them does one after the other. */
function cyclesOf({ rows, columns, threads, rate }: TileShape, tiles: number, inner: number): number {
  const most = Math.ceil(tiles / MULTIPROCESSORS);
  const busy = Math.min(1, (most * threads) / BUSY);
  return ENDS + (most * rows * columns * inner) / (rate * busy);
}

/** A matrix product as the estimate sees it. */
export interface Work {
  readonly rows: number;
  readonly columns: number;
  /** Matrices of this size. */
  readonly count: number;
  readonly inner: number;
  readonly results: number;
  /** Parts that the inner sum may be split into: `least` and its doubles up to `most`. */
  readonly least: number;
  readonly most: number;
}

export interface Split {
  readonly splits: number;
  readonly cycles: number;
}

/** The number of parts of the inner sum that takes the fewest cycles. */
export function bestSplit(
  tile: TileShape,
  { rows, columns, count, inner, results, least, most }: Work,
): Split {
  const tiles = Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns) * count;
  let best: Split | undefined;
  for (let splits = least; splits <= Math.max(least, most); splits *= 2) {
    const sum = splits > 1 ? DISPATCH + (results * (2 * splits + 1)) / FLOATS : 0;
    const cycles = cyclesOf(tile, tiles * splits, Math.ceil(inner / splits)) + sum;
    if (!best || cycles < best.cycles) best = { splits, cycles };
  }
  return best!;
}

/** Bytes of all parts of a result: so that they stay in the cache of a GPU until they are added up. */
const PARTS_BYTES = 1 << 22;
/** Inner elements of a part, at least. */
const SHORTEST_PART = 64;

/** The work of y = gather(x) * weight. One with phases is as many matrices of fewer taps. */
export function productWork({ caps, gemm, sum }: Product): Work {
  const { M, O, OG, IG, KH, KW, UH, UW, batch, y_z } = gemm;
  const inner = Math.ceil((KH * KW * IG) / (UH * UW));
  const results = M * UH * UW * O;
  const bytes = Math.min(caps.maxBindingSize, PARTS_BYTES);
  const fits = Math.min(bytes / Math.max(1, results * 4), inner / SHORTEST_PART, 32);
  // Parts are added up as they are, before a root is taken.
  const whole = !sum && batch === 1 && [O, OG, y_z].every((size) => size % 4 === 0);
  return {
    rows: M,
    columns: OG,
    count: UH * UW * batch,
    inner,
    results,
    least: 1,
    most: whole ? fits : 1,
  };
}

/** The work of a filter gradient. At most 8,192 pixels are added up in one go, for accuracy. */
export function filterWork({ caps, gemm: { M, O, OG, IG, KH, KW, batch } }: Product): Work {
  const rows = KH * KW * IG;
  const total = rows * O;
  const fits = Math.max(1, Math.floor(Math.min(caps.maxBindingSize / Math.max(1, total * 4), 65535 / batch)));
  return {
    rows,
    columns: OG,
    count: batch,
    inner: M,
    results: total,
    least: Math.max(1, Math.min(fits, Math.ceil(M / 8192))),
    most: Math.min(fits, M / SHORTEST_PART),
  };
}
