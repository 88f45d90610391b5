import { expectArguments, GPU } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { expectWhole, HammingIndex } from './hammingIndex.ts';
import { type HashPairs, pairsOf } from './hammingResults.ts';
import { type Hashes, type PackedHashes, packed, wordsOf } from './packedHashes.ts';
import { pairsWithin } from './pigeonholes.ts';

/** Options of `duplicateGroups`. */
export interface DuplicateGroupsOptions {
  /** The most bits in which two hashes differ that are taken for the same image. Default 4. */
  readonly distance?: number;
  /** Compares where there is much to compare. Default: none, the CPU does it. */
  readonly gpu?: Gpu;
}

/** Comparisons that take the CPU about a second: below, a GPU would first have to compile its shaders. */
const MANY = 2 ** 27;
/** How many pairs a GPU compares in the time in which the CPU compares one: as measured on lavapipe with two cores, and of hardware a low guess. */
const GAIN = { software: 10, hardware: 500 } as const;

/** Pairs that are given at once: they take 2 GB while they are sorted. */
const MOST_PAIRS = 2 ** 26;

/**
 * All pairs of hashes whose distance is at most `distance`, each once: ascending by `first`, then by `second`. On the CPU; only hashes that have
 * one of distance + 1 parts in common are compared (pigeonhole principle; multi-index hashing, Norouzi et al. 2012), so that small
 * distances take little time. `HammingIndex.pairs` does it on the GPU, in parts.
 *
 * @throws ShapeError for hashes of different lengths, and for a distance that is no whole number of at least 0; UsageError for more than 2^26
 * pairs, about as many as 11,600 equal hashes have.
 */
export function nearPairs(hashes: Hashes, options: { readonly distance?: number } = {}): HashPairs {
  const { distance } = withDefaults('nearPairs', options, { distance: 4 });
  expectArguments('nearPairs', { hashes }, { hashes: 'object' });
  expectWhole('nearPairs', 'distance', distance, 0);
  const all = packed('nearPairs', 'hashes', hashes);
  // Grows by doubling: a list of numbers takes twice as much, and what it may hold ends sooner.
  let found = new Uint32Array(2048);
  let length = 0;
  pairsWithin(all, distance).each((i, j) => {
    if (length === found.length) {
      if (length >= 2 * MOST_PAIRS) {
        throw new UsageError(
          `nearPairs: more than ${MOST_PAIRS} pairs are within ${distance} bits; give a smaller distance, or take duplicateGroups, or HammingIndex.pairs, which gives them in parts`,
        );
      }
      const more = new Uint32Array(2 * length);
      more.set(found);
      found = more;
    }
    found[length++] = i;
    found[length++] = j;
  });
  return pairsOf(found.subarray(0, length), all.words, wordsOf(all.bits));
}

/** Sets of numbers that are joined pair by pair; each set is known by its least number. */
class Sets {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = Uint32Array.from({ length: count }, (_, i) => i);
  }

  find(i: number): number {
    const parents = this.#parents;
    let own = i;
    while (parents[own] !== own) {
      // Halves the way for the next one.
      parents[own] = parents[parents[own]!]!;
      own = parents[own]!;
    }
    return own;
  }

  join(i: number, j: number): void {
    const [a, b] = [this.find(i), this.find(j)];
    this.#parents[Math.max(a, b)] = Math.min(a, b);
  }
}

/** The hashes that differ, and for each hash which of them it is. */
function distinct({ bits, words, count }: PackedHashes & { readonly count: number }) {
  const width = wordsOf(bits);
  const known = new Map<string, number>();
  const own = new Uint32Array(count);
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    const key = words.subarray(i * width, (i + 1) * width).join();
    let number = known.get(key);
    if (number === undefined) {
      number = kept.length;
      known.set(key, number);
      kept.push(i);
    }
    own[i] = number;
  }
  const rest = new Uint32Array(kept.length * width);
  kept.forEach((i, k) => {
    rest.set(words.subarray(i * width, (i + 1) * width), k * width);
  });
  return { own, hashes: { bits, words: rest, count: kept.length } };
}

/**
 * Groups of hashes that are taken for the same image: the connected components of the graph in which two hashes are joined whose distance is at
 * most `distance`. Two hashes of a group may be farther from each other than that, if others lie between them.
 *
 * Every pair is considered, whatever the number of hashes: on the CPU as `nearPairs` does, or with `gpu` there, where that would take long.
 *
 * @returns For each group of at least two the numbers of its hashes, ascending; groups by their first number.
 * @throws ShapeError for hashes of different lengths, and for a distance that is no whole number of at least 0; errors of the device.
 */
export async function duplicateGroups(
  hashes: Hashes,
  options: DuplicateGroupsOptions = {},
): Promise<number[][]> {
  const call = 'duplicateGroups';
  const { distance, gpu } = withDefaults(call, options, { distance: 4, gpu: undefined });
  expectArguments(call, { hashes }, { hashes: 'object' });
  if (gpu !== undefined) expectArguments(call, { gpu }, { gpu: GPU });
  expectWhole(call, 'distance', distance, 0);
  if (Array.isArray(hashes) && hashes.length === 0) return [];
  const { own, hashes: different } = distinct(packed(call, 'hashes', hashes));
  const sets = new Sets(different.count);
  const near = pairsWithin(different, distance);
  const gain = gpu?.device.adapter.software ? GAIN.software : GAIN.hardware;
  // The GPU compares all pairs.
  const all = (different.count * (different.count - 1)) / 2;
  if (gpu && near.compared > MANY && all < gain * near.compared) {
    using index = new HammingIndex(gpu, different);
    for await (const { first, second } of index.pairs(distance)) {
      for (let i = 0; i < first.length; i++) sets.join(first[i]!, second[i]!);
    }
  } else {
    near.each((i, j) => sets.join(i, j));
  }
  const groups = new Map<number, number[]>();
  own.forEach((number, i) => {
    const set = sets.find(number);
    const group = groups.get(set);
    if (group) group.push(i);
    else groups.set(set, [i]);
  });
  return [...groups.values()].filter(({ length }) => length > 1);
}
