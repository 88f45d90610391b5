import { defineElementwise } from './elementwise.ts';

// As in PyTorch each side takes half at a tie, and all of it beside a NaN.
/** `y = max(a, b)`, of floats or i32; NaN where either is NaN. Where a = b, each gets half of the gradient. */
export const maximum = defineElementwise({
  name: 'maximum',
  args: ['a', 'b'],
  wgsl: 'nan_over(nan_over(max(a, b), a), b)',
  backward: {
    a: 'select(select(dy, 0.5 * dy, a == b), V(0.0), a < b)',
    b: 'select(select(dy, 0.5 * dy, a == b), V(0.0), b < a)',
  },
  integer: true,
});

/** `y = min(a, b)`, of floats or i32; NaN where either is NaN. Where a = b, each gets half of the gradient. */
export const minimum = defineElementwise({
  name: 'minimum',
  args: ['a', 'b'],
  wgsl: 'nan_over(nan_over(min(a, b), a), b)',
  backward: {
    a: 'select(select(dy, 0.5 * dy, a == b), V(0.0), a > b)',
    b: 'select(select(dy, 0.5 * dy, a == b), V(0.0), b > a)',
  },
  integer: true,
});

/** `y = 1` where a = b, else 0, in the dtype of a and b (floats or i32). NaN equals nothing. No gradient. */
export const equal = defineElementwise({
  name: 'equal',
  args: ['a', 'b'],
  wgsl: 'select(V(0), V(1), a == b)',
  backward: {},
  integer: true,
});

// Not by !=, which Dawn makes false where one is NaN.
/**
 * `y = 1` where a and b differ, else 0, in the dtype of a and b (floats or i32). NaN differs from everything. No
 * gradient.
 */
export const notEqual = defineElementwise({
  name: 'not_equal',
  args: ['a', 'b'],
  wgsl: 'select(V(1), V(0), a == b)',
  backward: {},
  integer: true,
});

/** `y = 1` where a > b, else 0, in the dtype of a and b (floats or i32). 0 where either is NaN. No gradient. */
export const greater = defineElementwise({
  name: 'greater',
  args: ['a', 'b'],
  wgsl: 'select(V(0), V(1), a > b)',
  backward: {},
  integer: true,
});

/** `y = 1` where a >= b, else 0, in the dtype of a and b (floats or i32). 0 where either is NaN. No gradient. */
export const greaterEqual = defineElementwise({
  name: 'greater_equal',
  args: ['a', 'b'],
  wgsl: 'select(V(0), V(1), a >= b)',
  backward: {},
  integer: true,
});

/**
 * `y = a` where condition is not 0, else b. All three are floats or all are i32; a condition of NaN is not 0. The
 * gradient goes to a or to b, whichever was taken; condition gets none.
 */
export const where = defineElementwise({
  name: 'where',
  args: ['condition', 'a', 'b'],
  wgsl: 'select(a, b, condition == V(0))',
  backward: { a: 'select(dy, V(0.0), condition == V(0))', b: 'select(V(0.0), dy, condition == V(0))' },
  integer: true,
});
