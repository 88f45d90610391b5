import { ShapeError } from '../../errors.ts';
import { expectNumber, formatShape } from '../../shape.ts';
import { checkpoint } from '../checkpoint.ts';
import { inF32 } from '../operations/broadcast.ts';
import { expectTensors, type Tensor } from '../tensor.ts';
import { abs, affine, div, equal, greater, maximum, mul, neg, sub, where } from './elementwise.ts';
import { amax, cdist, matmul, sum } from './reduce.ts';
import { cast, concat, oneHot, slice } from './shape.ts';

/** Larger than any mean distance that matters, so that a cluster of one's own is nobody's nearest. */
const FAR = 1e30;

/** Distances that are in memory at a time: 32 MiB in f32. */
const BLOCK = 2 ** 23;

/**
 * (b - a) / max(a, b) of every row of points [N,D]: a is its mean distance to the others of its cluster, b the least mean
 * distance to another cluster (Rousseeuw 1987; scikit-learn's silhouette_samples). labels: i32 [N], 0..numClusters-1. 0
 * where a row is alone in its cluster. Distances are taken from differences, which keeps the digits of close rows, and for
 * some rows at a time: memory is that of the points (twice: they are compared with, transposed), of N numClusters elements,
 * and of 32 MiB of distances, but at least N.
 */
export function silhouetteSamples(points: Tensor, labels: Tensor, numClusters: number): Tensor {
  expectTensors('silhouette_samples', { points, labels });
  expectNumber('silhouette_samples', 'numClusters', numClusters, 1);
  const x = inF32(points);
  const [N] = x.shape as [number, number];
  if (x.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== N) {
    throw new ShapeError(
      `silhouette_samples: points ${formatShape(x.shape)} must be [N,D] and labels ${formatShape(labels.shape)} [N]`,
    );
  }
  const member = oneHot(labels, numClusters);
  // The gradient computes a block's distances again, or all would be kept.
  const totalsOf = (rows: Tensor) => checkpoint((part) => matmul(cdist(part, x), member), rows);
  const block = Math.max(1, Math.floor(BLOCK / Math.max(1, N)));
  // Rows are cut out just before they are compared: split records all parts first, which are then in memory together.
  const starts = Array.from({ length: Math.max(1, Math.ceil(N / block)) }, (_, i) => i * block);
  const totals = concat(
    starts.map((start) => totalsOf(slice(x, [[start, Math.min(start + block, N)]]))),
    0,
  );
  const counts = sum(member, { dim: 0 });
  const own = sum(mul(totals, member), { dim: 1 });
  const size = sum(mul(member, counts), { dim: 1 });
  const a = div(own, maximum(affine(size, 1, -1), 1));
  const means = div(totals, maximum(counts, 1));
  const other = where(greater(member, 0), FAR, where(equal(counts, 0), FAR, means));
  const b = neg(amax(neg(other), { dim: 1 }));
  const score = div(sub(b, a), maximum(maximum(abs(a), abs(b)), 1e-30));
  return cast(where(greater(size, 1), score, 0), points.dtype);
}
