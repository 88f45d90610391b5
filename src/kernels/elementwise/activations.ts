import erf from '../../wgsl/elementwise/lib/erf.wgsl';
import { defineElementwise } from './elementwise.ts';

const SLOPE = 'let e = exp(-abs(x));\n  let s = 1.0 + e;';
const SIGMOID = '1.0 / (1.0 + exp(-x))';

/** `y = max(x, 0)`. The gradient at 0 is 0. NaN stays NaN. */
export const relu = defineElementwise({
  name: 'relu',
  args: ['x'],
  wgsl: 'nan_over(max(x, V(0.0)), x)',
  backward: { x: 'select(dy, V(0.0), y <= V(0.0))' },
});

/**
 * `y = x` where x > 0, else `negative_slope * x` (Maas et al. 2013). negative_slope: default 0.01; it is also the
 * gradient at 0.
 */
export const leakyRelu = defineElementwise({
  name: 'leaky_relu',
  args: ['x'],
  attrs: { negative_slope: 0.01 },
  wgsl: 'select(negative_slope * x, x, x > V(0.0))',
  backward: { x: 'select(negative_slope * dy, dy, x > V(0.0))' },
});

/** `y = x * sigmoid(x)` (Elfwing et al. 2018; also called swish). */
export const silu = defineElementwise({
  name: 'silu',
  args: ['x'],
  wgsl: 'x / (1.0 + exp(-x))',
  backward: { x: `let s = ${SIGMOID};\n  return dy * s * (1.0 + x * (1.0 - s));` },
});

/**
 * `y = x * Φ(x)` with the distribution function Φ of the standard normal (Hendrycks and Gimpel 2016). Computed with
 * erf, not by the tanh approximation.
 */
export const gelu = defineElementwise({
  name: 'gelu',
  args: ['x'],
  functions: erf,
  wgsl: '0.5 * x * (1.0 + erf(0.7071067811865475 * x))',
  backward: {
    x: 'dy * (0.5 * (1.0 + erf(0.7071067811865475 * x)) + x * 0.3989422804014327 * exp(-0.5 * x * x))',
  },
});

// Slopes from x: 1 - y has no digits left where y is nearly 1, least of all in halves.
/** `y = 1 / (1 + exp(-x))`, the logistic function. */
export const sigmoid = defineElementwise({
  name: 'sigmoid',
  args: ['x'],
  wgsl: SIGMOID,
  backward: { x: `${SLOPE}\n  return dy * e / (s * s);` },
});

// Beyond 15 tanh is 1 in f32, and some drivers' own tanh overflows.
/** The hyperbolic tangent: `y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))`. */
export const tanh = defineElementwise({
  name: 'tanh',
  args: ['x'],
  wgsl: 'nan_over(tanh(clamp(x, V(-15.0), V(15.0))), x)',
  backward: { x: `${SLOPE.replace('abs(x)', '2.0 * abs(x)')}\n  return dy * 4.0 * e / (s * s);` },
});

/** `y = x * clamp(x + 3, 0, 6) / 6` (Howard et al. 2019, MobileNetV3, §5.2). The gradient at -3 is -0.5, at 3 it is 1. */
export const hardswish = defineElementwise({
  name: 'hardswish',
  args: ['x'],
  wgsl: 'x * clamp(x + 3.0, V(0.0), V(6.0)) / 6.0',
  backward: {
    x: 'select(select(dy * (x / 3.0 + 0.5), dy, x >= V(3.0)), V(0.0), x < V(-3.0))',
  },
});

/** `y = clamp(x + 3, 0, 6) / 6`. The gradient is 1 / 6 for |x| < 3, and 0 at -3, at 3 and beyond. */
export const hardsigmoid = defineElementwise({
  name: 'hardsigmoid',
  args: ['x'],
  wgsl: 'nan_over(clamp(x + 3.0, V(0.0), V(6.0)) / 6.0, x)',
  backward: { x: 'select(V(0.0), dy / 6.0, abs(x) < V(3.0))' },
});

// From y: it is on a limit where x is there or beyond, and it is kept anyway.
/**
 * `y = min(max(x, min_val), max_val)`. min_val: default -1; max_val: default 1. The gradient is 1 between the limits,
 * and 0 at them and beyond. NaN stays NaN.
 */
export const hardtanh = defineElementwise({
  name: 'hardtanh',
  args: ['x'],
  attrs: { min_val: -1, max_val: 1 },
  wgsl: 'nan_over(clamp(x, V(min_val), V(max_val)), x)',
  backward: { x: 'select(dy, V(0.0), (y <= V(min_val)) | (y >= V(max_val)))' },
});

/** `y = log(1 + exp(x))`, without overflow for large x. */
export const softplus = defineElementwise({
  name: 'softplus',
  args: ['x'],
  wgsl: `max(x, V(0.0)) + log(1.0 + exp(-abs(x)))`,
  backward: { x: `dy * (${SIGMOID})` },
});
