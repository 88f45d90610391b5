import type { ElementwiseName } from '../../kernels/ops.ts';
import { type Case, distinct, normal } from './case.ts';
import { apart, extremes, nans, ODD, row, special, unary } from './elementwiseRows.ts';

/** Rows of activation functions. */
export const activationRows = {
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
} satisfies Partial<Record<ElementwiseName, readonly Case[]>>;
