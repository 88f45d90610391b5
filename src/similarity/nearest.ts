import { expectArguments, GPU } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { expectOneOf, withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { METRICS, type Metric } from './distances.ts';
import { type Neighbors, type RowBlock, type RowSource, Searcher } from './search.ts';
import { expectCount, expectResults } from './searchByName.ts';
import { expectVectors, someRows, type Vectors } from './vectors.ts';

/** Options of `nearest`. */
export interface NearestOptions {
  /** Default 'euclidean'. By `dot` the largest products come first, by all others the smallest distances. */
  readonly metric?: Metric;
}

/**
 * The k nearest rows of x [n, d] for every query [q, d], exactly, as `FlatIndex` finds them: distances in float64, of equal ones the
 * lower row first. x stays where it is, and is sent to the device block by block.
 *
 * @throws ShapeError for other ranks and for widths that differ, UsageError for a k that is no whole number of 1 or more, for
 * values that are not finite and for unknown options.
 */
export async function nearest(
  gpu: Gpu,
  queries: HostTensor,
  x: HostTensor,
  k: number,
  options: NearestOptions = {},
): Promise<Neighbors> {
  expectArguments('nearest', { gpu }, { gpu: GPU });
  const { metric } = withDefaults('nearest', options, { metric: 'euclidean' });
  expectOneOf('nearest', 'metric', metric, METRICS);
  expectCount('nearest', 'k', k);
  const rows = expectVectors('nearest', 'x', x);
  const asked = expectVectors('nearest', 'queries', queries, rows.width);
  expectResults('nearest', asked.rows, k);
  const searcher = new Searcher(gpu, metric);
  try {
    return await searcher.search(rowsOf(rows), asked, k);
  } finally {
    searcher.dispose();
  }
}

/** Rows as they are. */
export const rowsOf = (vectors: Vectors): RowSource => ({
  rows: vectors.rows,
  width: vectors.width,
  *blocks(size): Generator<RowBlock, void> {
    for (let start = 0; start < vectors.rows; start += size) {
      yield { ...someRows(vectors, start, Math.min(size, vectors.rows - start)), start };
    }
  },
});
