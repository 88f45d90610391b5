import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { HostTensor } from '../../../src/data/batch.ts';

/** How rows are made; test/fixtures/clusters.py makes the same. */
export interface Shape {
  readonly seed: number;
  readonly n: number;
  readonly d: number;
  readonly blobs: number;
  readonly spread: number;
  readonly k: number;
}

/** A generator that is the same in Python: that of Numerical Recipes. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rows around some points. */
export function rowsOf({ seed, n, d, blobs, spread }: Shape): HostTensor & { readonly data: Float64Array } {
  const draw = drawing(seed);
  const centers = Array.from({ length: blobs }, () => Array.from({ length: d }, () => 10 * draw()));
  const noise = () => draw() + draw() + draw() + draw() - 2;
  const data = Float64Array.from({ length: n * d }, (_, i) => {
    return centers[Math.floor(i / d) % blobs]![i % d]! + spread * noise();
  });
  return { data, shape: [n, d] };
}

export function labelsOf(seed: number, n: number, k: number): number[] {
  const draw = drawing(seed);
  return Array.from({ length: n }, () => Math.floor(k * draw()));
}

/** The first k rows. */
export const firstRows = ({ data, shape }: HostTensor, k: number): HostTensor => ({
  data: data.slice(0, k * shape[1]!),
  shape: [k, shape[1]!],
});

type Fixture = {
  readonly kmeans: readonly (Shape & {
    labels: number[];
    inertia: number;
    nIter: number;
    center: number[];
  })[];
  readonly empty: readonly (Shape & { labels: number[]; inertia: number; nIter: number })[];
  readonly miniBatch: readonly (Shape & { inertia: number; center: number[] })[];
  readonly silhouette: readonly (Shape &
    Readonly<Record<'euclidean' | 'sqeuclidean' | 'cosine' | 'manhattan', number[]>>)[];
  readonly pam: readonly (Shape & { cost: number })[];
  readonly agreement: readonly (Shape &
    Readonly<
      Record<'rand' | 'randOfClusters' | 'mutual' | 'arithmetic' | 'geometric' | 'min' | 'max', number>
    >)[];
};

/** What scikit-learn and R give: test/fixtures/clusters.py. Another file of its kind by FOVEA_CLUSTERS. */
export const expected = JSON.parse(
  readFileSync(
    process.env.FOVEA_CLUSTERS ?? path.join(import.meta.dirname, '../../fixtures/clusters.json'),
    'utf8',
  ),
) as Fixture;

/** Whether all values are within 1e-5 of what is expected, or of 1 where that is less. */
export const farthest = (found: ArrayLike<number>, wanted: ArrayLike<number>): number =>
  found.length === wanted.length
    ? Math.max(
        0,
        ...Array.from(wanted, (value, i) => Math.abs(found[i]! - value) / Math.max(1, Math.abs(value))),
      )
    : Infinity;
