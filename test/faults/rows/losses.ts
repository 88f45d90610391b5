import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { type Faults, f, i, numbers } from './common.ts';

const pairLoss = (
  fn: (x: Tensor, target: Tensor, options?: object) => Tensor,
  bad: Faults['bad'] = [],
): Faults => ({
  good: () => fn(f(2, 3), f(2, 3)),
  bad: [
    [() => fn(f(2, 3), f(3, 2)), '[3,2]'],
    [() => fn(f(2, 3), f(3)), '[3]'],
    [() => fn(i(2), f(2)), 'i32'],
    [() => fn(f(2), f(2), { reduction: 'average' }), 'average'],
    ...bad,
  ],
});

export const lossesRows: Record<string, Faults> = {
  crossEntropy: {
    good: () => g.crossEntropy(f(2, 3), i(2)),
    bad: [
      [() => g.crossEntropy(f(2, 3), i(3)), '[3]'],
      [() => g.crossEntropy(f(2, 3), f(2)), '[2]'],
      [() => g.crossEntropy(f(), i()), '[]'],
      [() => g.crossEntropy(i(2, 3), i(2)), 'i32'],
      [() => g.crossEntropy(f(2, 3), i(2), { weight: f(2) }), '[2]'],
      [() => g.crossEntropy(f(2, 3), i(2), { labelSmoothing: 2 }), '2'],
      [() => g.crossEntropy(f(2, 3), i(2), { ignoreIndex: 0.5 }), '0.5'],
      [() => g.crossEntropy(f(2, 3), i(2), { reduction: 'average' as never }), 'average'],
    ],
  },
  binaryCrossEntropyWithLogits: pairLoss(g.binaryCrossEntropyWithLogits, [
    [() => g.binaryCrossEntropyWithLogits(f(2, 3), f(2, 3), { posWeight: f(2) }), '[2]'],
    [() => g.binaryCrossEntropyWithLogits(f(3), f(3), { weight: f(2, 3) }), '[2,3]'],
  ]),
  sigmoidFocalLoss: pairLoss(g.sigmoidFocalLoss, [
    [() => g.sigmoidFocalLoss(f(2), f(2), { gamma: -1 }), '-1'],
    [() => g.sigmoidFocalLoss(f(2), f(2), { alpha: numbers.NaN }), 'NaN'],
  ]),
  smoothL1Loss: pairLoss(g.smoothL1Loss, [
    [() => g.smoothL1Loss(f(2), f(2), { beta: -1 }), '-1'],
    [() => g.smoothL1Loss(f(2), f(2), { beta: numbers.NaN }), 'NaN'],
  ]),
  l1Loss: pairLoss(g.l1Loss),
  mseLoss: pairLoss(g.mseLoss),
  diceLoss: {
    good: () => g.diceLoss(f(2, 3), f(2, 3)),
    bad: [
      [() => g.diceLoss(f(2, 3), f(3, 2)), '[3,2]'],
      [() => g.diceLoss(f(), f()), '[]'],
      [() => g.diceLoss(i(2), f(2)), 'i32'],
      [() => g.diceLoss(f(2), f(2), { smooth: numbers.NaN }), 'NaN'],
    ],
  },
  silhouetteSamples: {
    op: /silhouette_samples|one_hot/,
    good: () => g.silhouetteSamples(f(5, 2), i(5), 2),
    bad: [
      [() => g.silhouetteSamples(f(5, 2), i(4), 2), '[4]'],
      [() => g.silhouetteSamples(f(5), i(5), 2), '[5]'],
      [() => g.silhouetteSamples(f(5, 2), f(5), 2), '[5]'],
      [() => g.silhouetteSamples(f(5, 2), i(5), 0), '0'],
    ],
  },
};
