import { expectArguments, GPU } from '../../arguments.ts';
import type { HostTensor } from '../../data/batch.ts';
import { linePlot } from '../../draw/linePlot.ts';
import { ShapeError, UsageError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { elbow } from './elbow.ts';
import { type Gap, gapStatistic, numbersOfClusters } from './gapStatistic.ts';
import { itemDistances } from './itemDistances.ts';
import { KMeans } from './kMeans.ts';
import { KMedoids } from './kMedoids.ts';
import type { ClusterMetric } from './metrics.ts';
import { mean, silhouettesOf } from './silhouette.ts';

/** What a number of clusters is chosen by. */
export type Criterion = 'silhouette' | 'elbow' | 'gap';

/** Options of `chooseK`. */
export interface ChooseKOptions {
  /** The fewest clusters that are tried. Default 2; 1 with `'gap'`. */
  readonly kMin?: number;
  /** The most clusters that are tried. Default 10. */
  readonly kMax?: number;
  /**
   * `'silhouette'`: the highest mean silhouette; ties go to fewer clusters. `'elbow'`: the elbow of the inertia, see `elbow`.
   * `'gap'`: the gap statistic, see `gapStatistic`; of k-means only. Default `'silhouette'`.
   */
  readonly by?: Criterion;
  /** Default `'kmeans'`. */
  readonly method?: 'kmeans' | 'kmedoids';
  /** Of k-medoids and silhouettes. k-means takes `'euclidean'` only. Default `'euclidean'`. */
  readonly metric?: ClusterMetric;
  /** Starts of k-means for each number of clusters, see `KMeansOptions.nInit`. Default 'auto'. */
  readonly nInit?: number | 'auto';
  /** What first centers, samples and reference sets are drawn by. Default 0. */
  readonly seed?: number | string;
  /** Where distances are computed. Default: on the CPU. */
  readonly gpu?: Gpu;
  /** Told before each number of clusters, and before what is computed for all. */
  readonly onProgress?: (doing: string) => void;
}

/** A number of clusters that was tried. */
export interface TriedK {
  readonly k: number;
  /** What was fitted. */
  readonly clusters: KMeans | KMedoids;
  /** The sum of squared distances to centers (k-means), or of distances to medoids. */
  readonly inertia: number;
  /** The silhouette of each item, and their mean: by `'silhouette'`, where there are 2 to n - 1 clusters. */
  readonly silhouettes?: Float64Array;
  readonly silhouette?: number;
}

/** What `chooseK` returns. */
export interface ChosenK {
  /** The chosen number of clusters. */
  readonly k: number;
  readonly by: Criterion;
  /** What was fitted with k clusters. */
  readonly best: KMeans | KMedoids;
  /** All that were tried, by rising k. */
  readonly tried: readonly TriedK[];
  /** By `'gap'`: the statistic. */
  readonly gap?: Gap;
}

/**
 * Finds clusters for each number of them from kMin to kMax, and chooses one by a criterion. Distances of items to each other are
 * computed once for all silhouettes. `chooseKPlot` draws what it was chosen by.
 *
 * @param x Rows [n, d]; with the metric `'precomputed'` distances [n, n].
 * @throws UsageError for options and values that cannot be used; ShapeError for other shapes, and fewer items than clusters.
 */
export async function chooseK(x: HostTensor, options: ChooseKOptions = {}): Promise<ChosenK> {
  const call = 'chooseK';
  const { by, method, metric, nInit, seed, gpu, onProgress, kMax, ...given } = withDefaults(call, options, {
    kMin: undefined,
    kMax: 10,
    by: 'silhouette' as Criterion,
    method: 'kmeans' as 'kmeans' | 'kmedoids',
    metric: 'euclidean' as ClusterMetric,
    nInit: 'auto' as number | 'auto',
    seed: 0 as number | string,
    gpu: undefined,
    onProgress: undefined,
  });
  expectOneOf(call, 'by', by, ['silhouette', 'elbow', 'gap']);
  expectOneOf(call, 'method', method, ['kmeans', 'kmedoids']);
  expectArguments(call, { seed }, { seed: 'label' });
  if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
  const kMin = given.kMin ?? (by === 'gap' ? 1 : 2);
  const ks = numbersOfClusters(call, kMin, kMax);
  if (method === 'kmeans' && metric !== 'euclidean') {
    throw new UsageError(`${call}: method kmeans takes the metric "euclidean"; for others take "kmedoids"`);
  }
  if (by === 'gap' && method !== 'kmeans') {
    throw new UsageError(`${call}: the gap statistic is one of kmeans; choose by "silhouette" or "elbow"`);
  }
  if (by === 'elbow' && ks.length < 3) {
    throw new UsageError(
      `${call}: an elbow needs at least 3 numbers of clusters, kMin ${kMin} to kMax ${kMax} are ${ks.length}`,
    );
  }
  if (by === 'silhouette' && kMax < 2)
    throw new UsageError(`${call}: kMax is ${kMax}; silhouettes need at least 2 clusters`);
  const onGpu = gpu ? { gpu } : {};
  const distances = itemDistances(call, x, metric, gpu);
  try {
    const n = distances.items;
    if (n < kMax) throw new ShapeError(`${call}: ${kMax} clusters of ${n} items; ask for at most as many`);
    const tried: TriedK[] = [];
    for (const k of ks) {
      onProgress?.(k === 1 ? '1 cluster' : `${k} clusters`);
      const shared = { nClusters: k, seed, ...onGpu };
      const clusters = await (method === 'kmeans'
        ? new KMeans({ ...shared, nInit })
        : new KMedoids({ ...shared, metric })
      ).fit(x);
      tried.push({ k, clusters, inertia: clusters.inertia });
    }
    const chosen = (k: number, all: readonly TriedK[] = tried) => ({
      k,
      by,
      best: all.find((one) => one.k === k)!.clusters,
      tried: all,
    });
    if (by === 'elbow')
      return chosen(
        elbow(
          ks,
          tried.map(({ inertia }) => inertia),
        ),
      );
    if (by === 'gap') {
      onProgress?.('reference sets');
      const gap = await gapStatistic(x, { kMin, kMax, seed, ...onGpu });
      return { ...chosen(gap.k), gap };
    }
    onProgress?.('silhouettes');
    // Where clusters of equal rows have lost all of theirs, there are fewer than asked for.
    const isJudged = ({ clusters }: TriedK) => {
      const found = new Set(clusters.labels).size;
      return found >= 2 && found < n;
    };
    const judged = tried.filter(isJudged);
    const found = await silhouettesOf(
      call,
      distances,
      judged.map(({ clusters }) => clusters.labels),
    );
    const all = tried.map((one): TriedK => {
      const silhouettes = found[judged.indexOf(one)];
      return silhouettes ? { ...one, silhouettes, silhouette: mean(silhouettes) } : one;
    });
    const best = all.reduce((a, b) => ((b.silhouette ?? -2) > (a.silhouette ?? -2) ? b : a));
    return chosen(best.k, all);
  } finally {
    distances.dispose();
  }
}

/** The curve that a number of clusters was chosen by, with the choice marked: SVG text, by `linePlot`. */
export function chooseKPlot(choice: ChosenK): string {
  expectArguments('chooseKPlot', { choice }, { choice: { k: 'number', by: 'text', tried: 'object' } });
  const { k, by, tried, gap } = choice;
  const curve = {
    silhouette: { title: 'Mean silhouette', values: tried.map((one) => one.silhouette ?? Number.NaN) },
    elbow: { title: 'Inertia', values: tried.map(({ inertia }) => inertia) },
    gap: { title: 'Gap statistic', values: gap?.gap ?? [] },
  }[by];
  const points = (values: readonly number[]) =>
    tried.map((one, i) => [one.k, values[i] ?? Number.NaN] as const);
  const error = (sign: 1 | -1) => curve.values.map((value, i) => value + sign * (gap?.s[i] ?? 0));
  return linePlot({
    title: `${curve.title} by the number of clusters`,
    xLabel: 'clusters',
    yLabel: curve.title.toLowerCase(),
    series: [
      { name: curve.title.toLowerCase(), points: points(curve.values), dots: true },
      ...(gap
        ? [
            { name: '+ s', points: points(error(1)), dashed: true },
            { name: '- s', points: points(error(-1)), dashed: true },
          ]
        : []),
    ],
    marks: [{ x: k, label: `${k}` }],
  });
}
