import { type Distances, MedoidSwaps } from '../../vision/medoidSwaps.ts';
import type { Random } from '../../vision/random.ts';
import { weightedIndex } from './firstCenters.ts';
import { type ItemDistances, inMemory } from './itemDistances.ts';

/** A choice of medoids. */
export interface Medoids {
  /** The items that are medoids, in ascending order. */
  readonly medoids: readonly number[];
  /** For each item, the index of its nearest medoid; ties go to the first. */
  readonly labels: Int32Array;
  /** The sum of the distances of all items to their medoids. */
  readonly cost: number;
  /** Passes over all items, or samples that were drawn. */
  readonly nIter: number;
}

/** Calls back with the distances of each item to all; ends early where that returns true. */
async function forItems(
  distances: ItemDistances,
  visit: (item: number, row: Distances) => boolean | undefined,
): Promise<void> {
  const n = distances.items;
  for await (const { first, rows, distances: block } of distances.rows()) {
    for (let i = 0; i < rows; i++) if (visit(first + i, block.subarray(i * n, (i + 1) * n))) return;
  }
}

/** The distances of chosen items to all. */
async function rowsOf(distances: ItemDistances, chosen: readonly number[]): Promise<Distances[]> {
  const n = distances.items;
  const result: Distances[] = [];
  for await (const { rows, distances: block } of distances.rows(chosen)) {
    for (let i = 0; i < rows; i++) result.push(block.slice(i * n, (i + 1) * n));
  }
  return result;
}

/** A choice of medoids that is to be bettered, or just judged. */
export async function startAt(distances: ItemDistances, medoids: readonly number[]): Promise<MedoidSwaps> {
  return new MedoidSwaps(medoids, await rowsOf(distances, medoids));
}

export function finished(swaps: MedoidSwaps, nIter: number): Medoids {
  swaps.sort();
  const { medoids, labels, cost } = swaps;
  return { medoids, labels, cost, nIter };
}

/** BUILD of PAM (Kaufman and Rousseeuw 1990): the item that lowers the sum of distances most, k times. */
export async function build(distances: ItemDistances, k: number): Promise<number[]> {
  const n = distances.items;
  const nearest = new Float64Array(n).fill(Infinity);
  const medoids: number[] = [];
  while (medoids.length < k) {
    let best: { readonly item: number; readonly sum: number; readonly row: Distances } | undefined;
    await forItems(distances, (item, row) => {
      if (medoids.includes(item)) return;
      let sum = 0;
      for (let i = 0; i < n; i++) sum += Math.min(nearest[i]!, row[i]!);
      if (!best || sum < best.sum) best = { item, sum, row };
      return undefined;
    });
    medoids.push(best!.item);
    for (let i = 0; i < n; i++) nearest[i] = Math.min(nearest[i]!, best!.row[i]!);
  }
  return medoids;
}

/** As k-means++, with the distance to the nearest medoid so far as the weight, since k-medoids sums these. */
export async function plusPlus(distances: ItemDistances, k: number, random: Random): Promise<number[]> {
  const nearest = new Float64Array(distances.items).fill(Infinity);
  const medoids: number[] = [];
  for (let item = random.integer(distances.items); ; item = weightedIndex(nearest, random)) {
    // Where all items are at medoids, any that is none.
    while (medoids.includes(item)) item = (item + 1) % distances.items;
    medoids.push(item);
    if (medoids.length === k) return medoids;
    const [row] = await rowsOf(distances, [item]);
    for (let i = 0; i < nearest.length; i++) nearest[i] = Math.min(nearest[i]!, row![i]!);
  }
}

/** Swaps each item in as soon as that lowers the sum, until no item has for a whole pass, or after maxIter passes. */
export async function fasterPam(
  distances: ItemDistances,
  start: readonly number[],
  maxIter: number,
): Promise<Medoids> {
  const swaps = await startAt(distances, start);
  let idle = 0;
  let nIter = 0;
  while (nIter < maxIter && idle < distances.items) {
    nIter++;
    await forItems(distances, (item, row) => {
      idle = swaps.swapIn(item, row) ? 0 : idle + 1;
      return idle >= distances.items;
    });
  }
  return finished(swaps, nIter);
}

/** Makes the best of all swaps, until none lowers the sum, or maxIter times: SWAP of PAM. */
export async function pam(
  distances: ItemDistances,
  start: readonly number[],
  maxIter: number,
): Promise<Medoids> {
  const swaps = await startAt(distances, start);
  let nIter = 0;
  for (let better = true; better && nIter < maxIter; nIter++) {
    let best = { item: -1, place: 0, change: 0, row: new Float64Array() as Distances };
    await forItems(distances, (item, row) => {
      if (swaps.medoids.includes(item)) return;
      const found = swaps.weigh(row);
      if (found.change < best.change) best = { ...found, item, row };
      return undefined;
    });
    better = best.item >= 0 && swaps.swap(best.place, best.item, best.row);
  }
  return finished(swaps, nIter);
}

/** How CLARA draws. */
export interface Sampling {
  /** Items of a sample. */
  readonly size: number;
  readonly samples: number;
  readonly maxIter: number;
}

/**
 * CLARA (Kaufman and Rousseeuw 1990) with FasterPAM: finds the medoids of drawn items, gives all items to them, and keeps the best
 * of several draws. Each draw but the first has the best medoids so far.
 */
export async function clara(
  distances: ItemDistances,
  k: number,
  random: Random,
  { size, samples, maxIter }: Sampling,
): Promise<Medoids> {
  let best: MedoidSwaps | undefined;
  for (let sample = 0; sample < samples; sample++) {
    const items = Array.from({ length: distances.items }, (_, i) => i);
    const drawn = random.fork(sample).shuffle(items);
    const chosen = [...new Set([...(best?.medoids ?? []), ...drawn])].slice(0, size).sort((a, b) => a - b);
    const some = distances.subset(chosen);
    try {
      const near = await inMemory(some);
      const { medoids } = await fasterPam(near, await build(near, k), maxIter);
      const found = await startAt(
        distances,
        medoids.map((place) => chosen[place]!),
      );
      if (!best || found.cost < best.cost) best = found;
    } finally {
      some.dispose();
    }
  }
  return finished(best!, samples);
}
