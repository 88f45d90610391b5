import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { expectOptions } from '../options.ts';
import { MedoidSwaps } from './medoidSwaps.ts';
import { Random } from './random.ts';

/** Options of `kMedoids`. */
export interface KMedoidsOptions {
  /** The number of clusters. */
  readonly k: number;
  /** The number of additional starts from random items; the best result is kept. Default 3. */
  readonly restarts?: number;
  /** The seed of the random starts. Default 0. */
  readonly seed?: number | string;
}

/** What `kMedoids` returns. */
export interface KMedoids {
  /** The k medoids, the items that represent the others, in ascending order. */
  readonly medoids: number[];
  /** For each item, the index in `medoids` of the medoid nearest to it; ties go to the first. */
  readonly labels: Int32Array;
  /** The sum of the distances of all items to their medoids. */
  readonly cost: number;
}

/** The most items whose distances are computed: 2 GiB of them. */
const MOST_ITEMS = 2 ** 14;

/**
 * Computes the distances of n items to each other, [n, n].
 *
 * @throws ShapeError for a number of items that is no whole number of 0 to 16,384: their distances would take more than 2 GiB.
 */
export function distanceMatrix(n: number, distance: (i: number, j: number) => number): Float64Array {
  expectArguments('distanceMatrix', { n, distance }, { n: 'number', distance: 'function' });
  if (!(Number.isInteger(n) && n >= 0 && n <= MOST_ITEMS)) {
    throw new ShapeError(
      `distanceMatrix: ${n} items have ${8 * n * n} bytes of distances, at most ${8 * MOST_ITEMS ** 2} (${MOST_ITEMS} items) are computed; draw a sample of them`,
    );
  }
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const value = distance(i, j);
      matrix[i * n + j] = value;
      matrix[j * n + i] = value;
    }
  }
  return matrix;
}

/**
 * Finds the k items with the least sum of distances of all items, each to its nearest medoid (k-medoids). The distances
 * need not be Euclidean nor satisfy the triangle inequality.
 *
 * PAM (Kaufman and Rousseeuw 1990): starts with the items that reduce the sum most, one after another, then swaps a
 * medoid for another item as long as that reduces the sum. Each item is compared with all medoids at once, and swapped
 * in as soon as it reduces the sum (FasterPAM, Schubert and Rousseeuw 2021), so that a round takes n^2 steps whatever k
 * is. The result cannot be improved by one swap; `restarts` from random items make a poor local optimum less likely.
 * The same arguments give the same medoids; ties go to the first items.
 *
 * @param distances [n, n], symmetric with 0 on the diagonal; see `distanceMatrix`.
 * @throws ShapeError for other sizes, distances that are negative or not finite, and a k that is not 1 to n.
 */
export function kMedoids(distances: Float64Array, options: KMedoidsOptions): KMedoids {
  expectOptions('kMedoids', options, ['k', 'restarts', 'seed']);
  const { k, restarts = 3, seed = 0 } = options;
  const n = Math.round(Math.sqrt(distances.length));
  if (n * n !== distances.length || n === 0) {
    throw new ShapeError(`kMedoids: ${distances.length} distances are not a square matrix; pass [n, n]`);
  }
  if (!Number.isInteger(k) || k < 1 || k > n) {
    throw new ShapeError(`kMedoids: k ${k} with ${n} items; give a whole number from 1 to ${n}`);
  }
  const bad = distances.findIndex((value) => !(value >= 0 && value < Infinity));
  if (bad >= 0) {
    throw new ShapeError(
      `kMedoids: the distance of items ${Math.floor(bad / n)} and ${bad % n} is ${distances[bad]}; use finite ones of at least 0`,
    );
  }
  let best = improve(distances, n, build(distances, n, k));
  const random = new Random(seed).fork('k-medoids').fork(k);
  // One medoid is the best from the start.
  for (let restart = 0; restart < (k === 1 ? 0 : restarts); restart++) {
    const items = random.fork(restart).shuffle(Array.from({ length: n }, (_, i) => i));
    const found = improve(distances, n, items.slice(0, k));
    if (found.cost < best.cost) best = found;
  }
  return best;
}

/** The item that lowers the sum of distances most, k times. */
function build(distances: Float64Array, n: number, k: number): number[] {
  const medoids: number[] = [];
  const nearest = new Float64Array(n).fill(Infinity);
  for (let step = 0; step < k; step++) {
    let [best, lowest] = [-1, Infinity];
    for (let c = 0; c < n; c++) {
      if (medoids.includes(c)) continue;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += Math.min(nearest[i]!, distances[c * n + i]!);
      if (sum < lowest) [best, lowest] = [c, sum];
    }
    medoids.push(best);
    for (let i = 0; i < n; i++) nearest[i] = Math.min(nearest[i]!, distances[best * n + i]!);
  }
  return medoids;
}

/** Swaps until no swap lowers the sum. */
function improve(distances: Float64Array, n: number, start: readonly number[]): KMedoids {
  const row = (item: number) => distances.subarray(item * n, (item + 1) * n);
  const swaps = new MedoidSwaps(start, start.map(row));
  // Ends when no item has bettered the sum since it was tried.
  for (let item = 0, idle = 0; idle < n; item = (item + 1) % n, idle++) {
    if (swaps.swapIn(item, row(item))) idle = -1;
  }
  swaps.sort();
  const { cost, medoids, labels } = swaps;
  return { cost, medoids, labels };
}
