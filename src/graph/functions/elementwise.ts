import { ShapeError } from '../../errors.ts';
import * as elementwiseOps from '../operations/elementwise.ts';
import { apply, expectTensors, full, Tensor } from '../tensor.ts';
import { binary, type Operand, operand, unary } from './operands.ts';

/** max(x, 0). The gradient at 0 is 0. */
export const relu = /* @__PURE__ */ unary(elementwiseOps.relu);
/** x where positive, else negativeSlope * x. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor =>
  apply(elementwiseOps.leakyRelu, { x }, { negative_slope: negativeSlope }).y;
/** x * sigmoid(x). */
export const silu = /* @__PURE__ */ unary(elementwiseOps.silu);
/** x * (normal distribution function of x), exact (by erf), not the tanh approximation. */
export const gelu = /* @__PURE__ */ unary(elementwiseOps.gelu);
/** 1 / (1 + exp(-x)). */
export const sigmoid = /* @__PURE__ */ unary(elementwiseOps.sigmoid);
/** The hyperbolic tangent. */
export const tanh = /* @__PURE__ */ unary(elementwiseOps.tanh);
/** x * clamp(x + 3, 0, 6) / 6. */
export const hardswish = /* @__PURE__ */ unary(elementwiseOps.hardswish);
/** clamp(x + 3, 0, 6) / 6. */
export const hardsigmoid = /* @__PURE__ */ unary(elementwiseOps.hardsigmoid);
/**
 * x limited to min..max; NaN stays. The gradient is 1 between the limits and for NaN, and 0 on them and beyond; clamp's is
 * 1 on them. Throws ShapeError unless min is below max.
 */
export function hardtanh(x: Tensor, min = -1, max = 1): Tensor {
  if (!(min < max)) throw new ShapeError(`hardtanh: min ${min} must be below max ${max}`);
  return apply(elementwiseOps.hardtanh, { x }, { min_val: min, max_val: max }).y;
}
/** x limited to 0..6. The gradient at 0 and at 6 is 0. */
export const relu6 = (x: Tensor): Tensor => {
  expectTensors('relu6', { x });
  return hardtanh(x, 0, 6);
};
/** log(1 + exp(x)). */
export const softplus = /* @__PURE__ */ unary(elementwiseOps.softplus);
/** The sine of x in radians. Exact to 1e-6 for |x| up to 65,536; beyond, f32 has too few digits. NaN for infinities. */
export const sin = /* @__PURE__ */ unary(elementwiseOps.sin);
/** The cosine of x in radians. Exact to 1e-6 for |x| up to 65,536; beyond, f32 has too few digits. NaN for infinities. */
export const cos = /* @__PURE__ */ unary(elementwiseOps.cos);
/** The tangent of x in radians: sin(x) / cos(x). */
export const tan = /* @__PURE__ */ unary(elementwiseOps.tan);
/** The angle, in radians, whose tangent is x. */
export const atan = /* @__PURE__ */ unary(elementwiseOps.atan);
/** e^x. Infinity where that is beyond the largest float. */
export const exp = /* @__PURE__ */ unary(elementwiseOps.exp);
/** exp(x) - 1, also precise where x is near 0. */
export const expm1 = /* @__PURE__ */ unary(elementwiseOps.expm1);
/** The natural logarithm. -Infinity at 0, NaN below 0. */
export const log = /* @__PURE__ */ unary(elementwiseOps.log);
/** log(1 + x), also precise where x is near 0. NaN below -1. */
export const log1p = /* @__PURE__ */ unary(elementwiseOps.log1p);
/** The error function: 2 / sqrt(π) times the integral of exp(-t²) from 0 to x. */
export const erf = /* @__PURE__ */ unary(elementwiseOps.erf);
/** The square root. NaN below 0. The gradient at 0 is infinite. */
export const sqrt = /* @__PURE__ */ unary(elementwiseOps.sqrt);
/** 1 / sqrt(x). */
export const rsqrt = /* @__PURE__ */ unary(elementwiseOps.rsqrt);
/** x x. */
export const square = (x: Tensor): Tensor => {
  expectTensors('square', { x });
  return apply(elementwiseOps.mul, { a: x, b: x }).y;
};
/** 1 / x. Floats only. */
export const reciprocal = (x: Tensor): Tensor => apply(elementwiseOps.div, { a: full([], 1), b: x }).y;
/** |x|, of floats or i32. The gradient at 0 is 0. */
export const abs = /* @__PURE__ */ unary(elementwiseOps.abs);
/** -x, of floats or i32. */
export const neg = /* @__PURE__ */ unary(elementwiseOps.neg);
/** The largest whole number not above x. No gradient. */
export const floor = /* @__PURE__ */ unary(elementwiseOps.floor);
/** The smallest whole number not below x. No gradient. */
export const ceil = /* @__PURE__ */ unary(elementwiseOps.ceil);
/** The whole part of x: the fraction is dropped, towards 0. No gradient. */
export const trunc = /* @__PURE__ */ unary(elementwiseOps.trunc);
/** The nearest whole number; of two equally near ones the even one, so 2.5 gives 2. No gradient. */
export const round = /* @__PURE__ */ unary(elementwiseOps.round);
/** 1 for positive numbers, -1 for negative ones, 0 for 0 and NaN; of floats or i32. No gradient. */
export const sign = /* @__PURE__ */ unary(elementwiseOps.sign);
/** scale * x + shift, two numbers. */
export const affine = (x: Tensor, scale: number, shift = 0): Tensor =>
  apply(elementwiseOps.affine, { x }, { scale, shift }).y;
