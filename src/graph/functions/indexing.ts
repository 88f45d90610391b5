import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, normalizeDim } from '../../shape.ts';
import { expand } from '../operations/broadcast.ts';
import * as indexingOps from '../operations/indexing.ts';
import { apply, expectTensors, full, Tensor } from '../tensor.ts';
import { pad, slice } from './shape.ts';

/** Throws unless index is i32, of x's rank, and no larger than x but along dim. */
function expectIndex(op: string, x: Tensor, index: Tensor, dim: number): void {
  expectDType(op, 'index', index, 'i32');
  const fits =
    index.shape.length === x.shape.length && index.shape.every((size, i) => i === dim || size <= x.shape[i]!);
  if (fits) return;
  throw new ShapeError(
    `${op}: ${formatSpec('index', index)} must have the rank of ${formatSpec('x', x)} and no larger sizes but along dim ${dim}`,
  );
}

/** The first elements of every dimension. */
const corner = (x: Tensor, shape: readonly number[]): Tensor =>
  x.shape.every((size, i) => size === shape[i])
    ? x
    : slice(
        x,
        shape.map((size) => [0, size] as const),
      );

/**
 * Elements of x by number along a dimension: for dim 1 of three, `y[i, j, k] = x[i, index[i, j, k], k]` (PyTorch's
 * gather). y has index's shape and x's dtype. An index outside of 0..n-1, where n is x's size along dim, gives 0: the GPU
 * cannot throw. The gradient is added up where an element was taken several times. Throws ShapeError where sizes do not
 * fit. See `gatherRows` for whole rows.
 *
 * @param dim Counted from the end where negative.
 * @param index i32, of x's rank; along the other dimensions no larger than x.
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  expectTensors('gather', { x, index });
  const d = normalizeDim('gather', dim, x.shape.length);
  expectIndex('gather', x, index, d);
  const part = corner(
    x,
    x.shape.map((size, i) => (i === d ? size : index.shape[i]!)),
  );
  return apply(indexingOps.gather, { x: part, index }, { dim: d }).y;
}

function scattered(
  operation: typeof indexingOps.scatter | typeof indexingOps.scatterAdd,
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor | number,
): Tensor {
  const op = operation.name;
  const d = normalizeDim(op, dim, x.shape.length);
  expectIndex(op, x, index, d);
  if (!(src instanceof Tensor) && typeof src !== 'number') {
    throw new ShapeError(`${op}: src is ${String(src)}, neither a tensor nor a number`);
  }
  const values =
    src instanceof Tensor ? src : apply(expand, { x: full([], src, x.dtype) }, { shape: index.shape }).y;
  const covers =
    values.shape.length === index.shape.length && index.shape.every((size, i) => size <= values.shape[i]!);
  if (!covers) {
    throw new ShapeError(
      `${op}: ${formatSpec('src', values)} must have the rank of ${formatSpec('index', index)} and be no smaller`,
    );
  }
  // Where index ends before x does, numbers that mean no place fill it up.
  const missing = x.shape.map((size, i) => [0, i === d ? 0 : size - index.shape[i]!] as const);
  const some = missing.some(([, after]) => after > 0);
  const own = corner(values, index.shape);
  return apply(
    operation,
    { x, index: some ? pad(index, missing, { value: -1 }) : index, src: some ? pad(own, missing) : own },
    { dim: d },
  ).y;
}

/**
 * x with elements of src put in along a dimension: for dim 1 of three, `y[i, index[i, j, k], k] = src[i, j, k]`
 * (PyTorch's scatter). y: as x. Of equal indices the last one along dim counts, on every run (PyTorch leaves that open),
 * and only it gets a gradient. An index outside of 0..n-1, where n is x's size along dim, puts nothing in: the GPU cannot
 * throw. Throws ShapeError where sizes or dtypes do not fit.
 *
 * @param dim Counted from the end where negative.
 * @param index i32, of x's rank; along the other dimensions no larger than x.
 * @param src A number, or a tensor of x's dtype and rank, no smaller than index; only its first elements are used.
 */
export const scatter = (x: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor => {
  expectTensors('scatter', { x, index });
  return scattered(indexingOps.scatter, x, dim, index, src);
};

/**
 * x with elements of src added along a dimension: for dim 1 of three, `y[i, index[i, j, k], k] += src[i, j, k]` (PyTorch's
 * scatter_add). y: as x, f32, f16 or i32, which wraps around. Of equal indices all count: floats are added in f32, in the
 * order of the indices, so that every run gives the same bits. An index outside of 0..n-1, where n is x's size along dim,
 * adds nothing. Throws ShapeError where sizes or dtypes do not fit.
 *
 * @param dim Counted from the end where negative.
 * @param index i32, of x's rank; along the other dimensions no larger than x.
 * @param src A number, or a tensor of x's dtype and rank, no smaller than index; only its first elements are used.
 */
export const scatterAdd = (x: Tensor, dim: number, index: Tensor, src: Tensor | number): Tensor => {
  expectTensors('scatter_add', { x, index });
  return scattered(indexingOps.scatterAdd, x, dim, index, src);
};
