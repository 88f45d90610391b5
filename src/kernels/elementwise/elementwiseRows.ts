/**
 * One row an elementwise operation. Expressions are WGSL over values of type V (f32, vec4f or i32), named
 * after the arguments; a gradient may also use y, the result, and g, the gradient that arrives.
 * An expression that holds `return` is a whole function body. `erf` and `power` stand in lib/special.wgsl;
 * `nan_over(value, x)` is x where that is NaN, else value: WGSL's max, min and clamp may lose a NaN, which
 * PyTorch's hand on. Attributes are written by their names.
 */
export interface ElementwiseRow {
  readonly args: readonly string[];
  /** Attributes and their defaults. */
  readonly attrs?: Readonly<Record<string, number>>;
  readonly wgsl: string;
  /** d loss / d argument; an argument that is left out has no gradient, as rounding and comparisons have none. */
  readonly backward: Readonly<Record<string, string>>;
  /** Also defined on i32. */
  readonly integer?: boolean;
}

const SLOPE = 'let e = exp(-abs(x));\n  let s = 1.0 + e;';
const SIGMOID = '1.0 / (1.0 + exp(-x))';
// log(1 + exp(-|x|)): the part of the logistic losses that stays finite for any x.
const LOG1P_EXP = 'log(1.0 + exp(-abs(x)))';
// The least float: what -Infinity is written as, since WGSL has no literal for it. To clamp it means no limit.
const LOWEST = -3.4028234e38;
// 1 - p_t of the focal loss from both sigmoids, p and q, so that it keeps its digits when it is tiny. A power of 2, the
// usual one, is a product: the condition is a constant, so only one of the two is compiled.
const FOCAL = `let e = exp(-abs(x));
  let near = 1.0 / (1.0 + e);
  let far = e * near;
  let p = select(far, near, x >= V(0.0));
  let q = select(near, far, x >= V(0.0));
  let ce = max(x, V(0.0)) - x * target + log(1.0 + e);
  let miss = max(target * q + (1.0 - target) * p, V(1e-30));
  let weight = select(V(1.0), alpha * target + (1.0 - alpha) * (1.0 - target), V(alpha) >= V(0.0));
  var slope = miss;
  if (gamma != 2.0) { slope = pow(miss, V(gamma - 1.0)); }
  let power = slope * miss;`;

const row = <const R extends ElementwiseRow>(value: R): R => value;

