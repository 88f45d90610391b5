import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { expectCounts } from '../../nn/heeded.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Random } from '../../vision/random.ts';
import { expectRows } from '../vectors.ts';
import { type ItemDistances, itemDistances, type PairBlock } from './itemDistances.ts';
import { type ClusterLabels, numberedLabels } from './labels.ts';
import { betweenOf, type ClusterMetric, expectMetric } from './metrics.ts';
import { forBlocks } from './nearestCenters.ts';

/** Options of silhouettes. */
export interface SilhouetteOptions {
  /** Default `'euclidean'`. */
  readonly metric?: ClusterMetric;
  /**
   * Where distances are computed, in f32, of metrics by name other than `iou` and `precomputed`; of values whose squares f32 cannot
   * hold, on the CPU. Default: on the CPU, in float64.
   */
  readonly gpu?: Gpu;
}

/** Options of `silhouetteScore`. */
export interface SilhouetteScoreOptions extends SilhouetteOptions {
  /** Items that are drawn, where all would take too long. Default: all. */
  readonly sampleSize?: number;
  /** What they are drawn by. Default 0. */
  readonly seed?: number | string;
}

/**
 * The silhouette of each item: (b - a) / max(a, b), where a is its mean distance to the others of its cluster, and b the least
 * mean distance to the items of another cluster. 1: well inside its cluster; 0: between two; below 0: nearer to another. 0 for an
 * item that is alone in its cluster. scikit-learn's `silhouette_samples`; Rousseeuw 1987.
 *
 * Each pair of items is compared once, in blocks: memory is that of the rows, of n times the number of clusters, and of a few
 * blocks of 16 MiB. On the GPU distances are in f32 and sums in float64: 1e-5 from the CPU's.
 *
 * @param x Rows [n, d]; with the metric `'precomputed'` distances [n, n].
 * @throws UsageError for options and values that cannot be used, and for other than 2 to n - 1 clusters; ShapeError for shapes
 * that do not fit.
 */
export async function silhouetteSamples(
  x: HostTensor,
  labels: ClusterLabels,
  options: SilhouetteOptions = {},
): Promise<Float64Array> {
  return silhouettes('silhouetteSamples', x, labels, options);
}

/** The mean silhouette, see `silhouetteSamples`; of drawn items where `sampleSize` says so. scikit-learn's `silhouette_score`. */
export async function silhouetteScore(
  x: HostTensor,
  labels: ClusterLabels,
  options: SilhouetteScoreOptions = {},
): Promise<number> {
  const call = 'silhouetteScore';
  const { sampleSize, seed, ...others } = withDefaults(call, options, {
    ...DEFAULTS,
    sampleSize: undefined,
    seed: 0 as number | string,
  });
  expectArguments(call, { seed }, { seed: 'label' });
  if (sampleSize === undefined) return mean(await silhouettes(call, x, labels, others));
  expectCounts(call, { sampleSize }, UsageError);
  const random = new Random(seed).fork('silhouettes');
  const items = (n: number) => random.shuffle(Array.from({ length: n }, (_, i) => i)).slice(0, sampleSize);
  return mean(await silhouettes(call, x, labels, others, items));
}

const DEFAULTS = { metric: 'euclidean' as ClusterMetric, gpu: undefined };

export function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

async function silhouettes(
  call: string,
  x: HostTensor,
  labels: ClusterLabels,
  options: SilhouetteOptions,
  draw?: (items: number) => readonly number[],
): Promise<Float64Array> {
  const { metric, gpu } = withDefaults(call, options, DEFAULTS);
  if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
  const all = itemDistances(call, x, metric, gpu);
  try {
    const drawn = draw?.(all.items);
    if (drawn && labels.length === all.items) {
      const some = all.subset(drawn);
      try {
        const ofDrawn = drawn.map((item) => labels[item]!) as ClusterLabels;
        return (await silhouettesOf(call, some, [ofDrawn]))[0]!;
      } finally {
        some.dispose();
      }
    }
    return (await silhouettesOf(call, all, [labels]))[0]!;
  } finally {
    all.dispose();
  }
}

