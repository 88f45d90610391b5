import { afterAll, describe, expect, it } from 'vitest';
import { DeviceLimitError, LifetimeError, ShapeError } from '../../../src/errors.ts';
import {
  HammingIndex,
  type HashNeighbors,
  ImageHash,
  nearPairs,
  type PackedHashes,
  packHashes,
} from '../../../src/similarity/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { allNeighbors, allPairs, manyHashes } from './manyHashes.ts';

const gpu = await sharedGpu();
afterAll(() => gpu.dispose());

const rowsOf = ({ indices, distances }: HashNeighbors): [number, number][] =>
  Array.from(indices, (index, i) => [index, distances[i]!]);

/** Some of the hashes, as queries. */
function queriesOf({ bits, words }: PackedHashes, numbers: readonly number[]): PackedHashes {
  const width = Math.ceil(bits / 32);
  return {
    bits,
    words: Uint32Array.from(numbers.flatMap((i) => [...words.subarray(i * width, (i + 1) * width)])),
  };
}

async function pairsIn(index: HammingIndex, distance: number): Promise<[number, number, number][]> {
  const pairs: [number, number, number][] = [];
  for await (const { first, second, distances } of index.pairs(distance)) {
    const own = Array.from(first, (i, k): [number, number, number] => [i, second[k]!, distances[k]!]);
    expect(own).toEqual(own.toSorted(([i, j], [k, l]) => i - k || j - l));
    for (const pair of own) pairs.push(pair);
  }
  return pairs.sort(([i, j], [k, l]) => i - k || j - l);
}

describe.each([
  [9000, 64],
  [1, 64],
  [63, 1],
  [600, 9],
  [2000, 100],
  [300, 1024],
])('of %i hashes of %i bits', (count, bits) => {
  const hashes = manyHashes(count, bits);
  const numbers = [0, Math.floor(count / 2), count - 1];
  const queries = queriesOf(hashes, numbers);

  it('the k nearest are found, ties by their numbers', async () => {
    using index = new HammingIndex(gpu, hashes);
    for (const k of [1, 7, 500, count, count + 3]) {
      const found = await index.search(queries, { k });
      expect(found.map(rowsOf)).toEqual(numbers.map((query) => allNeighbors(hashes, query).slice(0, k)));
    }
  });

  it('all within a distance are found', async () => {
    using index = new HammingIndex(gpu, hashes);
    for (const distance of [0, 2, Math.floor(bits / 2), bits, bits + 9]) {
      const found = await index.rangeSearch(queries, { distance });
      expect(found.map(rowsOf)).toEqual(
        numbers.map((query) => allNeighbors(hashes, query).filter(([, own]) => own <= distance)),
      );
    }
  });

  it('all pairs within a distance are found, each once', async () => {
    using index = new HammingIndex(gpu, hashes);
    for (const distance of [0, 2, 5])
      expect(await pairsIn(index, distance)).toEqual(allPairs(hashes, distance));
  });
});

describe('results of any number are whole', () => {
  it('three million neighbors', async () => {
    const count = 1_000_000;
    const words = Uint32Array.from({ length: 2 * count }, (_, i) => (i % 2 === 0 ? 0 : i >> 12));
    using index = new HammingIndex(gpu, { bits: 64, words });
    const found = await index.rangeSearch({ bits: 64, words: new Uint32Array(6) }, { distance: 64 });
    for (const { indices, distances } of found) {
      expect(indices.length).toBe(count);
      expect(distances.every((distance, i) => i === 0 || distance >= distances[i - 1]!)).toBe(true);
      expect(
        Uint32Array.from(indices)
          .sort()
          .every((index, i) => index === i),
      ).toBe(true);
    }
  });

  it('four and a half million pairs of hashes that are all equal', async () => {
    const count = 3000;
    using index = new HammingIndex(gpu, { bits: 64, words: new Uint32Array(2 * count).fill(5) });
    const seen = new Uint8Array(count * count);
    let [parts, pairs] = [0, 0];
    for await (const { first, second, distances } of index.pairs(0)) {
      parts++;
      pairs += first.length;
      for (let k = 0; k < first.length; k++) seen[first[k]! * count + second[k]!]!++;
      expect(distances.every((distance) => distance === 0)).toBe(true);
    }
    expect(parts).toBeGreaterThan(1);
    expect(pairs).toBe((count * (count - 1)) / 2);
    expect(seen.every((times, at) => times === (at % count > Math.floor(at / count) ? 1 : 0))).toBe(true);
  });

  it('ties that are cut in the middle of a block', async () => {
    using index = new HammingIndex(gpu, { bits: 32, words: new Uint32Array(10_000) });
    const [found] = await index.search({ bits: 32, words: new Uint32Array(1) }, { k: 4500 });
    expect([...found!.indices]).toEqual(Array.from({ length: 4500 }, (_, i) => i));
  });
});