export const elementwiseRows = {
  relu: row({
    args: ['x'],
    wgsl: 'nan_over(max(x, V(0.0)), x)',
    backward: { x: 'select(g, V(0.0), y <= V(0.0))' },
  }),
  leaky_relu: row({
    args: ['x'],
    attrs: { negative_slope: 0.01 },
    wgsl: 'select(negative_slope * x, x, x > V(0.0))',
    backward: { x: 'select(negative_slope * g, g, x > V(0.0))' },
  }),
  silu: row({
    args: ['x'],
    wgsl: 'x / (1.0 + exp(-x))',
    backward: { x: `let s = ${SIGMOID};\n  return g * s * (1.0 + x * (1.0 - s));` },
  }),
  gelu: row({
    args: ['x'],
    wgsl: '0.5 * x * (1.0 + erf(0.7071067811865475 * x))',
    backward: {
      x: 'g * (0.5 * (1.0 + erf(0.7071067811865475 * x)) + x * 0.3989422804014327 * exp(-0.5 * x * x))',
    },
  }),
  // Slopes from x: 1 - y has no digits left where y is nearly 1, least of all in halves.
  sigmoid: row({ args: ['x'], wgsl: SIGMOID, backward: { x: `${SLOPE}\n  return g * e / (s * s);` } }),
  // Beyond 15 tanh is 1 in f32, and some drivers' own tanh overflows.
  tanh: row({
    args: ['x'],
    wgsl: 'nan_over(tanh(clamp(x, V(-15.0), V(15.0))), x)',
    backward: { x: `${SLOPE.replace('abs(x)', '2.0 * abs(x)')}\n  return g * 4.0 * e / (s * s);` },
  }),
  hardswish: row({
    args: ['x'],
    wgsl: 'x * clamp(x + 3.0, V(0.0), V(6.0)) / 6.0',
    backward: {
      x: 'select(select(g * (x / 3.0 + 0.5), g, x >= V(3.0)), V(0.0), x < V(-3.0))',
    },
  }),
  hardsigmoid: row({
    args: ['x'],
    wgsl: 'nan_over(clamp(x + 3.0, V(0.0), V(6.0)) / 6.0, x)',
    backward: { x: 'select(V(0.0), g / 6.0, abs(x) < V(3.0))' },
  }),
  // From y: it is on a limit where x is there or beyond, and it is kept anyway.
  hardtanh: row({
    args: ['x'],
    attrs: { min_val: -1, max_val: 1 },
    wgsl: 'nan_over(clamp(x, V(min_val), V(max_val)), x)',
    backward: { x: 'select(g, V(0.0), (y <= V(min_val)) | (y >= V(max_val)))' },
  }),
  softplus: row({ args: ['x'], wgsl: `max(x, V(0.0)) + ${LOG1P_EXP}`, backward: { x: `g * (${SIGMOID})` } }),
  atan: row({ args: ['x'], wgsl: 'atan(x)', backward: { x: 'g / (1.0 + x * x)' } }),
  exp: row({ args: ['x'], wgsl: 'exp(x)', backward: { x: 'g * y' } }),
  log: row({ args: ['x'], wgsl: 'log(x)', backward: { x: 'g / x' } }),
  sqrt: row({ args: ['x'], wgsl: 'sqrt(x)', backward: { x: 'g / (2.0 * y)' } }),
  rsqrt: row({ args: ['x'], wgsl: '1.0 / sqrt(x)', backward: { x: '-0.5 * g * y / x' } }),
  abs: row({ args: ['x'], wgsl: 'abs(x)', backward: { x: 'g * sign(x)' } }),
  neg: row({ args: ['x'], wgsl: '-x', backward: { x: '-g' } }),
  floor: row({ args: ['x'], wgsl: 'floor(x)', backward: {} }),
  /** a * x + b. */
  affine: row({
    args: ['x'],
    attrs: { scale: 1, shift: 0 },
    wgsl: 'scale * x + shift',
    backward: { x: 'scale * g' },
  }),
  clamp: row({
    args: ['x'],
    attrs: { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY },
    wgsl: `let above = select(max(x, V(low)), x, low <= ${LOWEST});
  return nan_over(select(min(above, V(high)), above, high >= ${-LOWEST}), x);`,
    backward: {
      x: `let above = (x >= V(low)) | (V(low) <= V(${LOWEST}));
  let below = (x <= V(high)) | (V(high) >= V(${-LOWEST}));
  return select(V(0.0), g, above & below);`,
    },
  }),
  add: row({ args: ['a', 'b'], wgsl: 'a + b', backward: { a: 'g', b: 'g' }, integer: true }),
  sub: row({ args: ['a', 'b'], wgsl: 'a - b', backward: { a: 'g', b: '-g' }, integer: true }),
  mul: row({ args: ['a', 'b'], wgsl: 'a * b', backward: { a: 'g * b', b: 'g * a' }, integer: true }),
  div: row({
    args: ['a', 'b'],
    wgsl: 'a / b',
    backward: { a: 'g / b', b: '-g * a / (b * b)' },
    integer: true,
  }),
  remainder: row({ args: ['a', 'b'], wgsl: 'a % b', backward: {}, integer: true }),
  // As in PyTorch each side takes half at a tie, and all of it beside a NaN.
  maximum: row({
    args: ['a', 'b'],
    wgsl: 'nan_over(nan_over(max(a, b), a), b)',
    backward: {
      a: 'select(select(g, 0.5 * g, a == b), V(0.0), a < b)',
      b: 'select(select(g, 0.5 * g, a == b), V(0.0), b < a)',
    },
    integer: true,
  }),
  minimum: row({
    args: ['a', 'b'],
    wgsl: 'nan_over(nan_over(min(a, b), a), b)',
    backward: {
      a: 'select(select(g, 0.5 * g, a == b), V(0.0), a > b)',
      b: 'select(select(g, 0.5 * g, a == b), V(0.0), b > a)',
    },
    integer: true,
  }),
  pow: row({
    args: ['a', 'b'],
    wgsl: 'power(a, b)',
    backward: {
      a: 'g * b * power(a, b - 1.0)',
      b: 'select(g * y * log(a), V(0.0), a == V(0.0))',
    },
  }),
  equal: row({ args: ['a', 'b'], wgsl: 'select(V(0), V(1), a == b)', backward: {}, integer: true }),
  greater: row({ args: ['a', 'b'], wgsl: 'select(V(0), V(1), a > b)', backward: {}, integer: true }),
  greater_equal: row({ args: ['a', 'b'], wgsl: 'select(V(0), V(1), a >= b)', backward: {}, integer: true }),
  where: row({
    args: ['condition', 'a', 'b'],
    wgsl: 'select(b, a, condition != V(0))',
    backward: { a: 'select(V(0.0), g, condition != V(0))', b: 'select(g, V(0.0), condition != V(0))' },
    integer: true,
  }),
  binary_cross_entropy_with_logits: row({
    args: ['x', 'target', 'pos_weight'],
    wgsl: `(1.0 - target) * x + (1.0 + (pos_weight - 1.0) * target) * (${LOG1P_EXP} + max(-x, V(0.0)))`,
    backward: {
      x: 'g * ((1.0 - target) - (1.0 + (pos_weight - 1.0) * target) / (1.0 + exp(x)))',
      target: `g * ((pos_weight - 1.0) * (${LOG1P_EXP} + max(-x, V(0.0))) - x)`,
      pos_weight: `g * target * (${LOG1P_EXP} + max(-x, V(0.0)))`,
    },
  }),
  sigmoid_focal_loss: row({
    args: ['x', 'target'],
    attrs: { alpha: 0.25, gamma: 2 },
    wgsl: `${FOCAL}\n  return weight * ce * power;`,
    backward: {
      x: `${FOCAL}\n  return g * weight * ((p - target) * power - ce * gamma * slope * (2.0 * target - 1.0) * p * q);`,
      target: `${FOCAL}
  let turn = select(V(0.0), V(2.0 * alpha - 1.0), V(alpha) >= V(0.0));
  return g * ((turn * ce - weight * x) * power + weight * ce * gamma * slope * (q - p));`,
    },
  }),
  smooth_l1_loss: row({
    args: ['x', 'target'],
    attrs: { beta: 1 },
    wgsl: `let d = abs(x - target);
  return select(d - 0.5 * beta, 0.5 * d * d / max(beta, 1e-30), d < V(beta));`,
    backward: {
      x: 'let d = x - target;\n  return g * select(sign(d), d / max(beta, 1e-30), abs(d) < V(beta));',
      target: 'let d = target - x;\n  return g * select(sign(d), d / max(beta, 1e-30), abs(d) < V(beta));',
    },
  }),
  l1_loss: row({
    args: ['x', 'target'],
    wgsl: 'abs(x - target)',
    backward: { x: 'g * sign(x - target)', target: 'g * sign(target - x)' },
  }),
  mse_loss: row({
    args: ['x', 'target'],
    wgsl: '(x - target) * (x - target)',
    backward: { x: '2.0 * g * (x - target)', target: '2.0 * g * (target - x)' },
  }),
} as const;

export type ElementwiseName = keyof typeof elementwiseRows;
