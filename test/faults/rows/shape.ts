import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import type { DType, Shape } from '../../../src/shape.ts';
import { any, type Faults, f, i, image, numbers, u } from './common.ts';

const scattered = (fn: (x: Tensor, dim: number, index: Tensor, src: Tensor | number) => Tensor): Faults => ({
  good: () => fn(fn(f(4, 3), 0, i(6, 2), f(7, 2)), 1, i(2, 2), 5),
  bad: [
    [() => fn(f(4, 3), 2, i(6, 2), 1), '2'],
    [() => fn(f(4, 3), 0, i(6, 4), 1), '[6,4]'],
    [() => fn(f(4, 3), 0, i(6), f(6)), '[6]'],
    [() => fn(f(4, 3), 0, f(6, 3), 1), '[6,3]'],
    [() => fn(f(4, 3), 0, i(6, 3), f(5, 3)), '[5,3]'],
    [() => fn(f(4, 3), 0, i(6, 3), f(6)), '[6]'],
    [() => fn(f(4, 3), 0, i(4, 3), i(4, 3)), 'i32'],
    [() => fn(i(4, 3), 0, i(4, 3), any), 'undefined'],
  ],
});

export const shapeRows: Record<string, Faults> = {
  reshape: {
    good: () => g.reshape(f(2, 3), [3, -1]),
    bad: [
      [() => g.reshape(f(2, 3), [4]), '[4]'],
      [() => g.reshape(f(2, 3), [-1, -1]), '[-1,-1]'],
      [() => g.reshape(f(2, 3), [4, -1]), '[4,-1]'],
      [() => g.reshape(f(0), [0, -1]), '[0,-1]'],
      [() => g.reshape(f(2, 3), [numbers.NaN]), 'NaN'],
      [() => g.reshape(f(2, 3), [-2, -3]), '[-2,-3]'],
    ],
  },
  detach: {
    good: () => g.detach(f(2, 3)),
    bad: [[() => g.detach(i(2), { requiresGrad: true }), 'requiresGrad of i32']],
  },
  permute: {
    good: () => g.permute(f(2, 3), [1, 0]),
    bad: [
      [() => g.permute(f(2, 3), [0]), '[2,3]'],
      [() => g.permute(f(2, 3), [0, 0]), '[0,0]'],
      [() => g.permute(f(2, 3), [0, 2]), '2'],
      [() => g.permute(f(2, 3), [0, numbers.NaN]), 'NaN'],
      [() => g.permute(f(1, 1, 1, 1, 1, 1, 1), [0, 1, 2, 3, 4, 5, 6]), '7'],
    ],
  },
  transpose: {
    good: () => g.transpose(f(2, 3)),
    bad: [
      [() => g.transpose(f(3)), '[3]'],
      [() => g.transpose(f()), '[]'],
    ],
  },
  slice: {
    good: () => g.slice(f(4, 3), [[1, -1, 2]]),
    bad: [
      [() => g.slice(f(2), [[], []]), '2 ranges'],
      [() => g.slice(f(2), [[0, 2, 0]]), '0'],
      [() => g.slice(f(2), [[0, 2, 1.5]]), '1.5'],
      [() => g.slice(f(4), [[0.5, 2]]), '0.5'],
      [() => g.slice(f(4), [[0, 2.5]]), '2.5'],
      [() => g.slice(f(4), [[numbers.NaN]]), 'NaN'],
    ],
  },
  pad: {
    good: () => g.pad(f(2), [[1, 1]]),
    bad: [
      [() => g.pad(f(2, 3), [[1, 1]]), '[2,3]'],
      [() => g.pad(f(2), [[1, 0.5]]), '0.5'],
      [() => g.pad(f(2), [[-3, 0]]), '-3'],
      [() => g.pad(f(2), [[numbers.NaN, 0]]), 'NaN'],
      [() => g.pad(i(2), [[1, 1]], { value: 0.5 }), '0.5'],
    ],
  },
  flip: {
    good: () => g.flip(f(2, 3), [0]),
    bad: [
      [() => g.flip(f(2, 3), [2]), '2'],
      [() => g.flip(f(2), [0.5]), '0.5'],
    ],
  },
  expand: {
    good: () => g.expand(f(1, 3), [2, 3]),
    bad: [
      [() => g.expand(f(2, 3), [3]), '[3]'],
      [() => g.expand(f(2), [3]), '[3]'],
      [() => g.expand(f(1), [-1]), '-1'],
      [() => g.expand(f(1), [0.5]), '0.5'],
      [() => g.expand(f(1), [numbers.NaN]), 'NaN'],
    ],
  },
  concat: {
    good: () => g.concat([f(2), f(3)], 0),
    bad: [
      [() => g.concat([], 0), 'no tensors'],
      [() => g.concat([f(2, 3), f(2)], 0), '[2]'],
      [() => g.concat([f(2, 3), f(2, 4)], 0), '[2,4]'],
      [() => g.concat([f(2), i(2)], 0), 'i32'],
      [() => g.concat([f(2)], 1), '1'],
      [() => g.concat([f(2), any], 0), 'undefined'],
    ],
  },
  gatherRows: {
    good: () => g.gatherRows(f(4, 3), i(2)),
    bad: [
      [() => g.gatherRows(f(4, 3), f(2)), '[2]'],
      [() => g.gatherRows(f(), i(2)), '[]'],
      [() => g.gatherRows(f(2, 4, 3), i(3, 2), 1), '[3,2]'],
      [() => g.gatherRows(f(2, 4), i(2, 2), 2 as never), '2'],
    ],
  },
  gather: {
    good: () => g.gather(f(4, 3), 0, i(6, 2)),
    bad: [
      [() => g.gather(f(4, 3), 2, i(6, 2)), '2'],
      [() => g.gather(f(4, 3), numbers.NaN, i(6, 2)), 'NaN'],
      [() => g.gather(f(4, 3), 0, i(6, 4)), '[6,4]'],
      [() => g.gather(f(4, 3), 0, i(6)), '[6]'],
      [() => g.gather(f(4, 3), 0, f(6, 3)), '[6,3]'],
      [() => g.gather(f(), 0, i()), '[]'],
    ],
  },
  scatter: scattered(g.scatter),
  scatterAdd: {
    ...scattered(g.scatterAdd),
    bad: [...scattered(g.scatterAdd).bad, [() => g.scatterAdd(u(4), 0, i(4), u(4)), 'u32']],
  },
  cast: {
    good: () => g.cast(f(2), 'i32'),
    bad: [
      [() => g.cast(f(2), 'u8' as DType), 'u8'],
      [() => g.cast(f(2), any), 'undefined'],
    ],
  },
  oneHot: {
    good: () => g.oneHot(i(2), 3),
    bad: [
      [() => g.oneHot(f(2), 3), '[2]'],
      [() => g.oneHot(i(2), -1), '-1'],
      [() => g.oneHot(i(2), 1.5), '1.5'],
      [() => g.oneHot(i(2), numbers.NaN), 'NaN'],
    ],
  },
  rand: {
    good: () => g.rand([2, 3], i()),
    bad: [
      [() => g.rand([2, 3], i(2)), '[2]'],
      [() => g.rand([2, 3], f()), 'i32'],
      [() => g.rand([2, -3], i()), '-3'],
      [() => g.rand([2, numbers.NaN], i()), 'NaN'],
      [() => g.rand([2, 3], i(), 1.5), '1.5'],
    ],
  },
  pixelShuffle: {
    good: () => g.pixelShuffle(image(), 2),
    bad: [
      [() => g.pixelShuffle(image(), 3), '3'],
      [() => g.pixelShuffle(f(8, 8, 4), 2), '[8,8,4]'],
      [() => g.pixelShuffle(image(), 0), '0'],
      [() => g.pixelShuffle(image(), -2), '-2'],
      [() => g.pixelShuffle(image(), 0.5), '0.5'],
      [() => g.pixelShuffle(image(), numbers.NaN), 'NaN'],
    ],
  },

  pixelUnshuffle: {
    good: () => g.pixelUnshuffle(image(), 2),
    bad: [
      [() => g.pixelUnshuffle(image(), 3), '3'],
      [() => g.pixelUnshuffle(f(8, 8, 4), 2), '[8,8,4]'],
      [() => g.pixelUnshuffle(image(), 0), '0'],
      [() => g.pixelUnshuffle(image(), numbers.NaN), 'NaN'],
    ],
  },
  stack: {
    good: () => g.stack([f(2), f(2)]),
    bad: [
      [() => g.stack([]), 'no tensors'],
      [() => g.stack([f(2), f(3)]), '[3]'],
      [() => g.stack([f(2), f(2)], 3), '3'],
    ],
  },
  split: {
    good: () => g.split(f(4), [1, 3]),
    bad: [
      [() => g.split(f(4), 0), '0'],
      [() => g.split(f(4), 1.5), '1.5'],
      [() => g.split(f(4), [1, 2]), '[1,2]'],
      [() => g.split(f(4), [5, -1]), '[5,-1]'],
      [() => g.split(f(4), 2, 1), '1'],
    ],
  },
  chunk: {
    good: () => g.chunk(f(4), 3),
    bad: [
      [() => g.chunk(f(4), 0), '0'],
      [() => g.chunk(f(4), numbers.NaN), 'NaN'],
      [() => g.chunk(f(4), 2, 1), '1'],
    ],
  },
  squeeze: {
    good: () => g.squeeze(f(2, 1)),
    bad: [
      [() => g.squeeze(f(2, 1), 2), '2'],
      [() => g.squeeze(f(2), 0.5), '0.5'],
    ],
  },
  unsqueeze: {
    good: () => g.unsqueeze(f(2), 1),
    bad: [
      [() => g.unsqueeze(f(2), 2), '2'],
      [() => g.unsqueeze(f(2), numbers.NaN), 'NaN'],
    ],
  },
  flatten: {
    good: () => g.flatten(f(2, 3, 4), 1),
    bad: [
      [() => g.flatten(f(2, 3), 1, 0), '1'],
      [() => g.flatten(f(2, 3), 2), '2'],
      [() => g.flatten(f(2, 3), 0, 0.5), '0.5'],
    ],
  },
  tensor: {
    good: () => g.tensor([1, 2], [2, 1]),
    bad: [
      [() => g.tensor([1, 2], [3]), '[3]'],
      [() => g.tensor([[1, 2], [3]]), 'a list of 1'],
      [() => g.tensor([1, 2], [-1, -2]), '-1'],
      [() => g.tensor([1], [numbers.NaN]), 'NaN'],
      [() => g.tensor(new Float32Array(3), [1.5, 2]), '1.5'],
    ],
  },
  zeros: {
    op: 'full',
    good: () => g.zeros([2, 0]),
    bad: [
      [() => g.zeros([-1]), '-1'],
      [() => g.zeros([-1, -1]), '-1'],
      [() => g.zeros([2.5]), '2.5'],
      [() => g.zeros([numbers.NaN]), 'NaN'],
      [() => g.zeros([numbers.inf]), 'Infinity'],
      [() => g.zeros(4 as never as Shape), '4'],
    ],
  },
  full: {
    good: () => g.full([2], 7, 'i32'),
    bad: [
      [() => g.full([2], 0.5, 'i32'), '0.5'],
      [() => g.full([2], numbers.NaN, 'u32'), 'NaN'],
      [() => g.full([-2], 1), '-2'],
    ],
  },
};