/** x limited to min..max; NaN stays. The gradient is 1 inside and on the limits, 0 outside and for NaN. */
export const clamp = (x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor =>
  apply(elementwiseOps.clamp, { x }, { low: min, high: max }).y;

/** Elementwise with broadcasting; a number broadcasts to everything. f16 with f32 gives f32, unless the f32 is a scalar. */
export const add = /* @__PURE__ */ binary(elementwiseOps.add);
/** a - b, elementwise with broadcasting as `add`. */
export const sub = /* @__PURE__ */ binary(elementwiseOps.sub);
/** a * b, elementwise with broadcasting as `add`. */
export const mul = /* @__PURE__ */ binary(elementwiseOps.mul);
/** a / b; on i32 the quotient is truncated. */
export const div = /* @__PURE__ */ binary(elementwiseOps.div);
/** a - b * trunc(a / b): the sign of a, as % in C and JavaScript. */
export const fmod = /* @__PURE__ */ binary(elementwiseOps.fmod);
/** a - b * floor(a / b): the sign of b, as % in Python and torch.remainder. */
export const remainder = /* @__PURE__ */ binary(elementwiseOps.remainder);
/** a^b; a negative a takes whole exponents only. */
export const pow = /* @__PURE__ */ binary(elementwiseOps.pow);

// Comparisons give 1 and 0 in the dtype of what they compare, since there is no dtype for true and false.

/** The larger of both, or NaN where one is. At a tie each side gets half of the gradient, beside a NaN all of it. */
export const maximum = /* @__PURE__ */ binary(elementwiseOps.maximum);

/** The smaller of both, or NaN where one is. At a tie each side gets half of the gradient, beside a NaN all of it. */
export const minimum = /* @__PURE__ */ binary(elementwiseOps.minimum);

/** 1 where a = b, else 0; NaN equals nothing. f32, f16 or i32, as the operands are. No gradient. */
export const equal = /* @__PURE__ */ binary(elementwiseOps.equal);

/** 1 where a and b differ, else 0; NaN differs from everything. f32, f16 or i32, as the operands are. No gradient. */
export const notEqual = /* @__PURE__ */ binary(elementwiseOps.notEqual);

/** 1 where a > b, else 0, also for NaN. No gradient. */
export const greater = /* @__PURE__ */ binary(elementwiseOps.greater);

/** 1 where a >= b, else 0, also for NaN. No gradient. */
export const greaterEqual = /* @__PURE__ */ binary(elementwiseOps.greaterEqual);

/** 1 where a < b, else 0, also for NaN. No gradient. */
export const less = (a: Operand, b: Operand): Tensor => greater(b, a);

/** 1 where a <= b, else 0, also for NaN. No gradient. */
export const lessEqual = (a: Operand, b: Operand): Tensor => greaterEqual(b, a);

/**
 * a where condition is not 0, else b. All three broadcast, and numbers are scalars. The gradient goes to a or b as the
 * values come from there; condition gets none.
 *
 * @param condition Of the values' kind: a float beside floats, i32 beside i32; `cast` it where it is not.
 */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor => {
  const like = a instanceof Tensor ? a : b instanceof Tensor ? b : condition;
  return apply(elementwiseOps.where, {
    condition,
    a: operand('where', a, like),
    b: operand('where', b, like),
  }).y;
};
