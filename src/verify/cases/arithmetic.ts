import type { ElementwiseName } from '../../kernels/ops.ts';
import type { Shape } from '../../shape.ts';
import { type Case, distinct, integers, normal, uniform, values } from './case.ts';
import {
  apart,
  between,
  binary,
  extremes,
  FOURS,
  far,
  few,
  integersOf,
  nans,
  nonzero,
  ODD,
  odd,
  oddPairs,
  row,
  special,
  tied,
  unary,
  wholes,
} from './elementwiseRows.ts';

/** Multiples of quarter turns, and what lies far out. */
const angles = [0, -0, 1e-30, 0.5, 1, 2, 4].map((n) => n * Math.PI).concat([1e4, -1e4, 88.9, -88.9, 1e-5]);

/** Whole numbers up to the least and the greatest: of the least -x is too large for an i32, and wraps around. */
const wholeEnds = values([7], [0, -1, 1, 5, -2147483648, 2147483647, -2147483647], 'i32');

const bits = (shape: Shape) => integers(shape, 0, 2, 'f32');

/** Zeros and others on both sides; NaN is not 0. */
const logic = (op: 'logical_and' | 'logical_or' | 'logical_xor'): Case[] => [
  ...few(binary(op, bits, bits, [])),
  row(op, 'ties', { a: tied, b: integers([8], -1, 2, 'f32') }),
  row(op, 'NaN and infinities', oddPairs),
  integersOf(op, integers([3, 7], -1, 2), integers([7], 0, 2)),
];
/** Rows of arithmetic, functions, rounding and comparisons. */
const modulo = (op: 'fmod' | 'remainder'): Case[] => [
  ...few(binary(op, (shape) => uniform(shape, -9, 9), far, [])),
  row(op, 'all signs, multiples too', {
    a: values([8], [5.5, -5.5, 5.5, -5.5, 6, -6, 6, -6]),
    b: values([8], [2, 2, -2, -2, 3, 3, -3, -3]),
  }),
  row(
    op,
    'gradients between the jumps',
    { a: values([4], [5.3, -7.1, 2.4, 8.2]), b: values([4], [2, 3, -1.5, 2.5]) },
    { grad: ['a', 'b'] },
  ),
  integersOf(op, wholes, nonzero),
];

