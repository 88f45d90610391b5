import {
  div,
  equal,
  greater,
  greaterEqual,
  lessEqual,
  maximum,
  minimum,
  mul,
  sub,
  where,
} from '../graph/functions/elementwise.ts';
import { amax } from '../graph/functions/reduce.ts';
import { cast, slice } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

const IGNORED_SHARE = 0.5;
/** Regions that end within this many pixels of the border reach it. */
const BORDER = 0.5;
/** Further than any anchor reaches, in pixels; its square is a float32. */
const FAR = 1e6;

type ImageSize = readonly [height: number, width: number];

const side = (boxes: Tensor, index: number): Tensor =>
  slice(boxes, [...boxes.shape.slice(0, -1).map((): [] => []), [index, index + 1]]);

/**
 * Finds the boxes that lie in regions to ignore: more than half of their area in one of them (MMDetection's ignore_iof_thr). A
 * region that reaches the border of the image goes on beyond it, as anchors do: an image that is ignored teaches nothing.
 *
 * @param boxes f32 [A,4] or [N,A,4], as x1, y1, x2, y2.
 * @param ignored f32 [N,K,4]; regions without area ignore nothing.
 * @param size Height and width of the images in pixels, for boxes that may reach beyond them. Default: none does.
 * @returns f32 [N,A]: 1 for those, else 0.
 */
export function inIgnored(boxes: Tensor, ignored: Tensor, size?: ImageSize): Tensor {
  const [N, K] = ignored.shape as [number, number];
  const A = boxes.shape.at(-2)!;
  const column = (index: number): Tensor =>
    boxes.shape.length === 2 ? side(boxes, index).reshape([1, A, 1]) : side(boxes, index).reshape([N, A, 1]);
  const given = (index: number): Tensor => side(ignored, index).reshape([N, 1, K]);
  const hasArea = greater(minimum(sub(given(2), given(0)), sub(given(3), given(1))), 0);
  const row = (index: number): Tensor => {
    const at = given(index);
    if (!size) return at;
    const limit = [0, 0, size[1], size[0]][index]!;
    const atBorder = index < 2 ? lessEqual(at, limit + BORDER) : greaterEqual(at, limit - BORDER);
    return where(mul(hasArea, atBorder), index < 2 ? -FAR : FAR, at);
  };
  const overlap = (low: number): Tensor =>
    maximum(sub(minimum(column(low + 2), row(low + 2)), maximum(column(low), row(low))), 0);
  const area = mul(sub(column(2), column(0)), sub(column(3), column(1)));
  const share = div(mul(overlap(0), overlap(1)), maximum(area, 1e-9));
  return cast(greater(amax(share, { dim: -1 }), IGNORED_SHARE), 'f32');
}

/** Makes the background among matches [N,A] (-1) neither object nor background (-2) where its box lies in a region to ignore. */
export function ignoreMatches(
  matches: Tensor,
  boxes: Tensor,
  ignored: Tensor | undefined,
  size: ImageSize,
): Tensor {
  if (!ignored) return matches;
  const ignore = mul(cast(equal(matches, -1), 'f32'), inIgnored(boxes, ignored, size));
  return where(cast(ignore, 'i32'), -2, matches);
}
