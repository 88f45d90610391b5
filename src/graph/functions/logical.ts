import { isFloat } from '../../shape.ts';
import * as elementwiseOps from '../operations/elementwise.ts';
import { apply, expectTensors, type Tensor } from '../tensor.ts';
import { notEqual, where } from './elementwise.ts';
import { binary, operand, unary } from './operands.ts';
import { cast } from './shape.ts';

// Logic takes every number but 0 for true, and gives 1 and 0 in the dtype of its operands. None has a gradient.

/** 1 where neither a nor b is 0, else 0. NaN counts as true. f32, f16 or i32, as the operands are. No gradient. */
export const logicalAnd = /* @__PURE__ */ binary(elementwiseOps.logicalAnd);

/** 1 where a or b or both are not 0, else 0. NaN counts as true. f32, f16 or i32, as the operands are. No gradient. */
export const logicalOr = /* @__PURE__ */ binary(elementwiseOps.logicalOr);

/** 1 where exactly one of a and b is not 0, else 0. NaN counts as true. f32, f16 or i32, as the operands are. No gradient. */
export const logicalXor = /* @__PURE__ */ binary(elementwiseOps.logicalXor);

/** 1 where x is 0, else 0, also for NaN. f32, f16 or i32, as x is. No gradient. */
export const logicalNot = (x: Tensor): Tensor => {
  expectTensors('logical_not', { x });
  return apply(elementwiseOps.equal, { a: x, b: operand('equal', 0, x) }).y;
};

/** 1 where x is NaN, else 0. Floats only. No gradient. */
export const isnan = /* @__PURE__ */ unary(elementwiseOps.isnan);

/** 1 where x is infinity or -infinity, else 0, also for NaN. Floats only. No gradient. */
export const isinf = /* @__PURE__ */ unary(elementwiseOps.isinf);

/** 1 where x is neither NaN nor infinite, else 0. Floats only. No gradient. */
export const isfinite = /* @__PURE__ */ unary(elementwiseOps.isfinite);

/**
 * value where mask is not 0, else x (PyTorch's masked_fill). What is filled gets no gradient.
 *
 * @param mask Broadcasts with x; any dtype.
 */
export const maskedFill = (x: Tensor, mask: Tensor, value: number): Tensor => {
  expectTensors('masked_fill', { x, mask });
  // A cast to integers would take fractions for 0.
  return where(cast(isFloat(mask.dtype) ? notEqual(mask, 0) : mask, x.dtype), value, x);
};
