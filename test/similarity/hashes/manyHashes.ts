import type { PackedHashes } from '../../../src/similarity/index.ts';
import { Random } from '../../../src/vision/random.ts';

/** Hashes some of which are near each other: every third is an earlier one with up to `flips` bits turned. */
export function manyHashes(
  count: number,
  bits: number,
  flips = 3,
): PackedHashes & { readonly count: number } {
  const random = new Random(`${count} ${bits}`);
  const width = Math.ceil(bits / 32);
  const words = new Uint32Array(count * width);
  for (let i = 0; i < count; i++) {
    for (let w = 0; w < width; w++) words[i * width + w] = Math.floor(random.uniform() * 2 ** 32);
    if (bits % 32 > 0) words[i * width]! &= 2 ** (bits % 32) - 1;
    if (i % 3 !== 2) continue;
    const from = Math.floor(random.uniform() * i) * width;
    words.copyWithin(i * width, from, from + width);
    for (let flip = Math.floor(random.uniform() * (flips + 1)); flip > 0; flip--) {
      const bit = Math.floor(random.uniform() * bits);
      words[i * width + width - 1 - (bit >>> 5)]! ^= 1 << (bit & 31);
    }
  }
  return { bits, words, count };
}

/** In how many bits hashes a and b differ, the plain way. */
export function bitsBetween({ bits, words }: PackedHashes, a: number, b: number): number {
  const width = Math.ceil(bits / 32);
  let differing = 0;
  for (let w = 0; w < width; w++) {
    for (let left = words[a * width + w]! ^ words[b * width + w]!; left !== 0; left &= left - 1) differing++;
  }
  return differing;
}

/** Numbers and distances of all hashes from hash `query`, nearest first. */
export function allNeighbors(
  hashes: PackedHashes & { readonly count: number },
  query: number,
): [number, number][] {
  const found = Array.from({ length: hashes.count }, (_, i): [number, number] => [
    i,
    bitsBetween(hashes, query, i),
  ]);
  return found.sort(([i, a], [j, b]) => a - b || i - j);
}

/** All pairs within a distance, in order: `[first, second, distance]`. */
export function allPairs(
  hashes: PackedHashes & { readonly count: number },
  most: number,
): [number, number, number][] {
  const pairs: [number, number, number][] = [];
  for (let i = 0; i < hashes.count; i++) {
    for (let j = i + 1; j < hashes.count; j++) {
      const distance = bitsBetween(hashes, i, j);
      if (distance <= most) pairs.push([i, j, distance]);
    }
  }
  return pairs;
}
