import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distanceMatrix, kMedoids } from '../../src/vision/kMedoids.ts';
import { Random } from '../../src/vision/random.ts';

/** All ways to choose k of n. */
function* subsets(n: number, k: number, from = 0): Generator<number[]> {
  if (k === 0) yield [];
  else for (let i = from; i <= n - k; i++) for (const rest of subsets(n, k - 1, i + 1)) yield [i, ...rest];
}

function costOf(distances: Float64Array, n: number, medoids: readonly number[]): number {
  let cost = 0;
  for (let i = 0; i < n; i++) cost += Math.min(...medoids.map((m) => distances[m * n + i]!));
  return cost;
}

/** Points of a plane; or distances that keep no rule at all. */
function randomDistances(seed: string, n: number, metric: boolean): Float64Array {
  const random = new Random(seed);
  if (!metric) return distanceMatrix(n, () => random.uniform());
  const points = Array.from({ length: n }, () => [random.uniform(), random.uniform()] as const);
  return distanceMatrix(n, (i, j) =>
    Math.hypot(points[i]![0] - points[j]![0], points[i]![1] - points[j]![1]),
  );
}

describe('kMedoids', () => {
  it.each([
    [7, 1],
    [8, 2],
    [9, 3],
    [10, 4],
    [8, 8],
  ])('finds the best of all choices: %i items, %i medoids', (n, k) => {
    for (let trial = 0; trial < 12; trial++) {
      const distances = randomDistances(`${n} ${k} ${trial}`, n, trial % 2 === 0);
      const { medoids, labels, cost } = kMedoids(distances, { k, restarts: 40 });
      let best = Infinity;
      for (const choice of subsets(n, k)) best = Math.min(best, costOf(distances, n, choice));
      expect(cost).toBeCloseTo(best, 12);
      expect(medoids).toEqual([...new Set(medoids)].sort((a, b) => a - b));
      expect(medoids).toHaveLength(k);
      for (let i = 0; i < n; i++) {
        const own = distances[medoids[labels[i]!]! * n + i]!;
        expect(own).toBe(Math.min(...medoids.map((m) => distances[m * n + i]!)));
      }
      expect(cost).toBeCloseTo(costOf(distances, n, medoids), 12);
    }
  });

  it('cannot be bettered by one swap, whatever the distances', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 14 }),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        fc.integer(),
        (n, wanted, metric, seed) => {
          const k = Math.min(wanted, n);
          const distances = randomDistances(`${seed}`, n, metric);
          const { medoids, cost } = kMedoids(distances, { k, restarts: 0 });
          for (const out of medoids) {
            for (let into = 0; into < n; into++) {
              if (medoids.includes(into)) continue;
              const swapped = medoids.map((m) => (m === out ? into : m));
              expect(costOf(distances, n, swapped)).toBeGreaterThan(cost - 1e-12);
            }
          }
        },
      ),
      { numRuns: 150, seed: 11 },
    );
  });

  it('finds clusters that are there', () => {
    const random = new Random('blobs');
    const centres = [
      [0, 0],
      [10, 0],
      [0, 10],
      [10, 10],
    ];
    const points = Array.from({ length: 200 }, (_, i) => centres[i % 4]!.map((c) => c + random.normal()));
    const distances = distanceMatrix(200, (i, j) =>
      Math.hypot(points[i]![0]! - points[j]![0]!, points[i]![1]! - points[j]![1]!),
    );
    const { labels } = kMedoids(distances, { k: 4 });
    for (let i = 0; i < 200; i++) expect(labels[i]).toBe(labels[i % 4]);
    expect(new Set(labels.subarray(0, 4)).size).toBe(4);
  });

  it('gives the same for the same seed, and takes equal items as they come', () => {
    const distances = randomDistances('same', 60, true);
    expect(kMedoids(distances, { k: 5, seed: 3 })).toEqual(kMedoids(distances, { k: 5, seed: 3 }));
    const { medoids, cost } = kMedoids(new Float64Array(36), { k: 3 });
    expect(medoids).toEqual([0, 1, 2]);
    expect(cost).toBe(0);
  });

  it('refuses what it cannot cluster', () => {
    const four = randomDistances('four', 2, true);
    expect(() => kMedoids(four, { k: 3 })).toThrow(/k 3 with 2 items; give a whole number from 1 to 2/);
    expect(() => kMedoids(four, { k: 0 })).toThrow(/k 0 with 2 items/);
    expect(() => kMedoids(four, { k: 1.5 })).toThrow(/k 1.5/);
    expect(() => kMedoids(new Float64Array(3), { k: 1 })).toThrow(/3 distances are not a square matrix/);
    expect(() => kMedoids(new Float64Array(0), { k: 1 })).toThrow(/0 distances are not a square matrix/);
    expect(() => kMedoids(Float64Array.of(0, -1, -1, 0), { k: 1 })).toThrow(/items 0 and 1 is -1/);
    expect(() => kMedoids(Float64Array.of(0, 1, NaN, 0), { k: 1 })).toThrow(/items 1 and 0 is NaN/);
  });

  it('throws before it allocates distances of more items than fit', () => {
    expect(() => distanceMatrix(20_000, () => 0)).toThrow(
      'distanceMatrix: 20000 items have 3200000000 bytes of distances, at most 2147483648 (16384 items) are computed',
    );
    expect(() => distanceMatrix(1.5, () => 0)).toThrow('1.5 items');
    expect(distanceMatrix(0, () => 0)).toHaveLength(0);
  });
});
