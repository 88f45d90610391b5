import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { UsageError } from '../../errors.ts';
import { expectCounts, expectNumbers } from '../../nn/heeded.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Random } from '../../vision/random.ts';
import { expectRows, type Rows } from '../vectors.ts';
import { CenteredClusters, expectItems } from './centers.ts';
import { expectFirstCenters, type FirstCenters, firstCenters } from './firstCenters.ts';
import { meanVariance } from './kMeans.ts';
import { shiftOf, sumOf, sumsOf } from './lloyd.ts';
import { ownSquares } from './nearestCenters.ts';
import { chosenDoubles } from './squares.ts';

/** Options of `MiniBatchKMeans`. */
export interface MiniBatchKMeansOptions {
  /** Default 8. */
  readonly nClusters?: number;
  /** As in `KMeans`, among `initSize` rows. Default `'k-means++'`. */
  readonly init?: FirstCenters;
  /** First centers of which the best are taken, judged by `initSize` rows. Default `'auto'`: 3 with `'random'`, else 1. */
  readonly nInit?: number | 'auto';
  /** The most times that as many rows as x has are drawn. Default 100. */
  readonly maxIter?: number;
  /** Rows of a batch. Default 1024. */
  readonly batchSize?: number;
  /** Rows that first centers are chosen among. Default: 3 batches, or 3 rows a cluster where that is more. */
  readonly initSize?: number;
  /**
   * Ends when the sum of the squared distances that the centers moved in a batch is at most this share of the mean variance of
   * the columns. Default 0: that alone ends nothing.
   */
  readonly tol?: number;
  /** The number of batches without a lower smoothed inertia after which it ends. Default 10. */
  readonly maxNoImprovement?: number;
  /** Clusters with a smaller share than this of the rows that the largest one got start again at drawn rows. Default 0.01. */
  readonly reassignmentRatio?: number;
  /** What batches and first centers are drawn by. Default 0. */
  readonly seed?: number | string;
  /** Where distances are computed. Default: on the CPU. The labels are the same. */
  readonly gpu?: Gpu;
}

type Filled = Required<Omit<MiniBatchKMeansOptions, 'gpu' | 'initSize'>> & { readonly initSize?: number };

/** Centers on their way, and the rows that each has got so far. */
interface State {
  centers: Float64Array;
  counts: Float64Array;
  /** Rows seen since clusters were last started again. */
  since: number;
  random: Random;
  width: number;
  steps: number;
}

/**
 * k-means by batches of drawn rows (Sculley 2010, "Web-scale k-means clustering"), with the names, defaults and rules of
 * scikit-learn's `MiniBatchKMeans`: each center moves to the mean of all rows that it got so far. A little worse than `KMeans`,
 * and many times faster on many rows. `partialFit` takes one batch, for rows that are never in memory together.
 *
 * Throws UsageError for options that cannot be used. `fit` and `partialFit` throw UsageError for values that are not finite, and
 * ShapeError for other shapes and fewer rows than clusters.
 */
export class MiniBatchKMeans extends CenteredClusters {
  readonly #options: Filled;
  #state: State | undefined;

  constructor(options: MiniBatchKMeansOptions = {}) {
    const call = 'MiniBatchKMeans';
    const { gpu, ...filled } = withDefaults(call, options, {
      nClusters: 8,
      init: 'k-means++' as FirstCenters,
      nInit: 'auto' as number | 'auto',
      maxIter: 100,
      batchSize: 1024,
      initSize: undefined,
      tol: 0,
      maxNoImprovement: 10,
      reassignmentRatio: 0.01,
      seed: 0 as number | string,
      gpu: undefined,
    });
    const {
      nClusters,
      init,
      nInit,
      maxIter,
      batchSize,
      initSize,
      tol,
      maxNoImprovement,
      reassignmentRatio,
      seed,
    } = filled;
    const counts = { nClusters, maxIter, batchSize, maxNoImprovement };
    const optional = {
      ...(nInit === 'auto' ? {} : { nInit }),
      ...(initSize === undefined ? {} : { initSize }),
    };
    expectCounts(call, { ...counts, ...optional }, UsageError);
    expectNumbers(call, { tol, reassignmentRatio });
    expectArguments(call, { seed }, { seed: 'label' });
    if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
    expectFirstCenters(call, init, nClusters);
    super(call, gpu);
    this.#options = filled;
  }

