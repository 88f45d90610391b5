import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/data/batch.ts';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { type Metric, PairwiseDistances, pairwiseDistances } from '../../src/similarity/index.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

const gpu = await sharedGpu();

/** Rows of normal numbers around a mean. */
function rows(n: number, d: number, seed: number, mean = 0, std = 1): HostTensor {
  const random = new Random(seed);
  return { data: Float32Array.from({ length: n * d }, () => mean + std * random.normal()), shape: [n, d] };
}

/** In float64, as scikit-learn does. */
function expected(metric: Metric, x: HostTensor, y: HostTensor): number[] {
  const [d] = x.shape.slice(1) as [number];
  const result: number[] = [];
  for (let i = 0; i < x.shape[0]!; i++) {
    for (let j = 0; j < y.shape[0]!; j++) {
      let [squares, manhattan, dot, xx, yy] = [0, 0, 0, 0, 0];
      for (let k = 0; k < d; k++) {
        const [a, b] = [x.data[i * d + k]!, y.data[j * d + k]!];
        squares += (a - b) ** 2;
        manhattan += Math.abs(a - b);
        dot += a * b;
        xx += a * a;
        yy += b * b;
      }
      const cosine = xx * yy === 0 ? 1 : 1 - dot / Math.sqrt(xx * yy);
      result.push({ euclidean: Math.sqrt(squares), sqeuclidean: squares, manhattan, cosine, dot }[metric]);
    }
  }
  return result;
}

/** Whether all are equal to 1e-5 of the expected, or of `unit` where that is more. */
function expectClose(got: ArrayLike<number>, wanted: readonly number[], unit = 0): void {
  expect(got.length).toBe(wanted.length);
  for (let i = 0; i < wanted.length; i++) {
    const most = 1e-5 * Math.max(Math.abs(wanted[i]!), unit);
    if (!(Math.abs(got[i]! - wanted[i]!) <= most)) expect.fail(`${i}: ${got[i]}, expected ${wanted[i]}`);
  }
}

describe('pairwise distances', () => {
  it.each([
    ['euclidean', 0],
    ['euclidean', 1000],
    ['sqeuclidean', 0],
    ['sqeuclidean', 1000],
    ['manhattan', 0],
    ['manhattan', 1000],
    ['cosine', 0],
    ['cosine', 1000],
  ] as const)('are those of float64: %s, mean %d', async (metric, mean) => {
    const [x, y] = [rows(37, 53, 1, mean), rows(45, 53, 2, mean)];
    expectClose((await pairwiseDistances(gpu, x, y, { metric })).data, expected(metric, x, y));
  });

  it('dot products, to 1e-5 of the lengths', async () => {
    const [x, y] = [rows(37, 53, 1), rows(45, 53, 2)];
    expectClose((await pairwiseDistances(gpu, x, y, { metric: 'dot' })).data, expected('dot', x, y), 53);
  });

  it('are 0 from a row to itself, and right for rows that nearly agree', async () => {
    const x = rows(20, 30, 3, 1000);
    const data = Float32Array.from(x.data, (value, i) => (i % 30 === 7 ? value + 2 ** -10 : value));
    for (const metric of ['euclidean', 'sqeuclidean', 'manhattan', 'cosine'] as const) {
      const self = (await pairwiseDistances(gpu, x, undefined, { metric })).data;
      for (let i = 0; i < 20; i++) expect(self[i * 20 + i]).toBe(0);
    }
    const near = (await pairwiseDistances(gpu, x, { data, shape: x.shape })).data;
    for (let i = 0; i < 20; i++) expect(near[i * 20 + i]).toBeCloseTo(2 ** -10, 9);
  });

  it('of rows of zeros are 1 by cosine, but from a row to itself', async () => {
    const x: HostTensor = { data: Float32Array.of(0, 0, 3, 4, 0, 0), shape: [3, 2] };
    const { data } = await pairwiseDistances(gpu, x, x, { metric: 'cosine' });
    expect([...data]).toEqual([0, 1, 1, 1, 0, 1, 1, 1, 0]);
    const other = await pairwiseDistances(gpu, x, { ...x }, { metric: 'cosine' });
    expect([...other.data]).toEqual([1, 1, 1, 1, 0, 1, 1, 1, 1]);
  });

  it('come in blocks that cover every pair once, with the same bits', async () => {
    const [x, y] = [rows(70, 5, 4), rows(90, 5, 5)];
    const { data: whole } = await pairwiseDistances(gpu, x, y);
    using pairs = new PairwiseDistances(gpu, { workingMemory: 2 ** -8 });
    const joined = new Float32Array(70 * 90).fill(Number.NaN);
    let count = 0;
    for await (const block of pairs.blocks(x, y)) {
      count++;
      for (let i = 0; i < block.rows; i++) {
        const part = block.distances.subarray(i * block.columns, (i + 1) * block.columns);
        joined.set(part, (block.row + i) * 90 + block.column);
      }
    }
    expect(count).toBeGreaterThan(4);
    expect(joined).toEqual(whole);
    const byRows: number[] = [];
    for await (const { distances } of pairs.rows(x, y)) byRows.push(...distances);
    expect(Float32Array.from(byRows)).toEqual(whole);
  });

  it('of one set come without the blocks below the diagonal', async () => {
    const x = rows(70, 5, 4);
    const { data: whole } = await pairwiseDistances(gpu, x);
    using pairs = new PairwiseDistances(gpu, { workingMemory: 2 ** -8 });
    const seen = new Uint8Array(70 * 70);
    for await (const { row, rows: height, column, columns, distances } of pairs.blocks(x)) {
      expect(column).toBeGreaterThanOrEqual(row);
      for (let i = 0; i < height; i++) {
        for (let j = 0; j < columns; j++) {
          expect(distances[i * columns + j]).toBe(whole[(row + i) * 70 + column + j]);
          seen[(row + i) * 70 + column + j] = 1;
          seen[(column + j) * 70 + row + i] = 1;
        }
      }
    }
    expect(seen.every((mark) => mark === 1)).toBe(true);
  });

  it('are none without rows, and 0 without columns', async () => {
    const none: HostTensor = { data: new Float32Array(), shape: [0, 3] };
    expect((await pairwiseDistances(gpu, none, rows(2, 3, 1))).shape).toEqual([0, 2]);
    expect((await pairwiseDistances(gpu, rows(2, 3, 1), none)).shape).toEqual([2, 0]);
    const empty: HostTensor = { data: new Float32Array(), shape: [2, 0] };
    expect([...(await pairwiseDistances(gpu, empty)).data]).toEqual([0, 0, 0, 0]);
  });

  it('may be left early', async () => {
    using pairs = new PairwiseDistances(gpu, { workingMemory: 2 ** -8 });
    const x = rows(70, 5, 4);
    for await (const block of pairs.blocks(x)) {
      expect(block.row).toBe(0);
      break;
    }
    for await (const block of pairs.rows(x)) expect(block.columns).toBe(70);
  });

  it('refuse what they cannot compare', async () => {
    const x = rows(2, 3, 1);
    const bad: HostTensor = { data: Float32Array.of(1, 2, Number.NaN, 4), shape: [2, 2] };
    await expect(pairwiseDistances(gpu, bad)).rejects.toThrow('x is NaN at row 1, column 0');
    await expect(pairwiseDistances(gpu, x, rows(2, 4, 1))).rejects.toThrow(ShapeError);
    await expect(pairwiseDistances(gpu, x, x, { metric: 'cosinus' as never })).rejects.toThrow(UsageError);
    expect(() => new PairwiseDistances(5 as never)).toThrow(UsageError);
  });
});
