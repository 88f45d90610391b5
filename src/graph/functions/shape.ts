import { ShapeError } from '../../errors.ts';
import { objectOf } from '../../options.ts';
import { type DType, expectList, formatShape, normalizeDim, type Shape, sameShape } from '../../shape.ts';
import * as broadcastOps from '../operations/broadcast.ts';
import * as shapeOps from '../operations/shape.ts';
import { apply, expectTensors, type Tensor } from '../tensor.ts';
import type { DetachOptions } from '../tensorOptions.ts';

/** x under another shape; one dimension may be -1. A view: costs nothing. */
export const reshape = (x: Tensor, shape: Shape): Tensor => {
  expectTensors('reshape', { x });
  return x.reshape(shape);
};

/** x's value, through which no gradient flows (PyTorch's Tensor.detach). A view: costs nothing. */
export const detach = (x: Tensor, options?: DetachOptions): Tensor => {
  expectTensors('detach', { x });
  return x.detach(options);
};

/** Dimensions in another order: `y.shape[i] = x.shape[dims[i]]`. */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  expectTensors('permute', { x });
  expectList('permute', 'dims', dims);
  const rank = x.shape.length;
  return apply(shapeOps.permute, { x }, { dims: dims.map((dim) => normalizeDim('permute', dim, rank)) }).y;
}

/** The last two dimensions swapped. */
export function transpose(x: Tensor): Tensor {
  expectTensors('transpose', { x });
  if (x.shape.length < 2) {
    throw new ShapeError(`transpose: x ${formatShape(x.shape)} must have 2 dimensions or more`);
  }
  return shapeOps.transposed(x);
}

/**
 * start, end (exclusive) and step, as Python's x[start:end:step]: negative numbers count from the end, a negative step
 * goes backwards, and null or nothing means the start or end of the dimension.
 */
export type Range = readonly [start?: number | null, end?: number | null, step?: number];

/** Python's slice.indices: the first element, and how many there are. */
function rangeOf(
  [start, end, step = 1]: Range,
  size: number,
): { first: number; count: number; step: number } {
  if (!Number.isInteger(step) || step === 0) {
    throw new ShapeError(`slice: step ${step} must be a whole number other than 0`);
  }
  const bad = [start ?? 0, end ?? 0].find((value) => !Number.isInteger(value));
  if (bad !== undefined) throw new ShapeError(`slice: ${bad} is no place; use whole numbers`);
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const clip = (value: number) => Math.min(Math.max(value < 0 ? value + size : value, low), high);
  const first = start == null ? (step > 0 ? low : high) : clip(start);
  const stop = end == null ? (step > 0 ? high : low) : clip(end);
  return { first, count: Math.max(0, Math.ceil((stop - first) / step)), step };
}

/** A range of each dimension; missing trailing ranges take everything. Throws ShapeError for a step of 0. */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  expectTensors('slice', { x });
  expectList('slice', 'ranges', ranges);
  for (const range of ranges) expectList('slice', 'a range', range);
  if (ranges.length > x.shape.length) {
    throw new ShapeError(`slice: ${ranges.length} ranges for rank ${x.shape.length}`);
  }
  const parts = x.shape.map((size, i) => rangeOf(ranges[i] ?? [], size));
  const y = apply(
    shapeOps.slice,
    { x },
    {
      // Backwards is forwards from the last element on, then flipped.
      starts: parts.map(({ first, count, step }) => {
        if (count === 0) return 0;
        return step > 0 ? first : first + (count - 1) * step;
      }),
      steps: parts.map(({ step }) => Math.abs(step)),
      sizes: parts.map(({ count }) => count),
    },
  ).y;
  const backwards = parts.flatMap(({ step }, i) => (step < 0 ? [i] : []));
  return backwards.length > 0 ? flip(y, backwards) : y;
}

/** The padding mode: a constant value; x mirrored about its edge elements; its edge elements; x repeated. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Options of `pad`. */
export interface PadOptions {
  /** Default 'constant'. */
  readonly mode?: PadMode;
  /** What `constant` puts there. Default 0. */
  readonly value?: number;
}

/**
 * Padding: (before, after) for each dimension, as PyTorch's pad but in the order of the dimensions. `constant` puts
 * `value` there, and negative numbers crop. `reflect` mirrors without repeating the edge and needs less than the size;
 * `circular` at most the size. Throws ShapeError where numbers do not fit.
 */
export function pad(
  x: Tensor,
  padding: readonly (readonly [number, number])[],
  options: PadOptions = {},
): Tensor {
  expectTensors('pad', { x });
  const { mode = 'constant', ...others } = objectOf('pad', options, ShapeError);
  expectList('pad', 'padding', padding);
  for (const sides of padding) expectList('pad', 'padding of a dimension', sides);
  const constant = apply(shapeOps.pad, { x }, { padding, ...others }).y;
  if (mode === 'constant') return constant;
  if (padding.length !== x.shape.length) {
    throw new ShapeError(
      `pad: padding has ${padding.length} entries for x ${formatShape(x.shape)}; give one a dimension`,
    );
  }
  return padding.reduce((y, [before, after], dim) => padAxis(y, dim, before, after, mode), x);
}

