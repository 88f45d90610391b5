import { ShapeError } from '../../errors.ts';
import { formatShape } from '../../shape.ts';
import { inF32 } from '../operations/broadcast.ts';
import type { Tensor } from '../tensor.ts';
import { abs, affine, div, equal, greater, maximum, mul, neg, sqrt, sub, where } from './elementwise.ts';
import { amax, matmul, sum } from './reduce.ts';
import { cast, oneHot } from './shape.ts';

/** Larger than any mean distance that matters, so that a cluster of one's own is nobody's nearest. */
const FAR = 1e30;

/**
 * (b - a) / max(a, b) of every row of points [N,D]: a is its mean distance to the others of its cluster, b the least mean
 * distance to another cluster (Rousseeuw 1987). labels: i32 [N], 0..numClusters-1. 0 where a row is alone in its
 * cluster. Distances are taken from differences, which keeps the digits of close rows and takes N N D elements.
 */
export function silhouetteSamples(points: Tensor, labels: Tensor, numClusters: number): Tensor {
  const x = inF32(points);
  const [N, D] = x.shape as [number, number];
  if (x.shape.length !== 2 || labels.shape.length !== 1 || labels.shape[0] !== N) {
    throw new ShapeError(
      `silhouette_samples: points ${formatShape(x.shape)} must be [N,D] and labels ${formatShape(labels.shape)} [N]`,
    );
  }
  const difference = sub(x.reshape([N, 1, D]), x.reshape([1, N, D]));
  const distance = sqrt(sum(mul(difference, difference), { dim: 2 }));
  const member = oneHot(labels, numClusters);
  const totals = matmul(distance, member);
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
