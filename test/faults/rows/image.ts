import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { any, type Faults, f, i, image, numbers } from './common.ts';

const kernel = () => f(3, 3, 4, 2);
const conv = (fn: (x: Tensor, w: Tensor, b?: Tensor, o?: object) => Tensor): Faults => ({
  good: () => fn(image(), f(3, 3, 4, 4), f(4), { padding: 1 }),
  bad: [
    [() => fn(f(8, 8, 4), kernel()), '[8,8,4]'],
    [() => fn(image(), f(3, 3, 4)), '[3,3,4]'],
    [() => fn(image(), f(3, 3, 5, 5)), '[3,3,5,5]'],
    [() => fn(image(), f(3, 3, 4, 4), f(3)), '[3]'],
    [() => fn(image(), i(3, 3, 4, 4)), 'i32'],
    [() => fn(i(1, 8, 8, 4), i(3, 3, 4, 4)), 'i32'],
    [() => fn(image(), f(3, 3, 4, 4), i(4)), 'i32'],
    ...(
      [
        [{ stride: 0 }, '0'],
        [{ stride: numbers.NaN }, 'NaN'],
        [{ stride: [1, 2, 3] }, 'stride'],
        [{ stride: 1.5 }, '1.5'],
        [{ padding: -1 }, '-1'],
        [{ padding: numbers.inf }, 'Infinity'],
        [{ dilation: 0 }, '0'],
        [{ groups: 0 }, '0'],
        [{ groups: 3 }, '3'],
        [{ groups: numbers.NaN }, 'NaN'],
      ] as const
    ).map(([options, names]) => [() => fn(image(), f(3, 3, 4, 4), any, options), names] as const),
  ],
});
const pool = (fn: (x: Tensor, kernelSize: number, options?: object) => Tensor): Faults => ({
  good: () => fn(image(), 2),
  bad: [
    [() => fn(f(8, 8, 4), 2), '[8,8,4]'],
    [() => fn(i(1, 8, 8, 4), 2), 'i32'],
    [() => fn(f(1, 0, 8, 4), 2), '[1,0,8,4]'],
    [() => fn(image(), 0), '0'],
    [() => fn(image(), 9), '9'],
    [() => fn(image(), numbers.NaN), 'NaN'],
    [() => fn(image(), 2, { stride: 0 }), '0'],
    [() => fn(image(), 2, { padding: -1 }), '-1'],
    [() => fn(image(), 2, { padding: 2 }), '2'],
  ],
});
const statistics = () => ({ weight: f(4), bias: f(4), runningMean: f(4), runningVar: f(4) });
const pyramid = (fn: (x: Tensor, levels: number) => Tensor[]): Faults => ({
  good: () => fn(image(), 2),
  bad: [
    [() => fn(image(), -1), '-1'],
    [() => fn(image(), 1.5), '1.5'],
    [() => fn(image(), numbers.NaN), 'NaN'],
  ],
});

