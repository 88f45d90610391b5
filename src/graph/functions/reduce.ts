import { normalizeDim } from '../../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { affine, mul, rsqrt, sqrt } from './elementwise.ts';
import { cast, inF32, permute, transpose } from './shape.ts';

export interface ReduceOptions {
  /** Dimensions to reduce; all of them by default. */
  readonly dim?: number | readonly number[];
  readonly keepdim?: boolean;
}

function reduceAttrs(op: string, x: Tensor, { dim, keepdim = false }: ReduceOptions) {
  const rank = x.shape.length;
  const list = dim === undefined ? x.shape.map((_, i) => i) : typeof dim === 'number' ? [dim] : dim;
  const dims = [...new Set(list.map((d) => normalizeDim(op, d, rank)))].sort((a, b) => a - b);
  return { dims, keepdim };
}

/** The sum over dimensions, in a fixed order. Of nothing: 0. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply('sum', { x }, reduceAttrs('sum', x, options)).y!;

/** The mean over dimensions; of f16 as of f32, so that the sum on the way does not overflow. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  const total = apply('sum', { x }, { ...reduceAttrs('mean', x, options), dtype: 'f32' }).y!;
  return cast(affine(total, total.size / x.size), x.dtype);
}

/** The maximum over dimensions; equal maxima share the gradient. */
export const amax = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply('amax', { x }, reduceAttrs('amax', x, options)).y!;

/** Moves a dimension to the end, applies fn, and moves it back. */
function alongLast(op: string, x: Tensor, dim: number, fn: (x: Tensor) => Tensor): Tensor {
  const rank = x.shape.length;
  const d = normalizeDim(op, dim, rank);
  if (d === rank - 1) return fn(x);
  const order = x.shape.map((_, i) => i).filter((i) => i !== d);
  const inverse = x.shape.map((_, i) => (i === d ? rank - 1 : i < d ? i : i - 1));
  return permute(fn(permute(x, [...order, d])), inverse);
}

/** exp(x - max) / sum of the same, along a dimension. */
export const softmax = (x: Tensor, dim = -1): Tensor =>
  alongLast('softmax', x, dim, (t) => apply('softmax', { x: t }).y!);

/** x - max - log(sum(exp(x - max))), along a dimension. */
export const logSoftmax = (x: Tensor, dim = -1): Tensor =>
  alongLast('log_softmax', x, dim, (t) => apply('log_softmax', { x: t }).y!);

/** The index (i32) of the maximum along a dimension; the first of equal ones, NaN above all. */
export function argmax(x: Tensor, dim = -1): Tensor {
  const rank = x.shape.length;
  const d = normalizeDim('argmax', dim, rank);
  const order = x.shape.map((_, i) => i).filter((i) => i !== d);
  return apply('argmax', { x: d === rank - 1 ? x : permute(x, [...order, d]) }).y!;
}

/** Values in order along the last dimension, and where they were (i32). Stable; NaN is the greatest. */
export function sort(x: Tensor, { descending = false } = {}): { values: Tensor; indices: Tensor } {
  const { values, indices } = apply('sort', { x }, { descending });
  return { values: values!, indices: indices! };
}

/** The k largest (or smallest) values along the last dimension, in order, and where they were (i32). */
export function topk(x: Tensor, k: number, { largest = true } = {}): { values: Tensor; indices: Tensor } {
  const { values, indices } = apply('topk', { x }, { k, largest });
  return { values: values!, indices: indices! };
}

/** Matrix products over the last two dimensions; leading ones broadcast. */
export const matmul = (a: Tensor, b: Tensor): Tensor => apply('matmul', { a, b }).y!;

/** x weight + bias. x: […,I]; weight: [I,O]; bias: [O]. */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor =>
  apply('linear', { x, weight, bias }).y!;

/** softmax(q kᵀ / sqrt(E)) v. q, k, v: […,L,E] (Vaswani et al. 2017, §3.2.1). */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor): Tensor {
  const scores = affine(matmul(inF32(q), transpose(inF32(k))), 1 / Math.sqrt(q.shape.at(-1)!));
  return cast(matmul(softmax(scores), inF32(v)), v.dtype);
}

/** x / max(|x|, eps) along the last dimension. */
function normalize(x: Tensor): Tensor {
  const square = sum(mul(x, x), { dim: -1, keepdim: true });
  return mul(x, rsqrt(affine(square, 1, 1e-24)));
}

/** The cosine of the angle between every row of a [N,D] and every row of b [M,D]: [N,M]. */
export const cosineSimilarityMatrix = (a: Tensor, b: Tensor): Tensor =>
  cast(matmul(normalize(inF32(a)), transpose(normalize(inF32(b)))), a.dtype);

/** sqrt of the sum of squares of everything. */
export function norm(x: Tensor): Tensor {
  const wide = inF32(x);
  return cast(sqrt(sum(mul(wide, wide))), x.dtype);
}

/** Bits that differ between every row of a [N,W] and of b [M,W], i32 words: i32 [N,M]. */
export const hammingDistance = (a: Tensor, b: Tensor): Tensor => apply('hamming_distance', { a, b }).y!;
