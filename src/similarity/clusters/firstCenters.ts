import type { HostTensor } from '../../data/batch.ts';
import { ShapeError } from '../../errors.ts';
import { expectOneOf } from '../../options.ts';
import { formatShape } from '../../shape.ts';
import type { Random } from '../../vision/random.ts';
import { expectRows, type Rows } from '../vectors.ts';
import { forBlocks } from './nearestCenters.ts';
import { chosenDoubles, squaredDistances } from './squares.ts';

/** How first centers are chosen: by one of two draws, or those that are given, [nClusters, d]. */
export type FirstCenters = 'k-means++' | 'random' | HostTensor;

/** The given centers. Throws for what is neither a known draw nor rows [k, width]. */
export function expectFirstCenters(call: string, init: FirstCenters, k: number, width?: number): void {
  if (typeof init === 'string') {
    expectOneOf(call, 'init', init, ['k-means++', 'random']);
    return;
  }
  const given = expectRows(call, 'init', init);
  if (given.rows !== k || given.width !== (width ?? given.width)) {
    const wanted = `[${k}, ${width ?? 'd'}]`;
    throw new ShapeError(`${call}: init has shape ${formatShape(init.shape)}; give first centers ${wanted}`);
  }
}

/** The first centers, in float64. */
export function firstCenters(x: Rows, init: FirstCenters, k: number, random: Random): Float64Array {
  if (init === 'k-means++') return kMeansPlusPlus(x, k, random);
  if (init !== 'random') return Float64Array.from(init.data);
  const items = random.shuffle(Array.from({ length: x.rows }, (_, i) => i));
  return chosenDoubles(x, items.slice(0, k));
}

/**
 * k-means++ (Arthur and Vassilvitskii 2007), greedily as in scikit-learn: the first center is any row; for each further one,
 * 2 + ln k rows are drawn with probabilities in proportion to the squared distance to the nearest center so far, and the one
 * that lowers the sum of these most is taken.
 */
function kMeansPlusPlus(x: Rows, k: number, random: Random): Float64Array {
  const trials = 2 + Math.floor(Math.log(k));
  const centers = new Float64Array(k * x.width);
  const take = (place: number, item: number) => centers.set(chosenDoubles(x, [item]), place * x.width);
  const first = random.integer(x.rows);
  take(0, first);
  let nearest = squaresTo(x, [first])[0]!;
  for (let place = 1; place < k; place++) {
    const drawn = Array.from({ length: trials }, () => weightedIndex(nearest, random));
    let best = { item: drawn[0]!, sum: Infinity, nearest };
    for (const [trial, squares] of squaresTo(x, drawn).entries()) {
      let sum = 0;
      for (let i = 0; i < squares.length; i++) {
        squares[i] = Math.min(squares[i]!, nearest[i]!);
        sum += squares[i]!;
      }
      if (sum < best.sum) best = { item: drawn[trial]!, sum, nearest: squares };
    }
    take(place, best.item);
    nearest = best.nearest;
  }
  return centers;
}

/** The squared distances of some items to all. */
function squaresTo(x: Rows, items: readonly number[]): Float64Array[] {
  const result = items.map(() => new Float64Array(x.rows));
  const rows = chosenDoubles(x, items);
  forBlocks(x, (block, start, count) => {
    const squares = squaredDistances(block, rows, x.width);
    for (const [j, one] of result.entries()) {
      for (let i = 0; i < count; i++) one[start + i] = squares[i * items.length + j]!;
    }
  });
  return result;
}

/** An index, with probabilities in proportion to weights of at least 0; any of them where all are 0. */
export function weightedIndex(weights: Float64Array, random: Random): number {
  let total = 0;
  for (const weight of weights) total += weight;
  if (!(total > 0)) return random.integer(weights.length);
  let left = random.uniform() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    if (weights[i] === 0) continue;
    last = i;
    left -= weights[i]!;
    if (left < 0) break;
  }
  return last;
}
