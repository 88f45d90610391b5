import { defineElementwise } from './elementwise.ts';

/** The largest whole number that is not above x. No gradient. */
export const floor = defineElementwise({ name: 'floor', args: ['x'], wgsl: 'floor(x)', backward: {} });

/** The smallest whole number that is not below x. No gradient. */
export const ceil = defineElementwise({ name: 'ceil', args: ['x'], wgsl: 'ceil(x)', backward: {} });

/** x without its fraction: rounds towards 0. No gradient. */
export const trunc = defineElementwise({ name: 'trunc', args: ['x'], wgsl: 'trunc(x)', backward: {} });

// WGSL's round takes halves to the even neighbour, as PyTorch's does.
/** The nearest whole number; halves go to the even one, so 2.5 gives 2. No gradient. */
export const round = defineElementwise({ name: 'round', args: ['x'], wgsl: 'round(x)', backward: {} });

/** `y = 1` where x > 0, -1 where x < 0, else 0, also for NaN; of floats or i32. No gradient. */
export const sign = defineElementwise({
  name: 'sign',
  args: ['x'],
  // Not WGSL's sign, which may do anything with a NaN: PyTorch's gives 0.
  wgsl: 'select(V(0), V(1), x > V(0)) - select(V(0), V(1), x < V(0))',
  backward: {},
  integer: true,
});
