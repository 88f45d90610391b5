import { type Gpu, UsageError } from 'fovea';
import type { HostTensor } from 'fovea/learn';
import {
  type ChosenK,
  type Criterion,
  chooseK,
  KMeans,
  KMedoids,
  silhouetteSamples,
  simplifiedSilhouetteSamples,
} from 'fovea/similarity';
import { counted } from '../counted.ts';

/** What the command line can cluster by. */
export type RowMetric = 'euclidean' | 'sqeuclidean' | 'cosine' | 'manhattan';

export interface ClusteringOptions {
  readonly k?: number;
  readonly kRange?: readonly [number, number];
  readonly by?: Criterion;
  readonly method?: 'kmeans' | 'kmedoids';
  readonly metric?: RowMetric;
  readonly seed?: number;
}

/** What was found. Clusters are numbered from 0, the largest first. */
export interface FoundClusters {
  readonly method: 'kmeans' | 'kmedoids';
  readonly metric: RowMetric;
  /** The sum of squared distances to centers (k-means), or of distances to medoids. */
  readonly inertia: number;
  /** The number of the cluster of each item. */
  readonly labels: Int32Array;
  /** The items of each cluster, the nearest to its center or medoid first. */
  readonly clusters: readonly (readonly number[])[];
  /** The distance of each item to the center or medoid of its cluster. */
  readonly distances: Float64Array;
  /** Of each item; undefined where there is a single cluster, or one for each item. */
  readonly silhouettes?: Float64Array;
  /** Whether silhouettes are the simplified ones: of many items the others would take too long. */
  readonly simplified: boolean;
  /** How the number of clusters was chosen, where it was not given. */
  readonly choice?: ChosenK;
}

/** Above that all pairs of items take too long without a GPU. */
const MANY = 20_000;
/** The most clusters that are tried where no range is given. */
const K_MOST = 10;
/** Starts of k-means. */
const STARTS = 4;

const methodOf = ({ metric = 'euclidean', method }: ClusteringOptions): 'kmeans' | 'kmedoids' =>
  method ?? (metric === 'euclidean' ? 'kmeans' : 'kmedoids');

/** Throws UsageError for a method that does not take the metric or the criterion. */
export function expectMethod(options: ClusteringOptions): void {
  const { metric = 'euclidean', by } = options;
  const method = methodOf(options);
  if (method === 'kmeans' && metric !== 'euclidean') {
    throw new UsageError(
      `cluster: k-means takes the metric euclidean; for ${metric} leave out --method kmeans`,
    );
  }
  if (method === 'kmedoids' && by === 'gap') {
    throw new UsageError('cluster: the gap statistic is one of k-means; choose --by silhouette or elbow');
  }
}

/** Finds clusters of vectors, and as many as are asked for or a criterion chooses. */
export async function findClusters(
  gpu: Gpu,
  x: HostTensor,
  options: ClusteringOptions,
  onProgress: (doing: string) => void,
): Promise<FoundClusters> {
  const { k, metric = 'euclidean', seed = 0 } = options;
  const method = methodOf(options);
  const choice =
    k === undefined ? await choose(gpu, x, { ...options, method, metric }, onProgress) : undefined;
  if (k !== undefined) onProgress(counted(k, 'cluster'));
  const shared = { nClusters: k ?? 1, seed, gpu };
  const fitted =
    choice?.best ??
    (await (method === 'kmeans'
      ? new KMeans({ ...shared, nInit: STARTS })
      : new KMedoids({ ...shared, metric })
    ).fit(x));
  const known = choice?.tried.find((one) => one.k === choice.k)?.silhouettes;
  const judged = known
    ? { silhouettes: known, simplified: false }
    : await judge(gpu, x, fitted, metric, onProgress);
  const numbered = await bySize(x, fitted);
  return { ...numbered, ...judged, method, metric, inertia: fitted.inertia, ...(choice ? { choice } : {}) };
}

async function choose(
  gpu: Gpu,
  x: HostTensor,
  options: ClusteringOptions & { readonly method: 'kmeans' | 'kmedoids'; readonly metric: RowMetric },
  onProgress: (doing: string) => void,
): Promise<ChosenK> {
  const n = x.shape[0]!;
  const { method, metric, seed = 0, kRange, by = n > MANY ? 'elbow' : 'silhouette' } = options;
  // A range that was not asked for ends where the items do.
  const [kMin, kMax] = kRange ?? [by === 'gap' ? 1 : 2, Math.max(2, Math.min(K_MOST, n - 1))];
  return chooseK(x, { kMin, kMax, by, method, metric, nInit: STARTS, seed, gpu, onProgress });
}

async function judge(
  gpu: Gpu,
  x: HostTensor,
  fitted: KMeans | KMedoids,
  metric: RowMetric,
  onProgress: (doing: string) => void,
): Promise<Pick<FoundClusters, 'silhouettes' | 'simplified'>> {
  const n = x.shape[0]!;
  const found = new Set(fitted.labels).size;
  const simplified = n > MANY;
  if (found < 2 || found >= n) return { simplified };
  onProgress('silhouettes');
  if (!simplified)
    return { silhouettes: await silhouetteSamples(x, fitted.labels, { metric, gpu }), simplified };
  const { labels, clusterCenters } = fitted;
  return {
    silhouettes: await simplifiedSilhouetteSamples(x, clusterCenters, labels, { metric }),
    simplified,
  };
}

/** Numbers clusters from the largest to the smallest, of equal ones the one with the first item first; empty ones get no number. */
async function bySize(
  x: HostTensor,
  fitted: KMeans | KMedoids,
): Promise<Pick<FoundClusters, 'labels' | 'clusters' | 'distances'>> {
  const { data, shape } = await fitted.transform(x);
  const k = shape[1]!;
  const distances = Float64Array.from(fitted.labels, (label, i) => data[i * k + label]!);
  // A row of zeros is, by the cosine, at distance 1 from all others, and the medoid does not know which row is its own.
  if (fitted instanceof KMedoids) for (const item of fitted.medoidIndices) distances[item] = 0;
  const items: number[][] = Array.from({ length: k }, () => []);
  for (const [i, label] of fitted.labels.entries()) items[label]!.push(i);
  const clusters = items
    .filter((some) => some.length > 0)
    .sort((a, b) => b.length - a.length || a[0]! - b[0]!)
    .map((some) => some.sort((a, b) => distances[a]! - distances[b]! || a - b));
  const labels = new Int32Array(fitted.labels.length);
  for (const [number, some] of clusters.entries()) for (const i of some) labels[i] = number;
  return { labels, clusters, distances };
}