/** The silhouettes of each of several labellings: the distances are computed once for all. */
export async function silhouettesOf(
  call: string,
  distances: ItemDistances,
  labellings: readonly ClusterLabels[],
): Promise<Float64Array[]> {
  const n = distances.items;
  const all = labellings.map((labels) => {
    const { numbers, clusters } = numberedLabels(call, labels, n);
    if (clusters < 2 || clusters >= n) {
      throw new UsageError(`${call}: ${clusters} clusters of ${n} items; silhouettes need 2 to n - 1`);
    }
    // Sums of the distances of each item to the items of each cluster.
    return { numbers, clusters, totals: new Float64Array(n * clusters) };
  });
  for await (const block of distances.pairs()) {
    for (const { numbers, clusters, totals } of all) addPairs(block, numbers, clusters, totals);
  }
  return all.map(({ numbers, clusters, totals }) => {
    const counts = new Float64Array(clusters);
    for (const label of numbers) counts[label]!++;
    return Float64Array.from(numbers, (own, i) => {
      if (counts[own] === 1) return 0;
      let b = Infinity;
      for (let cluster = 0; cluster < clusters; cluster++) {
        if (cluster !== own) b = Math.min(b, totals[i * clusters + cluster]! / counts[cluster]!);
      }
      return between(totals[i * clusters + own]! / (counts[own]! - 1), b);
    });
  });
}

function addPairs(
  { row, rows, column, columns, distances }: PairBlock,
  numbers: Int32Array,
  clusters: number,
  totals: Float64Array,
): void {
  for (let i = row, at = 0; i < row + rows; i++) {
    const own = numbers[i]!;
    for (let j = column; j < column + columns; j++, at++) {
      // On the diagonal a block has each pair twice.
      if (j <= i) continue;
      totals[i * clusters + numbers[j]!]! += distances[at]!;
      totals[j * clusters + own]! += distances[at]!;
    }
  }
}

/** (b - a) / max(a, b); 0 where both are 0. */
const between = (a: number, b: number): number => (a === b ? 0 : (b - a) / Math.max(a, b));

/**
 * The simplified silhouette of each row: as `silhouetteSamples`, with a the distance to the center (or medoid) of its cluster, and
 * b that to the nearest other center. n k distances instead of n² (Hruschka, de Castro and Campello 2004). Of medoids with labels
 * of the nearest it is 1 - a / b, the medoid silhouette.
 *
 * @param x Rows [n, d].
 * @param centers `clusterCenters` of `KMeans` or `KMedoids`, [k, d], k at least 2.
 * @param labels The number of the center of each row, 0 to k - 1.
 * @throws UsageError for options, values and labels that cannot be used; ShapeError for shapes that do not fit.
 */
export async function simplifiedSilhouetteSamples(
  x: HostTensor,
  centers: HostTensor,
  labels: ArrayLike<number>,
  options: { readonly metric?: Exclude<ClusterMetric, 'precomputed'> } = {},
): Promise<Float64Array> {
  const call = 'simplifiedSilhouetteSamples';
  const { metric } = withDefaults(call, options, { metric: 'euclidean' as const });
  expectMetric(call, metric);
  if ((metric as string) === 'precomputed') {
    throw new UsageError(`${call}: metric is "precomputed"; give rows, and a metric of rows`);
  }
  const rows = expectRows(call, 'x', x);
  const ofCenters = expectRows(call, 'centers', centers);
  const k = ofCenters.rows;
  if (rows.width !== ofCenters.width || rows.width === 0) {
    throw new ShapeError(
      `${call}: rows of x have ${rows.width} values, centers ${ofCenters.width}; give as many`,
    );
  }
  if (k < 2) throw new UsageError(`${call}: there is ${k} center; silhouettes need at least 2`);
  numberedLabels(call, labels, rows.rows);
  const distances = betweenOf(call, metric, rows.width);
  const doubles = Float64Array.from(ofCenters.data);
  const result = new Float64Array(rows.rows);
  forBlocks(rows, (block, start, count) => {
    const found = distances(block, doubles, rows.width);
    for (let i = 0; i < count; i++) {
      const own = labels[start + i]!;
      if (!(Number.isInteger(own) && own >= 0 && own < k)) {
        throw new UsageError(
          `${call}: label ${start + i} is ${own}; give the number of a center, 0 to ${k - 1}`,
        );
      }
      let b = Infinity;
      for (let j = 0; j < k; j++) if (j !== own) b = Math.min(b, found[i * k + j]!);
      result[start + i] = between(found[i * k + own]!, b);
    }
  });
  return result;
}
