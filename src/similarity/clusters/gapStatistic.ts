import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { UsageError } from '../../errors.ts';
import { expectCounts } from '../../nn/heeded.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { Random } from '../../vision/random.ts';
import type { Rows } from '../vectors.ts';
import { expectItems } from './centers.ts';
import { KMeans } from './kMeans.ts';

/** Options of `gapStatistic`. */
export interface GapOptions {
  /** The fewest clusters that are tried. Default 1. */
  readonly kMin?: number;
  /** The most clusters that are tried. Default 10. */
  readonly kMax?: number;
  /** Reference sets that are drawn (B). Default 10. */
  readonly nRefs?: number;
  /** Starts of k-means for each number of clusters and each set. Default 3. */
  readonly nInit?: number;
  /** What sets and first centers are drawn by. Default 0. */
  readonly seed?: number | string;
  /** Where distances are computed. Default: on the CPU. */
  readonly gpu?: Gpu;
}

/** What `gapStatistic` returns: a value for each of `ks`. */
export interface Gap {
  /** The chosen number of clusters. */
  readonly k: number;
  /** kMin to kMax. */
  readonly ks: readonly number[];
  /** Gap(k) = the mean of log W_k of the reference sets - log W_k. */
  readonly gap: readonly number[];
  /** s_k: the standard deviation of log W_k of the reference sets, times sqrt(1 + 1 / nRefs). */
  readonly s: readonly number[];
  /** log W_k of x, W_k being the inertia of k-means. */
  readonly logW: readonly number[];
}

/**
 * The gap statistic of k-means (Tibshirani, Walther and Hastie 2001): how much lower the logarithm of the inertia is than that of
 * rows without clusters, drawn evenly over the range of each column (their reference (a)). The chosen k is the smallest with
 * Gap(k) >= Gap(k + 1) - s(k + 1); where there is none, kMax, as in R's `clusGap` and `maxSE`.
 *
 * Rows of many columns that depend on each other, as embeddings do, have a reference far from them: reduce their columns first,
 * or choose by silhouettes.
 *
 * @throws UsageError for options and values that cannot be used, and where all rows are equal; ShapeError for other shapes, and
 * fewer rows than clusters.
 */
export async function gapStatistic(x: HostTensor, options: GapOptions = {}): Promise<Gap> {
  const call = 'gapStatistic';
  const { kMin, kMax, nRefs, nInit, seed, gpu } = withDefaults(call, options, {
    kMin: 1,
    kMax: 10,
    nRefs: 10,
    nInit: 3,
    seed: 0 as number | string,
    gpu: undefined,
  });
  expectCounts(call, { nRefs, nInit }, UsageError);
  expectArguments(call, { seed }, { seed: 'label' });
  if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
  const ks = numbersOfClusters(call, kMin, kMax);
  const rows = expectItems(call, x, kMax);
  const ranges = rangesOf(rows);
  if (ranges.every(([low, high]) => low === high)) {
    throw new UsageError(`${call}: all rows of x are equal; there are no clusters to find`);
  }
  const random = new Random(seed).fork('gap statistic');
  const logs = async (set: HostTensor, name: string | number): Promise<number[]> => {
    const result: number[] = [];
    for (const k of ks) {
      // Forks by name: what is drawn for a set and a k does not depend on the others.
      const kMeans = new KMeans({
        nClusters: k,
        nInit,
        seed: `${seed} ${name} ${k}`,
        ...(gpu ? { gpu } : {}),
      });
      result.push(Math.log((await kMeans.fit(set)).inertia));
    }
    return result;
  };
  const logW = await logs(x, 'x');
  const references: number[][] = [];
  for (let ref = 0; ref < nRefs; ref++) {
    references.push(await logs(evenly(ranges, rows.rows, random.fork(ref)), ref));
  }
  const means = ks.map((_, i) => references.reduce((sum, one) => sum + one[i]!, 0) / nRefs);
  const s = ks.map((_, i) => {
    const variance = references.reduce((sum, one) => sum + (one[i]! - means[i]!) ** 2, 0) / nRefs;
    return Math.sqrt(variance * (1 + 1 / nRefs));
  });
  const gap = means.map((value, i) => value - logW[i]!);
  const chosen = gap.findIndex((value, i) => i + 1 < gap.length && value >= gap[i + 1]! - s[i + 1]!);
  return { k: chosen < 0 ? kMax : ks[chosen]!, ks, gap, s, logW };
}

/** kMin to kMax. Throws UsageError for those that are not rising. */
export function numbersOfClusters(call: string, kMin: number, kMax: number): number[] {
  expectCounts(call, { kMin, kMax }, UsageError);
  if (kMax < kMin)
    throw new UsageError(`${call}: kMin is ${kMin}, kMax ${kMax}; give a kMax of at least kMin`);
  return Array.from({ length: kMax - kMin + 1 }, (_, i) => kMin + i);
}

function rangesOf({ data, rows, width }: Rows): (readonly [low: number, high: number])[] {
  return Array.from({ length: width }, (_, column) => {
    let [low, high] = [Infinity, -Infinity];
    for (let row = 0; row < rows; row++) {
      const value = data[row * width + column]!;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return [low, high];
  });
}

/** Rows whose columns are drawn evenly from their ranges. */
function evenly(ranges: readonly (readonly [number, number])[], rows: number, random: Random): HostTensor {
  const data = new Float64Array(rows * ranges.length);
  for (let row = 0, at = 0; row < rows; row++) {
    for (const [low, high] of ranges) data[at++] = random.range(low, high);
  }
  return { data, shape: [rows, ranges.length] };
}
