import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/data/batch.ts';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { FlatIndex, type Metric, nearest } from '../../src/similarity/index.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

const gpu = await sharedGpu();
const METRICS: readonly Metric[] = ['euclidean', 'sqeuclidean', 'manhattan', 'cosine', 'dot'];

const rowsOf = (n: number, d: number, value: (i: number) => number): HostTensor => ({
  data: Float32Array.from({ length: n * d }, (_, i) => value(i)),
  shape: [n, d],
});
function normal(n: number, d: number, seed: number, mean = 0, std = 1): HostTensor {
  const random = new Random(seed);
  return rowsOf(n, d, () => mean + std * random.normal());
}

/** The distance of two rows, in float64. */
function distance(metric: Metric, a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [squares, sum, dot, aa, bb] = [0, 0, 0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    squares += (a[i]! - b[i]!) ** 2;
    sum += Math.abs(a[i]! - b[i]!);
    dot += a[i]! * b[i]!;
    aa += a[i]! ** 2;
    bb += b[i]! ** 2;
  }
  if (metric === 'dot') return dot;
  if (metric === 'cosine') return aa * bb === 0 ? 1 : 1 - dot / Math.sqrt(aa) / Math.sqrt(bb);
  return { manhattan: sum, sqeuclidean: squares, euclidean: Math.sqrt(squares) }[metric];
}

/** Sorted by distance and number: what a search must find, among the rows that are let through. */
function byHand(metric: Metric, q: ArrayLike<number>, x: HostTensor, allowed = (_row: number) => true) {
  const [n, d] = x.shape as [number, number];
  const all = Array.from({ length: n }, (_, row) => ({
    row,
    distance: distance(metric, q, x.data.slice(row * d, (row + 1) * d)),
  })).filter(({ row }) => allowed(row));
  const sign = metric === 'dot' ? -1 : 1;
  return all.sort((a, b) => sign * (a.distance - b.distance) || a.row - b.row);
}

/** Whether what was found is what must be found. Where sums in another order may differ in the last bits, rows may be swapped. */
function expectFound(
  found: { readonly distances: Float64Array; readonly indices: Int32Array },
  metric: Metric,
  queries: HostTensor,
  x: HostTensor,
  k: number,
  allowed?: (row: number) => boolean,
): void {
  const [q, d] = queries.shape as [number, number];
  expect(found.indices.length).toBe(q * k);
  for (let i = 0; i < q; i++) {
    const wanted = byHand(metric, queries.data.slice(i * d, (i + 1) * d), x, allowed);
    const largest = Math.max(...wanted.map((row) => Math.abs(row.distance)), 1e-300);
    // A cosine is near 1, and so are the digits that are lost.
    const unit = metric === 'cosine' ? Math.max(largest, 0.1) : largest;
    for (let j = 0; j < k; j++) {
      const at = i * k + j;
      const best = wanted[j];
      if (!best) {
        expect(found.indices[at]).toBe(-1);
        expect(found.distances[at]).toBe(metric === 'dot' ? Number.NEGATIVE_INFINITY : Infinity);
        continue;
      }
      expect(Math.abs(found.distances[at]! - best.distance)).toBeLessThanOrEqual(1e-12 * unit);
      if (found.indices[at] === best.row) continue;
      const other = wanted.find(({ row }) => row === found.indices[at]!)!;
      expect(Math.abs(other.distance - best.distance)).toBeLessThanOrEqual(1e-14 * unit);
    }
  }
}

