import { defineElementwise } from './elementwise.ts';

// By == 0 and not by != 0, which Dawn makes false for NaN, and NaN is true.

/** `y = 1` where neither a nor b is 0, else 0, in the dtype of a and b (floats or i32). NaN is not 0. No gradient. */
export const logicalAnd = defineElementwise({
  name: 'logical_and',
  args: ['a', 'b'],
  wgsl: 'select(V(1), V(0), (a == V(0)) | (b == V(0)))',
  backward: {},
  integer: true,
});

/** `y = 1` where a or b is not 0, else 0, in the dtype of a and b (floats or i32). NaN is not 0. No gradient. */
export const logicalOr = defineElementwise({
  name: 'logical_or',
  args: ['a', 'b'],
  wgsl: 'select(V(1), V(0), (a == V(0)) & (b == V(0)))',
  backward: {},
  integer: true,
});

/**
 * `y = 1` where exactly one of a and b is 0, else 0, in the dtype of a and b (floats or i32). NaN is not 0. No
 * gradient.
 */
export const logicalXor = defineElementwise({
  name: 'logical_xor',
  args: ['a', 'b'],
  wgsl: 'select(V(0), V(1), (a == V(0)) != (b == V(0)))',
  backward: {},
  integer: true,
});

/** `y = 1` where x is NaN, else 0. Floats only. No gradient. */
export const isnan = defineElementwise({
  name: 'isnan',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(2.0))',
  backward: {},
});

/** `y = 1` where x is positive or negative infinity, else 0. Floats only. No gradient. */
export const isinf = defineElementwise({
  name: 'isinf',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(1.0))',
  backward: {},
});

/** `y = 1` where x is neither infinite nor NaN, else 0. Floats only. No gradient. */
export const isfinite = defineElementwise({
  name: 'isfinite',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(0.0))',
  backward: {},
});
