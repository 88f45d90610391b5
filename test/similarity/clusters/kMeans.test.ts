import { describe, expect, it } from 'vitest';
import { LifetimeError, ShapeError, UsageError } from '../../../src/errors.ts';
import { KMeans, MiniBatchKMeans } from '../../../src/similarity/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { expected, farthest, firstRows, rowsOf } from './rows.ts';

const gpu = await sharedGpu();

describe.each([
  ['on the CPU', {}],
  ['on the GPU', { gpu }],
] as const)('KMeans %s', (_, where) => {
  it.each(expected.kmeans)('finds what scikit-learn finds: $n x $d, $k clusters', async (shape) => {
    const x = rowsOf(shape);
    const kMeans = await new KMeans({ nClusters: shape.k, init: firstRows(x, shape.k), ...where }).fit(x);
    expect([...kMeans.labels]).toEqual(shape.labels);
    expect(kMeans.nIter).toBe(shape.nIter);
    expect(farthest([kMeans.inertia], [shape.inertia])).toBeLessThan(1e-12);
    const { data, shape: size } = kMeans.clusterCenters;
    expect(size).toEqual([shape.k, shape.d]);
    expect(farthest(data.subarray((shape.k - 1) * shape.d), shape.center)).toBeLessThan(1e-12);
    expect(await kMeans.predict(x)).toEqual(kMeans.labels);
    expect(await kMeans.score(x)).toBeCloseTo(-kMeans.inertia, 9);
  });

  it.each(expected.empty)('fills an empty cluster as scikit-learn does: $n x $d', async (shape) => {
    const x = rowsOf(shape);
    const init = firstRows(x, shape.k);
    // The second is beyond f32.
    for (const far of [1000, 1e50]) {
      init.data.fill(far, 0, shape.d);
      const kMeans = await new KMeans({ nClusters: shape.k, init, ...where }).fit(x);
      expect([...kMeans.labels]).toEqual(shape.labels);
      expect(kMeans.nIter).toBe(shape.nIter);
      expect(farthest([kMeans.inertia], [shape.inertia])).toBeLessThan(1e-12);
    }
  });

  it.each([
    2 ** 100,
    2 ** -100,
  ])('finds the same of rows times %s, whose squares f32 does not hold', async (by) => {
    const [shape] = expected.kmeans;
    const x = rowsOf(shape!);
    const scaled = { data: x.data.map((value) => value * by), shape: x.shape };
    const init = firstRows(scaled, shape!.k);
    const kMeans = await new KMeans({ nClusters: shape!.k, init, ...where }).fit(scaled);
    expect([...kMeans.labels]).toEqual(shape!.labels);
  });

  it('gives a row between two centers to the first, though f32 rounds', async () => {
    // In f32 the middle is nearer to the second center by a unit in the last place.
    const init = { data: Float64Array.of(0, 0.2), shape: [2, 1] };
    const kMeans = await new KMeans({ nClusters: 2, init, maxIter: 1, ...where }).fit({
      data: Float64Array.of(-0.1, 0.1, 0.1 + 1e-16, 0.3),
      shape: [4, 1],
    });
    const near = await kMeans.predict({ data: kMeans.clusterCenters.data, shape: [2, 1] });
    expect([...near]).toEqual([0, 1]);
    const { data } = kMeans.clusterCenters;
    const middle = (data[0]! + data[1]!) / 2;
    const [left, right] = [middle - 1e-15, middle + 1e-15];
    expect([...(await kMeans.predict({ data: Float64Array.of(left, right), shape: [2, 1] }))]).toEqual([
      0, 1,
    ]);
  });
});