describe('nearest', () => {
  describe.each(METRICS)('by %s', (metric) => {
    it.each([
      [7, 1, 3, 2],
      [100, 5, 9, 10],
      [333, 64, 17, 5],
      [50, 3, 1, 4],
      [50, 3, 2, 60],
      [9, 2, 5, 12],
      [1, 4, 4, 1],
    ])('finds of %d rows of %d values for %d queries the %d that float64 finds', async (n, d, q, k) => {
      const [x, queries] = [normal(n, d, 1), normal(q, d, 2)];
      expectFound(await nearest(gpu, queries, x, k, { metric }), metric, queries, x, k);
    });

    it('keeps the digits of rows far from 0 that are close to each other', async () => {
      const [x, queries] = [normal(300, 20, 3, 1000), normal(5, 20, 4, 1000)];
      expectFound(await nearest(gpu, queries, x, 10, { metric }), metric, queries, x, 10);
    });

    it('takes values of any size', async () => {
      for (const scale of [1e-30, 1e-19, 1e19, 1e30]) {
        const x = normal(40, 6, 5, 0, scale);
        const queries = normal(4, 6, 6, 0, scale);
        expectFound(await nearest(gpu, queries, x, 3, { metric }), metric, queries, x, 3);
      }
      // f32 rounds their squares, or the values, to few bits.
      const near = normal(2000, 1, 5, 0, 1e-25);
      const queries = normal(8, 1, 6, 1.34e-22, 1e-25);
      expectFound(await nearest(gpu, queries, near, 9, { metric }), metric, queries, near, 9);
      const [x, others] = [normal(2000, 1, 5, 0, 1e-43), normal(8, 1, 6, 0, 1e-43)];
      expectFound(await nearest(gpu, others, x, 9, { metric }), metric, others, x, 9);
    });

    it('gives equal rows by their numbers', async () => {
      // 64 different rows, each many times over.
      const random = new Random(7);
      const kinds = Array.from({ length: 64 }, () => [0, 1, 2].map(() => Math.floor(4 * random.uniform())));
      const x = rowsOf(500, 3, (i) => kinds[(Math.floor(i / 3) * 37) % 64]![i % 3]!);
      const queries = rowsOf(6, 3, (i) => kinds[Math.floor(i / 3) * 5]![i % 3]!);
      const found = await nearest(gpu, queries, x, 40, { metric });
      for (let i = 0; i < 6; i++) {
        const wanted = byHand(metric, queries.data.slice(3 * i, 3 * i + 3), x);
        // Small whole numbers: nothing is rounded but by the root and the division of a cosine.
        const exact =
          metric === 'cosine'
            ? wanted.map((w) => ({ ...w, distance: Math.round(w.distance * 1e9) }))
            : wanted;
        exact.sort((a, b) => (metric === 'dot' ? -1 : 1) * (a.distance - b.distance) || a.row - b.row);
        expect([...found.indices.subarray(40 * i, 40 * i + 40)]).toEqual(
          exact.slice(0, 40).map(({ row }) => row),
        );
      }
    });

    it('takes rows of zeros', async () => {
      const x = rowsOf(30, 4, (i) => (Math.floor(i / 4) % 3 === 0 ? 0 : Math.sin(i)));
      const queries = rowsOf(4, 4, (i) => (i < 8 ? 0 : Math.cos(i)));
      expectFound(await nearest(gpu, queries, x, 30, { metric }), metric, queries, x, 30);
    });

    it('takes many rows that f32 cannot tell apart', async () => {
      const random = new Random(8);
      const x = rowsOf(2000, 4, () => 1 + 2 ** -23 * Math.floor(8 * random.uniform()));
      const queries = rowsOf(3, 4, (i) => 1 + (i % 5) * 2 ** -12);
      expectFound(await nearest(gpu, queries, x, 20, { metric }), metric, queries, x, 20);
    });
  });

  it('goes through several blocks of rows and of queries', async () => {
    const [x, queries] = [normal(40_000, 4, 9), normal(1100, 4, 10)];
    const found = await nearest(gpu, queries, x, 3);
    const few = { data: queries.data.slice(0, 12), shape: [3, 4] };
    expectFound(
      { distances: found.distances.slice(0, 9), indices: found.indices.slice(0, 9) },
      'euclidean',
      few,
      x,
      3,
    );
    // The last query by itself, which is compared on the CPU.
    const last = await nearest(gpu, { data: queries.data.slice(-4), shape: [1, 4] }, x, 3);
    expect([...found.indices.slice(-3)]).toEqual([...last.indices]);
    expect([...found.distances.slice(-3)]).toEqual([...last.distances]);
  });

  it('finds nothing in nothing, and for nobody', async () => {
    const none: HostTensor = { data: new Float32Array(), shape: [0, 3] };
    const found = await nearest(gpu, normal(4, 3, 1), none, 2);
    expect([...found.indices]).toEqual(new Array(8).fill(-1));
    expect((await nearest(gpu, none, normal(4, 3, 1), 2)).shape).toEqual([0, 2]);
  });

  it('refuses what it cannot search', async () => {
    const x = normal(4, 3, 1);
    const bad: HostTensor = { data: Float32Array.of(1, 2, Infinity), shape: [1, 3] };
    await expect(nearest(gpu, bad, x, 1)).rejects.toThrow('queries is Infinity at row 0, column 2');
    await expect(nearest(gpu, normal(1, 2, 1), x, 1)).rejects.toThrow(ShapeError);
    await expect(nearest(gpu, x, x, 0)).rejects.toThrow('k is 0; give a whole number of 1 or more');
    await expect(nearest(gpu, x, x, 2 ** 30)).rejects.toThrow('more than 268435456 results; ask for fewer');
    await expect(nearest(gpu, x, x, 1, { metric: 'l2' as never })).rejects.toThrow(UsageError);
  });
});

