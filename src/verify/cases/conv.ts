import { type Case, distinct, normal, values } from './case.ts';

const attrs = (stride: number, padding: number, dilation = 1, groups = 1) => ({
  stride: [stride, stride],
  padding: [padding, padding],
  dilation: [dilation, dilation],
  groups,
});

const conv = (name: string, x: number[], weight: number[], attributes: object, bias = true): Case => ({
  op: 'conv2d',
  name,
  inputs: { x: normal(x), weight: normal(weight, 0.3), ...(bias ? { bias: normal([weight[3]!]) } : {}) },
  attrs: attributes,
  grad: bias ? ['x', 'weight', 'bias'] : ['x', 'weight'],
  atol: 5e-5,
});

const filter = (name: string, x: number[], dy: number[], attributes: object): Case => ({
  op: 'conv2d_backward_weight',
  name,
  inputs: { x: normal(x), dy: normal(dy) },
  attrs: attributes,
  atol: 5e-4,
});

const transposed = (name: string, x: number[], weight: number[], attributes: object): Case => ({
  op: 'conv_transpose2d',
  name,
  inputs: { x: normal(x), weight: normal(weight, 0.3) },
  attrs: attributes,
  grad: ['x', 'weight'],
  atol: 5e-5,
});

/** The levels of a pyramid with sides from 1 to 9. */
const PYRAMID = [
  [9, 7],
  [5, 4],
  [3, 2],
  [1, 1],
] as const;
const LARGE = [
  [20, 33],
  [10, 17],
  [5, 9],
] as const;
const pixelsOf = (levels: readonly (readonly [number, number])[]): number =>
  levels.reduce((sum, [h, w]) => sum + h * w, 0);
const pyramid = (n: number, channels: number, levels = PYRAMID as readonly (readonly [number, number])[]) => [
  n,
  1,
  pixelsOf(levels),
  channels,
];

