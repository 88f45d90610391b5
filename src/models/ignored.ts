import { div, equal, greater, maximum, minimum, mul, sub, where } from '../graph/functions/elementwise.ts';
import { amax } from '../graph/functions/reduce.ts';
import { cast, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

const IGNORED_SHARE = 0.5;

const side = (boxes: Tensor, index: number): Tensor =>
  slice(boxes, [...boxes.shape.slice(0, -1).map((): [] => []), [index, index + 1]]);

/**
 * Finds the boxes that lie in regions to ignore: more than half of their area in one of them (MMDetection's ignore_iof_thr).
 *
 * @param boxes f32 [A,4] or [N,A,4], as x1, y1, x2, y2.
 * @param ignored f32 [N,K,4]; regions without area ignore nothing.
 * @returns f32 [N,A]: 1 for those, else 0.
 */
export function inIgnored(boxes: Tensor, ignored: Tensor): Tensor {
  const [N, K] = ignored.shape as [number, number];
  const A = boxes.shape.at(-2)!;
  const column = (index: number): Tensor =>
    boxes.shape.length === 2 ? side(boxes, index).reshape([1, A, 1]) : side(boxes, index).reshape([N, A, 1]);
  const row = (index: number): Tensor => side(ignored, index).reshape([N, 1, K]);
  const overlap = (low: number): Tensor =>
    maximum(sub(minimum(column(low + 2), row(low + 2)), maximum(column(low), row(low))), 0);
  const area = mul(sub(column(2), column(0)), sub(column(3), column(1)));
  const share = div(mul(overlap(0), overlap(1)), maximum(area, 1e-9));
  return cast(greater(amax(share, { dim: -1 }), IGNORED_SHARE), 'f32');
}

/** Makes the background among matches [N,A] (-1) neither object nor background (-2) where its box lies in a region to ignore. */
export function ignoreMatches(matches: Tensor, boxes: Tensor, ignored: Tensor | undefined): Tensor {
  if (!ignored) return matches;
  const ignore = mul(cast(equal(matches, -1), 'f32'), inIgnored(boxes, ignored));
  return where(cast(ignore, 'i32'), -2, matches);
}
