import { ShapeError } from '../../errors.ts';
import { objectOf } from '../../options.ts';
import { expectDType, expectNumber, expectRank, formatSpec, normalizeDim, numel } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import * as broadcastOps from '../operations/broadcast.ts';
import { inF32 } from '../operations/broadcast.ts';
import * as matrixOps from '../operations/matrix.ts';
import * as reduceOps from '../operations/reduce.ts';
import * as sortOps from '../operations/sort.ts';
import { apply, expectTensors, full, type Operation, recordOperation, type Tensor } from '../tensor.ts';
import {
  abs,
  add,
  affine,
  div,
  equal,
  exp,
  log,
  mul,
  neg,
  notEqual,
  pow,
  rsqrt,
  sqrt,
  sub,
  where,
} from './elementwise.ts';
import { cast, permute, transpose } from './shape.ts';

/** Options of reductions. */
export interface ReduceOptions {
  /** Dimensions to reduce; all of them by default, and where the list is empty. */
  readonly dim?: number | readonly number[];
  /** Keeps the reduced dimensions with size 1. Default false. */
  readonly keepdim?: boolean;
}

function reduceAttrs(op: string, x: Tensor, options: ReduceOptions) {
  expectTensors(op, { x });
  const { dim, keepdim } = optionsOf(op, options, { dim: undefined, keepdim: false });
  const rank = x.shape.length;
  const given = typeof dim === 'number' ? [dim] : (dim ?? []);
  const list = given.length === 0 ? x.shape.map((_, i) => i) : given;
  const dims = [...new Set(list.map((d) => normalizeDim(op, d, rank)))].sort((a, b) => a - b);
  return { dims, keepdim };
}

/** The sum over dimensions, in a fixed order. Of nothing: 0. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply(broadcastOps.sum, { x }, reduceAttrs('sum', x, options)).y;

/** The mean over dimensions; of f16 as of f32, so that the sum on the way does not overflow. Of nothing: NaN. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  expectTensors('mean', { x });
  expectDType('mean', 'x', x, 'f32', 'f16');
  const { dims, keepdim } = reduceAttrs('mean', x, options);
  const total = apply(broadcastOps.sum, { x }, { dims, keepdim, dtype: 'f32' }).y;
  const count = numel(dims.map((d) => x.shape[d]!));
  return cast(count === 0 ? div(total, full([], 0)) : affine(total, 1 / count), x.dtype);
}

/**
 * The product over dimensions (PyTorch's prod, which takes one). x: f32, f16 or i32, which wraps around; of nothing: 1.
 * The gradient is exact where there are zeros.
 */
export const prod = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply(reduceOps.prod, { x }, reduceAttrs('prod', x, options)).y;

/**
 * Running sums along a dimension: `y[j] = x[0] + … + x[j]`. x: f32, f16 or i32, which wraps around; y: as x. Floats are
 * added in f32 in a fixed order. Throws ShapeError for a scalar and for a dim that x does not have.
 *
 * @param dim Counted from the end where negative.
 */
export const cumsum = (x: Tensor, dim: number): Tensor => {
  expectTensors('cumsum', { x });
  return apply(reduceOps.cumsum, { x }, { dim: normalizeDim('cumsum', dim, x.shape.length) }).y;
};

/**
 * Running products along a dimension: `y[j] = x[0] ⋯ x[j]`. x: f32, f16 or i32, which wraps around; y: as x. The gradient
 * is exact where there are zeros. Throws ShapeError for a scalar and for a dim that x does not have.
 *
 * @param dim Counted from the end where negative.
 */
export const cumprod = (x: Tensor, dim: number): Tensor => {
  expectTensors('cumprod', { x });
  return apply(reduceOps.cumprod, { x }, { dim: normalizeDim('cumprod', dim, x.shape.length) }).y;
};

/** The maximum over dimensions; equal maxima share the gradient. */
export const amax = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply(reduceOps.amax, { x }, reduceAttrs('amax', x, options)).y;

/** The minimum over dimensions; equal minima share the gradient. */
export const amin = (x: Tensor, options: ReduceOptions = {}): Tensor => {
  expectTensors('amin', { x });
  return neg(amax(neg(x), options));
};

/** Options of `variance` and `std`. */
export interface VarianceOptions extends ReduceOptions {
  /** Taken from the number of elements that the squares are divided by. Default 1, Bessel's correction. */
  readonly correction?: number;
}

/** The sum of squared distances from the mean, over count - correction (PyTorch's var). Of one element: NaN. */
export function variance(x: Tensor, given: VarianceOptions = {}): Tensor {
  expectTensors('variance', { x });
  const { correction, ...options } = optionsOf('variance', given, {
    dim: undefined,
    keepdim: false,
    correction: 1,
  });
  expectDType('variance', 'x', x, 'f32', 'f16');
  expectNumber('variance', 'correction', correction);
  const wide = inF32(x);
  const apart = sub(wide, mean(wide, { ...options, keepdim: true }));
  const total = sum(mul(apart, apart), options);
  const count = x.size / Math.max(total.size, 1) - correction;
  // 0 / 0 where nothing is left, as in PyTorch.
  return cast(count > 0 ? affine(total, 1 / count) : div(total, affine(total, 0)), x.dtype);
}

