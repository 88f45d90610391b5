import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { LifetimeError, ShapeError, UsageError } from '../../errors.ts';
import { expectCounts } from '../../nn/heeded.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Random } from '../../vision/random.ts';
import { expectRows, type Rows } from '../vectors.ts';
import { type ItemDistances, inMemory, itemDistances, MOST_IN_MEMORY } from './itemDistances.ts';
import { build, clara, fasterPam, type Medoids, pam, plusPlus } from './medoids.ts';
import { betweenOf, type ClusterMetric, expectMetric } from './metrics.ts';
import { forBlocks } from './nearestCenters.ts';
import { chosenDoubles } from './squares.ts';

/** How medoids are sought. */
export type KMedoidsMethod = 'auto' | 'fasterpam' | 'pam' | 'clara';
const METHODS: readonly KMedoidsMethod[] = ['auto', 'fasterpam', 'pam', 'clara'];

/** How first medoids are chosen: by one of four ways, or the numbers of the items. */
export type FirstMedoids = 'auto' | 'build' | 'random' | 'k-medoids++' | 'clara' | readonly number[];
const FIRST = ['auto', 'build', 'random', 'k-medoids++', 'clara'] as const;

/** Options of `KMedoids`. */
export interface KMedoidsOptions {
  /** Default 8. */
  readonly nClusters?: number;
  /** Default `'euclidean'`. */
  readonly metric?: ClusterMetric;
  /**
   * `'fasterpam'`: swaps an item in as soon as that lowers the sum. `'pam'`: makes the best of all swaps, one after another; from
   * `'build'` that is R's `pam`. `'clara'`: FasterPAM on drawn samples. Default `'auto'`: `'fasterpam'` up to 4,096 items, else
   * `'clara'`.
   */
  readonly method?: KMedoidsMethod;
  /**
   * How the first medoids are chosen: `'build'` (the item that lowers the sum most, one after another), `'random'` items,
   * `'k-medoids++'` (drawn in proportion to their distance), what `'clara'` finds, or the items themselves by their numbers.
   * Default `'auto'`: `'build'` up to 4,096 items, else `'clara'`. With the method `'clara'` samples start by `'build'`, always.
   */
  readonly init?: FirstMedoids;
  /** The most passes over all items (`'fasterpam'`) or swaps (`'pam'`). Default 300. */
  readonly maxIter?: number;
  /** Items of a sample of `'clara'`. Default: 1,000, or 80 + 4 nClusters where that is more. */
  readonly nSampling?: number;
  /** Samples of `'clara'`, of which the best is kept. Default 5. */
  readonly nSamplingIter?: number;
  /** What samples and first medoids are drawn by. Default 0. */
  readonly seed?: number | string;
  /**
   * Where distances are computed, in f32, of metrics by name other than `iou` and `precomputed`; of values whose squares f32 cannot
   * hold, on the CPU. Default: on the CPU, in float64.
   */
  readonly gpu?: Gpu;
}

/** What is known once medoids have been found. */
interface Fitted extends Medoids {
  /** Items that were fitted. */
  readonly items: number;
  /** Values of a row. */
  readonly width: number;
  /** The rows of the medoids, in float64; of precomputed distances none. */
  readonly centers: Float64Array | undefined;
}

/**
 * k-medoids: finds the nClusters items with the least sum of distances of all items, each to its nearest medoid, for any metric.
 *
 * FasterPAM and the first steps of BUILD and CLARA: Schubert and Rousseeuw 2021, "Fast and eager k-medoids clustering"; PAM and
 * CLARA: Kaufman and Rousseeuw 1990, "Finding Groups in Data". FasterPAM and PAM end where no single swap lowers the sum. They may
 * find different ones of such choices. Medoids are in ascending order, and equal distances give the first. The same seed gives
 * the same bits.
 *
 * Memory: up to 4,096 items, their distances (128 MiB in float64, half of that in f32). Above that nothing of n x n is in
 * memory: `'clara'` needs those of a sample and of all items to the medoids, and `'fasterpam'` computes distances in blocks of 64
 * MiB, once for each of its passes (a few, from the medoids of CLARA). `'pam'` and `'build'` take a pass for each swap or medoid.
 *
 * Throws UsageError for options that cannot be used. `fit` throws UsageError for values that are not finite and distances that are
 * none, and ShapeError for other shapes and fewer items than clusters.
 */
