import type { ElementwiseName, ElementwiseOp } from '../../kernels/ops.ts';
import type { Shape } from '../../shape.ts';
import { type Case, distinct, type InputSpec, integers, normal, uniform, values } from './case.ts';

type Inputs = Case['inputs'];

const ODD: Shape = [3, 5, 7];
const FOURS: Shape = [4, 3, 8];

const row = (op: ElementwiseOp, name: string, inputs: Inputs, more: Partial<Case> = {}): Case => ({
  op,
  name,
  inputs,
  ...more,
});

type Fill = (shape: Shape) => InputSpec;

/** One argument x: a size that four divides, and one that it does not. */
const unary = (op: ElementwiseOp, fill: Fill, more: Partial<Case> = {}): Case[] => [
  row(op, 'odd size', { x: fill(ODD) }, { grad: ['x'], ...more }),
  row(op, 'four at a time', { x: fill(FOURS) }, { grad: ['x'], ...more }),
];

/** Values without a gradient check: kinks, and what overflows. */
const special = (op: ElementwiseOp, list: readonly number[], more: Partial<Case> = {}): Case[] => [
  row(op, 'special values', { x: values([list.length], list) }, more),
];

/** No value at 0, where the kinks are. */
const apart = (shape: Shape): InputSpec => distinct(shape, -2, 2.1);

/** What is no number, and what is none of the finite ones: PyTorch's functions hand NaN on. */
const odd = [NaN, Infinity, -Infinity, -0, 0, 1, -1, NaN];
const oddPairs: Inputs = {
  a: values([12], [NaN, 1, NaN, Infinity, -Infinity, 0, -0, NaN, Infinity, 2, -Infinity, NaN]),
  b: values([12], [1, NaN, NaN, Infinity, -Infinity, -0, 0, Infinity, NaN, Infinity, 2, -Infinity]),
};
const nans = (op: ElementwiseOp, more: Partial<Case> = {}): Case[] =>
  [odd, odd.slice(1)].map((list, i) =>
    row(op, `NaN and infinities${i === 0 ? ' by fours' : ''}`, { x: values([list.length], list) }, more),
  );

const extremes = [0, 1e-30, 1e4, -1e4, 88.9, -88.9, 15, -15, 3, -3];

/** Ways in which two shapes broadcast, one for each way of reading in fused.ts; the last is expanded first. */
const broadcasts: readonly (readonly [name: string, a: Shape, b: Shape])[] = [
  ['one shape, odd', [3, 4, 5], [3, 4, 5]],
  ['one shape, four at a time', [2, 3, 4, 8], [2, 3, 4, 8]],
  ['a scalar', [3, 5, 2], [1]],
  ['a scalar of no dimension, on the left', [], [4, 4]],
  ['channels', [2, 3, 5, 6], [6]],
  ['channels by fours', [2, 3, 5, 8], [8]],
  ['last two dimensions', [3, 4, 5], [1, 4, 5]],
  ['rows', [4, 6], [4, 1]],
  ['rows by fours', [2, 3, 8], [2, 3, 1]],
  ['images', [3, 2, 5], [3, 1, 1]],
  ['outer', [4, 1, 6], [1, 5, 6]],
  ['both ways', [2, 1, 3, 1], [1, 5, 1, 4]],
  ['between', [2, 3, 4], [3, 1]],
  ['none', [0, 3], [3]],
];

const binary = (op: ElementwiseOp, fillA: Fill, fillB: Fill, grad: readonly string[]): Case[] =>
  broadcasts.map(([name, a, b]) => row(op, name, { a: fillA(a), b: fillB(b) }, grad.length ? { grad } : {}));

/** The shapes that differ in how they are read, for operations whose broadcasting is the same as add's. */
const few = (list: readonly Case[]): Case[] =>
  list.filter(({ name }) => ['one shape, odd', 'channels by fours', 'rows', 'outer'].includes(name));

const far = (shape: Shape): InputSpec => uniform(shape, 2, 4);
/** Apart from every value of `distinct` over the same range, whatever the two shapes are. */
const between = (shape: Shape): InputSpec => distinct(shape, -1.97, 2.01);

const integersOf = (op: ElementwiseOp, a: InputSpec, b: InputSpec): Case => row(op, 'i32', { a: a, b: b });
const wholes = integers([3, 7], -9, 10);
const nonzero = values([7], [3, -2, 1, 5, -7, 2, -1], 'i32');
const tied = integers([5, 8], -2, 3, 'f32');

const both = (g: string, ...args: readonly string[]): Inputs =>
  Object.fromEntries([g, ...args].map((name) => [name, name === 'g' ? normal([5, 8]) : tied]));