it('hashes that no one binding holds are searched in parts, and their pairs refused', async () => {
  const small = await sharedGpu();
  Object.defineProperty(small.device, 'caps', { value: { ...small.device.caps, maxBindingSize: 8 * 1500 } });
  const hashes = manyHashes(5000, 64);
  using index = new HammingIndex(small, hashes);
  const queries = queriesOf(hashes, [4, 4999]);
  for (const k of [1, 40, 4000]) {
    expect((await index.search(queries, { k })).map(rowsOf)).toEqual(
      [4, 4999].map((query) => allNeighbors(hashes, query).slice(0, k)),
    );
  }
  const far = await index.rangeSearch(queries, { distance: 30 });
  expect(far.map(rowsOf)).toEqual(
    [4, 4999].map((query) => allNeighbors(hashes, query).filter(([, distance]) => distance <= 30)),
  );
  await expect(index.pairs(3).next()).rejects.toThrow(DeviceLimitError);
  await expect(index.pairs(3).next()).rejects.toThrow(
    '5000 hashes take 40000 bytes, the device binds at most 12000',
  );
  small.dispose();
});

describe('calls', () => {
  const hashes = ['00ff', '00fe', 'ff00'].map((text) => ImageHash.fromHex(text));

  it('take hashes one by one', async () => {
    using index = new HammingIndex(gpu, hashes);
    expect([index.size, index.bits]).toEqual([3, 16]);
    const [found] = await index.search(ImageHash.fromHex('00ff'), { k: 2 });
    expect(rowsOf(found!)).toEqual([
      [0, 0],
      [1, 1],
    ]);
    expect(await index.search([], { k: 1 })).toEqual([]);
    expect(packHashes(hashes)).toEqual({ bits: 16, words: Uint32Array.of(0xff, 0xfe, 0xff00), count: 3 });
  });

  it('of no hashes find none', async () => {
    using index = new HammingIndex(gpu, { bits: 16, words: new Uint32Array() });
    expect((await index.search(hashes, { k: 2 })).map(rowsOf)).toEqual([[], [], []]);
    expect(await pairsIn(index, 16)).toEqual([]);
  });

  it('that cannot be are refused', async () => {
    using index = new HammingIndex(gpu, hashes);
    await expect(index.search(hashes, { k: 0 })).rejects.toThrow('k is 0; give a whole number of at least 1');
    await expect(index.rangeSearch(hashes, { distance: -1 })).rejects.toThrow(ShapeError);
    await expect(index.pairs(0.5).next()).rejects.toThrow('distance is 0.5');
    await expect(index.search(ImageHash.fromHex('ff'), { k: 1 })).rejects.toThrow(
      'queries have 8 bits, the hashes 16',
    );
    const mixed = [hashes[0]!, ImageHash.fromHex('ff')];
    expect(() => new HammingIndex(gpu, mixed)).toThrow('hashes[1] has 8 bits, hashes[0] 16');
    expect(() => new HammingIndex(gpu, [])).toThrow('hashes is empty');
    expect(() => new HammingIndex(gpu, { bits: 64, words: new Uint32Array(3) })).toThrow(
      '3 words for hashes of 64 bits',
    );
    const long = { bits: 10, words: Uint32Array.of(0x3ff, 0x400) };
    expect(() => new HammingIndex(gpu, long)).toThrow('hash 1 of hashes has more than 10 bits');
    expect(() => nearPairs(long, { distance: 1 })).toThrow('has more than 10 bits');
  });

  it('after dispose are refused', async () => {
    const index = new HammingIndex(gpu, hashes);
    index.dispose();
    await expect(index.search(hashes, { k: 1 })).rejects.toThrow(LifetimeError);
    await expect(index.pairs(1).next()).rejects.toThrow('called after dispose()');
  });
});
