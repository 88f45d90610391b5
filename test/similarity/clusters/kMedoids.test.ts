import { describe, expect, it } from 'vitest';
import type { HostTensor } from '../../../src/data/batch.ts';
import { LifetimeError, ShapeError, UsageError } from '../../../src/errors.ts';
import { KMedoids, type KMedoidsOptions } from '../../../src/similarity/index.ts';
import { Random } from '../../../src/vision/random.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { expected, farthest, firstRows, rowsOf } from './rows.ts';

const gpu = await sharedGpu();

/** Euclidean distances of all rows, one by one. */
function matrixOf({ data, shape }: HostTensor): HostTensor & { readonly data: Float64Array } {
  const [n, d] = shape as [number, number];
  const distances = Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let c = 0; c < d; c++) sum += (data[i * d + c]! - data[j * d + c]!) ** 2;
    return Math.sqrt(sum);
  });
  return { data: distances, shape: [n, n] };
}

/** The sum of the distances to the nearest of some medoids. */
function costOf({ data, shape }: HostTensor, medoids: readonly number[]): number {
  const n = shape[0]!;
  let cost = 0;
  for (let i = 0; i < n; i++) cost += Math.min(...medoids.map((m) => data[m * n + i]!));
  return cost;
}

describe('KMedoids', () => {
  it.each(expected.pam)("by pam is R's pam: $n x $d, $k clusters", async (shape) => {
    const x = rowsOf(shape);
    for (const where of [{}, { gpu }]) {
      const found = await new KMedoids({ nClusters: shape.k, method: 'pam', ...where }).fit(x);
      expect(farthest([found.inertia], [shape.cost])).toBeLessThan(1e-12);
    }
    // Another order of swaps may end elsewhere, hardly ever much worse.
    const faster = await new KMedoids({ nClusters: shape.k }).fit(x);
    expect(faster.inertia).toBeLessThan(1.02 * shape.cost);
  });

  const shape = { seed: 11, n: 70, d: 3, blobs: 5, spread: 3, k: 5 };
  const x = rowsOf(shape);
  const matrix = matrixOf(x);

  it.each<KMedoidsOptions>([
    { method: 'fasterpam' },
    { method: 'pam' },
    { init: 'random' },
    { init: 'k-medoids++' },
    { init: 'clara', nSampling: 30 },
    { init: [3, 1, 4, 15, 9] },
  ])('cannot be bettered by one swap: %j', async (options) => {
    const found = await new KMedoids({ nClusters: 5, ...options }).fit(x);
    const medoids = found.medoidIndices;
    expect(found.inertia).toBeCloseTo(costOf(matrix, medoids), 9);
    expect(medoids).toEqual([...new Set(medoids)].sort((a, b) => a - b));
    for (let i = 0; i < 70; i++) {
      expect(matrix.data[medoids[found.labels[i]!]! * 70 + i]).toBe(
        Math.min(...medoids.map((m) => matrix.data[m * 70 + i]!)),
      );
    }
    for (const [place] of medoids.entries()) {
      for (let item = 0; item < 70; item++) {
        if (medoids.includes(item)) continue;
        const other = medoids.map((m, at) => (at === place ? item : m));
        expect(costOf(matrix, other)).toBeGreaterThan(found.inertia - 1e-9);
      }
    }
  });

  it('takes precomputed distances: the same medoids as of the rows', async () => {
    const ofRows = await new KMedoids({ nClusters: 4 }).fit(x);
    const ofMatrix = await new KMedoids({ nClusters: 4, metric: 'precomputed' }).fit(matrix);
    expect(ofMatrix.medoidIndices).toEqual(ofRows.medoidIndices);
    expect(ofMatrix.labels).toEqual(ofRows.labels);
    const some = { data: matrix.data.slice(0, 3 * 70), shape: [3, 70] };
    expect(await ofMatrix.predict(some)).toEqual(await ofRows.predict(firstRows(x, 3)));
    expect(
      farthest((await ofMatrix.transform(some)).data, (await ofRows.transform(firstRows(x, 3))).data),
    ).toBe(0);
    expect(() => ofMatrix.clusterCenters).toThrow(LifetimeError);
    expect([...ofRows.clusterCenters.data.subarray(0, 3)]).toEqual(
      [...x.data.subarray(ofRows.medoidIndices[0]! * 3)].slice(0, 3),
    );
  });

  it('of boxes by 1 - IoU finds those that overlap', async () => {
    const random = new Random('boxes');
    const places = [0, 40, 90];
    const boxes = Array.from({ length: 30 }, (_, i) => {
      const at = places[i % 3]! + 2 * random.uniform();
      return [at, at, at + 20, at + 20];
    });
    const data = Float32Array.from(boxes.flat());
    const found = await new KMedoids({ nClusters: 3, metric: 'iou' }).fit({ data, shape: [30, 4] });
    for (let i = 3; i < 30; i++) expect(found.labels[i]).toBe(found.labels[i % 3]);
    await expect(new KMedoids({ metric: 'iou' }).fit(x)).rejects.toThrow(
      /rows of x have 3 values; for metric "iou"/,
    );
  });

  it('takes a function of two rows', async () => {
    const chebyshev = (a: Float64Array, b: Float64Array) =>
      Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    const found = await new KMedoids({ nClusters: 4, metric: chebyshev }).fit(x);
    const all = Float64Array.from({ length: 4900 }, (_, at) => {
      const row = (i: number) => x.data.subarray(i * 3, i * 3 + 3);
      return chebyshev(row(Math.floor(at / 70)), row(at % 70));
    });
    const same = await new KMedoids({ nClusters: 4, metric: 'precomputed' }).fit({
      data: all,
      shape: [70, 70],
    });
    expect(found.medoidIndices).toEqual(same.medoidIndices);
    const wrong = new KMedoids({ metric: () => Number.NaN });
    await expect(wrong.fit(x)).rejects.toThrow(/metric gave NaN/);
  });

  it('of more items than are kept in memory samples them, or computes distances in blocks', async () => {
    const many = rowsOf({ seed: 3, n: 4200, d: 2, blobs: 4, spread: 0.5, k: 4 });
    for (const where of [{}, { gpu }]) {
      const sampled = await new KMedoids({ nClusters: 4, nSampling: 200, ...where }).fit(many);
      const whole = await new KMedoids({ nClusters: 4, method: 'fasterpam', nSampling: 200, ...where }).fit(
        many,
      );
      expect(whole.inertia).toBeLessThanOrEqual(sampled.inertia);
      expect(sampled.inertia).toBeLessThan(1.02 * whole.inertia);
      for (let i = 4; i < 4200; i++) expect(whole.labels[i]).toBe(whole.labels[i % 4]);
    }
  });

  it('finds one medoid, and as many as items', async () => {
    for (const init of ['build', 'random', 'k-medoids++'] as const) {
      const one = await new KMedoids({ nClusters: 1, init }).fit(x);
      const sums = Array.from({ length: 70 }, (_, i) => costOf(matrix, [i]));
      expect(one.medoidIndices).toEqual([sums.indexOf(Math.min(...sums))]);
      const all = await new KMedoids({ nClusters: 70, init }).fit(x);
      expect([all.inertia, all.medoidIndices.length]).toEqual([0, 70]);
    }
    const equal = { data: new Float32Array(12).fill(2), shape: [6, 2] };
    for (const init of ['build', 'k-medoids++'] as const) {
      const found = await new KMedoids({ nClusters: 3, init }).fit(equal);
      expect([found.inertia, [...found.labels]]).toEqual([0, [0, 0, 0, 0, 0, 0]]);
    }
  });

  it('refuses what it cannot use', async () => {
    expect(() => new KMedoids({ nClusters: 1.5 })).toThrow(
      /nClusters is 1.5; give a whole number of at least 1/,
    );
    expect(() => new KMedoids({ metric: 'dot' as never })).toThrow(/metric is "dot"; choose euclidean/);
    expect(() => new KMedoids({ method: 'best' as never })).toThrow(/choose auto, fasterpam, pam, clara/);
    expect(() => new KMedoids({ nClusters: 9, nSampling: 8 })).toThrow(
      /nSampling is 8; give at least nClusters, 9/,
    );
    await expect(new KMedoids({ nClusters: 71 }).fit(x)).rejects.toThrow(ShapeError);
    for (const init of [[1], [1, 1], [0, 70], [0, 0.5]]) {
      await expect(new KMedoids({ nClusters: 2, init }).fit(x)).rejects.toThrow(
        /give 2 different items of 0 to 69/,
      );
    }
    const precomputed = (values: number[], shape: number[]) =>
      new KMedoids({ nClusters: 1, metric: 'precomputed' }).fit({ data: Float64Array.from(values), shape });
    await expect(precomputed([0, 1], [1, 2])).rejects.toThrow(/precomputed distances are \[n, n\]/);
    await expect(precomputed([0, 1, 2, 0], [2, 2])).rejects.toThrow(
      /of items 1 and 0 is 2; that of 0 and 1 is 1/,
    );
    await expect(precomputed([0, -1, -1, 0], [2, 2])).rejects.toThrow(/give no negative ones/);
    await expect(precomputed([0, 1, 1, 5], [2, 2])).rejects.toThrow(/at distance 0 from itself/);
    expect(() => new KMedoids().labels).toThrow(LifetimeError);
    expect(() => new KMedoids({ gpu: {} as never })).toThrow(UsageError);
  });

  it('has a medoid of zeros at distance 0 from itself by the cosine, on the CPU and the GPU', async () => {
    const rows = { data: Float32Array.of(1, 2, 0, 0, 2, 1, 0, 0, -1, 1), shape: [5, 2] };
    for (const where of [{}, { gpu }]) {
      const found = await new KMedoids({ nClusters: 5, metric: 'cosine', ...where }).fit(rows);
      expect([...found.labels]).toEqual([0, 1, 2, 3, 4]);
      expect(found.inertia).toBe(0);
    }
  });
});
