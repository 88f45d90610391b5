import type { Gpu } from 'fovea';
import type { HostTensor } from 'fovea/learn';
import { nearest } from 'fovea/similarity';
import { Random } from 'fovea/vision';
import { UMAP } from 'umap-js';
import type { RowMetric } from './findClusters.ts';

/** Items that are drawn: more take minutes, and their dots cover each other. */
const MOST = 2000;
/** UMAP's default. */
const NEIGHBORS = 15;
/** Fewer have no map. */
const FEWEST = 5;

/** Places of items in a plane. */
export interface ItemMap {
  readonly items: readonly number[];
  readonly places: readonly (readonly [x: number, y: number])[];
}

/**
 * Places items in a plane so that near ones stay near: UMAP (McInnes, Healy and Melville 2018) by umap-js, of the exact nearest
 * neighbours. The same seed gives the same map. Of many items some are drawn; `always` are among them.
 */
export async function mapOf(
  gpu: Gpu,
  x: HostTensor,
  { metric, seed, always }: { metric: RowMetric; seed: number; always: readonly number[] },
): Promise<ItemMap | undefined> {
  const [n, d] = x.shape as [number, number];
  if (n < FEWEST) return undefined;
  const random = new Random(seed).fork('map');
  const all = Array.from({ length: n }, (_, i) => i);
  const drawn = n <= MOST ? all : [...new Set([...always, ...random.shuffle(all)])].slice(0, MOST);
  const items = drawn.sort((a, b) => a - b);
  const rows = Float32Array.from(
    { length: items.length * d },
    (_, at) => x.data[items[Math.floor(at / d)]! * d + (at % d)]!,
  );
  const some = { data: rows, shape: [items.length, d] };
  const k = Math.min(NEIGHBORS, items.length - 1);
  const { indices, distances } = await nearest(gpu, some, some, k, { metric });
  const lists = (values: ArrayLike<number>) =>
    items.map((_, i) => Array.from({ length: k }, (_, j) => values[i * k + j]!));
  const umap = new UMAP({ nNeighbors: k, random: () => random.uniform() });
  umap.setPrecomputedKNN(lists(indices), lists(distances));
  // It asks for the vectors, and with the neighbours given reads nothing but their number.
  const places = umap.fit(items.map(() => []));
  return { items, places: places.map(([a, b]) => [a!, b!] as const) };
}
