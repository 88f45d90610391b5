import { ShapeError } from '../../errors.ts';
import type { ElementwiseName } from '../../kernels/elementwise/elementwiseRows.ts';
import { isFloat } from '../../shape.ts';
import { apply, full, Tensor } from '../tensor.ts';

/** A tensor, or a number that stands for a scalar. */
export type Operand = Tensor | number;

const operand = (op: string, value: Operand, like: Operand): Tensor => {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'number') {
    throw new ShapeError(`${op}: ${String(value)} is neither a tensor nor a number`);
  }
  // A float of shape [] does not promote f16 to f32, and keeps its digits.
  return full([], value, like instanceof Tensor && !isFloat(like.dtype) ? like.dtype : 'f32');
};

const unary =
  (op: ElementwiseName) =>
  (x: Tensor): Tensor =>
    apply(op, { x }).y!;
const binary =
  (op: ElementwiseName) =>
  (a: Operand, b: Operand): Tensor =>
    apply(op, { a: operand(op, a, b), b: operand(op, b, a) }).y!;

/** max(x, 0). The gradient at 0 is 0. */
export const relu = unary('relu');
/** x where positive, else negativeSlope * x. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor =>
  apply('leaky_relu', { x }, { negative_slope: negativeSlope }).y!;
/** x * sigmoid(x). */
export const silu = unary('silu');
/** x * (normal distribution function of x), exact (by erf), not the tanh approximation. */
export const gelu = unary('gelu');
export const sigmoid = unary('sigmoid');
export const tanh = unary('tanh');
/** x * clamp(x + 3, 0, 6) / 6. */
export const hardswish = unary('hardswish');
/** clamp(x + 3, 0, 6) / 6. */
export const hardsigmoid = unary('hardsigmoid');
/**
 * x limited to min..max; NaN stays. The gradient is 1 between the limits and for NaN, and 0 on them and beyond; clamp's is
 * 1 on them. Throws ShapeError unless min is below max.
 */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  if (!(min < max)) throw new ShapeError(`hardtanh: min ${min} must be below max ${max}`);
  return apply('hardtanh', { x }, { min_val: min, max_val: max }).y!;
}
/** x limited to 0..6. The gradient at 0 and at 6 is 0. */
export const relu6 = (x: Tensor): Tensor => hardtanh(x, 0, 6);
/** log(1 + exp(x)). */
export const softplus = unary('softplus');
/** The angle, in radians, whose tangent is x. */
export const atan = unary('atan');
export const exp = unary('exp');
export const log = unary('log');
export const sqrt = unary('sqrt');
/** 1 / sqrt(x). */
export const rsqrt = unary('rsqrt');
/** |x|. The gradient at 0 is 0. */
export const abs = unary('abs');
export const neg = unary('neg');
/** The largest whole number not above x. No gradient. */
export const floor = unary('floor');
/** scale * x + shift, two numbers. */
export const affine = (x: Tensor, scale: number, shift = 0): Tensor =>
  apply('affine', { x }, { scale, shift }).y!;
/** x limited to min..max; NaN stays. The gradient is 1 inside and on the limits, 0 outside and for NaN. */
export const clamp = (x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor =>
  apply('clamp', { x }, { low: min, high: max }).y!;

/** Elementwise with broadcasting; a number broadcasts to everything. f16 with f32 gives f32, unless the f32 is a scalar. */
export const add = binary('add');
export const sub = binary('sub');
export const mul = binary('mul');
/** a / b; on i32 the quotient is truncated. */
export const div = binary('div');
/** a - b * trunc(a / b), the sign of a, as C's % does. No gradient. */
export const remainder = binary('remainder');
/** The larger of both, or NaN where one is. At a tie each side gets half of the gradient, beside a NaN all of it. */
export const maximum = binary('maximum');
/** The smaller of both, as maximum. */
export const minimum = binary('minimum');
/** a^b; a negative a takes whole exponents only. */
export const pow = binary('pow');
/** 1 where a = b, else 0. No gradient; so for the other comparisons. */
export const equal = binary('equal');
export const greater = binary('greater');
export const greaterEqual = binary('greater_equal');
export const less = (a: Operand, b: Operand): Tensor => greater(b, a);
export const lessEqual = (a: Operand, b: Operand): Tensor => greaterEqual(b, a);
/** a where condition is not 0, else b. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor => {
  const like = a instanceof Tensor ? a : b instanceof Tensor ? b : condition;
  return apply('where', { condition, a: operand('where', a, like), b: operand('where', b, like) }).y!;
};
