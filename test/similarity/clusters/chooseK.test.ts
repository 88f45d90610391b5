import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import {
  adjustedRandScore,
  chooseK,
  chooseKPlot,
  elbow,
  gapStatistic,
  KMeans,
  KMedoids,
  normalizedMutualInfoScore,
  silhouetteScore,
} from '../../../src/similarity/index.ts';
import { sharedGpu } from '../../sharedGpu.ts';
import { expected, labelsOf, rowsOf } from './rows.ts';

const gpu = await sharedGpu();
const blobs = rowsOf({ seed: 21, n: 200, d: 2, blobs: 4, spread: 0.5, k: 4 });

describe('the elbow', () => {
  it('is the point farthest below the line from end to end, the first of equals', () => {
    expect(elbow([1, 2, 3, 4, 5], [100, 40, 10, 8, 6])).toBe(3);
    expect(() => elbow([1, 2, 3], [3, Number.NaN, 1])).toThrow('elbow: y[1] is NaN; give finite numbers');
    expect(elbow([2, 4, 8, 16], [9, 3, 2, 1])).toBe(4);
    expect(elbow([1, 2, 3, 4], [6, 2, 2, 2])).toBe(2);
    expect(elbow([1, 2, 3, 4], [3, 2.9, 2.5, 0])).toBe(1);
    expect(elbow([1, 2, 3], [1, 1, 1])).toBe(1);
  });

  it('refuses what has none', () => {
    expect(() => elbow([1, 2], [2, 1])).toThrow(/2 x and 2 y; give at least 3 of each/);
    expect(() => elbow([1, 3, 2], [2, 1, 0])).toThrow(ShapeError);
  });
});

describe('the gap statistic', () => {
  it('chooses the blobs that there are, by its rule of the standard error', async () => {
    const { k, ks, gap, s, logW } = await gapStatistic(blobs, { kMax: 6, nRefs: 5 });
    expect(k).toBe(4);
    expect(ks).toEqual([1, 2, 3, 4, 5, 6]);
    for (const [i, one] of ks.entries()) {
      expect(logW[i]).toBeCloseTo(
        Math.log((await new KMeans({ nClusters: one, nInit: 10 }).fit(blobs)).inertia),
        1,
      );
      expect(s[i]).toBeGreaterThan(0);
      if (one < k) expect(gap[i]).toBeLessThan(gap[i + 1]! - s[i + 1]!);
    }
    expect(gap[3]).toBeGreaterThanOrEqual(gap[4]! - s[4]!);
    const again = await gapStatistic(blobs, { kMax: 6, nRefs: 5 });
    expect(again.gap).toEqual(gap);
  });

  it('of rows without clusters chooses 1', async () => {
    const even = rowsOf({ seed: 2, n: 150, d: 2, blobs: 1, spread: 1, k: 1 });
    expect((await gapStatistic(even, { kMax: 4 })).k).toBe(1);
  });

  it('refuses what it cannot use', async () => {
    await expect(gapStatistic(blobs, { kMin: 3, kMax: 2 })).rejects.toThrow(/kMin is 3, kMax 2/);
    await expect(gapStatistic(blobs, { kMax: 201 })).rejects.toThrow(ShapeError);
    const equal = { data: new Float32Array(20).fill(1), shape: [10, 2] };
    await expect(gapStatistic(equal, { kMax: 2 })).rejects.toThrow(/all rows of x are equal/);
  });
});

