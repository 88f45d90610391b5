import type { Rows } from '../vectors.ts';
import { forBlocks, type NearestCenters, ownSquares } from './nearestCenters.ts';

/** What k-means found from one start. */
export interface Clustering {
  /** For each row, the number of its cluster. */
  readonly labels: Int32Array;
  /** [k, width], row by row. */
  readonly centers: Float64Array;
  /** The sum of the squared distances of the rows to their centers. */
  readonly inertia: number;
  /** How many times centers were moved. */
  readonly nIter: number;
}

/** When Lloyd's algorithm ends. */
export interface Stop {
  readonly maxIter: number;
  /** Ends when the sum of the squared distances that centers moved is at most this. */
  readonly tolerance: number;
}

/**
 * Lloyd's algorithm: gives each row to the nearest center, moves each center to the mean of its rows, and so on until no label
 * changes. As scikit-learn's `_kmeans_single_lloyd`.
 */
export async function lloyd(
  x: Rows,
  nearest: NearestCenters,
  start: Float64Array,
  { maxIter, tolerance }: Stop,
): Promise<Clustering> {
  let centers = start;
  let labels: Int32Array = new Int32Array(x.rows).fill(-1);
  let nIter = 0;
  let settled = false;
  while (nIter < maxIter && !settled) {
    nIter++;
    const found = await nearest.of(centers);
    const moved = meansOf(x, found, centers);
    settled = found.every((label, i) => label === labels[i]);
    labels = found;
    const shift = shiftOf(centers, moved);
    centers = moved;
    if (!settled && shift <= tolerance) break;
  }
  // Labels of the centers as they were before they moved last.
  if (!settled) labels = await nearest.of(centers);
  return { labels, centers, inertia: sumOf(ownSquares(x, centers, labels)), nIter };
}

/** The sum of the squared distances that centers have moved. */
export function shiftOf(before: Float64Array, after: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < before.length; i++) sum += (after[i]! - before[i]!) ** 2;
  return sum;
}

export function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

function addRow(from: Float64Array, at: number, to: Float64Array, toAt: number, width: number): void {
  for (let c = 0; c < width; c++) to[toAt + c]! += from[at + c]!;
}

/** Sums of the rows of each cluster, and their numbers. */
export function sumsOf(
  x: Rows,
  labels: Int32Array,
  k: number,
): { readonly sums: Float64Array; readonly counts: Float64Array } {
  const sums = new Float64Array(k * x.width);
  const counts = new Float64Array(k);
  forBlocks(x, (block, start, rows) => {
    for (let i = 0; i < rows; i++) {
      const label = labels[start + i]!;
      counts[label]!++;
      addRow(block, i * x.width, sums, label * x.width, x.width);
    }
  });
  return { sums, counts };
}

/**
 * The mean of the rows of each cluster. A cluster without rows gets one that is farthest from its own center, which leaves the
 * cluster it is in; where all rows are at their centers, an empty cluster is put where the largest one is (scikit-learn's
 * `_relocate_empty_clusters_dense` and `_average_centers`).
 */
function meansOf(x: Rows, labels: Int32Array, centers: Float64Array): Float64Array {
  const { width } = x;
  const k = centers.length / width;
  const { sums, counts } = sumsOf(x, labels, k);
  const empty = [...counts.keys()].filter((cluster) => counts[cluster] === 0);
  if (empty.length > 0) {
    const own = ownSquares(x, centers, labels);
    const farthest = [...own.keys()].sort((i, j) => own[j]! - own[i]! || i - j).slice(0, empty.length);
    if (own[farthest[0]!]! > 0) {
      for (const [place, cluster] of empty.entries()) {
        const item = farthest[place]!;
        const from = labels[item]!;
        for (let c = 0; c < width; c++) {
          const value = x.data[item * width + c]!;
          sums[from * width + c]! -= value;
          sums[cluster * width + c] = value;
        }
        counts[cluster] = 1;
        counts[from]!--;
      }
    }
  }
  let largest = 0;
  for (let cluster = 1; cluster < k; cluster++) if (counts[cluster]! > counts[largest]!) largest = cluster;
  for (let cluster = 0; cluster < k; cluster++) {
    if (counts[cluster] === 0) continue;
    for (let c = cluster * width; c < (cluster + 1) * width; c++) sums[c]! /= counts[cluster]!;
  }
  for (let cluster = 0; cluster < k; cluster++) {
    if (counts[cluster] === 0) sums.copyWithin(cluster * width, largest * width, (largest + 1) * width);
  }
  return sums;
}
