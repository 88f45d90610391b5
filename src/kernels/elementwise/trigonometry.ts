import trigonometry from '../../wgsl/elementwise/lib/trigonometry.wgsl';
import { defineElementwise } from './elementwise.ts';

export const sin = defineElementwise({
  name: 'sin',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(sine(x), x)',
  backward: { x: 'g * cosine(x)' },
});

export const cos = defineElementwise({
  name: 'cos',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(cosine(x), x)',
  backward: { x: '-g * sine(x)' },
});

export const tan = defineElementwise({
  name: 'tan',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(sine(x) / cosine(x), x)',
  backward: { x: 'let c = cosine(x);\n  return g / (c * c);' },
});

export const atan = defineElementwise({
  name: 'atan',
  args: ['x'],
  wgsl: 'atan(x)',
  backward: { x: 'g / (1.0 + x * x)' },
});
