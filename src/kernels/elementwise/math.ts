import erfFunction from '../../wgsl/elementwise/lib/erf.wgsl';
import power from '../../wgsl/elementwise/lib/power.wgsl';
import { defineElementwise } from './elementwise.ts';

// The least float: -Infinity is written as this, since WGSL has no literal for it. clamp takes it as "no limit".
const LOWEST = -3.4028234e38;

/** `y = e^x`. Infinity where that is beyond the largest float. */
export const exp = defineElementwise({ name: 'exp', args: ['x'], wgsl: 'exp(x)', backward: { x: 'dy * y' } });

// exp(x) - 1 has no digits left near 0, where the first terms of the series have all of them.
/** `y = e^x - 1`, also precise where x is near 0. */
export const expm1 = defineElementwise({
  name: 'expm1',
  args: ['x'],
  wgsl: `let high = 1.0 + x / 5.0 * (1.0 + x / 6.0 * (1.0 + x / 7.0));
  let near = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * high)));
  return nan_over(select(exp(x) - 1.0, near, abs(x) < V(0.5)), x);`,
  backward: { x: 'dy * exp(x)' },
});

/** The natural logarithm. -Infinity at 0, NaN below 0. */
export const log = defineElementwise({ name: 'log', args: ['x'], wgsl: 'log(x)', backward: { x: 'dy / x' } });

// Near 0 as 2 atanh(x / (2 + x)), by its series: 1 + x has lost x's digits there.
/** `y = log(1 + x)`, also precise where x is near 0. -Infinity at -1, NaN below -1. */
export const log1p = defineElementwise({
  name: 'log1p',
  args: ['x'],
  wgsl: `let r = x / (2.0 + x);
  let s = r * r;
  let near = 2.0 * r * (1.0 + s * (1.0 / 3.0 + s * (1.0 / 5.0 + s * (1.0 / 7.0 + s / 9.0))));
  return select(log(1.0 + x), near, (x > V(-0.3)) & (x < V(0.5)));`,
  backward: { x: 'dy / (1.0 + x)' },
});

// erf.wgsl is exact to 1.5e-7 of 1, not of what is near 0: the series is, there.
/** The error function: `2 / sqrt(π)` times the integral of `exp(-t²)` from 0 to x. */
export const erf = defineElementwise({
  name: 'erf',
  args: ['x'],
  functions: erfFunction,
  wgsl: `let s = x * x;
  let series = 1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0 - s * (1.0 / 216.0 - s / 1320.0))));
  return select(erf(x), 1.1283791670955126 * x * series, abs(x) < V(0.5));`,
  backward: { x: '1.1283791670955126 * dy * exp(-x * x)' },
});

/** The square root. NaN below 0. The gradient at 0 is infinite. */
export const sqrt = defineElementwise({
  name: 'sqrt',
  args: ['x'],
  wgsl: 'sqrt(x)',
  backward: { x: 'dy / (2.0 * y)' },
});

/** `y = 1 / sqrt(x)`. Infinity at 0, NaN below 0. */
export const rsqrt = defineElementwise({
  name: 'rsqrt',
  args: ['x'],
  wgsl: '1.0 / sqrt(x)',
  backward: { x: '-0.5 * dy * y / x' },
});

/** `y = |x|`, of floats or i32. The gradient at 0 is 0. */
export const abs = defineElementwise({
  name: 'abs',
  args: ['x'],
  wgsl: 'abs(x)',
  backward: { x: 'dy * sign(x)' },
  integer: true,
});

/** `y = -x`, of floats or i32. */
export const neg = defineElementwise({
  name: 'neg',
  args: ['x'],
  wgsl: '-x',
  backward: { x: '-dy' },
  integer: true,
});

/** a * x + b. */
export const affine = defineElementwise({
  name: 'affine',
  args: ['x'],
  attrs: { scale: 1, shift: 0 },
  wgsl: 'scale * x + shift',
  backward: { x: 'scale * dy' },
});

/**
 * `y = min(max(x, low), high)`. low, high: no limit where left out. NaN stays NaN. The gradient is 1 inside and on the
 * limits, 0 outside and for NaN.
 */
export const clamp = defineElementwise({
  name: 'clamp',
  args: ['x'],
  attrs: { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
  wgsl: `let above = select(max(x, V(low)), x, low <= ${LOWEST});
  return nan_over(select(min(above, V(high)), above, high >= ${-LOWEST}), x);`,
  backward: {
    x: `let above = (x >= V(low)) | (V(low) <= V(${LOWEST}));
  let below = (x <= V(high)) | (V(high) >= V(${-LOWEST}));
  return select(V(0.0), dy, above & below);`,
  },
});

/** `y = a + b`, of floats or i32, which wraps around. */
export const add = defineElementwise({
  name: 'add',
  args: ['a', 'b'],
  wgsl: 'a + b',
  backward: { a: 'dy', b: 'dy' },
  integer: true,
});

/** `y = a - b`, of floats or i32, which wraps around. */
export const sub = defineElementwise({
  name: 'sub',
  args: ['a', 'b'],
  wgsl: 'a - b',
  backward: { a: 'dy', b: '-dy' },
  integer: true,
});

/** `y = a * b`, of floats or i32, which wraps around. */
export const mul = defineElementwise({
  name: 'mul',
  args: ['a', 'b'],
  wgsl: 'a * b',
  backward: { a: 'dy * b', b: 'dy * a' },
  integer: true,
});

/** `y = a / b`. i32 truncates towards 0. Floats divided by 0 give an infinity, or NaN for 0 / 0. */
export const div = defineElementwise({
  name: 'div',
  args: ['a', 'b'],
  wgsl: 'a / b',
  backward: { a: 'dy / b', b: '-dy * a / (b * b)' },
  integer: true,
});

/**
 * `y = a - b * trunc(a / b)`, of floats or i32: the result has the sign of a, like `%` in C and JavaScript. WGSL's `%` is
 * that formula and no exact remainder: near multiples of b, and where a / b is large, adapters differ by up to b. A
 * divisor of 0 or infinity gives NaN.
 */
export const fmod = defineElementwise({
  name: 'fmod',
  args: ['a', 'b'],
  wgsl: 'a % b',
  backward: { a: 'dy', b: '-dy * trunc(a / b)' },
  integer: true,
});

/** `y = a - b * floor(a / b)`, of floats or i32: the result has the sign of b, like `%` in Python. As exact as `fmod`. */
export const remainder = defineElementwise({
  name: 'remainder',
  args: ['a', 'b'],
  wgsl: 'a % b + select(V(0), b, (a % b != V(0)) & ((a % b < V(0)) != (b < V(0))))',
  backward: { a: 'dy', b: '-dy * floor(a / b)' },
  integer: true,
});

/**
 * `y = a^b`. `0^0` is 1; 0 to a negative b is an infinity; a negative a needs a whole b, and gives NaN otherwise. The
 * gradient with respect to a is 0 where b is 0, that with respect to b where a is 0.
 */
export const pow = defineElementwise({
  name: 'pow',
  args: ['a', 'b'],
  functions: power,
  wgsl: 'power(a, b)',
  backward: {
    a: 'select(dy * b * power(a, b - 1.0), V(0.0), b == V(0.0))',
    b: 'select(dy * y * log(a), V(0.0), a == V(0.0))',
  },
});
