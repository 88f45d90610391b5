import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.ts';
import { pairsWithin } from '../../../src/similarity/hashes/pigeonholes.ts';
import {
  BkTree,
  duplicateGroups,
  type HashNeighbors,
  type HashPairs,
  ImageHash,
  nearPairs,
  type PackedHashes,
} from '../../../src/similarity/index.ts';
import { allNeighbors, allPairs, manyHashes } from './manyHashes.ts';

type Counted = PackedHashes & { readonly count: number };

const tripletsOf = ({ first, second, distances }: HashPairs): [number, number, number][] =>
  Array.from(first, (i, k) => [i, second[k]!, distances[k]!]);
const rowsOf = ({ indices, distances }: HashNeighbors): [number, number][] =>
  Array.from(indices, (index, i) => [index, distances[i]!]);
const hashAt = ({ bits, words }: PackedHashes, i: number): ImageHash => {
  const width = Math.ceil(bits / 32);
  return new ImageHash(words.subarray(i * width, (i + 1) * width), bits);
};

/** Connected components, the plain way. */
function components(hashes: Counted, distance: number): number[][] {
  const near = new Map<number, number[]>();
  for (const [i, j] of allPairs(hashes, distance)) {
    near.set(i, [...(near.get(i) ?? []), j]);
    near.set(j, [...(near.get(j) ?? []), i]);
  }
  const seen = new Set<number>();
  const groups: number[][] = [];
  for (let start = 0; start < hashes.count; start++) {
    if (seen.has(start) || !near.has(start)) continue;
    const group = [start];
    seen.add(start);
    for (const i of group) {
      for (const j of near.get(i)!) if (!seen.has(j)) group.push(j) && seen.add(j);
    }
    groups.push(group.sort((a, b) => a - b));
  }
  return groups;
}

const SETS: [number, number][] = [
  [1500, 64],
  [1, 64],
  [400, 8],
  [300, 9],
  [900, 100],
  [200, 1024],
];

describe.each(SETS)('of %i hashes of %i bits', (count, bits) => {
  const hashes = manyHashes(count, bits);

  it('pairs are all those within the distance', () => {
    for (const distance of [0, 1, 3, 4, 9, 20, bits]) {
      expect(tripletsOf(nearPairs(hashes, { distance }))).toEqual(allPairs(hashes, distance));
    }
  });

  it('groups are the connected components', async () => {
    for (const distance of [0, 2, 4]) {
      expect(await duplicateGroups(hashes, { distance })).toEqual(components(hashes, distance));
    }
  });

  it('a tree finds what is near', () => {
    const tree = new BkTree(bits);
    for (let i = 0; i < count; i++) expect(tree.add(hashAt(hashes, i))).toBe(i);
    expect(tree.size).toBe(count);
    for (const query of [0, count >> 1, count - 1]) {
      const all = allNeighbors(hashes, query);
      for (const distance of [0, 2, 5, bits]) {
        expect(rowsOf(tree.rangeSearch(hashAt(hashes, query), { distance }))).toEqual(
          all.filter(([, own]) => own <= distance),
        );
      }
      for (const k of [1, 5, 60, count + 1]) {
        expect(rowsOf(tree.search(hashAt(hashes, query), { k }))).toEqual(all.slice(0, k));
      }
    }
  });
});

it('few pairs are compared where the distance is small', () => {
  const hashes = manyHashes(20_000, 64);
  expect(pairsWithin(hashes, 3).compared).toBeLessThan(1e6);
  expect(tripletsOf(nearPairs(hashes, { distance: 3 })).length).toBeGreaterThan(5000);
});

it('a chain of near hashes is one group, whatever its ends differ in', async () => {
  const chain = ['0000', '0001', '0003', '0007', '000f', 'ff00'].map((text) => ImageHash.fromHex(text));
  expect(await duplicateGroups(chain, { distance: 1 })).toEqual([[0, 1, 2, 3, 4]]);
  expect(await duplicateGroups([])).toEqual([]);
});

it('a tree of many equal hashes stays flat', () => {
  const tree = new BkTree(64);
  const hash = ImageHash.fromHex('b401c37e63cb49ab');
  for (let i = 0; i < 20_000; i++) tree.add(hash);
  expect([...tree.search(hash, { k: 3 }).indices]).toEqual([0, 1, 2]);
});

describe('calls that cannot be are refused', () => {
  const hashes = [ImageHash.fromHex('00'), ImageHash.fromHex('0000')];
  it.each([
    ['hashes of two lengths', () => nearPairs(hashes), 'hashes[1] has 16 bits, hashes[0] 8'],
    ['no hashes', () => nearPairs(['00'] as never), 'hashes[0] is no ImageHash'],
    ['half a bit', () => nearPairs([], { distance: 0.5 }), 'distance is 0.5; give a whole number'],
    ['a tree of nothing', () => new BkTree(0), 'bits is 0; give a whole number of at least 1'],
    ['another length', () => new BkTree(64).add(hashes[0]!), 'has 8 bits, the tree is of 64'],
    ['no hash', () => new BkTree(64).search({} as never, { k: 1 }), 'is no ImageHash'],
    ['none of the nearest', () => new BkTree(8).search(hashes[0]!, { k: 0 }), 'k is 0'],
  ])('%s', (_, call, message) => {
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  });

  it('of groups', async () => {
    await expect(duplicateGroups(hashes)).rejects.toThrow(ShapeError);
    await expect(duplicateGroups(hashes, { distance: -1 })).rejects.toThrow('distance is -1');
  });
});

it('refuses more pairs than memory is for, which groups do not need', async () => {
  const hashes = { bits: 64, words: new Uint32Array(2 * 11_600).fill(7) };
  expect(() => nearPairs(hashes, { distance: 0 })).toThrow('more than 67108864 pairs are within 0 bits');
  expect((await duplicateGroups(hashes, { distance: 0 }))[0]).toHaveLength(11_600);
});