export class KMedoids {
  readonly #options: Required<Omit<KMedoidsOptions, 'gpu' | 'nSampling'>>;
  readonly #nSampling: number;
  readonly #gpu: Gpu | undefined;
  #fitted: Fitted | undefined;

  constructor(options: KMedoidsOptions = {}) {
    const { gpu, nSampling, ...filled } = withDefaults('KMedoids', options, {
      nClusters: 8,
      metric: 'euclidean' as ClusterMetric,
      method: 'auto' as KMedoidsMethod,
      init: 'auto' as FirstMedoids,
      maxIter: 300,
      nSampling: undefined,
      nSamplingIter: 5,
      seed: 0 as number | string,
      gpu: undefined,
    });
    const { nClusters, metric, method, init, maxIter, nSamplingIter, seed } = filled;
    const counts = { nClusters, maxIter, nSamplingIter, ...(nSampling === undefined ? {} : { nSampling }) };
    expectCounts('KMedoids', counts, UsageError);
    expectMetric('KMedoids', metric);
    expectOneOf('KMedoids', 'method', method, METHODS);
    if (typeof init === 'string') expectOneOf('KMedoids', 'init', init, FIRST);
    else expectArguments('KMedoids', { init }, { init: 'values' });
    expectArguments('KMedoids', { seed }, { seed: 'label' });
    if (gpu !== undefined) expectArguments('KMedoids', { gpu }, { gpu: GPU });
    if (nSampling !== undefined && nSampling < nClusters) {
      throw new UsageError(`KMedoids: nSampling is ${nSampling}; give at least nClusters, ${nClusters}`);
    }
    this.#options = filled;
    this.#nSampling = nSampling ?? Math.max(1000, 80 + 4 * nClusters);
    this.#gpu = gpu;
  }

  /** The items that are medoids, in ascending order. */
  get medoidIndices(): readonly number[] {
    return this.#found.medoids;
  }

  /** For each item that was fitted, the index of its medoid, from 0. */
  get labels(): Int32Array {
    return this.#found.labels;
  }

  /** The sum of the distances of the items to their medoids. */
  get inertia(): number {
    return this.#found.cost;
  }

  /** Passes over all items (`'fasterpam'`), swaps (`'pam'`, the last one in vain) or samples (`'clara'`). */
  get nIter(): number {
    return this.#found.nIter;
  }

  /** The rows of the medoids, [nClusters, d], in float64. Throws LifetimeError for precomputed distances, which have none. */
  get clusterCenters(): HostTensor & { readonly data: Float64Array } {
    const { centers, width, medoids } = this.#found;
    if (centers) return { data: centers, shape: [medoids.length, width] };
    throw new LifetimeError('KMedoids: precomputed distances have no rows; use medoidIndices');
  }

