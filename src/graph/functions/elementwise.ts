import { ShapeError } from '../../errors.ts';
import type { ElementwiseAttrs } from '../../kernels/elementwise/elementwise.ts';
import { isFloat } from '../../shape.ts';
import * as elementwiseOps from '../operations/elementwise.ts';
import { apply, full, type Operation, Tensor } from '../tensor.ts';

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

type Unary = Operation<'x', never, 'y', ElementwiseAttrs, object>;
type Binary = Operation<'a' | 'b', never, 'y', ElementwiseAttrs, object>;

const unary =
  (operation: Unary) =>
  (x: Tensor): Tensor =>
    apply(operation, { x }).y;
const binary =
  (operation: Binary) =>
  (a: Operand, b: Operand): Tensor =>
    apply(operation, { a: operand(operation.name, a, b), b: operand(operation.name, b, a) }).y;

/** max(x, 0). The gradient at 0 is 0. */
export const relu = /* @__PURE__ */ unary(elementwiseOps.relu);
/** x where positive, else negativeSlope * x. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor =>
  apply(elementwiseOps.leakyRelu, { x }, { negative_slope: negativeSlope }).y;
/** x * sigmoid(x). */
export const silu = /* @__PURE__ */ unary(elementwiseOps.silu);
/** x * (normal distribution function of x), exact (by erf), not the tanh approximation. */
export const gelu = /* @__PURE__ */ unary(elementwiseOps.gelu);
export const sigmoid = /* @__PURE__ */ unary(elementwiseOps.sigmoid);
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
export const relu6 = (x: Tensor): Tensor => hardtanh(x, 0, 6);
/** log(1 + exp(x)). */
export const softplus = /* @__PURE__ */ unary(elementwiseOps.softplus);
/** The angle, in radians, whose tangent is x. */
export const atan = /* @__PURE__ */ unary(elementwiseOps.atan);
export const exp = /* @__PURE__ */ unary(elementwiseOps.exp);
export const log = /* @__PURE__ */ unary(elementwiseOps.log);
export const sqrt = /* @__PURE__ */ unary(elementwiseOps.sqrt);
/** 1 / sqrt(x). */
export const rsqrt = /* @__PURE__ */ unary(elementwiseOps.rsqrt);
/** |x|. The gradient at 0 is 0. */
export const abs = /* @__PURE__ */ unary(elementwiseOps.abs);
export const neg = /* @__PURE__ */ unary(elementwiseOps.neg);
/** The largest whole number not above x. No gradient. */
export const floor = /* @__PURE__ */ unary(elementwiseOps.floor);
/** scale * x + shift, two numbers. */
export const affine = (x: Tensor, scale: number, shift = 0): Tensor =>
  apply(elementwiseOps.affine, { x }, { scale, shift }).y;
/** x limited to min..max; NaN stays. The gradient is 1 inside and on the limits, 0 outside and for NaN. */
export const clamp = (x: Tensor, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): Tensor =>
  apply(elementwiseOps.clamp, { x }, { low: min, high: max }).y;

/** Elementwise with broadcasting; a number broadcasts to everything. f16 with f32 gives f32, unless the f32 is a scalar. */
export const add = /* @__PURE__ */ binary(elementwiseOps.add);
export const sub = /* @__PURE__ */ binary(elementwiseOps.sub);
export const mul = /* @__PURE__ */ binary(elementwiseOps.mul);
/** a / b; on i32 the quotient is truncated. */
export const div = /* @__PURE__ */ binary(elementwiseOps.div);
/** a - b * trunc(a / b), the sign of a, as C's % does. No gradient. */
export const remainder = /* @__PURE__ */ binary(elementwiseOps.remainder);
/** The larger of both, or NaN where one is. At a tie each side gets half of the gradient, beside a NaN all of it. */
export const maximum = /* @__PURE__ */ binary(elementwiseOps.maximum);
/** The smaller of both, as maximum. */
export const minimum = /* @__PURE__ */ binary(elementwiseOps.minimum);
/** a^b; a negative a takes whole exponents only. */
export const pow = /* @__PURE__ */ binary(elementwiseOps.pow);
/** 1 where a = b, else 0. No gradient; so for the other comparisons. */
export const equal = /* @__PURE__ */ binary(elementwiseOps.equal);
export const greater = /* @__PURE__ */ binary(elementwiseOps.greater);
export const greaterEqual = /* @__PURE__ */ binary(elementwiseOps.greaterEqual);
export const less = (a: Operand, b: Operand): Tensor => greater(b, a);
export const lessEqual = (a: Operand, b: Operand): Tensor => greaterEqual(b, a);
/** a where condition is not 0, else b. */
export const where = (condition: Tensor, a: Operand, b: Operand): Tensor => {
  const like = a instanceof Tensor ? a : b instanceof Tensor ? b : condition;
  return apply(elementwiseOps.where, {
    condition,
    a: operand('where', a, like),
    b: operand('where', b, like),
  }).y;
};
