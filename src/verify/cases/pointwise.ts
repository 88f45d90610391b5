import type { ElementwiseName } from '../../kernels/ops.ts';
import { type Case, distinct, integers, normal, uniform, values } from './case.ts';
import { row, tied } from './elementwiseRows.ts';

/** Rows of losses of one element each. */
export const pointwiseRows = {
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
} satisfies Partial<Record<ElementwiseName, readonly Case[]>>;