  /** Finds medoids of the rows of x [n, d], or of the items whose distances x [n, n] are. */
  async fit(x: HostTensor): Promise<this> {
    const { nClusters, metric } = this.#options;
    const distances = itemDistances('KMedoids.fit', x, metric, this.#gpu);
    try {
      if (distances.items < nClusters) {
        throw new ShapeError(
          `KMedoids.fit: ${nClusters} clusters of ${distances.items} items; ask for at most as many`,
        );
      }
      const found = await this.#search(distances);
      const rows = expectRows('KMedoids.fit', 'x', x);
      const fitted = { ...found, items: rows.rows, width: rows.width };
      if (metric === 'precomputed') this.#fitted = { ...fitted, centers: undefined };
      else {
        const centers = chosenDoubles(rows, found.medoids);
        // What f32 has found is told in float64.
        this.#fitted = {
          ...fitted,
          ...(this.#gpu ? judgeItems(rows, centers, found.medoids, metric) : {}),
          centers,
        };
      }
    } finally {
      distances.dispose();
    }
    return this;
  }

  /** Fits, and returns the labels. */
  async fitPredict(x: HostTensor): Promise<Int32Array> {
    return (await this.fit(x)).labels;
  }

  /**
   * The index of the nearest medoid of each row of x [m, d]; of precomputed distances, x are those to the items that were fitted,
   * [m, n]. Ties go to the first.
   */
  async predict(x: HostTensor): Promise<Int32Array> {
    const { data, shape } = this.#toMedoids('predict', x);
    return judge(data, shape[1]!).labels;
  }

  /** The distances of the rows of x [m, d] to the medoids: [m, nClusters]. For precomputed distances see `predict`. */
  async transform(x: HostTensor): Promise<HostTensor & { readonly data: Float64Array }> {
    return this.#toMedoids('transform', x);
  }

  get #found(): Fitted {
    if (this.#fitted) return this.#fitted;
    throw new LifetimeError('KMedoids: nothing was fitted yet; await fit(x) first');
  }

  async #search(given: ItemDistances): Promise<Medoids> {
    const { nClusters: k, method, init, maxIter, nSamplingIter, seed } = this.#options;
    const small = given.items <= MOST_IN_MEMORY;
    const random = new Random(seed).fork('k-medoids').fork(k);
    const size = Math.min(this.#nSampling, given.items);
    // A sample of all items is the same each time.
    const samples = size === given.items ? 1 : nSamplingIter;
    const byClara = () => clara(given, k, random, { size, samples, maxIter });
    if (method === 'clara' || (method === 'auto' && !small)) return byClara();
    const distances = small ? await inMemory(given) : given;
    const start = async (): Promise<readonly number[]> => {
      if (typeof init !== 'string') return expectItemsOf(init, k, given.items);
      if (init === 'clara' || (init === 'auto' && !small)) return (await byClara()).medoids;
      if (init === 'random') {
        return random.shuffle(Array.from({ length: given.items }, (_, i) => i)).slice(0, k);
      }
      return init === 'k-medoids++' ? plusPlus(distances, k, random) : build(distances, k);
    };
    return (method === 'pam' ? pam : fasterPam)(distances, await start(), maxIter);
  }

  #toMedoids(method: string, x: HostTensor): HostTensor & { readonly data: Float64Array } {
    const call = `KMedoids.${method}`;
    const { centers, width, medoids, items } = this.#found;
    const { metric } = this.#options;
    const rows = expectRows(call, 'x', x);
    const k = medoids.length;
    const wanted = centers ? width : items;
    if (rows.width !== wanted) {
      throw new ShapeError(
        `${call}: rows of x have ${rows.width} values, those that were fitted ${wanted}; give as many`,
      );
    }
    const shape = [rows.rows, k];
    if (metric !== 'precomputed' && centers) return { data: distancesTo(call, rows, centers, metric), shape };
    const data = new Float64Array(rows.rows * k);
    for (let row = 0, at = 0; row < rows.rows; row++) {
      for (const medoid of medoids) data[at++] = rows.data[row * items + medoid]!;
    }
    return { data, shape };
  }
}

/** The distances of rows to centers, in float64: [rows, centers]. */
function distancesTo(
  call: string,
  rows: Rows,
  centers: Float64Array,
  metric: Exclude<ClusterMetric, 'precomputed'>,
): Float64Array {
  const { width } = rows;
  const between = betweenOf(call, metric, width);
  const k = centers.length / width;
  const data = new Float64Array(rows.rows * k);
  forBlocks(rows, (block, start) => data.set(between(block, centers, width), start * k));
  return data;
}

/** The nearest of k medoids of each item, and the sum of the distances to them. */
function judge(data: Float64Array, k: number): { readonly labels: Int32Array; readonly cost: number } {
  const labels = new Int32Array(data.length / k);
  let cost = 0;
  for (let row = 0, at = 0; row < labels.length; row++, at += k) {
    let best = 0;
    for (let m = 1; m < k; m++) if (data[at + m]! < data[at + best]!) best = m;
    labels[row] = best;
    cost += data[at + best]!;
  }
  return { labels, cost };
}

/** The same of the items that were fitted: a medoid is at distance 0 from itself, also as a row of zeros by the cosine. */
function judgeItems(
  rows: Rows,
  centers: Float64Array,
  medoids: readonly number[],
  metric: Exclude<ClusterMetric, 'precomputed'>,
): ReturnType<typeof judge> {
  const k = medoids.length;
  const data = distancesTo('KMedoids.fit', rows, centers, metric);
  for (const [m, item] of medoids.entries()) data[item * k + m] = 0;
  return judge(data, k);
}

/** First medoids that are given. Throws UsageError for others than k different items. */
function expectItemsOf(init: readonly number[], k: number, items: number): readonly number[] {
  const known = init.every((item) => Number.isInteger(item) && item >= 0 && item < items);
  if (known && init.length === k && new Set(init).size === k) return init;
  throw new UsageError(
    `KMedoids.fit: init is ${[...init].slice(0, 8)}; give ${k} different items of 0 to ${items - 1}, one for each cluster`,
  );
}