/** sqrt of the variance. */
export const std = (x: Tensor, options: VarianceOptions = {}): Tensor => {
  expectTensors('std', { x });
  return sqrt(variance(x, options));
};

/** Moves a dimension to the end, applies an operation there, and moves it back in the outputs. */
function alongLast<Y extends string, A extends object, G extends object>(
  operation: Operation<'x', never, Y, A, G>,
  x: Tensor,
  dim: number,
  options: G,
): { readonly [K in Y]: Tensor } {
  expectTensors(operation.name, { x });
  const rank = x.shape.length;
  const d = normalizeDim(operation.name, dim, rank);
  const order = x.shape.map((_, i) => i).filter((i) => i !== d);
  const inverse = x.shape.map((_, i) => (i === d ? rank - 1 : i < d ? i : i - 1));
  const last = d === rank - 1;
  const outputs = recordOperation(operation, { x: last ? x : permute(x, [...order, d]) }, options);
  const names: readonly Y[] = operation.kernel.outputs;
  const back = (value: Tensor) => (last ? value : permute(value, inverse));
  return Object.fromEntries(names.map((name) => [name, back(outputs[name]!)])) as { [K in Y]: Tensor };
}

/** exp(x - max) / sum of the same, along a dimension. */
export const softmax = (x: Tensor, dim = -1): Tensor => alongLast(reduceOps.softmax, x, dim, {}).y;

/** x - max - log(sum(exp(x - max))), along a dimension. */
export const logSoftmax = (x: Tensor, dim = -1): Tensor => alongLast(reduceOps.logSoftmax, x, dim, {}).y;

/** log(sum(exp(x))) over dimensions, finite for any finite x. */
export function logsumexp(x: Tensor, options: ReduceOptions = {}): Tensor {
  expectTensors('logsumexp', { x });
  expectDType('logsumexp', 'x', x, 'f32', 'f16');
  reduceAttrs('logsumexp', x, options);
  const wide = inF32(x);
  const top = amax(wide, { ...options, keepdim: true }).detach();
  const total = log(sum(exp(sub(wide, top)), { ...options, keepdim: true }));
  const y = add(total, top);
  return cast(options.keepdim ? y : y.reshape(sum(wide, options).shape), x.dtype);
}

/** Options of `argmax` and `argmin`. */
export interface ArgOptions {
  /** The dimension to search along. Default: all elements, in row-major order. */
  readonly dim?: number | undefined;
  /** Keeps the searched dimensions with size 1. Default false. */
  readonly keepdim?: boolean;
}

/**
 * The index (i32) of the maximum along a dimension; of all elements, in row-major order, where none is given. The first
 * of equal ones; NaN is above all (PyTorch's argmax).
 */
export function argmax(x: Tensor, options: ArgOptions = {}): Tensor {
  expectTensors('argmax', { x });
  const { dim, keepdim } = optionsOf('argmax', options, { dim: undefined, keepdim: false });
  const rank = x.shape.length;
  const d = dim === undefined ? undefined : normalizeDim('argmax', dim, rank);
  const order = x.shape.map((_, i) => i).filter((i) => i !== d);
  const last = d === undefined ? x.reshape([x.size]) : d === rank - 1 ? x : permute(x, [...order, d]);
  const y = apply(reduceOps.argmax, { x: last }).y;
  return keepdim ? y.reshape(x.shape.map((size, i) => (d === undefined || i === d ? 1 : size))) : y;
}

/** The index (i32) of the minimum, as argmax: the first of equal ones; NaN is below all. Floats only. */
export const argmin = (x: Tensor, options: ArgOptions = {}): Tensor => {
  expectTensors('argmin', { x });
  return argmax(neg(x), options);
};

/** Values, and where they were (i32). */
export interface Ordered {
  readonly values: Tensor;
  readonly indices: Tensor;
}

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** The dimension to sort along. Default -1. */
  readonly dim?: number;
  /** Greatest first. Default false. */
  readonly descending?: boolean;
}

/** Values in order along a dimension, and where they were. Stable; NaN is the greatest. */
export function sort(x: Tensor, options: SortOptions = {}): Ordered {
  const { dim = -1, ...others } = objectOf('sort', options, ShapeError);
  return alongLast(sortOps.sort, x, dim, others);
}

/**
 * The places (i32) along a dimension that put its values in order: the indices of `sort`. Stable; NaN is the greatest.
 */
export const argsort = (x: Tensor, options: SortOptions = {}): Tensor => {
  expectTensors('argsort', { x });
  return sort(x, options).indices;
};

/**
 * The k largest (or smallest) values along a dimension, in order, and where they were. NaN is the greatest; of equal
 * values the first ones are taken. Throws ShapeError for a k beyond the dimension's size.
 */
export function topk(
  x: Tensor,
  k: number,
  options: { readonly dim?: number; readonly largest?: boolean } = {},
): Ordered {
  const { dim = -1, ...others } = objectOf('topk', options, ShapeError);
  return alongLast(sortOps.topk, x, dim, { k, ...others });
}

