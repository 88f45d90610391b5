import { defineElementwise } from './elementwise.ts';

export const floor = defineElementwise({ name: 'floor', args: ['x'], wgsl: 'floor(x)', backward: {} });

export const ceil = defineElementwise({ name: 'ceil', args: ['x'], wgsl: 'ceil(x)', backward: {} });

export const trunc = defineElementwise({ name: 'trunc', args: ['x'], wgsl: 'trunc(x)', backward: {} });

// WGSL's round takes halves to the even neighbour, as PyTorch's does.
export const round = defineElementwise({ name: 'round', args: ['x'], wgsl: 'round(x)', backward: {} });

export const sign = defineElementwise({
  name: 'sign',
  args: ['x'],
  // Not WGSL's sign, which may do anything with a NaN: PyTorch's gives 0.
  wgsl: 'select(V(0), V(1), x > V(0)) - select(V(0), V(1), x < V(0))',
  backward: {},
  integer: true,
});
