import type { ElementwiseName } from '../../kernels/ops.ts';
import { activationRows } from './activations.ts';
import { arithmeticRows } from './arithmetic.ts';
import { type Case, type InputSpec, normal, values } from './case.ts';
import { both, odd, oddPairs, row } from './elementwiseRows.ts';
import { pointwiseRows } from './pointwise.ts';

/** The rows of each operation's own expression. A missing operation is a type error. */
const forward: Record<ElementwiseName, readonly Case[]> = {
  ...activationRows,
  ...arithmeticRows,
  ...pointwiseRows,
};

const g = (length: number): InputSpec => normal([length]);

const identities = [
  ...(['add_backward_a', 'add_backward_b', 'sub_backward_a'] as const),
  ...(['fmod_backward_a', 'remainder_backward_a'] as const),
];

/** Gradients where finite differences have nothing to say: at kinks and ties, and far out. */
const backward: readonly Case[] = [
  // Graphs leave these out: the gradient is what arrives.
  ...identities.map((op) => row(op, 'what arrives', { dy: g(7) })),
  row('relu_backward_x', 'at and near 0', { dy: g(5), y: values([5], [0, 1e-30, 2, 0, 3]) }),
  row('relu_backward_x', 'NaN and infinity', { dy: g(4), y: values([4], [NaN, Infinity, 0, 1]) }),
  row('clamp_backward_x', 'NaN and infinities', { dy: g(8), x: values([8], odd) }, { attrs: { low: -1 } }),
  row('leaky_relu_backward_x', 'at 0', { dy: g(5), x: values([5], [0, -0, -1, 1, 2]) }),
  row('hardswish_backward_x', 'at the kinks', { dy: g(6), x: values([6], [-3, 3, 0, -4, 4, 2.9]) }),
  row('hardsigmoid_backward_x', 'at the kinks', { dy: g(6), x: values([6], [-3, 3, 0, -4, 4, 2.9]) }),
  row('hardtanh_backward_x', 'on the limits, NaN', {
    dy: g(6),
    y: values([6], [-1, 1, 0, -0.99, 0.99, NaN]),
  }),
  row('silu_backward_x', 'far out', { dy: g(6), x: values([6], [1e4, -1e4, 88.9, -88.9, 0, 20]) }),
  row('gelu_backward_x', 'far out', { dy: g(6), x: values([6], [1e4, -1e4, 10, -10, 0, 3]) }),
  row('softplus_backward_x', 'far out', { dy: g(6), x: values([6], [1e4, -1e4, 90, -90, 0, 20]) }),
  row('abs_backward_x', 'at 0', { dy: g(4), x: values([4], [0, -0, -1, 1]) }),
  row(
    'clamp_backward_x',
    'at the limits',
    { dy: g(6), x: values([6], [-1, 1, -2, 2, 0, 0.5]) },
    { attrs: { low: -1, high: 1 } },
  ),
  row('maximum_backward_a', 'ties', both('dy', 'a', 'b')),
  row('maximum_backward_a', 'NaN and infinities', { dy: g(12), ...oddPairs }),
  row('maximum_backward_b', 'ties', both('dy', 'a', 'b')),
  row('maximum_backward_b', 'NaN and infinities', { dy: g(12), ...oddPairs }),
  row('minimum_backward_a', 'ties', both('dy', 'a', 'b')),
  row('minimum_backward_a', 'NaN and infinities', { dy: g(12), ...oddPairs }),
  row('minimum_backward_b', 'ties', both('dy', 'a', 'b')),
  row('minimum_backward_b', 'NaN and infinities', { dy: g(12), ...oddPairs }),
  row('tan_backward_x', 'far out', { dy: g(4), x: values([4], [1.5, -1.5, 100, -30]) }),
  row('erf_backward_x', 'far out', { dy: g(6), x: values([6], [0, 1e-20, 5, -5, 1e4, -88]) }),
  row('pow_backward_a', 'base 0, negative base', {
    dy: g(6),
    a: values([6], [0, 0, -2, -3, 4, 0]),
    b: values([6], [2, 1, 3, 2, 0, 0]),
  }),
  row('pow_backward_b', 'base 0', {
    dy: g(3),
    a: values([3], [0, 1, 2]),
    y: values([3], [0, 1, 0.5]),
  }),
  row('binary_cross_entropy_with_logits_backward_x', 'extreme logits', {
    dy: g(6),
    x: values([6], [1e4, -1e4, 1e4, -1e4, 90, -90]),
    target: values([6], [1, 0, 0, 1, 1, 0.5]),
    pos_weight: values([1], [2]),
  }),
  row('sigmoid_focal_loss_backward_x', 'extreme logits', {
    dy: g(6),
    x: values([6], [1e4, -1e4, 1e4, -1e4, 60, -60]),
    target: values([6], [1, 0, 0, 1, 1, 1]),
  }),
  row('smooth_l1_loss_backward_x', 'ties, at beta', {
    dy: g(5),
    x: values([5], [0, 1, 1, 2, -1]),
    target: values([5], [0, 1, 0, 0, 0]),
  }),
  row('l1_loss_backward_x', 'ties', {
    dy: g(4),
    x: values([4], [1, 2, 3, -1]),
    target: values([4], [1, 1, 4, -1]),
  }),
  row('l1_loss_backward_target', 'ties', {
    dy: g(4),
    x: values([4], [1, 2, 3, -1]),
    target: values([4], [1, 1, 4, -1]),
  }),
];

export const elementwiseCases: Case[] = [...Object.values(forward).flat(), ...backward];
