import { ShapeError } from '../../errors.ts';
import type { ElementwiseAttrs } from '../../kernels/elementwise/elementwise.ts';
import { isFloat } from '../../shape.ts';
import { apply, filled, type Operation, Tensor } from '../tensor.ts';

/** A tensor, or a number, which is taken as a scalar. */
export type Operand = Tensor | number;

/** The tensor of an operand: of a number, a scalar in the dtype of the operand beside it. */
export const operand = (op: string, value: Operand, like: Operand): Tensor => {
  if (value instanceof Tensor) return value;
  if (typeof value !== 'number') {
    throw new ShapeError(`${op}: ${String(value)} is neither a tensor nor a number`);
  }
  // A float of shape [] does not promote f16 to f32, and keeps its digits.
  return filled(op, [], value, like instanceof Tensor && !isFloat(like.dtype) ? like.dtype : 'f32');
};

type Unary = Operation<'x', never, 'y', ElementwiseAttrs, object>;
type Binary = Operation<'a' | 'b', never, 'y', ElementwiseAttrs, object>;

/** The function of an elementwise operation of one tensor. */
export const unary =
  (operation: Unary) =>
  (x: Tensor): Tensor =>
    apply(operation, { x }).y;

/** The function of an elementwise operation of two tensors or numbers. */
export const binary =
  (operation: Binary) =>
  (a: Operand, b: Operand): Tensor =>
    apply(operation, { a: operand(operation.name, a, b), b: operand(operation.name, b, a) }).y;
