import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { UsageError } from '../../errors.ts';
import { expectCounts, expectNumbers } from '../../nn/heeded.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Random } from '../../vision/random.ts';
import type { Rows } from '../vectors.ts';
import { CenteredClusters, expectItems } from './centers.ts';
import { expectFirstCenters, type FirstCenters, firstCenters } from './firstCenters.ts';
import { type Clustering, lloyd } from './lloyd.ts';
import { forBlocks, nearestCenters } from './nearestCenters.ts';
import { heldDoubles } from './squares.ts';

/** Options of `KMeans`. */
export interface KMeansOptions {
  /** Default 8. */
  readonly nClusters?: number;
  /**
   * How the first centers are chosen: `'k-means++'` (greedily, as in scikit-learn), `'random'` rows, or the centers themselves,
   * [nClusters, d]. Default `'k-means++'`.
   */
  readonly init?: FirstCenters;
  /** Starts, of which the one with the least inertia is kept. Default `'auto'`: 10 with `'random'`, else 1. */
  readonly nInit?: number | 'auto';
  /** The most times that centers are moved, each start. Default 300. */
  readonly maxIter?: number;
  /**
   * Ends when the sum of the squared distances that the centers moved is at most this share of the mean variance of the columns.
   * Default 1e-4.
   */
  readonly tol?: number;
  /** What the first centers are drawn by. Default 0. */
  readonly seed?: number | string;
  /** Where distances are computed. Default: on the CPU. The labels are the same. */
  readonly gpu?: Gpu;
}

/**
 * k-means by Lloyd's algorithm, with the names, defaults and results of scikit-learn's `KMeans`: minimises the inertia, the sum
 * of the squared Euclidean distances of rows to the mean of their cluster.
 *
 * Computed in float64, from differences. On the GPU distances are in f32, and those of rows that are nearly as close to two
 * centers are computed again in float64, so that the labels are those of the CPU. Memory: the rows as they are given, also in
 * float64 where that takes at most 256 MiB, and blocks of 512 of them. Equal distances give the first label. A cluster that loses
 * all its rows gets the row that is farthest from its center, as in scikit-learn. The same seed gives the same bits;
 * scikit-learn's generator draws other first centers, so give `init` to compare.
 *
 * Lloyd 1982, "Least squares quantization in PCM"; Arthur and Vassilvitskii 2007, "k-means++".
 *
 * Throws UsageError for options that cannot be used. `fit` throws UsageError for values that are not finite, and ShapeError for
 * other shapes and fewer rows than clusters.
 */
export class KMeans extends CenteredClusters {
  readonly #options: Required<Omit<KMeansOptions, 'gpu'>>;
  readonly #gpu: Gpu | undefined;

  constructor(options: KMeansOptions = {}) {
    const { gpu, ...filled } = withDefaults('KMeans', options, {
      nClusters: 8,
      init: 'k-means++' as FirstCenters,
      nInit: 'auto' as number | 'auto',
      maxIter: 300,
      tol: 1e-4,
      seed: 0 as number | string,
      gpu: undefined,
    });
    const { nClusters, init, nInit, maxIter, tol, seed } = filled;
    expectCounts('KMeans', { nClusters, maxIter, ...(nInit === 'auto' ? {} : { nInit }) }, UsageError);
    expectNumbers('KMeans', { tol });
    expectArguments('KMeans', { seed }, { seed: 'label' });
    if (gpu !== undefined) expectArguments('KMeans', { gpu }, { gpu: GPU });
    expectFirstCenters('KMeans', init, nClusters);
    super('KMeans', gpu);
    this.#options = filled;
    this.#gpu = gpu;
  }

  /** Finds clusters of the rows of x [n, d]. */
  async fit(x: HostTensor): Promise<this> {
    const { nClusters, init, nInit, maxIter, tol, seed } = this.#options;
    const given = expectItems('KMeans.fit', x, nClusters);
    const rows = heldDoubles(given);
    expectFirstCenters('KMeans.fit', init, nClusters, rows.width);
    const random = new Random(seed).fork('k-means');
    // Given centers lead to the same result whenever they are tried.
    const starts = typeof init === 'string' ? (nInit === 'auto' ? (init === 'random' ? 10 : 1) : nInit) : 1;
    const stop = { maxIter, tolerance: tol * meanVariance(rows) };
    const nearest = nearestCenters(this.#gpu ? given : rows, this.#gpu);
    try {
      let best: Clustering | undefined;
      for (let start = 0; start < starts; start++) {
        const centers = firstCenters(rows, init, nClusters, random.fork(start));
        const found = await lloyd(rows, nearest, centers, stop);
        if (!best || found.inertia < best.inertia) best = found;
      }
      this.found = { ...best!, width: rows.width };
    } finally {
      nearest.dispose();
    }
    return this;
  }
}

/** The mean over columns of the variance of each. */
export function meanVariance(x: Rows): number {
  const means = new Float64Array(x.width);
  const squares = new Float64Array(x.width);
  forBlocks(x, (block) => {
    for (let at = 0; at < block.length; ) {
      for (let c = 0; c < x.width; c++, at++) means[c]! += block[at]!;
    }
  });
  for (let c = 0; c < x.width; c++) means[c]! /= x.rows;
  forBlocks(x, (block) => {
    for (let at = 0; at < block.length; ) {
      for (let c = 0; c < x.width; c++, at++) squares[c]! += (block[at]! - means[c]!) ** 2;
    }
  });
  return squares.reduce((sum, square) => sum + square, 0) / x.rows / x.width;
}