describe('KMeans', () => {
  const x = rowsOf({ seed: 9, n: 300, d: 4, blobs: 6, spread: 0.5, k: 6 });

  it('finds blobs from drawn centers, the same by the same seed', async () => {
    const [one, two] = await Promise.all([7, 7].map((seed) => new KMeans({ nClusters: 6, seed }).fit(x)));
    expect(one!.labels).toEqual(two!.labels);
    expect(one!.clusterCenters.data).toEqual(two!.clusterCenters.data);
    for (let i = 6; i < 300; i++) expect(one!.labels[i]).toBe(one!.labels[i % 6]);
    expect(new Set(one!.labels).size).toBe(6);
  });

  it('keeps the best of several starts', async () => {
    const inertias = await Promise.all(
      [1, 5, 20].map(
        async (nInit) => (await new KMeans({ nClusters: 9, init: 'random', nInit }).fit(x)).inertia,
      ),
    );
    expect(inertias).toEqual(inertias.toSorted((a, b) => b - a));
    expect(inertias[2]).toBeLessThan(inertias[0]!);
  });

  it('takes as many clusters as rows, equal rows, and float32', async () => {
    const few = { data: Float32Array.of(1, 2, 2, 5), shape: [4, 1] };
    const each = await new KMeans({ nClusters: 4, init: { data: few.data, shape: [4, 1] } }).fit(few);
    expect(each.inertia).toBe(0);
    expect([...each.labels]).toEqual([0, 1, 1, 3]);
    const same = await new KMeans({ nClusters: 3 }).fit({
      data: new Float32Array(10).fill(7),
      shape: [5, 2],
    });
    expect([same.inertia, [...same.labels], [...same.clusterCenters.data]]).toEqual([
      0,
      [0, 0, 0, 0, 0],
      [7, 7, 7, 7, 7, 7],
    ]);
  });

  it('transforms rows to their distances from the centers', async () => {
    const kMeans = await new KMeans({ nClusters: 3 }).fit(x);
    const { data, shape } = await kMeans.transform(firstRows(x, 2));
    expect(shape).toEqual([2, 3]);
    const { data: centers } = kMeans.clusterCenters;
    for (const [at, distance] of data.entries()) {
      const [row, center] = [Math.floor(at / 3), at % 3];
      const difference = Array.from({ length: 4 }, (_, c) => x.data[row * 4 + c]! - centers[center * 4 + c]!);
      expect(distance).toBeCloseTo(Math.hypot(...difference), 12);
    }
  });

  it('refuses what it cannot use', async () => {
    const init = { data: new Float32Array(4), shape: [2, 2] };
    expect(() => new KMeans({ nClusters: 0 })).toThrow(/nClusters is 0; give a whole number of at least 1/);
    expect(() => new KMeans({ nInit: 1.5 })).toThrow(UsageError);
    expect(() => new KMeans({ tol: -1 })).toThrow(/tol is -1/);
    expect(() => new KMeans({ init: 'best' as never })).toThrow(/init is "best"; choose k-means\+\+, random/);
    expect(() => new KMeans({ nClusters: 3, init })).toThrow(
      /init has shape \[2,2\]; give first centers \[3, d\]/,
    );
    await expect(new KMeans({ nClusters: 2, init }).fit(x)).rejects.toThrow(/give first centers \[2, 4\]/);
    await expect(new KMeans({ nClusters: 301 }).fit(x)).rejects.toThrow(/301 clusters of 300 rows/);
    await expect(new KMeans().fit({ data: new Float32Array(8), shape: [8] })).rejects.toThrow(ShapeError);
    const bad = { data: Float64Array.of(1, Number.NaN), shape: [2, 1] };
    await expect(new KMeans({ nClusters: 2 }).fit(bad)).rejects.toThrow(/x is NaN at row 1, column 0/);
    expect(() => new KMeans().labels).toThrow(LifetimeError);
    const kMeans = await new KMeans({ nClusters: 2 }).fit(x);
    await expect(kMeans.predict(init)).rejects.toThrow(/rows of x have 2 values, those that were fitted 4/);
  });
});

describe('MiniBatchKMeans', () => {
  it.each(expected.miniBatch)('moves centers as scikit-learn does: $n x $d', async (shape) => {
    const { n, d, k } = shape;
    const x = rowsOf(shape);
    for (const where of [{}, { gpu }]) {
      const options = { nClusters: k, init: firstRows(x, k), reassignmentRatio: 0, ...where };
      const kMeans = new MiniBatchKMeans(options);
      for (const start of [0, Math.floor(n / 3), Math.floor(n / 2)]) {
        await kMeans.partialFit({ data: x.data.slice(start * d), shape: [n - start, d] });
      }
      expect(farthest([kMeans.inertia], [shape.inertia])).toBeLessThan(1e-12);
      expect(farthest(kMeans.clusterCenters.data.subarray((k - 1) * d), shape.center)).toBeLessThan(1e-12);
    }
  });

  it('finds blobs in batches, the same by the same seed', async () => {
    const x = rowsOf({ seed: 4, n: 3000, d: 6, blobs: 5, spread: 0.5, k: 5 });
    const options = { nClusters: 5, batchSize: 100, seed: 'a' };
    const [one, two] = [await new MiniBatchKMeans(options).fit(x), await new MiniBatchKMeans(options).fit(x)];
    expect(one.labels).toEqual(two.labels);
    const { inertia } = await new KMeans({ nClusters: 5, nInit: 5 }).fit(x);
    expect(one.inertia / inertia).toBeLessThan(1.05);
    expect(one.nIter).toBeLessThan(100);
  });

  it('starts clusters that get nothing again', async () => {
    const x = rowsOf({ seed: 4, n: 500, d: 2, blobs: 4, spread: 0.3, k: 4 });
    const init = { data: Float64Array.of(0, 0, 900, 900, 901, 901, 902, 902), shape: [4, 2] };
    const stuck = await new MiniBatchKMeans({ nClusters: 4, init, reassignmentRatio: 0 }).fit(x);
    expect(new Set(stuck.labels).size).toBe(1);
    expect(new Set((await new MiniBatchKMeans({ nClusters: 4, init }).fit(x)).labels).size).toBe(4);
  });

  it('refuses what it cannot use', async () => {
    expect(() => new MiniBatchKMeans({ batchSize: 0 })).toThrow(/batchSize is 0/);
    expect(() => new MiniBatchKMeans({ initSize: -1 })).toThrow(/initSize is -1/);
    const kMeans = new MiniBatchKMeans({ nClusters: 3 });
    await expect(kMeans.partialFit({ data: new Float32Array(4), shape: [2, 2] })).rejects.toThrow(
      /3 clusters of 2 rows/,
    );
    await kMeans.partialFit({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [3, 2] });
    await expect(kMeans.partialFit({ data: new Float32Array(3), shape: [3, 1] })).rejects.toThrow(ShapeError);
  });
});