  /** Finds clusters of the rows of x [n, d], from first centers. `nIter` counts batches in terms of x. */
  async fit(x: HostTensor): Promise<this> {
    const { nClusters, init, maxIter, tol, maxNoImprovement, seed } = this.#options;
    const rows = expectItems('MiniBatchKMeans.fit', x, nClusters);
    expectFirstCenters('MiniBatchKMeans.fit', init, nClusters, rows.width);
    const random = new Random(seed).fork('mini-batch k-means');
    const state = await this.#start(rows, random);
    const batchSize = Math.min(this.#options.batchSize, rows.rows);
    const tolerance = tol * meanVariance(rows);
    const most = Math.floor((maxIter * rows.rows) / batchSize);
    const smoothing = Math.min(1, (2 * batchSize) / (rows.rows + 1));
    let smoothed: number | undefined;
    let lowest = Infinity;
    let worse = 0;
    while (state.steps < most) {
      const chosen = Array.from({ length: batchSize }, () => random.integer(rows.rows));
      const batch = { data: chosenDoubles(rows, chosen), rows: batchSize, width: rows.width };
      const before = state.centers;
      const inertia = (await this.#step(state, batch)) / batchSize;
      // The first batch says how good the first centers are.
      if (state.steps === 1) continue;
      smoothed = smoothed === undefined ? inertia : smoothed * (1 - smoothing) + inertia * smoothing;
      if (tolerance > 0 && shiftOf(before, state.centers) <= tolerance) break;
      worse = smoothed < lowest ? 0 : worse + 1;
      lowest = Math.min(lowest, smoothed);
      if (worse >= maxNoImprovement) break;
    }
    await this.#keep(state, rows, Math.ceil((state.steps * batchSize) / rows.rows));
    return this;
  }

  /** Moves the centers by one batch x [n, d]; the first one starts them. `labels` and `inertia` are those of this batch. */
  async partialFit(x: HostTensor): Promise<this> {
    const call = 'MiniBatchKMeans.partialFit';
    const { nClusters, init, seed } = this.#options;
    let state = this.#state;
    if (state) {
      await this.#step(state, this.expectX('partialFit', x));
    } else {
      const rows = expectItems(call, x, nClusters);
      expectFirstCenters(call, init, nClusters, rows.width);
      state = await this.#start(rows, new Random(seed).fork('mini-batch k-means'));
      await this.#step(state, rows);
    }
    await this.#keep(state, expectRows(call, 'x', x), state.steps);
    return this;
  }

  async #keep(state: State, rows: Rows, nIter: number): Promise<void> {
    const { centers, width } = state;
    const labels = await this.assign(rows, centers);
    this.#state = state;
    this.found = { labels, centers, width, inertia: sumOf(ownSquares(rows, centers, labels)), nIter };
  }

  /** The first centers: the best of several draws, judged by some rows. */
  async #start(rows: Rows, random: Random): Promise<State> {
    const {
      nClusters,
      init,
      nInit,
      batchSize,
      initSize = Math.max(3 * batchSize, 3 * nClusters),
    } = this.#options;
    const starts = typeof init === 'string' ? (nInit === 'auto' ? (init === 'random' ? 3 : 1) : nInit) : 1;
    const count = Math.min(rows.rows, Math.max(initSize, nClusters));
    const some = (draw: Random): Rows => {
      if (count === rows.rows) return rows;
      const items = draw.shuffle(Array.from({ length: rows.rows }, (_, i) => i)).slice(0, count);
      return { data: chosenDoubles(rows, items), rows: count, width: rows.width };
    };
    let best: { readonly centers: Float64Array; readonly inertia: number } | undefined;
    const judges = some(random.fork('judges'));
    for (let start = 0; start < starts; start++) {
      const draw = random.fork(start);
      const centers = firstCenters(typeof init === 'string' ? some(draw) : rows, init, nClusters, draw);
      if (starts === 1) best = { centers, inertia: 0 };
      else {
        const inertia = sumOf(ownSquares(judges, centers, await this.assign(judges, centers)));
        if (!best || inertia < best.inertia) best = { centers, inertia };
      }
    }
    const { centers } = best!;
    return { centers, counts: new Float64Array(nClusters), since: 0, random, width: rows.width, steps: 0 };
  }

  /** Moves the centers by a batch. Returns its inertia before. */
  async #step(state: State, batch: Rows): Promise<number> {
    const { nClusters } = this.#options;
    const { centers, counts, width } = state;
    state.since += batch.rows;
    const isDue = counts.includes(0) || state.since >= 10 * nClusters;
    const labels = await this.assign(batch, centers);
    const inertia = sumOf(ownSquares(batch, centers, labels));
    const found = sumsOf(batch, labels, nClusters);
    const moved = centers.slice();
    for (let cluster = 0; cluster < nClusters; cluster++) {
      if (found.counts[cluster] === 0) continue;
      const count = counts[cluster]! + found.counts[cluster]!;
      for (let c = cluster * width; c < (cluster + 1) * width; c++) {
        moved[c] = (centers[c]! * counts[cluster]! + found.sums[c]!) / count;
      }
      counts[cluster] = count;
    }
    state.centers = moved;
    state.steps++;
    if (isDue) this.#startAgain(state, batch);
    return inertia;
  }

  /** Puts clusters with few rows at rows of the batch. */
  #startAgain(state: State, batch: Rows): void {
    const { counts, centers, width, random } = state;
    state.since = 0;
    const least = this.#options.reassignmentRatio * counts.reduce((a, b) => Math.max(a, b));
    const few = [...counts.keys()]
      .filter((cluster) => counts[cluster]! < least)
      .sort((a, b) => counts[a]! - counts[b]! || a - b)
      // At most half of a batch become centers.
      .slice(0, Math.floor(batch.rows / 2));
    if (few.length === 0) return;
    const items = random.shuffle(Array.from({ length: batch.rows }, (_, i) => i));
    for (const [place, cluster] of few.entries()) {
      centers.set(chosenDoubles(batch, [items[place]!]), cluster * width);
    }
    // As many rows as the smallest of the others has, so that they are not started again at once.
    const smallest = counts.filter((_, cluster) => !few.includes(cluster)).reduce((a, b) => Math.min(a, b));
    for (const cluster of few) counts[cluster] = smallest;
  }
}
