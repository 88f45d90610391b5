// A distance and a number are sorted as one value, the key: distance 2^32 + number.
import { countOneBits } from './imageHash.ts';

/** What a distance is multiplied by. */
export const KEY = 2 ** 32;

/** Hashes near a query: by distance, those at the same distance by number. */
export interface HashNeighbors {
  /** Their numbers. */
  readonly indices: Uint32Array;
  /** The bits in which each differs from the query. */
  readonly distances: Uint32Array;
}

/** Some pairs of hashes that are near each other, ascending by `first`, then by `second`. */
export interface HashPairs {
  /** The numbers of the hashes; first < second. */
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  /** The bits in which they differ. */
  readonly distances: Uint32Array;
}

/** The keys of hashes that were found, [hashes, (number, distance)]; numbers count from `start`. */
export function neighborKeys(found: Uint32Array, start: number): Float64Array {
  const keys = new Float64Array(found.length / 2);
  for (let i = 0; i < keys.length; i++) keys[i] = found[2 * i + 1]! * KEY + found[2 * i]! + start;
  return keys;
}

/** All keys in order. */
export function sortedKeys(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all.sort();
}

/** What keys stand for. */
export function neighborsOf(keys: Float64Array): HashNeighbors {
  const indices = new Uint32Array(keys.length);
  const distances = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) {
    distances[i] = Math.floor(keys[i]! / KEY);
    indices[i] = keys[i]! - distances[i]! * KEY;
  }
  return { indices, distances };
}

/** In how many bits hashes i and j of [hashes, width] words differ. */
export function distanceBetween(words: Uint32Array, width: number, i: number, j: number): number {
  let bits = 0;
  for (let w = 0; w < width; w++) bits += countOneBits(words[i * width + w]! ^ words[j * width + w]!);
  return bits;
}

/**
 * Calls `take(i, j)`, start <= i < j < end, for the hashes of [hashes, width] words that differ in at most `most` bits. Words after the first are
 * looked at only where it is not too far already.
 */
export function takeNear(
  words: Uint32Array,
  width: number,
  range: readonly [start: number, end: number],
  most: number,
  take: (i: number, j: number) => void,
): void {
  const [start, end] = range;
  for (let i = start; i < end; i++) {
    for (let j = i + 1; j < end; j++) {
      let bits = 0;
      for (let w = 0; w < width && bits <= most; w++) {
        bits += countOneBits(words[i * width + w]! ^ words[j * width + w]!);
      }
      if (bits <= most) take(i, j);
    }
  }
}

/** Pairs [pairs, (first, second)] in order, with their distances. */
export function pairsOf(found: Uint32Array, words: Uint32Array, width: number): HashPairs {
  const keys = new Float64Array(found.length / 2);
  for (let i = 0; i < keys.length; i++) keys[i] = found[2 * i]! * KEY + found[2 * i + 1]!;
  keys.sort();
  const { distances: first, indices: second } = neighborsOf(keys);
  const distances = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) distances[i] = distanceBetween(words, width, first[i]!, second[i]!);
  return { first, second, distances };
}
