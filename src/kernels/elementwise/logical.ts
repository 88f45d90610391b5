import { defineElementwise } from './elementwise.ts';

// By == 0 and not by != 0, which Dawn makes false for NaN, and NaN is true.

export const logicalAnd = defineElementwise({
  name: 'logical_and',
  args: ['a', 'b'],
  wgsl: 'select(V(1), V(0), (a == V(0)) | (b == V(0)))',
  backward: {},
  integer: true,
});

export const logicalOr = defineElementwise({
  name: 'logical_or',
  args: ['a', 'b'],
  wgsl: 'select(V(1), V(0), (a == V(0)) & (b == V(0)))',
  backward: {},
  integer: true,
});

export const logicalXor = defineElementwise({
  name: 'logical_xor',
  args: ['a', 'b'],
  wgsl: 'select(V(0), V(1), (a == V(0)) != (b == V(0)))',
  backward: {},
  integer: true,
});

export const isnan = defineElementwise({
  name: 'isnan',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(2.0))',
  backward: {},
});

export const isinf = defineElementwise({
  name: 'isinf',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(1.0))',
  backward: {},
});

export const isfinite = defineElementwise({
  name: 'isfinite',
  args: ['x'],
  wgsl: 'select(V(0.0), V(1.0), number_class(x) == V(0.0))',
  backward: {},
});