export const arithmeticRows = {
  atan: [...unary('atan', (s) => normal(s, 3)), ...special('atan', extremes)],
  sin: [
    ...unary('sin', (s) => normal(s, 3)),
    ...special('sin', angles),
    row('sin', 'of so much that f32 has few digits left', { x: uniform([40], -60000, 60000) }),
    ...nans('sin'),
  ],
  cos: [
    ...unary('cos', (s) => normal(s, 3)),
    ...special('cos', angles),
    row('cos', 'of so much that f32 has few digits left', { x: uniform([40], -60000, 60000) }),
    ...nans('cos'),
  ],
  tan: [
    ...unary('tan', (s) => uniform(s, -1.3, 1.3)),
    ...special('tan', [0, -0, 1e-30, 1e-5, 0.785, 2.5, -2.5, 1e4, 88.9, 3]),
    ...nans('tan'),
  ],
  exp: unary('exp', normal),
  expm1: [
    ...unary('expm1', normal),
    row('expm1', 'near 0', { x: uniform([41], -0.6, 0.6) }, { atol: 0, rtol: 2e-6 }),
    row('expm1', 'nearly nothing', { x: uniform([12], -1e-6, 1e-6) }, { atol: 0, rtol: 2e-6 }),
    ...special('expm1', [0, -0, 1e-30, 0.5, -0.5, 88, -88.9, -1e4, 15, Infinity, -Infinity, NaN]),
  ],
  log: unary('log', (s) => uniform(s, 0.1, 5)),
  log1p: [
    ...unary('log1p', (s) => uniform(s, -0.8, 5)),
    row('log1p', 'near 0', { x: uniform([41], -0.4, 0.6) }, { atol: 0, rtol: 2e-6 }),
    row('log1p', 'nearly nothing', { x: uniform([12], -1e-6, 1e-6) }, { atol: 0, rtol: 2e-6 }),
    ...special('log1p', [0, -0, 1e-30, -0.999, 1e4, -0.3, 0.5, Infinity]),
  ],
  erf: [
    ...unary('erf', normal),
    row('erf', 'near 0', { x: uniform([41], -0.5, 0.5) }, { atol: 0, rtol: 2e-6 }),
    row('erf', 'nearly nothing', { x: uniform([12], -1e-6, 1e-6) }, { atol: 0, rtol: 2e-6 }),
    ...special('erf', [...extremes, Infinity, -Infinity, NaN, 4.2, -4.2, 0.5]),
  ],
  sqrt: [...unary('sqrt', (s) => uniform(s, 0.1, 5)), ...special('sqrt', [0, 1e-30, 1e30])],
  rsqrt: unary('rsqrt', (s) => uniform(s, 0.1, 5)),
  abs: [...unary('abs', apart), ...special('abs', extremes), row('abs', 'i32', { x: wholeEnds })],
  neg: [...unary('neg', normal), row('neg', 'i32', { x: wholeEnds })],
  floor: [
    row('floor', 'odd size', { x: normal(ODD, 9) }),
    ...special('floor', [-1, -0.5, 0, 0.5, 1, 1e9, -1e9, 2.9999998]),
  ],
  ceil: [
    row('ceil', 'odd size', { x: normal(ODD, 9) }),
    ...special('ceil', [-1, -0.5, 0, 0.5, 1, 1e9, -1e9, 2.9999998, 1e-30, -1e-30]),
    ...nans('ceil'),
  ],
  trunc: [
    row('trunc', 'odd size', { x: normal(ODD, 9) }),
    ...special('trunc', [-1, -0.5, 0, 0.5, 1, 1e9, -1e9, 2.9999998, -2.9999998, 3e9]),
    ...nans('trunc'),
  ],
  round: [
    row('round', 'odd size', { x: normal(ODD, 9) }),
    row('round', 'halves, to the even neighbour', {
      x: values([12], [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 1023.5, -1024.5, 0.49999997]),
    }),
    ...special('round', [-1, 0, 1e9, -1e9, 2.9999998, 8388609, 1e-30]),
    ...nans('round'),
  ],
  sign: [
    row('sign', 'odd size', { x: apart(ODD) }),
    ...special('sign', extremes),
    ...nans('sign'),
    row('sign', 'i32', { x: wholeEnds }),
  ],
  affine: [
    ...unary('affine', normal, { attrs: { scale: -2.5, shift: 0.75 } }),
    row('affine', 'tiny numbers', { x: normal([7]) }, { attrs: { scale: 1e-7, shift: 1e-21 }, atol: 1e-12 }),
    row('affine', 'numbers without a fraction', { x: normal([7]) }, { attrs: { scale: 1e21, shift: 3 } }),
  ],
  clamp: [
    ...unary('clamp', distinct, { attrs: { low: -0.51, high: 0.83 } }),
    row('clamp', 'from below', { x: distinct(ODD) }, { attrs: { low: 0.013 }, grad: ['x'] }),
    ...nans('clamp', { attrs: { low: -0.5, high: 0.75 } }),
    row('clamp', 'NaN and infinities, from below', { x: values([8], odd) }, { attrs: { low: -0.5 } }),
    row('clamp', 'NaN and infinities, from above', { x: values([8], odd) }, { attrs: { high: 0.5 } }),
    row('clamp', 'limits that cross', { x: distinct(ODD) }, { attrs: { low: 0.5, high: -0.5 } }),
    row('clamp', 'no limits', { x: normal(FOURS) }, { attrs: { low: -Infinity, high: Infinity } }),
  ],
  add: [...binary('add', normal, normal, ['a', 'b']), integersOf('add', wholes, nonzero)],
  sub: [...few(binary('sub', normal, normal, ['a', 'b'])), integersOf('sub', wholes, nonzero)],
  mul: [...binary('mul', normal, normal, ['a', 'b']), integersOf('mul', wholes, nonzero)],
  div: [...few(binary('div', normal, far, ['a', 'b'])), integersOf('div', wholes, nonzero)],
  fmod: modulo('fmod'),
  remainder: modulo('remainder'),
  maximum: [
    ...few(binary('maximum', distinct, between, ['a', 'b'])),
    row('maximum', 'ties', { a: tied, b: tied }),
    row('maximum', 'NaN and infinities', oddPairs),
    integersOf('maximum', wholes, nonzero),
  ],
  minimum: [
    ...few(binary('minimum', distinct, between, ['a', 'b'])),
    row('minimum', 'ties', { a: tied, b: tied }),
    row('minimum', 'NaN and infinities', oddPairs),
    integersOf('minimum', wholes, nonzero),
  ],
  pow: [
    ...few(binary('pow', (s) => uniform(s, 0.2, 3), normal, ['a', 'b'])),
    row('pow', 'special values', {
      a: values([12], [-2, -2, -2, 0, 0, -1.5, 4, 1e-3, -3, -1, 0, 7]),
      b: values([12], [2, 3, -1, 0, 2, 0, 0.5, 2, 1, 5, 1, 0]),
    }),
    row('pow', '0 to negative exponents', {
      a: values([6], [0, 0, 0, -0, -0, 2]),
      b: values([6], [-1, -2, -0.5, -1, -2, -1]),
    }),
  ],
  not_equal: [
    ...few(binary('not_equal', normal, normal, [])),
    row('not_equal', 'ties', { a: tied, b: tied }),
    row('not_equal', 'NaN and infinities', oddPairs),
    integersOf('not_equal', wholes, nonzero),
  ],
  logical_and: logic('logical_and'),
  logical_or: logic('logical_or'),
  logical_xor: logic('logical_xor'),
  isnan: [...nans('isnan'), row('isnan', 'odd size', { x: normal(ODD) }), ...special('isnan', extremes)],
  isinf: [...nans('isinf'), row('isinf', 'odd size', { x: normal(ODD) }), ...special('isinf', extremes)],
  isfinite: [
    ...nans('isfinite'),
    row('isfinite', 'odd size', { x: normal(ODD) }),
    ...special('isfinite', extremes),
  ],
  equal: [...few(binary('equal', normal, normal, [])), row('equal', 'ties', { a: tied, b: tied })],
  greater: [row('greater', 'ties', { a: tied, b: tied }), integersOf('greater', wholes, nonzero)],
  greater_equal: [
    row('greater_equal', 'ties', { a: tied, b: integers([8], -2, 3, 'f32') }),
    integersOf('greater_equal', wholes, nonzero),
  ],
  where: [
    row(
      'where',
      'odd size',
      { condition: integers(ODD, -1, 2, 'f32'), a: normal(ODD), b: normal(ODD) },
      { grad: ['a', 'b'] },
    ),
    row(
      'where',
      'broadcast',
      { condition: integers([4, 1, 8], 0, 2, 'f32'), a: normal([8]), b: normal([3, 1]) },
      { grad: ['a', 'b'] },
    ),
    row('where', 'i32', {
      condition: integers([9], 0, 2),
      a: integers([9], 0, 50),
      b: integers([1], 60, 70),
    }),
  ],
} satisfies Partial<Record<ElementwiseName, readonly Case[]>>;