export const imageRows: Record<string, Faults> = {
  conv1d: {
    op: /conv1d|conv2d/,
    good: () => g.conv1d(f(2, 8, 4), f(3, 2, 6), f(6), { stride: 2, padding: 1, groups: 2 }),
    bad: [
      [() => g.conv1d(f(8, 4), f(3, 4, 6)), '[8,4]'],
      [() => g.conv1d(f(2, 8, 4), f(3, 3, 4, 6)), '[3,3,4,6]'],
      [() => g.conv1d(f(2, 8, 4), f(3, 5, 6)), '5'],
      [() => g.conv1d(f(2, 8, 4), f(3, 4, 6), undefined, { stride: 0 }), '0'],
      [() => g.conv1d(f(2, 8, 4), f(3, 4, 6), undefined, { stride: 2, padding: 'same' }), 'same'],
    ],
  },
  conv2d: { ...conv(g.conv2d), bad: [...conv(g.conv2d).bad, [() => g.conv2d(f(1, 2, 2, 4), kernel()), '3']] },
  convTranspose2d: {
    ...conv(g.convTranspose2d),
    bad: [
      ...conv(g.convTranspose2d).bad,
      [() => g.convTranspose2d(image(), f(3, 3, 4, 4), any, { outputPadding: 1 }), '1'],
      [() => g.convTranspose2d(image(), f(3, 3, 4, 4), any, { outputPadding: -1 }), '-1'],
    ],
  },
  maxPool2d: pool(g.maxPool2d),
  avgPool2d: pool(g.avgPool2d),
  adaptiveAvgPool2d: {
    good: () => g.adaptiveAvgPool2d(image(), [2, 3]),
    bad: [
      [() => g.adaptiveAvgPool2d(image(), 0), '0'],
      [() => g.adaptiveAvgPool2d(image(), 1.5), '1.5'],
      [() => g.adaptiveAvgPool2d(f(8, 8, 4), 2), '[8,8,4]'],
      [() => g.adaptiveAvgPool2d(i(1, 8, 8, 4), 2), 'i32'],
    ],
  },
  interpolate: {
    good: () => g.interpolate(image(), { size: 16 }),
    bad: [
      [() => g.interpolate(image(), { size: 0 }), '0'],
      [() => g.interpolate(image(), { size: numbers.NaN }), 'NaN'],
      [() => g.interpolate(f(8, 8, 4), { size: 16 }), '[8,8,4]'],
      [() => g.interpolate(image(), { size: 16, mode: 'cubic' as never }), 'cubic'],
      [() => g.interpolate(image(), { size: 16, alignCorners: true }), 'alignCorners'],
      [() => g.interpolate(image(), { size: 16, mode: 'bicubic', antialias: true }), 'bicubic'],
    ],
  },
  pyrDown: {
    good: () => g.pyrDown(image()),
    bad: [
      [() => g.pyrDown(f(8, 8)), '[8,8]'],
      [() => g.pyrDown(f(1, 0, 8, 4)), '[1,0,8,4]'],
    ],
  },
  pyrUp: {
    good: () => g.pyrUp(image()),
    bad: [
      [() => g.pyrUp(f(8, 8)), '[8,8]'],
      [() => g.pyrUp(i(1, 8, 8, 4)), 'i32'],
    ],
  },
  gaussianBlur: {
    good: () => g.gaussianBlur(image(), 3, 1),
    bad: [
      [() => g.gaussianBlur(image(), 2, 1), '2'],
      [() => g.gaussianBlur(image(), -1, 1), '-1'],
      [() => g.gaussianBlur(image(), numbers.NaN, 1), 'NaN'],
      [() => g.gaussianBlur(image(), 3, numbers.NaN), 'NaN'],
      [() => g.gaussianBlur(f(8, 8), 3, 1), '[8,8]'],
    ],
  },
  gaussianPyramid: pyramid(g.gaussianPyramid),
  laplacianPyramid: pyramid(g.laplacianPyramid),
  laplacianReconstruct: {
    op: /laplacian_reconstruct|pyr_up/,
    good: () => g.laplacianReconstruct([image(), f(1, 4, 4, 4)]),
    bad: [
      [() => g.laplacianReconstruct([]), 'level'],
      [() => g.laplacianReconstruct([image(), f(1, 5, 4, 4)]), '10'],
    ],
  },
  batchNormEval: {
    op: 'batch_norm',
    good: () => g.batchNormEval(image(), statistics()),
    bad: [
      [() => g.batchNormEval(image(), { ...statistics(), weight: f(3) }), '[3]'],
      [() => g.batchNormEval(image(), { ...statistics(), runningMean: f(8, 4) }), '[8,4]'],
      [() => g.batchNormEval(image(), statistics(), numbers.NaN), 'NaN'],
      [() => g.batchNormEval(image(), statistics(), -1), '-1'],
    ],
  },
  batchNormTrain: {
    op: 'batch_norm',
    good: () => g.batchNormTrain(image(), statistics()),
    bad: [
      [() => g.batchNormTrain(image(), { ...statistics(), weight: f(3) }), '[3]'],
      [() => g.batchNormTrain(image(), { ...statistics(), runningVar: f(1, 4) }), '[1,4]'],
      [() => g.batchNormTrain(f(1, 4), statistics()), '[1,4]'],
      [() => g.batchNormTrain(i(1, 8, 8, 4), statistics()), 'i32'],
      [() => g.batchNormTrain(image(), statistics(), { eps: numbers.NaN }), 'NaN'],
      [() => g.batchNormTrain(image(), statistics(), { momentum: 2 }), '2'],
    ],
  },
  instanceNorm: {
    op: 'group_norm',
    good: () => g.instanceNorm(image()),
    bad: [
      [() => g.instanceNorm(image(), { weight: f(3) }), '[3]'],
      [() => g.instanceNorm(f(4)), '[4]'],
      [() => g.instanceNorm(i(1, 8, 8, 4)), 'i32'],
    ],
  },
  groupNorm: {
    good: () => g.groupNorm(image(), 2, { weight: f(4), bias: f(4) }),
    bad: [
      [() => g.groupNorm(image(), 3, { weight: f(4), bias: f(4) }), '3'],
      [() => g.groupNorm(image(), 0, { weight: f(4), bias: f(4) }), '0'],
      [() => g.groupNorm(image(), numbers.NaN, { weight: f(4), bias: f(4) }), 'NaN'],
      [() => g.groupNorm(image(), 2, { weight: f(3), bias: f(4) }), '[3]'],
      [() => g.groupNorm(image(), 2, { weight: f(4), bias: f(4), eps: numbers.NaN }), 'NaN'],
      [() => g.groupNorm(image(), 2, { weight: f(4), bias: f(4), eps: -1 }), '-1'],
      [() => g.groupNorm(image(), 2, { levels: [[8, 8]] }), '[N,1,64,C]'],
      [
        () =>
          g.groupNorm(f(1, 1, 20, 4), 2, {
            levels: [
              [4, 4],
              [2, 1],
            ],
          }),
        '[N,1,18,C]',
      ],
      [
        () =>
          g.groupNorm(f(1, 1, 20, 4), 2, {
            levels: [
              [4, 4],
              [2.5, 2],
            ],
          }),
        '2.5',
      ],
      [() => g.groupNorm(f(1, 1, 0, 4), 2, { levels: [] }), '[N,1,0,C]'],
      [() => g.groupNorm(f(1, 1, 20, 4), 2, { levels: 20 as never }), '20'],
    ],
  },
  localResponseNorm: {
    good: () => g.localResponseNorm(image(), 3, { alpha: 0.1, beta: 0.5, k: 2 }),
    bad: [
      [() => g.localResponseNorm(image(), 0), '0'],
      [() => g.localResponseNorm(image(), 2.5), '2.5'],
      [() => g.localResponseNorm(image(), numbers.NaN), 'NaN'],
      [() => g.localResponseNorm(f(4), 3), '[4]'],
      [() => g.localResponseNorm(i(1, 8, 8, 4), 3), 'i32'],
      [() => g.localResponseNorm(image(), 3, { alpha: -1 }), '-1'],
      [() => g.localResponseNorm(image(), 3, { beta: numbers.NaN }), 'NaN'],
      [() => g.localResponseNorm(image(), 3, { k: 0 }), '0'],
      [() => g.localResponseNorm(image(), 3, { k: numbers.inf }), 'Infinity'],
    ],
  },
  layerNorm: {
    op: /layer_norm|group_norm/,
    good: () => g.layerNorm(f(2, 4), 4, { weight: f(4), bias: f(4) }),
    bad: [
      [() => g.layerNorm(f(2, 4), 4, { weight: f(3) }), '[3]'],
      [() => g.layerNorm(f(2, 4), 4, { eps: numbers.NaN }), 'NaN'],
      [() => g.layerNorm(f(), 1), '[]'],
      [() => g.layerNorm(i(2, 4), 4), 'i32'],
    ],
  },
  gridSample: {
    good: () => g.gridSample(image(), f(1, 2, 2, 2)),
    bad: [
      [() => g.gridSample(image(), f(2, 2, 2, 2)), '[2,2,2,2]'],
      [() => g.gridSample(image(), f(1, 2, 2, 3)), '[1,2,2,3]'],
      [() => g.gridSample(f(8, 8, 4), f(1, 2, 2, 2)), '[8,8,4]'],
      [() => g.gridSample(image(), i(1, 2, 2, 2)), 'i32'],
      [() => g.gridSample(image(), f(1, 2, 2, 2), { mode: 'bicubic' as never }), 'bicubic'],
      [() => g.gridSample(image(), f(1, 2, 2, 2), { paddingMode: 'wrap' as never }), 'wrap'],
    ],
  },
};