/** The rows of each operation's own expression. A missing operation is a type error. */
const forward: Record<ElementwiseName, readonly Case[]> = {
  relu: [...unary('relu', apart), ...special('relu', extremes), ...nans('relu')],
  leaky_relu: [
    ...unary('leaky_relu', apart),
    ...nans('leaky_relu'),
    row('leaky_relu', 'slope', { x: apart(ODD) }, { attrs: { negative_slope: 0.3 }, grad: ['x'] }),
  ],
  silu: [...unary('silu', (s) => normal(s, 3)), ...special('silu', extremes)],
  gelu: [...unary('gelu', (s) => normal(s, 2)), ...special('gelu', extremes)],
  sigmoid: [...unary('sigmoid', (s) => normal(s, 3)), ...special('sigmoid', extremes)],
  tanh: [...unary('tanh', normal), ...special('tanh', extremes), ...nans('tanh')],
  hardswish: [...unary('hardswish', (s) => distinct(s, -5, 5)), ...special('hardswish', extremes)],
  hardsigmoid: [
    ...unary('hardsigmoid', (s) => distinct(s, -5, 5)),
    ...special('hardsigmoid', extremes),
    ...nans('hardsigmoid'),
  ],
  hardtanh: [
    ...unary('hardtanh', (s) => distinct(s, -5, 8), { attrs: { min_val: 0, max_val: 6 } }),
    ...special('hardtanh', extremes),
    ...nans('hardtanh'),
  ],
  softplus: [...unary('softplus', (s) => normal(s, 4)), ...special('softplus', extremes)],
  atan: [...unary('atan', (s) => normal(s, 3)), ...special('atan', extremes)],
  exp: unary('exp', normal),
  log: unary('log', (s) => uniform(s, 0.1, 5)),
  sqrt: [...unary('sqrt', (s) => uniform(s, 0.1, 5)), ...special('sqrt', [0, 1e-30, 1e30])],
  rsqrt: unary('rsqrt', (s) => uniform(s, 0.1, 5)),
  abs: [...unary('abs', apart), ...special('abs', extremes)],
  neg: unary('neg', normal),
  floor: [
    row('floor', 'odd size', { x: normal(ODD, 9) }),
    ...special('floor', [-1, -0.5, 0, 0.5, 1, 1e9, -1e9, 2.9999998]),
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
  remainder: [
    ...few(binary('remainder', (s) => uniform(s, -9, 9), far, [])),
    integersOf('remainder', wholes, nonzero),
  ],
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
  binary_cross_entropy_with_logits: [
    row(
      'binary_cross_entropy_with_logits',
      'weights of three classes',
      { x: normal([7, 3], 3), target: uniform([7, 3]), pos_weight: uniform([3], 0.5, 4) },
      { grad: ['x', 'target', 'pos_weight'] },
    ),
    row(
      'binary_cross_entropy_with_logits',
      'one weight, four at a time',
      { x: normal([6, 4], 3), target: integers([6, 4], 0, 2, 'f32'), pos_weight: values([1], [1]) },
      { grad: ['x'] },
    ),
    row(
      'binary_cross_entropy_with_logits',
      'extreme logits',
      {
        x: values([8], [1e4, -1e4, 1e4, -1e4, 90, -90, 0, 1e-6]),
        target: values([8], [1, 0, 0, 1, 1, 1, 0.5, 0]),
        pos_weight: values([1], [2]),
      },
      { grad: ['x', 'target', 'pos_weight'] },
    ),
  ],
  sigmoid_focal_loss: [
    row(
      'sigmoid_focal_loss',
      'odd size',
      { x: normal([7, 3], 2), target: integers([7, 3], 0, 2, 'f32') },
      { grad: ['x'] },
    ),
    row(
      'sigmoid_focal_loss',
      'soft targets, four at a time',
      { x: normal([6, 4], 2), target: uniform([6, 4]) },
      { attrs: { alpha: 0.6, gamma: 1.5 }, grad: ['x', 'target'] },
    ),
    row(
      'sigmoid_focal_loss',
      'no alpha',
      { x: normal([11]), target: uniform([11]) },
      { attrs: { alpha: -1, gamma: 3 }, grad: ['x', 'target'] },
    ),
    row(
      'sigmoid_focal_loss',
      'gamma 0 is the cross entropy',
      { x: normal([11]), target: integers([11], 0, 2, 'f32') },
      { attrs: { gamma: 0 }, grad: ['x'] },
    ),
    row(
      'sigmoid_focal_loss',
      'extreme logits',
      {
        x: values([8], [1e4, -1e4, 1e4, -1e4, 60, -60, 0, 17]),
        target: values([8], [1, 0, 0, 1, 1, 1, 0, 1]),
      },
      { grad: ['x', 'target'] },
    ),
  ],
  smooth_l1_loss: [
    ...['odd size', 'small beta'].map((name, i) =>
      row(
        'smooth_l1_loss',
        name,
        { x: distinct([9, 3]), target: distinct([9, 3], -1.9, 2.1) },
        { attrs: { beta: i === 0 ? 1.017 : 0.113 }, grad: ['x', 'target'] },
      ),
    ),
    row('smooth_l1_loss', 'ties', { x: tied, target: tied }, { attrs: { beta: 1 } }),
    row(
      'smooth_l1_loss',
      'beta 0',
      { x: distinct([7]), target: distinct([7], -1.9, 2.1) },
      { attrs: { beta: 0 } },
    ),
  ],
  l1_loss: [
    row(
      'l1_loss',
      'odd size',
      { x: distinct([9, 3]), target: distinct([9, 3], -1.97, 2.03) },
      { grad: ['x', 'target'] },
    ),
    row('l1_loss', 'ties', { x: tied, target: tied }),
  ],
  mse_loss: [
    row(
      'mse_loss',
      'four at a time',
      { x: normal([6, 4]), target: normal([6, 4]) },
      { grad: ['x', 'target'] },
    ),
    row('mse_loss', 'odd size', { x: normal([9, 3]), target: normal([9, 3]) }, { grad: ['x', 'target'] }),
  ],
};

const g = (length: number): InputSpec => normal([length]);

/** Gradients where finite differences have nothing to say: at kinks and ties, and far out. */
const backward: readonly Case[] = [
  // Graphs leave these out: the gradient is what arrives.
  ...(['add_backward_a', 'add_backward_b', 'sub_backward_a'] as const).map((op) =>
    row(op, 'what arrives', { g: g(7) }),
  ),
  row('relu_backward_x', 'at and near 0', { g: g(5), y: values([5], [0, 1e-30, 2, 0, 3]) }),
  row('relu_backward_x', 'NaN and infinity', { g: g(4), y: values([4], [NaN, Infinity, 0, 1]) }),
  row('clamp_backward_x', 'NaN and infinities', { g: g(8), x: values([8], odd) }, { attrs: { low: -1 } }),
  row('leaky_relu_backward_x', 'at 0', { g: g(5), x: values([5], [0, -0, -1, 1, 2]) }),
  row('hardswish_backward_x', 'at the kinks', { g: g(6), x: values([6], [-3, 3, 0, -4, 4, 2.9]) }),
  row('hardsigmoid_backward_x', 'at the kinks', { g: g(6), x: values([6], [-3, 3, 0, -4, 4, 2.9]) }),
  row('hardtanh_backward_x', 'on the limits, NaN', { g: g(6), y: values([6], [-1, 1, 0, -0.99, 0.99, NaN]) }),
  row('silu_backward_x', 'far out', { g: g(6), x: values([6], [1e4, -1e4, 88.9, -88.9, 0, 20]) }),
  row('gelu_backward_x', 'far out', { g: g(6), x: values([6], [1e4, -1e4, 10, -10, 0, 3]) }),
  row('softplus_backward_x', 'far out', { g: g(6), x: values([6], [1e4, -1e4, 90, -90, 0, 20]) }),
  row('abs_backward_x', 'at 0', { g: g(4), x: values([4], [0, -0, -1, 1]) }),
  row(
    'clamp_backward_x',
    'at the limits',
    { g: g(6), x: values([6], [-1, 1, -2, 2, 0, 0.5]) },
    { attrs: { low: -1, high: 1 } },
  ),
  row('maximum_backward_a', 'ties', both('g', 'a', 'b')),
  row('maximum_backward_a', 'NaN and infinities', { g: g(12), ...oddPairs }),
  row('maximum_backward_b', 'ties', both('g', 'a', 'b')),
  row('maximum_backward_b', 'NaN and infinities', { g: g(12), ...oddPairs }),
  row('minimum_backward_a', 'ties', both('g', 'a', 'b')),
  row('minimum_backward_a', 'NaN and infinities', { g: g(12), ...oddPairs }),
  row('minimum_backward_b', 'ties', both('g', 'a', 'b')),
  row('minimum_backward_b', 'NaN and infinities', { g: g(12), ...oddPairs }),
  row('pow_backward_a', 'base 0, negative base', {
    g: g(5),
    a: values([5], [0, 0, -2, -3, 4]),
    b: values([5], [2, 1, 3, 2, 0]),
  }),
  row('pow_backward_b', 'base 0', {
    g: g(3),
    a: values([3], [0, 1, 2]),
    y: values([3], [0, 1, 0.5]),
  }),
  row('binary_cross_entropy_with_logits_backward_x', 'extreme logits', {
    g: g(6),
    x: values([6], [1e4, -1e4, 1e4, -1e4, 90, -90]),
    target: values([6], [1, 0, 0, 1, 1, 0.5]),
    pos_weight: values([1], [2]),
  }),
  row('sigmoid_focal_loss_backward_x', 'extreme logits', {
    g: g(6),
    x: values([6], [1e4, -1e4, 1e4, -1e4, 60, -60]),
    target: values([6], [1, 0, 0, 1, 1, 1]),
  }),
  row('smooth_l1_loss_backward_x', 'ties, at beta', {
    g: g(5),
    x: values([5], [0, 1, 1, 2, -1]),
    target: values([5], [0, 1, 0, 0, 0]),
  }),
  row('l1_loss_backward_x', 'ties', {
    g: g(4),
    x: values([4], [1, 2, 3, -1]),
    target: values([4], [1, 1, 4, -1]),
  }),
  row('l1_loss_backward_target', 'ties', {
    g: g(4),
    x: values([4], [1, 2, 3, -1]),
    target: values([4], [1, 1, 4, -1]),
  }),
];

export const elementwiseCases: Case[] = [...Object.values(forward).flat(), ...backward];
