import trigonometry from '../../wgsl/elementwise/lib/trigonometry.wgsl';
import { defineElementwise } from './elementwise.ts';

/** The sine of x in radians. Exact to 1e-6 for |x| up to 65,536. NaN for infinities. */
export const sin = defineElementwise({
  name: 'sin',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(sine(x), x)',
  backward: { x: 'dy * cosine(x)' },
});

/** The cosine of x in radians. Exact to 1e-6 for |x| up to 65,536. NaN for infinities. */
export const cos = defineElementwise({
  name: 'cos',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(cosine(x), x)',
  backward: { x: '-dy * sine(x)' },
});

/** The tangent of x in radians: `sin(x) / cos(x)`. */
export const tan = defineElementwise({
  name: 'tan',
  args: ['x'],
  functions: trigonometry,
  wgsl: 'nan_over(sine(x) / cosine(x), x)',
  backward: { x: 'let c = cosine(x);\n  return dy / (c * c);' },
});

/** The angle in radians, from -π / 2 to π / 2, whose tangent is x. */
export const atan = defineElementwise({
  name: 'atan',
  args: ['x'],
  wgsl: 'atan(x)',
  backward: { x: 'dy / (1.0 + x * x)' },
});