export const convCases: Case[] = [
  conv('3x3', [2, 9, 11, 8], [3, 3, 8, 12], attrs(1, 1)),
  conv('3x3, odd channels, no bias', [1, 6, 7, 5], [3, 3, 5, 7], attrs(1, 1), false),
  conv('3x3 stride 2', [2, 10, 9, 6], [3, 3, 6, 8], attrs(2, 1)),
  conv('3x3 valid, 3 channels in', [1, 8, 8, 3], [3, 3, 3, 16], attrs(1, 0)),
  conv('3x3 dilated', [1, 12, 12, 4], [3, 3, 4, 4], attrs(1, 2, 2)),
  conv('7x7 stem', [1, 20, 18, 3], [7, 7, 3, 16], attrs(2, 3)),
  conv('7x7 stem of one channel, dilated', [2, 19, 17, 1], [7, 5, 1, 20], attrs(2, 3, 2)),
  conv('to few channels, sliding rows', [2, 7, 32, 9], [3, 3, 9, 3], attrs(1, 1)),
  conv('grouped to few channels', [1, 9, 10, 12], [3, 2, 6, 14], attrs(1, 1, 1, 2)),
  conv('1x1', [2, 7, 5, 16], [1, 1, 16, 20], attrs(1, 0)),
  conv('1x1 to one channel', [2, 5, 5, 17], [1, 1, 17, 1], attrs(1, 0)),
  conv('1x1 stride 2', [1, 9, 9, 8], [1, 1, 8, 16], attrs(2, 0)),
  conv('5x3, every attribute different', [1, 9, 13, 5], [5, 3, 5, 7], {
    stride: [2, 1],
    padding: [2, 3],
    dilation: [1, 2],
    groups: 1,
  }),
  conv('grouped', [1, 8, 8, 12], [3, 3, 4, 18], attrs(1, 1, 1, 3)),
  conv('grouped in fours', [2, 6, 6, 16], [3, 3, 8, 32], attrs(1, 1, 1, 2)),
  conv('depthwise', [2, 9, 9, 8], [3, 3, 1, 8], attrs(1, 1, 1, 8)),
  conv('depthwise, odd channels', [2, 7, 11, 5], [3, 3, 1, 5], attrs(1, 1, 1, 5)),
  conv('depthwise 5x5 stride 2', [2, 11, 10, 12], [5, 5, 1, 12], attrs(2, 2, 1, 12), false),
  conv('depthwise, every attribute different', [1, 14, 19, 8], [2, 7, 1, 8], {
    stride: [3, 2],
    padding: [1, 6],
    dilation: [2, 3],
    groups: 8,
  }),
  conv('depthwise, stride and dilation alike', [1, 9, 15, 3], [3, 3, 1, 3], attrs(2, 2, 2, 3)),
  conv('depthwise, wide stride and dilation of a common factor', [1, 9, 31, 4], [1, 5, 1, 4], {
    stride: [1, 4],
    padding: [0, 3],
    dilation: [1, 6],
    groups: 4,
  }),
  conv('depthwise stride 2', [2, 10, 13, 8], [3, 3, 1, 8], attrs(2, 1, 1, 8)),
  conv('depthwise stride 2, odd channels, every padding different', [1, 9, 8, 5], [3, 3, 1, 5], {
    ...attrs(2, 0, 1, 5),
    padding: [3, 0],
  }),
  conv('depthwise, one pixel', [2, 1, 1, 8], [3, 3, 1, 8], attrs(1, 1, 1, 8)),
  conv('depthwise, many rows of few columns', [2, 53, 3, 4], [3, 3, 1, 4], attrs(1, 1, 1, 4)),
  conv('depthwise stride 2, many rows of few columns', [1, 106, 5, 3], [3, 3, 1, 3], attrs(2, 1, 1, 3)),
  conv('depthwise, more padding than image', [1, 2, 3, 4], [3, 3, 1, 4], attrs(1, 4, 1, 4)),
  conv('depthwise, one channel', [2, 6, 9, 1], [3, 3, 1, 1], attrs(1, 1)),
  conv('two results a channel', [1, 7, 6, 6], [3, 3, 1, 12], attrs(1, 1, 1, 6)),
  { ...conv('depthwise, empty batch', [0, 6, 6, 4], [3, 3, 1, 4], attrs(1, 1, 1, 4)), grad: [] },
  conv('wide', [1, 6, 6, 64], [3, 3, 64, 96], attrs(1, 1)),
  { ...conv('empty batch', [0, 6, 6, 4], [3, 3, 4, 8], attrs(1, 1)), grad: [] },
  filter('many pixels, split sums', [2, 40, 40, 16], [2, 40, 40, 16], { ...attrs(1, 1), kernelSize: [3, 3] }),
  filter('odd sizes, every padding different', [3, 7, 6, 8], [3, 9, 4, 12], {
    ...attrs(1, 0),
    padding: [2, 0],
    kernelSize: [3, 3],
  }),
  filter('odd channels', [2, 8, 9, 18], [2, 8, 9, 7], { ...attrs(1, 1), kernelSize: [3, 3] }),
  filter('blocks of one tap, every other pixel', [2, 5, 4, 16], [2, 4, 3, 12], {
    ...attrs(2, 3, 2),
    kernelSize: [3, 3],
  }),
  filter('taps that meet nothing but padding', [2, 3, 3, 32], [2, 3, 3, 8], {
    ...attrs(1, 4, 4),
    kernelSize: [3, 3],
  }),
  filter('so many tiles that not all are transformed at once', [1, 257, 260, 4], [1, 255, 258, 4], {
    ...attrs(1, 0),
    kernelSize: [3, 3],
  }),
  filter('depthwise, many pixels', [2, 40, 40, 8], [2, 40, 40, 8], {
    ...attrs(1, 1, 1, 8),
    kernelSize: [3, 3],
  }),
  filter('depthwise, so many images that they are summed in turn', [700, 4, 3, 1], [700, 4, 3, 1], {
    ...attrs(1, 1, 1, 1),
    kernelSize: [3, 3],
  }),
  filter('depthwise stride 2, many rows', [2, 81, 5, 6], [2, 41, 3, 6], {
    ...attrs(2, 1, 1, 6),
    kernelSize: [3, 3],
  }),
  filter('depthwise, empty batch', [0, 6, 6, 4], [0, 6, 6, 4], { ...attrs(1, 1, 1, 4), kernelSize: [3, 3] }),
  filter('empty batch', [0, 6, 6, 4], [0, 6, 6, 8], { ...attrs(1, 1), kernelSize: [3, 3] }),
  transposed('2x2 stride 2', [2, 5, 6, 8], [2, 2, 4, 8], { ...attrs(2, 0), outputPadding: [0, 0] }),
  transposed('3x3 output padding', [1, 5, 5, 4], [3, 3, 6, 4], { ...attrs(2, 1), outputPadding: [1, 1] }),
  transposed('4x4 stride 2', [1, 6, 5, 6], [4, 4, 5, 6], { ...attrs(2, 1), outputPadding: [0, 0] }),
  transposed('grouped, dilated', [1, 6, 5, 6], [3, 3, 4, 6], { ...attrs(2, 1, 2, 3), outputPadding: [1, 0] }),
  transposed('output padding under the dilation', [1, 3, 4, 4], [2, 2, 3, 4], {
    ...attrs(1, 0, 3),
    outputPadding: [2, 1],
  }),
  transposed('few channels to sliding rows', [1, 9, 16, 12], [7, 7, 3, 12], {
    ...attrs(2, 3),
    outputPadding: [1, 1],
  }),
  transposed('few channels, two taps and three a stride', [2, 5, 4, 8], [4, 5, 2, 8], {
    ...attrs(3, 1),
    outputPadding: [1, 2],
  }),
  transposed('few channels, a wide stride', [1, 3, 4, 8], [7, 6, 3, 8], {
    ...attrs(6, 1),
    outputPadding: [0, 0],
  }),
  transposed('two blocks of few channels', [2, 9, 7, 12], [4, 5, 6, 12], {
    ...attrs(2, 2),
    outputPadding: [0, 1],
  }),
  transposed('stride above the kernel', [1, 7, 6, 8], [2, 1, 12, 8], {
    ...attrs(3, 0),
    outputPadding: [1, 2],
  }),
  transposed('stride and dilation of a common factor', [1, 6, 7, 8], [3, 3, 5, 8], {
    stride: [4, 2],
    padding: [3, 2],
    dilation: [6, 4],
    groups: 2,
    outputPadding: [2, 1],
  }),
  transposed('more phases than rows in a block', [1, 3, 3, 4], [3, 5, 8, 4], {
    ...attrs(5, 0),
    outputPadding: [0, 0],
  }),
  transposed('depthwise stride 2', [2, 5, 7, 8], [3, 3, 1, 8], {
    ...attrs(2, 1, 1, 8),
    outputPadding: [1, 0],
  }),
  transposed('depthwise stride 2, many rows, an odd padding', [2, 33, 3, 3], [3, 3, 1, 3], {
    ...attrs(2, 1, 1, 3),
    padding: [3, 2],
    outputPadding: [0, 1],
  }),
  transposed('depthwise stride 2, one pixel', [2, 1, 1, 4], [3, 3, 1, 4], {
    ...attrs(2, 0, 1, 4),
    outputPadding: [1, 1],
  }),
  transposed('depthwise, more padding than kernel', [1, 9, 8, 4], [3, 3, 1, 4], {
    ...attrs(1, 3, 1, 4),
    outputPadding: [0, 0],
  }),
  transposed('depthwise, every attribute different', [1, 5, 9, 5], [4, 3, 1, 5], {
    stride: [2, 3],
    padding: [2, 1],
    dilation: [3, 2],
    groups: 5,
    outputPadding: [2, 1],
  }),
  transposed('depthwise, dilated', [1, 4, 5, 4], [3, 3, 1, 4], {
    ...attrs(1, 2, 3, 4),
    outputPadding: [0, 0],
  }),
  {
    op: 'linear',
    name: '2d',
    inputs: { x: normal([7, 13]), weight: normal([13, 9]), bias: normal([9]) },
    grad: ['x', 'weight', 'bias'],
    atol: 5e-5,
  },
  {
    op: 'linear',
    name: '3d, no bias',
    inputs: { x: normal([2, 5, 32]), weight: normal([32, 48]) },
    grad: ['x', 'weight'],
    atol: 5e-5,
  },
  {
    op: 'matmul',
    name: 'odd sizes',
    inputs: { a: normal([33, 17]), b: normal([17, 29]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'matmul',
    name: 'larger than a tile',
    inputs: { a: normal([130, 70]), b: normal([70, 68]) },
    atol: 1e-4,
  },
  {
    op: 'matmul',
    name: 'batched',
    inputs: { a: normal([3, 10, 12]), b: normal([3, 12, 7]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'matmul',
    name: 'one b for all',
    inputs: { a: normal([2, 3, 6, 8]), b: normal([8, 5]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'matmul',
    name: 'one a for all',
    inputs: { a: normal([6, 8]), b: normal([4, 8, 5]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'matmul',
    name: 'batches that broadcast both ways',
    inputs: { a: normal([2, 1, 6, 8]), b: normal([1, 3, 8, 5]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  { op: 'matmul', name: 'nothing to sum', inputs: { a: normal([3, 0]), b: normal([0, 4]) } },
  {
    op: 'cdist',
    name: 'within a tile',
    inputs: { a: normal([5, 3]), b: normal([7, 3]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'cdist',
    name: 'several tiles and steps',
    inputs: { a: normal([37, 19]), b: normal([66, 19]) },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'cdist',
    name: 'equal rows, and rows close to each other',
    inputs: { a: values([2, 2], [1, 2, 1000, 1000]), b: values([3, 2], [1, 2, 1000.25, 1000, 0, 0]) },
  },
  {
    op: 'cdist',
    name: 'absolute differences',
    // Kinks are where values of a and b are equal: on these two grids they are more than 3e-5 apart.
    inputs: { a: distinct([37, 20]), b: distinct([68, 20]) },
    attrs: { p: 1 },
    grad: ['a', 'b'],
    atol: 5e-5,
  },
  {
    op: 'cdist',
    name: 'rows in fours, one of them far away',
    inputs: {
      a: values([1, 4], [1e4, 0, 0, 0]),
      b: values(
        [4, 4],
        Array.from({ length: 16 }, (_, i) => i),
      ),
    },
  },
  { op: 'cdist', name: 'no rows', inputs: { a: normal([0, 2]), b: normal([5, 2]) } },
  { op: 'cdist', name: 'no columns', inputs: { a: normal([2, 0]), b: normal([3, 0]) } },
  conv('levels of a pyramid, 3x3', pyramid(2, 8), [3, 3, 8, 12], { ...attrs(1, 1), levels: PYRAMID }),
  conv('levels, odd channels', pyramid(3, 5), [3, 3, 5, 7], { ...attrs(1, 1), levels: PYRAMID }),
  conv('levels, 1x1', pyramid(2, 16), [1, 1, 16, 20], { ...attrs(1, 0), levels: PYRAMID }),
  conv('levels, one channel', pyramid(1, 1), [3, 3, 1, 1], { ...attrs(1, 1), levels: PYRAMID }),
  conv('levels, 5x3 dilated', pyramid(2, 4), [5, 3, 4, 8], {
    ...attrs(1, 0, 2),
    padding: [4, 2],
    levels: PYRAMID,
  }),
  filter('levels, blocks of one tap', pyramid(2, 32), pyramid(2, 8), {
    ...attrs(1, 1),
    kernelSize: [3, 3],
    levels: PYRAMID,
  }),
  filter('levels, many pixels, split sums', pyramid(2, 12, LARGE), pyramid(2, 40, LARGE), {
    ...attrs(1, 1),
    kernelSize: [3, 3],
    levels: LARGE,
  }),
  transposed('levels, many pixels', pyramid(2, 12, LARGE), [3, 3, 40, 12], {
    ...attrs(1, 1),
    outputPadding: [0, 0],
    levels: LARGE,
  }),
  conv('a level alone', pyramid(2, 4, [[6, 35]]), [3, 3, 4, 36], { ...attrs(1, 1), levels: [[6, 35]] }),
];
