import { ImageHash } from 'fovea/similarity';

/** Bits of a hash. */
const BITS = 64;

/** The bits of a hash from one to another, the lowest being 0. */
function bitsOf(words: Uint32Array, from: number, to: number): number {
  let value = 0;
  for (let bit = from; bit < to; bit++) {
    const word = words[words.length - 1 - (bit >>> 5)]!;
    value = value * 2 + ((word >>> (bit & 31)) & 1);
  }
  return value;
}

/**
 * Finds the images that look like an earlier one: whose perceptual hash differs from it in no more than `distance` bits. They are compared
 * with those only that look like none before, the first of which counts.
 *
 * Of d differing bits in d + 1 parts of a hash one part has none: only hashes that share a part are compared (pigeonhole principle).
 *
 * @param hashes The hash of each image in base 16, 64 bits.
 * @param distance Most bits that differ.
 * @returns For each image the place of the one that it looks like; undefined where there is none.
 */
export function lookAlike(hashes: readonly string[], distance: number): (number | undefined)[] {
  const parts = Math.min(distance + 1, BITS);
  const bounds = Array.from({ length: parts + 1 }, (_, i) => Math.floor((i * BITS) / parts));
  const tables = Array.from({ length: parts }, () => new Map<number, number[]>());
  const kept: ImageHash[] = [];
  return hashes.map((text, place) => {
    const hash = ImageHash.fromHex(text, BITS);
    const lists = tables.map((table, i) => {
      const key = bitsOf(hash.words, bounds[i]!, bounds[i + 1]!);
      const list = table.get(key) ?? [];
      table.set(key, list);
      return list;
    });
    let first: number | undefined;
    for (const list of lists) {
      // Each list rises: what comes behind the best so far is no better.
      const found = list.find(
        (one) => (first !== undefined && one >= first) || kept[one]!.distance(hash) <= distance,
      );
      if (found !== undefined && (first === undefined || found < first)) first = found;
    }
    if (first === undefined) {
      kept[place] = hash;
      for (const list of lists) list.push(place);
    }
    return first;
  });
}
