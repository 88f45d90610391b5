import { defineElementwise } from './elementwise.ts';

// The least float: -Infinity is written as this, since WGSL has no literal for it. clamp takes it as "no limit".
const LOWEST = -3.4028234e38;

export const atan = defineElementwise({
  name: 'atan',
  args: ['x'],
  wgsl: 'atan(x)',
  backward: { x: 'g / (1.0 + x * x)' },
});

export const exp = defineElementwise({ name: 'exp', args: ['x'], wgsl: 'exp(x)', backward: { x: 'g * y' } });

export const log = defineElementwise({ name: 'log', args: ['x'], wgsl: 'log(x)', backward: { x: 'g / x' } });

export const sqrt = defineElementwise({
  name: 'sqrt',
  args: ['x'],
  wgsl: 'sqrt(x)',
  backward: { x: 'g / (2.0 * y)' },
});

export const rsqrt = defineElementwise({
  name: 'rsqrt',
  args: ['x'],
  wgsl: '1.0 / sqrt(x)',
  backward: { x: '-0.5 * g * y / x' },
});

export const abs = defineElementwise({
  name: 'abs',
  args: ['x'],
  wgsl: 'abs(x)',
  backward: { x: 'g * sign(x)' },
});

export const neg = defineElementwise({ name: 'neg', args: ['x'], wgsl: '-x', backward: { x: '-g' } });

export const floor = defineElementwise({ name: 'floor', args: ['x'], wgsl: 'floor(x)', backward: {} });

/** a * x + b. */
export const affine = defineElementwise({
  name: 'affine',
  args: ['x'],
  attrs: { scale: 1, shift: 0 },
  wgsl: 'scale * x + shift',
  backward: { x: 'scale * g' },
});

export const clamp = defineElementwise({
  name: 'clamp',
  args: ['x'],
  attrs: { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
  wgsl: `let above = select(max(x, V(low)), x, low <= ${LOWEST});
  return nan_over(select(min(above, V(high)), above, high >= ${-LOWEST}), x);`,
  backward: {
    x: `let above = (x >= V(low)) | (V(low) <= V(${LOWEST}));
  let below = (x <= V(high)) | (V(high) >= V(${-LOWEST}));
  return select(V(0.0), g, above & below);`,
  },
});

export const add = defineElementwise({
  name: 'add',
  args: ['a', 'b'],
  wgsl: 'a + b',
  backward: { a: 'g', b: 'g' },
  integer: true,
});

export const sub = defineElementwise({
  name: 'sub',
  args: ['a', 'b'],
  wgsl: 'a - b',
  backward: { a: 'g', b: '-g' },
  integer: true,
});

export const mul = defineElementwise({
  name: 'mul',
  args: ['a', 'b'],
  wgsl: 'a * b',
  backward: { a: 'g * b', b: 'g * a' },
  integer: true,
});

export const div = defineElementwise({
  name: 'div',
  args: ['a', 'b'],
  wgsl: 'a / b',
  backward: { a: 'g / b', b: '-g * a / (b * b)' },
  integer: true,
});

export const remainder = defineElementwise({
  name: 'remainder',
  args: ['a', 'b'],
  wgsl: 'a % b',
  backward: {},
  integer: true,
});

export const pow = defineElementwise({
  name: 'pow',
  args: ['a', 'b'],
  wgsl: 'power(a, b)',
  backward: {
    a: 'g * b * power(a, b - 1.0)',
    b: 'select(g * y * log(a), V(0.0), a == V(0.0))',
  },
});