describe('chooseK', () => {
  it.each(['silhouette', 'elbow', 'gap'] as const)('finds the blobs by %s', async (by) => {
    const choice = await chooseK(blobs, { kMax: 7, by });
    expect(choice.k).toBe(4);
    expect(choice.best).toBeInstanceOf(KMeans);
    expect(choice.best.labels).toEqual(choice.tried.find(({ k }) => k === 4)!.clusters.labels);
    expect(choice.tried.map(({ k }) => k)).toEqual(by === 'gap' ? [1, 2, 3, 4, 5, 6, 7] : [2, 3, 4, 5, 6, 7]);
    const { document } = parseHTML(chooseKPlot(choice));
    expect(document.documentElement.tagName.toLowerCase()).toBe('svg');
    expect(document.documentElement.textContent).toContain('by the number of clusters');
    expect(document.documentElement.innerHTML).not.toMatch(/NaN|undefined/);
  });

  it('has the silhouettes of each number, by any metric and method', async () => {
    for (const options of [
      { method: 'kmedoids', metric: 'manhattan' },
      { method: 'kmedoids', gpu },
    ] as const) {
      const doing: string[] = [];
      const choice = await chooseK(blobs, { kMax: 5, ...options, onProgress: (text) => doing.push(text) });
      expect(choice.k).toBe(4);
      expect(choice.best).toBeInstanceOf(KMedoids);
      expect(doing).toEqual(['2 clusters', '3 clusters', '4 clusters', '5 clusters', 'silhouettes']);
      for (const { clusters, silhouette, silhouettes } of choice.tried) {
        const metric = 'metric' in options ? options.metric : 'euclidean';
        expect(silhouette).toBeCloseTo(await silhouetteScore(blobs, clusters.labels, { metric }), 6);
        expect(silhouettes).toHaveLength(200);
      }
    }
  });

  it('leaves out silhouettes where there are none: of equal rows, of one cluster and of one for each item', async () => {
    const few = { data: Float32Array.of(1, 1, 5), shape: [3, 1] };
    const { k, tried } = await chooseK(few, { kMin: 1, kMax: 3 });
    expect(k).toBe(2);
    expect(tried.map(({ silhouette }) => silhouette)).toEqual([undefined, 2 / 3, 2 / 3]);
  });

  it('refuses what it cannot use', async () => {
    await expect(chooseK(blobs, { metric: 'cosine' })).rejects.toThrow(
      /method kmeans takes the metric "euclidean"/,
    );
    await expect(chooseK(blobs, { by: 'gap', method: 'kmedoids' })).rejects.toThrow(UsageError);
    await expect(chooseK(blobs, { by: 'elbow', kMax: 3 })).rejects.toThrow(
      /needs at least 3 numbers of clusters/,
    );
    await expect(chooseK(blobs, { by: 'best' as never })).rejects.toThrow(/choose silhouette, elbow, gap/);
    await expect(chooseK(blobs, { kMax: 500 })).rejects.toThrow(/500 clusters of 200 items/);
    await expect(chooseK(blobs, { kMin: 1, kMax: 1 })).rejects.toThrow(/at least 2 clusters/);
  });
});

describe('agreement of labels', () => {
  it.each(expected.agreement)("is scikit-learn's: $n items", ({ seed, n, k, rand, mutual }) => {
    const given: number[] = labelsOf(seed + 1, n, k);
    given[Math.floor(n / 2)] = k;
    const other = labelsOf(seed + 2, n, k + 2);
    expect(adjustedRandScore(given, other)).toBeCloseTo(rand, 12);
    expect(normalizedMutualInfoScore(given, other)).toBeCloseTo(mutual, 12);
  });

  it.each(
    expected.agreement.map((one, i) => ({ ...one, labels: expected.empty[i]!.labels })),
  )('of clusters, divided by any mean: $n items', ({ labels, n, blobs, randOfClusters, ...means }) => {
    const truth = Array.from({ length: n }, (_, i) => `blob ${i % blobs}`);
    expect(adjustedRandScore(truth, labels)).toBeCloseTo(randOfClusters, 12);
    for (const averageMethod of ['arithmetic', 'geometric', 'min', 'max'] as const) {
      const found = normalizedMutualInfoScore(truth, labels, { averageMethod });
      expect(found).toBeCloseTo(means[averageMethod], 12);
    }
  });

  it('at the edges', () => {
    for (const score of [adjustedRandScore, normalizedMutualInfoScore]) {
      expect(score([], [])).toBe(1);
      expect(score([1, 1, 1], [5, 5, 5])).toBe(1);
      expect(score(['a', 'b', 'b'], [2, 1, 1])).toBe(1);
      expect(score([1, 1, 1], [1, 2, 3])).toBe(0);
      expect(() => score([1], [1, 2])).toThrow(/1 true labels and 2 others; give as many/);
    }
    expect(adjustedRandScore([0, 0, 1, 1], [0, 1, 0, 1])).toBe(-0.5);
    expect(() => normalizedMutualInfoScore([1], [1], { averageMethod: 'sum' as never })).toThrow(UsageError);
  });
});