/**
 * Matrix products over the last two dimensions; leading ones broadcast: […,M,K] x […,K,N] to […,M,N]. As in PyTorch a
 * vector [K] is a row on the left and a column on the right, and its dimension is not in the result. Throws ShapeError
 * for scalars, and where sizes do not fit.
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  expectTensors('matmul', { a, b });
  const [row, column] = [a.shape.length === 1, b.shape.length === 1];
  if (!row && !column) return apply(matrixOps.matmul, { a, b }).y;
  const y = apply(matrixOps.matmul, {
    a: row ? a.reshape([1, a.size]) : a,
    b: column ? b.reshape([b.size, 1]) : b,
  }).y;
  const lead = y.shape.slice(0, -2);
  return y.reshape([...lead, ...(row ? [] : [y.shape.at(-2)!]), ...(column ? [] : [y.shape.at(-1)!])]);
}

/** x weight + bias. x: […,I]; weight: [I,O]; bias: [O]. */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply(matrixOps.linear, { x, weight, bias }).y;

/** x / max(|x|, eps) along the last dimension. */
function normalize(x: Tensor): Tensor {
  const square = sum(mul(x, x), { dim: -1, keepdim: true });
  return mul(x, rsqrt(affine(square, 1, 1e-24)));
}

/** The cosine of the angle between every row of a [N,D] and every row of b [M,D]: [N,M]. */
export function cosineSimilarityMatrix(a: Tensor, b: Tensor): Tensor {
  expectTensors('cosine_similarity_matrix', { a, b });
  const op = 'cosine_similarity_matrix';
  for (const [name, rows] of Object.entries({ a, b })) {
    expectDType(op, name, rows, 'f32', 'f16');
    expectRank(op, name, rows, 2, '[rows, values]');
  }
  if (a.shape[1] !== b.shape[1]) {
    throw new ShapeError(`${op}: ${formatSpec('a', a)} and ${formatSpec('b', b)} differ in columns`);
  }
  return cast(matmul(normalize(inF32(a)), transpose(normalize(inF32(b)))), a.dtype);
}

/** Options of `norm`. */
export interface VectorNormOptions extends ReduceOptions {
  /** The order: any number, infinities too. Default 2. */
  readonly p?: number;
}

/**
 * The norm of order p over dimensions (PyTorch's linalg.vector_norm): `(sum |x|^p)^(1/p)`; for p = infinity the largest
 * |x|, for -infinity the smallest, for 0 the number of elements that are not 0. x: floats; computed in f32. By default the
 * square root of the sum of all squares. Of nothing 0, but for infinite p, which throw ShapeError. The gradient is 0 where
 * the norm is 0, and for p = 0; where several |x| are the largest or the smallest they share it.
 */
export function norm(x: Tensor, given: VectorNormOptions = {}): Tensor {
  expectTensors('norm', { x });
  const { p, ...options } = optionsOf('norm', given, { dim: undefined, keepdim: false, p: 2 });
  expectDType('norm', 'x', x, 'f32', 'f16');
  expectNumber('norm', 'p', p);
  const wide = inF32(x);
  const of = (): Tensor => {
    if (p === Number.POSITIVE_INFINITY) return amax(abs(wide), options);
    if (p === Number.NEGATIVE_INFINITY) return amin(abs(wide), options);
    if (p === 0) return sum(notEqual(wide, 0), options);
    if (p === 1) return sum(abs(wide), options);
    if (p === 2) return root(sum(mul(wide, wide), options), sqrt);
    if (p < 0) return pow(sum(pow(abs(wide), p), options), 1 / p);
    // |x|^p has no finite slope at 0 for p below 1.
    return root(
      sum(
        root(abs(wide), (size) => pow(size, p)),
        options,
      ),
      (total) => pow(total, 1 / p),
    );
  };
  return cast(of(), x.dtype);
}

/** A power whose slope at 0 may be infinite: 0 there, and so its gradient. */
function root(x: Tensor, power: (x: Tensor) => Tensor): Tensor {
  const none = equal(x, 0);
  return where(none, 0, power(where(none, 1, x)));
}

/**
 * The distances of every row of a [N,D] to every row of b [M,D]: [N,M] (torch.cdist). From differences, so that close rows keep
 * their digits. The gradient of a distance of 0 is 0; with p 1 gradients take N M D steps and 16 MiB. Throws ShapeError for
 * other ranks or widths, and DeviceLimitError, before anything runs, where [N,M] is larger than the device binds: compare some
 * rows of a at a time.
 *
 * @param options p: 2 for Euclidean distances, 1 for sums of absolute differences. Default 2.
 */
export const cdist = (a: Tensor, b: Tensor, options: { readonly p?: 1 | 2 } = {}): Tensor =>
  apply(matrixOps.cdist, { a, b }, options).y;

/** Bits that differ between every row of a [N,W] and of b [M,W], i32 words: i32 [N,M]. */
export const hammingDistance = (a: Tensor, b: Tensor): Tensor => apply(matrixOps.hammingDistance, { a, b }).y;
