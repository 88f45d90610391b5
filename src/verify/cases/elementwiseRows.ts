import type { ElementwiseOp } from '../../kernels/ops.ts';
import type { Shape } from '../../shape.ts';
import { type Case, distinct, type InputSpec, integers, normal, uniform, values } from './case.ts';

// What rows of elementwise operations are made of.

export type Inputs = Case['inputs'];

export const ODD: Shape = [3, 5, 7];
export const FOURS: Shape = [4, 3, 8];

export const row = (op: ElementwiseOp, name: string, inputs: Inputs, more: Partial<Case> = {}): Case => ({
  op,
  name,
  inputs,
  ...more,
});

export type Fill = (shape: Shape) => InputSpec;

/** One argument x: a size that four divides, and one that it does not. */
export const unary = (op: ElementwiseOp, fill: Fill, more: Partial<Case> = {}): Case[] => [
  row(op, 'odd size', { x: fill(ODD) }, { grad: ['x'], ...more }),
  row(op, 'four at a time', { x: fill(FOURS) }, { grad: ['x'], ...more }),
];

/** Values without a gradient check: kinks, and what overflows. */
export const special = (op: ElementwiseOp, list: readonly number[], more: Partial<Case> = {}): Case[] => [
  row(op, 'special values', { x: values([list.length], list) }, more),
];

/** No value at 0, where the kinks are. */
export const apart = (shape: Shape): InputSpec => distinct(shape, -2, 2.1);

/** What is no number, and what is none of the finite ones: PyTorch's functions hand NaN on. */
export const odd = [NaN, Infinity, -Infinity, -0, 0, 1, -1, NaN];
export const oddPairs: Inputs = {
  a: values([12], [NaN, 1, NaN, Infinity, -Infinity, 0, -0, NaN, Infinity, 2, -Infinity, NaN]),
  b: values([12], [1, NaN, NaN, Infinity, -Infinity, -0, 0, Infinity, NaN, Infinity, 2, -Infinity]),
};
export const nans = (op: ElementwiseOp, more: Partial<Case> = {}): Case[] =>
  [odd, odd.slice(1)].map((list, i) =>
    row(op, `NaN and infinities${i === 0 ? ' by fours' : ''}`, { x: values([list.length], list) }, more),
  );

export const extremes = [0, 1e-30, 1e4, -1e4, 88.9, -88.9, 15, -15, 3, -3];

/** Ways in which two shapes broadcast, one for each way of reading in fused.ts; the last is expanded first. */
export const broadcasts: readonly (readonly [name: string, a: Shape, b: Shape])[] = [
  ['one shape, odd', [3, 4, 5], [3, 4, 5]],
  ['one shape, four at a time', [2, 3, 4, 8], [2, 3, 4, 8]],
  ['a scalar', [3, 5, 2], [1]],
  ['a scalar of no dimension, on the left', [], [4, 4]],
  ['channels', [2, 3, 5, 6], [6]],
  ['channels by fours', [2, 3, 5, 8], [8]],
  ['last two dimensions', [3, 4, 5], [1, 4, 5]],
  ['rows', [4, 6], [4, 1]],
  ['rows by fours', [2, 3, 8], [2, 3, 1]],
  ['images', [3, 2, 5], [3, 1, 1]],
  ['outer', [4, 1, 6], [1, 5, 6]],
  ['both ways', [2, 1, 3, 1], [1, 5, 1, 4]],
  ['between', [2, 3, 4], [3, 1]],
  ['none', [0, 3], [3]],
];

export const binary = (op: ElementwiseOp, fillA: Fill, fillB: Fill, grad: readonly string[]): Case[] =>
  broadcasts.map(([name, a, b]) => row(op, name, { a: fillA(a), b: fillB(b) }, grad.length ? { grad } : {}));

/** The shapes that differ in how they are read, for operations whose broadcasting is the same as add's. */
export const few = (list: readonly Case[]): Case[] =>
  list.filter(({ name }) => ['one shape, odd', 'channels by fours', 'rows', 'outer'].includes(name));

export const far = (shape: Shape): InputSpec => uniform(shape, 2, 4);
/** Apart from every value of `distinct` over the same range, whatever the two shapes are. */
export const between = (shape: Shape): InputSpec => distinct(shape, -1.97, 2.01);

export const integersOf = (op: ElementwiseOp, a: InputSpec, b: InputSpec): Case =>
  row(op, 'i32', { a: a, b: b });
export const wholes = integers([3, 7], -9, 10);
export const nonzero = values([7], [3, -2, 1, 5, -7, 2, -1], 'i32');
export const tied = integers([5, 8], -2, 3, 'f32');

export const both = (dy: string, ...args: readonly string[]): Inputs =>
  Object.fromEntries([dy, ...args].map((name) => [name, name === 'dy' ? normal([5, 8]) : tied]));
