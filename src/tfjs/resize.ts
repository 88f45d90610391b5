import { interpolate } from '../graph/functions/conv.ts';
import { add, mul, sub } from '../graph/functions/elementwise.ts';
import { gatherRows } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { expectRank, numel } from '../shape.ts';
import { expectElements, type Two } from './windows.ts';

/** Where the pixels of a resized image come from. TensorFlow's default, without both, is from the top left corner of each. */
export interface Positions {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Where a pixel comes from along an axis, as TensorFlow places it. */
function sourceOf(
  out: number,
  size: number,
  length: number,
  { alignCorners, halfPixelCenters }: Positions,
): number {
  const scale = alignCorners && length > 1 ? (size - 1) / (length - 1) : size / length;
  return halfPixelCenters ? (out + 0.5) * scale - 0.5 : out * scale;
}

/** Rows or columns of x [N,H,W,C] by number. */
function picked(x: Tensor, axis: 1 | 2, places: readonly number[]): Tensor {
  const lead = numel(x.shape.slice(0, axis));
  expectElements('resize', lead * places.length);
  const index = new Int32Array(lead * places.length);
  for (let i = 0; i < index.length; i++) index[i] = places[i % places.length]!;
  const rows = x.reshape([lead, x.shape[axis]!, numel(x.shape.slice(axis + 1))]);
  return gatherRows(rows, tensor(index, [lead, places.length]), 1).reshape(x.shape.with(axis, places.length));
}

function along(x: Tensor, axis: 1 | 2, length: number, place: (out: number) => number): Tensor {
  const size = x.shape[axis]!;
  const held = (i: number): number => Math.min(Math.max(i, 0), size - 1);
  const places = Array.from({ length }, (_, out) => place(out));
  const low = picked(
    x,
    axis,
    places.map((at) => held(Math.floor(at))),
  );
  if (places.every(Number.isInteger)) return low;
  const high = picked(
    x,
    axis,
    places.map((at) => held(Math.ceil(at))),
  );
  const share = tensor(
    Float32Array.from(places, (at) => at - Math.floor(at)),
    axis === 1 ? [length, 1, 1] : [length, 1],
  );
  return add(low, mul(sub(high, low), share));
}

/** TensorFlow's ResizeBilinear of x [N,H,W,C] to a height and width. */
export function resizedBilinear(x: Tensor, size: Two, positions: Positions): Tensor {
  expectRank('resize', 'x', x, 4, '[N,H,W,C]');
  expectElements('resize', x.shape[0]! * size[0] * size[1] * x.shape[3]!);
  const [height, width] = [x.shape[1]!, x.shape[2]!];
  if (height === size[0] && width === size[1]) return x;
  const { alignCorners, halfPixelCenters } = positions;
  if (alignCorners !== halfPixelCenters) return interpolate(x, { size, mode: 'bilinear', alignCorners });
  const rows = along(x, 1, size[0], (out) => sourceOf(out, height, size[0], positions));
  return along(rows, 2, size[1], (out) => sourceOf(out, width, size[1], positions));
}

/** TensorFlow's ResizeNearestNeighbor of x [N,H,W,C] to a height and width. */
export function resizedNearest(x: Tensor, size: Two, positions: Positions): Tensor {
  expectRank('resize', 'x', x, 4, '[N,H,W,C]');
  expectElements('resize', x.shape[0]! * size[0] * size[1] * x.shape[3]!);
  const [height, width] = [x.shape[1]!, x.shape[2]!];
  const { alignCorners, halfPixelCenters } = positions;
  if (!alignCorners && !halfPixelCenters) return interpolate(x, { size, mode: 'nearest' });
  const place = (out: number, own: number, length: number): number => {
    const at = sourceOf(out, own, length, positions);
    // Half pixels are counted from the pixel's edge here.
    return alignCorners ? Math.round(at) : Math.floor(at + 0.5);
  };
  const rows = along(x, 1, size[0], (out) => place(out, height, size[0]));
  return along(rows, 2, size[1], (out) => place(out, width, size[1]));
}