function padAxis(
  x: Tensor,
  dim: number,
  before: number,
  after: number,
  mode: Exclude<PadMode, 'constant'>,
): Tensor {
  const size = x.shape[dim]!;
  const most = { reflect: size - 1, replicate: size > 0 ? Number.POSITIVE_INFINITY : 0, circular: size }[
    mode
  ];
  if (![before, after].every((n) => Number.isInteger(n) && n >= 0 && n <= most)) {
    throw new ShapeError(
      `pad: [${before},${after}] of dim ${dim} must be whole numbers from 0 to ${most} for ${mode} and size ${size}`,
    );
  }
  const part = (start: number, end: number): Tensor =>
    slice(
      x,
      x.shape.map((_, i) => (i === dim ? [start, end] : [])),
    );
  const sides = {
    reflect: () => [flip(part(1, before + 1), [dim]), x, flip(part(size - 1 - after, size - 1), [dim])],
    replicate: () => [
      expand(part(0, 1), x.shape.with(dim, before)),
      x,
      expand(part(size - 1, size), x.shape.with(dim, after)),
    ],
    circular: () => [part(size - before, size), x, part(0, after)],
  }[mode]();
  const filled = sides.filter((side) => side.shape[dim]! > 0);
  return filled.length > 1 ? concat(filled, dim) : x;
}

/** Reversed along these dimensions. */
export function flip(x: Tensor, dims: readonly number[]): Tensor {
  expectTensors('flip', { x });
  expectList('flip', 'dims', dims);
  const rank = x.shape.length;
  return apply(shapeOps.flip, { x }, { dims: dims.map((dim) => normalizeDim('flip', dim, rank)) }).y;
}

/** Broadcast to a shape. */
export const expand = (x: Tensor, shape: Shape): Tensor => apply(broadcastOps.expand, { x }, { shape }).y;

/** Tensors joined along a dimension. All other sizes must agree. */
export function concat(tensors: readonly Tensor[], dim: number): Tensor {
  expectList('concat', 'tensors', tensors);
  expectTensors('concat', { ...tensors });
  const first = tensors[0];
  if (!first) throw new ShapeError('concat: no tensors; give at least one');
  const inputs = Object.fromEntries(tensors.map((value, i) => [`x${i}`, value]));
  return apply(shapeOps.concat, inputs, { dim: normalizeDim('concat', dim, first.shape.length) }).y;
}

/** Tensors of one shape along a new dimension. */
export function stack(tensors: readonly Tensor[], dim = 0): Tensor {
  expectList('stack', 'tensors', tensors);
  expectTensors('stack', { ...tensors });
  const first = tensors[0];
  if (!first) throw new ShapeError('stack: no tensors; give at least one');
  const differing = tensors.find((value) => !sameShape(value.shape, first.shape));
  if (differing) {
    throw new ShapeError(
      `stack: shapes ${formatShape(first.shape)} and ${formatShape(differing.shape)} differ; use concat`,
    );
  }
  const d = normalizeDim('stack', dim, first.shape.length + 1);
  return concat(
    tensors.map((value) => unsqueeze(value, d)),
    d,
  );
}

/** Parts of `size` along a dimension, the last one maybe smaller; or parts of these sizes, which must add up. */
export function split(x: Tensor, size: number | readonly number[], dim = 0): Tensor[] {
  expectTensors('split', { x });
  const d = normalizeDim('split', dim, x.shape.length);
  const length = x.shape[d]!;
  if (typeof size === 'number' && !(Number.isInteger(size) && size > 0)) {
    throw new ShapeError(`split: size ${size} must be a whole number of 1 or more`);
  }
  if (typeof size !== 'number') expectList('split', 'size', size);
  const sizes =
    typeof size === 'number'
      ? Array.from({ length: Math.max(1, Math.ceil(length / size)) }, (_, k) =>
          Math.min(size, length - k * size),
        )
      : size;
  if (sizes.reduce((total, part) => total + part, 0) !== length || sizes.some((part) => part < 0)) {
    throw new ShapeError(
      `split: sizes [${sizes}] do not add up to ${length}, dim ${d} of ${formatShape(x.shape)}`,
    );
  }
  let start = 0;
  return sizes.map((part) => {
    const range: Range = [start, start + part];
    start += part;
    return slice(
      x,
      x.shape.map((_, i) => (i === d ? range : [])),
    );
  });
}

/** Splits into at most `chunks` parts of equal size; the last one may be smaller (PyTorch's chunk). */
export function chunk(x: Tensor, chunks: number, dim = 0): Tensor[] {
  expectTensors('chunk', { x });
  const d = normalizeDim('chunk', dim, x.shape.length);
  if (!Number.isInteger(chunks) || chunks < 1) {
    throw new ShapeError(`chunk: ${chunks} chunks; use a whole number of 1 or more`);
  }
  return split(x, Math.max(1, Math.ceil(x.shape[d]! / chunks)), d);
}

