import { takeNear } from './hammingResults.ts';
import { wordsOf } from './packedHashes.ts';

/** With more parts, most hashes have one in common. */
const MOST_PARTS = 16;

/** Hashes of one length, and how many there are. */
interface Counted {
  readonly bits: number;
  readonly words: Uint32Array;
  readonly count: number;
}

/** A hash's part from bit `from` to before `to`, mixed into a number of `size` bits: equal parts give equal numbers. */
function partOf(words: Uint32Array, at: number, [from, to]: readonly [number, number], size: number): number {
  let mixed = 0;
  for (let bit = from; bit < to; ) {
    // As many bits as the word has.
    const length = Math.min(32 - (bit & 31), to - bit);
    const part = (words[at + (bit >>> 5)]! << (bit & 31)) >>> (32 - length);
    mixed = Math.imul(mixed ^ part, 0x9e3779b1);
    mixed ^= mixed >>> 15;
    bit += length;
  }
  return mixed >>> (32 - size);
}

/** A part of the bits of hashes, as a number of `size` bits. */
interface Part {
  readonly range: readonly [from: number, to: number];
  readonly size: number;
}

/** Where the hashes of each value of a part begin, were they sorted by it: [values + 1]. */
function startsOf({ bits, words, count }: Counted, { range, size }: Part): Uint32Array {
  const width = wordsOf(bits);
  const starts = new Uint32Array(2 ** size + 1);
  for (let i = 0; i < count; i++) starts[partOf(words, i * width, range, size) + 1]!++;
  for (let v = 0; v < 2 ** size; v++) starts[v + 1]! += starts[v]!;
  return starts;
}

/** The numbers of hashes sorted by a part. */
function orderOf({ bits, words, count }: Counted, { range, size }: Part, starts: Uint32Array): Uint32Array {
  const width = wordsOf(bits);
  const next = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[next[partOf(words, i * width, range, size)]!++] = i;
  return order;
}

/** Pairs of hashes of which each is found once. */
export interface NearPairs {
  /** How many pairs are compared. */
  readonly compared: number;
  /** Calls `take(i, j)`, i < j, for all pairs within the distance, in no particular order. */
  each(take: (i: number, j: number) => void): void;
}

/**
 * All pairs of hashes whose distance is at most `distance`: of distance + 1 parts of the bits, two such hashes have one in common, as each bit
 * that differs spoils one part at most. So only hashes with an equal part are compared; or all of them, where that is less.
 */
export function pairsWithin(hashes: Counted, distance: number): NearPairs {
  const { bits, words, count } = hashes;
  const width = wordsOf(bits);
  const unused = 32 * width - bits;
  const all = (count * (count - 1)) / 2;
  const size = Math.min(24, Math.max(1, Math.ceil(Math.log2(count + 1)) + 1));
  const parts = distance + 1;
  const edge = (part: number): number => unused + Math.floor((part * bits) / parts);
  const table: Part[] =
    parts > bits || parts > MOST_PARTS
      ? []
      : Array.from({ length: parts }, (_, k) => ({ range: [edge(k), edge(k + 1)], size }));
  let candidates = 0;
  for (const part of table) {
    const starts = startsOf(hashes, part);
    for (let v = 0; v < 2 ** size; v++) {
      const own = starts[v + 1]! - starts[v]!;
      candidates += (own * (own - 1)) / 2;
    }
  }
  if (table.length === 0 || candidates >= all) {
    return {
      compared: all,
      each: (take) => takeNear(words, width, [0, count], distance, take),
    };
  }
  const same = (i: number, j: number, { range }: Part): boolean =>
    partOf(words, i * width, range, size) === partOf(words, j * width, range, size);
  return {
    compared: candidates,
    each(take) {
      for (const [k, part] of table.entries()) {
        const starts = startsOf(hashes, part);
        const order = orderOf(hashes, part, starts);
        // Beside each other, as they are compared: most of the time would be waiting for memory.
        const sorted = new Uint32Array(count * width);
        for (let a = 0; a < count; a++) {
          for (let w = 0; w < width; w++) sorted[a * width + w] = words[order[a]! * width + w]!;
        }
        const takeFirst = (a: number, b: number): void => {
          const [i, j] = [order[a]!, order[b]!];
          // With an equal part before this one they were taken there.
          if (!table.slice(0, k).some((before) => same(i, j, before))) take(i, j);
        };
        for (let v = 0; v < 2 ** size; v++) {
          takeNear(sorted, width, [starts[v]!, starts[v + 1]!], distance, takeFirst);
        }
      }
    },
  };
}