describe('FlatIndex', () => {
  it.each(METRICS)('finds what was added in parts, but for what was removed, by %s', async (metric) => {
    const x = normal(200, 8, 11);
    using index = new FlatIndex(gpu, 8, { metric });
    for (const [from, to] of [
      [0, 1],
      [1, 90],
      [90, 200],
    ] as const) {
      const part = { data: x.data.slice(from * 8, to * 8), shape: [to - from, 8] };
      index.add(
        part,
        Array.from({ length: to - from }, (_, i) => `item ${from + i}`),
      );
    }
    const gone = (row: number) => row % 7 === 3;
    expect(index.remove((id) => gone(Number(String(id).slice(5))))).toBe(29);
    expect(index.size).toBe(171);
    expect(index.has('item 3')).toBe(false);
    expect([...index.get('item 4')!]).toEqual([...x.data.slice(32, 40)]);
    const queries = normal(5, 8, 12);
    const found = await index.search(queries, 6);
    const numbers = Int32Array.from(found.ids, (id) => Number(String(id).slice(5)));
    expectFound({ distances: found.distances, indices: numbers }, metric, queries, x, 6, (row) => !gone(row));
    found.indices.forEach((row, i) => {
      expect(index.ids[row]).toBe(found.ids[i]);
    });
  });

  it('searches what a filter lets through', async () => {
    const x = normal(300, 6, 13);
    using index = new FlatIndex(gpu, 6);
    index.add(x);
    const queries = normal(4, 6, 14);
    const odd = await index.search(queries, 5, { filter: (id) => Number(id) % 2 === 1 });
    expectFound(odd, 'euclidean', queries, x, 5, (row) => row % 2 === 1);
    const some = await index.search(queries, 5, { filter: new Set([7, 2, 100, 9999, '3']) });
    expectFound(some, 'euclidean', queries, x, 5, (row) => [7, 2, 100].includes(row));
    expect(some.ids.slice(3, 5)).toEqual([undefined, undefined]);
    const none = await index.search(queries, 2, { filter: [] });
    expect(none.ids).toEqual(new Array(8).fill(undefined));
  });

  it('numbers items from the largest number on, and keeps the names of the others', () => {
    using index = new FlatIndex(gpu, 2);
    index.add(normal(2, 2, 1));
    index.add(normal(1, 2, 2), [10]);
    index.add(normal(2, 2, 3));
    expect(index.ids).toEqual([0, 1, 10, 11, 12]);
    expect(index.remove([1, 11, 'no'])).toBe(2);
    index.add(normal(1, 2, 4));
    expect(index.ids).toEqual([0, 10, 12, 13]);
    expect(index.remove(() => true)).toBe(4);
    expect(index.size).toBe(0);
  });

  it('goes on in the old rows where some are removed during a search', async () => {
    const x = normal(2000, 4, 15);
    using index = new FlatIndex(gpu, 4);
    index.add(x);
    const queries = normal(6, 4, 16);
    const search = index.search(queries, 3);
    index.remove((id) => Number(id) < 1990);
    expectFound(await search, 'euclidean', queries, x, 3);
    expect((await search).ids).toEqual([...(await search).indices]);
  });

  it('refuses ids and vectors that it cannot take, and adds none of them', () => {
    using index = new FlatIndex(gpu, 2);
    index.add(normal(2, 2, 1), ['a', 'b']);
    expect(() => index.add(normal(2, 2, 1), ['c', 'a'])).toThrow('id "a" is there already; remove it first');
    expect(() => index.add(normal(2, 2, 1), ['c', 'c'])).toThrow('id "c" comes twice');
    expect(() => index.add(normal(2, 2, 1), ['c'])).toThrow('1 ids for 2 vectors');
    expect(() => index.add(normal(2, 3, 1))).toThrow('rows of vectors have 3 values, those of the index 2');
    expect(() => index.add({ data: Float32Array.of(1, Number.NaN), shape: [1, 2] })).toThrow('NaN at row 0');
    expect(() => index.remove('a')).toThrow(UsageError);
    expect(() => new FlatIndex(gpu, 0)).toThrow('d is 0; give 1 or more');
    expect(index.size).toBe(2);
  });
});
