import { ShapeError } from '../../errors.ts';
import { type DType, formatShape, normalizeDim, type Shape } from '../../shape.ts';
import { apply, type Tensor } from '../tensor.ts';

/** x under another shape; one dimension may be -1. A view: costs nothing. */
export const reshape = (x: Tensor, shape: Shape): Tensor => x.reshape(shape);

/** Dimensions in another order: `y.shape[i] = x.shape[dims[i]]`. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  const rank = x.shape.length;
  return apply('permute', { x }, { dims: dims.map((dim) => normalizeDim('permute', dim, rank)) }).y!;
}

/** The last two dimensions swapped. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length;
  const dims = x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i));
  return permute(x, dims);
}

/** start, end (exclusive) and step, as Python's x[start:end:step]; negative numbers count from the end. */
export type Range = readonly [start?: number | null, end?: number | null, step?: number];

/** A range of each dimension; missing trailing ranges take everything. Steps are 1 or more. */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  if (ranges.length > x.shape.length) {
    throw new ShapeError(`slice: ${ranges.length} ranges for rank ${x.shape.length}`);
  }
  const parts = x.shape.map((size, i) => {
    const [start, end, step = 1] = ranges[i] ?? [];
    if (!Number.isInteger(step) || step < 1)
      throw new ShapeError(`slice: step ${step} must be 1 or more; flip first`);
    const clip = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, 0), size);
    const from = clip(start ?? 0);
    return { from, step, size: Math.max(0, Math.ceil((clip(end ?? size) - from) / step)) };
  });
  return apply(
    'slice',
    { x },
    {
      starts: parts.map((part) => part.from),
      steps: parts.map((part) => part.step),
      sizes: parts.map((part) => part.size),
    },
  ).y!;
}

/** Constant padding: (before, after) for each dimension; negative padding crops. */
export const pad = (x: Tensor, padding: readonly (readonly [number, number])[], value = 0): Tensor =>
  apply('pad', { x }, { padding, value }).y!;

/** Reversed along these dimensions. */
export function flip(x: Tensor, dims: readonly number[]): Tensor {
  const rank = x.shape.length;
  return apply('flip', { x }, { dims: dims.map((dim) => normalizeDim('flip', dim, rank)) }).y!;
}

/** Broadcast to a shape. */
export const expand = (x: Tensor, shape: Shape): Tensor => apply('expand', { x }, { shape }).y!;

/** Tensors joined along a dimension. All other sizes must agree. */
export function concat(tensors: readonly Tensor[], dim: number): Tensor {
  const first = tensors[0];
  if (!first) throw new ShapeError('concat: no tensors; give at least one');
  const inputs = Object.fromEntries(tensors.map((value, i) => [`x${i}`, value]));
  return apply('concat', inputs, { dim: normalizeDim('concat', dim, first.shape.length) }).y!;
}

/** Rows by number, see kernels/gatherRows.ts; a number outside gives zeros. */
export const gatherRows = (x: Tensor, index: Tensor, batchDims: 0 | 1 = 0): Tensor =>
  apply('gather_rows', { x, index }, { batchDims }).y!;

/** Another element type: floats to integers truncate. The gradient passes between f32 and f16. */
export const cast = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : apply('cast', { x }, { dtype }).y!;

/** Floats in f32, for what f16 would overflow or round too much on the way. */
export const inF32 = (x: Tensor): Tensor => cast(x, 'f32');

/** 1 at the label's place, 0 elsewhere; labels outside 0..numClasses-1 give zeros. labels: i32 […]. */
export const oneHot = (labels: Tensor, numClasses: number): Tensor =>
  apply('one_hot', { labels }, { numClasses }).y!;

/** [N,H,W,C r r] to [N,H r,W r,C], as PyTorch: channel (c, i, j) goes to pixel (h r + i, w r + j). */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const r = upscaleFactor;
  if (x.shape.length !== 4 || C % (r * r) !== 0) {
    throw new ShapeError(
      `pixel_shuffle: x ${formatShape(x.shape)} must be [N,H,W,C] with C divisible by ${r * r}`,
    );
  }
  const parts = x.reshape([N, H, W, C / (r * r), r, r]);
  return permute(parts, [0, 1, 4, 2, 5, 3]).reshape([N, H * r, W * r, C / (r * r)]);
}