/** Without the dimensions of size 1; or without this one, if its size is 1. A view. */
export function squeeze(x: Tensor, dim?: number): Tensor {
  expectTensors('squeeze', { x });
  const d = dim === undefined ? undefined : normalizeDim('squeeze', dim, x.shape.length);
  return x.reshape(x.shape.filter((size, i) => size !== 1 || (d !== undefined && i !== d)));
}

/** With a new dimension of size 1 at this place. A view. */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  expectTensors('unsqueeze', { x });
  const d = normalizeDim('unsqueeze', dim, x.shape.length + 1);
  return x.reshape([...x.shape.slice(0, d), 1, ...x.shape.slice(d)]);
}

/** Dimensions startDim..endDim as one. A view. */
export function flatten(x: Tensor, startDim = 0, endDim = -1): Tensor {
  expectTensors('flatten', { x });
  if (x.shape.length === 0) return x.reshape([1]);
  const [first, last] = [startDim, endDim].map((dim) => normalizeDim('flatten', dim, x.shape.length));
  if (first! > last!) throw new ShapeError(`flatten: startDim ${startDim} is after endDim ${endDim}`);
  const joined = x.shape.slice(first, last! + 1).reduce((product, size) => product * size, 1);
  return x.reshape([...x.shape.slice(0, first), joined, ...x.shape.slice(last! + 1)]);
}

/**
 * Rows by number: `y[…] = x[index[…]]`. x: [R,…]; index: i32 of any shape; y: index's shape, then a row's. With batchDims
 * 1 each entry of a batch has rows and numbers of its own: x [B,R,…], index [B,K]. A number outside of 0..R-1, also -1,
 * is no row and gives zeros.
 */
export function gatherRows(x: Tensor, index: Tensor, batchDims: 0 | 1 = 0): Tensor {
  expectTensors('gather_rows', { x, index });
  if (batchDims === 1 || index.shape.length === 1)
    return apply(shapeOps.gatherRows, { x, index }, { batchDims }).y;
  const rows = apply(shapeOps.gatherRows, { x, index: index.reshape([index.size]) }, { batchDims }).y;
  return rows.reshape([...index.shape, ...x.shape.slice(1)]);
}

/** Another element type: floats to integers truncate. The gradient passes between f32 and f16. */
export const cast = (x: Tensor, dtype: DType): Tensor => {
  expectTensors('cast', { x });
  return broadcastOps.castTo(x, dtype);
};

/** 1 at the label's place, 0 elsewhere; labels outside 0..numClasses-1 give zeros. labels: i32 […]. */
export const oneHot = (labels: Tensor, numClasses: number): Tensor =>
  apply(shapeOps.oneHot, { labels }, { numClasses }).y;

/** [N,H,W,C r r] to [N,H r,W r,C], as PyTorch: channel (c, i, j) goes to pixel (h r + i, w r + j). */
export function pixelShuffle(x: Tensor, upscaleFactor: number): Tensor {
  expectTensors('pixel_shuffle', { x });
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const r = upscaleFactor;
  if (x.shape.length !== 4 || !Number.isInteger(r) || r < 1 || C % (r * r) !== 0) {
    throw new ShapeError(
      `pixel_shuffle: x ${formatShape(x.shape)} must be [N,H,W,C] with C divisible by the square of upscaleFactor ${r}, a whole number`,
    );
  }
  const parts = x.reshape([N, H, W, C / (r * r), r, r]);
  return permute(parts, [0, 1, 4, 2, 5, 3]).reshape([N, H * r, W * r, C / (r * r)]);
}

/** The inverse of pixelShuffle: [N,H r,W r,C] to [N,H,W,C r r]. */
export function pixelUnshuffle(x: Tensor, downscaleFactor: number): Tensor {
  expectTensors('pixel_unshuffle', { x });
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const r = downscaleFactor;
  if (x.shape.length !== 4 || !Number.isInteger(r) || r < 1 || H % r !== 0 || W % r !== 0) {
    throw new ShapeError(
      `pixel_unshuffle: x ${formatShape(x.shape)} must be [N,H,W,C] with H and W divisible by downscaleFactor ${r}, a whole number`,
    );
  }
  const parts = x.reshape([N, H / r, r, W / r, r, C]);
  return permute(parts, [0, 1, 3, 5, 2, 4]).reshape([N, H / r, W / r, C * r * r]);
}

/**
 * Uniform numbers in 0..1, 1 left out: f32 of this shape. seed: i32, one number; the same seed gives the same numbers.
 * Streams of one seed are independent. See `rand` in fovea/kernels.
 */
export const rand = (shape: Shape, seed: Tensor, stream = 0): Tensor =>
  apply(shapeOps.rand, { seed }, { shape, stream }).y;
