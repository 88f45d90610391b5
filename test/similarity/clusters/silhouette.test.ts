import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../../src/errors.ts';
import {
  KMeans,
  silhouetteSamples,
  silhouetteScore,
  simplifiedSilhouetteSamples,
} from '../../../src/similarity/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { expected, farthest, labelsOf, rowsOf } from './rows.ts';

const gpu = await sharedGpu();

describe('silhouettes', () => {
  it.each(expected.silhouette)("are scikit-learn's: $n x $d", async (shape) => {
    const { seed, n, k } = shape;
    const x = rowsOf(shape);
    const labels = labelsOf(seed + 1, n, k);
    labels[Math.floor(n / 2)] = k;
    for (const metric of ['euclidean', 'sqeuclidean', 'cosine', 'manhattan'] as const) {
      const found = await silhouetteSamples(x, labels, { metric });
      expect(farthest(found, shape[metric])).toBeLessThan(1e-10);
      expect(found[Math.floor(n / 2)]).toBe(0);
      const score = shape[metric].reduce((sum, value) => sum + value, 0) / n;
      expect(await silhouetteScore(x, labels, { metric })).toBeCloseTo(score, 10);
      const onGpu = await silhouetteSamples(x, labels, { metric, gpu });
      expect(farthest(onGpu, shape[metric])).toBeLessThan(1e-5);
      // Squares beyond f32.
      const large = { data: x.data.map((value) => value * 1e30), shape: x.shape };
      expect(farthest(await silhouetteSamples(large, labels, { metric, gpu }), shape[metric])).toBeLessThan(
        1e-10,
      );
    }
  });

  const x = rowsOf({ seed: 5, n: 1300, d: 3, blobs: 3, spread: 1, k: 3 });
  const labels = Array.from({ length: 1300 }, (_, i) => `cluster ${i % 3}`);

  it('are the same of rows in several blocks, of their distances, and of labels by number', async () => {
    const found = await silhouetteSamples(x, labels);
    expect(farthest(await silhouetteSamples(x, labels, { gpu }), found)).toBeLessThan(1e-5);
    const n = 1300;
    const data = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const squares = [0, 1, 2].map((c) => (x.data[i * 3 + c]! - x.data[j * 3 + c]!) ** 2);
        data[i * n + j] = Math.sqrt(squares[0]! + squares[1]! + squares[2]!);
      }
    }
    const numbers = Int32Array.from(labels, (_, i) => 7 - (i % 3));
    const ofDistances = await silhouetteSamples({ data, shape: [n, n] }, numbers, { metric: 'precomputed' });
    expect(farthest(ofDistances, found)).toBeLessThan(1e-12);
  });

  it('of drawn items are near those of all, the same by the same seed', async () => {
    const score = await silhouetteScore(x, labels);
    const [one, two] = [
      await silhouetteScore(x, labels, { sampleSize: 400, seed: 1 }),
      await silhouetteScore(x, labels, { sampleSize: 400, seed: 1 }),
    ];
    expect(one).toBe(two);
    expect(one).not.toBe(score);
    expect(Math.abs(one - score)).toBeLessThan(0.05);
    expect(await silhouetteScore(x, labels, { sampleSize: 1300 })).toBeCloseTo(score, 12);
  });

  it('of items at one place are 0 or 1', async () => {
    const data = Float32Array.of(3, 3, 3, 3);
    expect([...(await silhouetteSamples({ data, shape: [4, 1] }, [0, 0, 1, 1]))]).toEqual([0, 0, 0, 0]);
    const apart = { data: Float32Array.of(3, 3, 9, 9), shape: [4, 1] };
    expect([...(await silhouetteSamples(apart, [0, 0, 1, 1]))]).toEqual([1, 1, 1, 1]);
  });

  it('refuse what they cannot use', async () => {
    await expect(silhouetteSamples(x, labels.slice(1))).rejects.toThrow(/1299 labels of 1300 items/);
    await expect(silhouetteScore(x, labels.slice(1), { sampleSize: 9 })).rejects.toThrow(ShapeError);
    await expect(silhouetteSamples(x, new Array(1300).fill(0))).rejects.toThrow(
      /1 clusters of 1300 items; silhouettes need 2 to n - 1/,
    );
    await expect(
      silhouetteSamples(
        x,
        labels.map((_, i) => i),
      ),
    ).rejects.toThrow(/1300 clusters of 1300 items/);
    const unknown = labels.map((_, i) => (i === 3 ? Number.NaN : i % 2));
    await expect(silhouetteSamples(x, unknown)).rejects.toThrow('labels[3] is NaN; give a number or a text');
    const large = { data: Float64Array.of(1, 2, 3, -1e151), shape: [4, 1] };
    await expect(silhouetteSamples(large, [0, 0, 1, 1])).rejects.toThrow(
      /x is -1e\+151 at row 3, column 0, of which float64 has no square; scale/,
    );
    await expect(silhouetteScore(x, labels, { sampleSize: 0 })).rejects.toThrow(/sampleSize is 0/);
    await expect(silhouetteSamples(x, labels, { metric: 'dot' as never })).rejects.toThrow(
      /choose euclidean/,
    );
  });
});

describe('simplified silhouettes', () => {
  it('compare the own center with the nearest other one', async () => {
    const x = { data: Float64Array.of(0, 1, 6, 8), shape: [4, 1] };
    const centers = { data: Float64Array.of(0, 8, 20), shape: [3, 1] };
    const found = await simplifiedSilhouetteSamples(x, centers, [0, 0, 1, 0]);
    expect(farthest(found, [1, 1 - 1 / 7, 1 - 2 / 6, -1])).toBeLessThan(1e-12);
  });

  it('agree with the silhouettes about well separated clusters', async () => {
    const x = rowsOf({ seed: 5, n: 90, d: 3, blobs: 3, spread: 0.2, k: 3 });
    const { clusterCenters, labels } = await new KMeans({ nClusters: 3 }).fit(x);
    const [simple, whole] = [
      await simplifiedSilhouetteSamples(x, clusterCenters, labels),
      await silhouetteSamples(x, labels),
    ];
    expect(farthest(simple, whole)).toBeLessThan(0.1);
  });

  it('refuse what they cannot use', async () => {
    const x = { data: Float64Array.of(0, 1), shape: [2, 1] };
    const of = (...[centers, labels, metric]: [number[], number[], never?]) =>
      simplifiedSilhouetteSamples(
        x,
        { data: Float64Array.from(centers), shape: [centers.length, 1] },
        labels,
        {
          ...(metric ? { metric } : {}),
        },
      );
    await expect(of([0], [0, 0])).rejects.toThrow(/there is 1 center/);
    await expect(of([0, 1], [0, 2])).rejects.toThrow(/label 1 is 2; give the number of a center, 0 to 1/);
    await expect(of([0, 1], [0])).rejects.toThrow(ShapeError);
    await expect(of([0, 1], [0, 1], 'precomputed' as never)).rejects.toThrow(
      /give rows, and a metric of rows/,
    );
    const wide = { data: new Float64Array(4), shape: [2, 2] };
    await expect(simplifiedSilhouetteSamples(x, wide, [0, 0])).rejects.toThrow(
      /rows of x have 1 values, centers 2/,
    );
  });
});
