import * as g from '../../../src/graph/index.ts';
import type { Tensor } from '../../../src/graph/tensor.ts';
import { type Faults, f, i, image, numbers, pairs } from './common.ts';

const roi = (fn: (x: Tensor, rois: Tensor, options: never) => Tensor): Faults => {
  const call = (x: Tensor, rois: Tensor, options: object) => () => fn(x, rois, options as never);
  return {
    good: call(image(), f(2, 5), { outputSize: 2 }),
    bad: [
      [call(f(8, 8, 4), f(2, 5), { outputSize: 2 }), '[8,8,4]'],
      [call(image(), f(2, 4), { outputSize: 2 }), '[2,4]'],
      [call(image(), f(2, 5), { outputSize: 0 }), '0'],
      [call(image(), f(2, 5), { outputSize: [2, numbers.NaN] }), 'NaN'],
      [call(image(), f(2, 5), { outputSize: 2, spatialScale: 0 }), '0'],
      [call(image(), f(2, 5), { outputSize: 2, spatialScale: numbers.NaN }), 'NaN'],
    ],
  };
};
const nms = (fn: (boxes: Tensor, scores: Tensor, options: object) => unknown): Faults => ({
  op: 'nms',
  good: () => fn(f(5, 4), f(5), { iouThreshold: 0.5 }),
  bad: [
    [() => fn(f(5, 5), f(5), { iouThreshold: 0.5 }), '[1,5,5]'],
    [() => fn(f(5, 4), f(4), { iouThreshold: 0.5 }), '[1,4]'],
    [() => fn(f(4), f(1), { iouThreshold: 0.5 }), '4'],
    [() => fn(f(5, 4), i(5), { iouThreshold: 0.5 }), 'i32'],
    [() => fn(f(5, 4), f(5), { iouThreshold: numbers.NaN }), 'NaN'],
    [() => fn(f(5, 4), f(5), { iouThreshold: -1 }), '-1'],
    [() => fn(f(5, 4), f(5), {}), 'undefined'],
    [() => fn(f(5, 4), f(5), { iouThreshold: 0.5, scoreThreshold: numbers.NaN }), 'NaN'],
    [() => fn(f(5, 4), f(5), { iouThreshold: 0.5, maxDetections: -1 }), '-1'],
    [() => fn(f(5, 4), f(5), { iouThreshold: 0.5, maxDetections: 1.5 }), '1.5'],
  ],
});
const coder = (fn: (a: Tensor, b: Tensor, options?: object) => Tensor): Faults => ({
  good: () => fn(f(3, 4), f(3, 4)),
  bad: [
    [() => fn(f(3, 4), f(2, 4)), '[3] and [2]'],
    [() => fn(f(3, 5), f(3, 5)), '[3,5]'],
    [() => fn(i(3, 4), f(3, 4)), 'i32'],
    [() => fn(f(3, 4), f(3, 4), { weights: [1, 1, 0, 1] }), '0'],
    [() => fn(f(3, 4), f(3, 4), { weights: [1, 1, numbers.NaN, 1] }), 'NaN'],
    [() => fn(f(3, 4), f(3, 4), { weights: [1, 1] }), 'weights'],
  ],
});

const boxLoss = (fn: (x: Tensor, target: Tensor) => Tensor): Faults => ({
  good: () => fn(f(2, 4), f(2, 4)),
  bad: [
    [() => fn(f(2, 4), f(3, 4)), '[3,4]'],
    [() => fn(f(2, 5), f(2, 5)), '[2,5]'],
    [() => fn(f(), f()), '[]'],
    [() => fn(i(2, 4), i(2, 4)), 'i32'],
    [() => fn(f(2, 4), i(2, 4)), 'i32'],
  ],
});

export const boxesRows: Record<string, Faults> = {
  boxIou: pairs(g.boxIou),
  generalizedBoxIou: pairs(g.generalizedBoxIou),
  boxEncode: coder(g.boxEncode),
  boxDecode: coder(g.boxDecode),
  matchAnchors: {
    good: () => g.matchAnchors(f(5, 4), f(2, 3, 4), i(2)),
    bad: [
      [() => g.matchAnchors(f(5, 5), f(2, 3, 4), i(2)), '[5,5]'],
      [() => g.matchAnchors(f(5, 4), f(3, 4), i(2)), '[3,4]'],
      [() => g.matchAnchors(f(5, 4), f(2, 3, 4), i(3)), '[3]'],
      [() => g.matchAnchors(f(5, 4), f(2, 3, 4), f(2)), '[2]'],
      [() => g.matchAnchors(f(5, 4), f(2, 3, 4), i(2), { highThreshold: numbers.NaN }), 'NaN'],
      [() => g.matchAnchors(f(5, 4), f(2, 3, 4), i(2), { lowThreshold: 0.9 }), '0.9'],
    ],
  },
  nms: nms((boxes, scores, options) => g.nms(boxes, scores, options as never)),
  batchedNms: nms((boxes, scores, options) =>
    g.batchedNms(boxes, scores, i(...scores.shape), options as never),
  ),
  weightedBoxFusion: {
    good: () => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), i(2, 5), { models: 2, count: i(2) }),
    bad: [
      [() => g.weightedBoxFusion(f(5, 4), f(5), i(5), { models: 2 }), '[5,4]'],
      [() => g.weightedBoxFusion(f(2, 5, 4), f(2, 4), i(2, 5), { models: 2 }), '[2,4]'],
      [() => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), i(2, 3), { models: 2 }), '[2,3]'],
      [() => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), f(2, 5), { models: 2 }), 'i32'],
      [() => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), i(2, 5), { models: 2, count: i(3) }), '[3]'],
      [() => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), i(2, 5), { models: 2, count: f(2) }), 'i32'],
      ...(
        [
          [{ models: 0 }, '0'],
          [{ models: 1.5 }, '1.5'],
          [{ models: 2, iouThreshold: numbers.NaN }, 'NaN'],
          [{ models: 2, iouThreshold: -1 }, '-1'],
          [{ models: 2, scoreThreshold: -0.5 }, '-0.5'],
          [{ models: 2, confType: 'box' as never }, 'box'],
          [{ models: 2, maxDetections: 1.5 }, '1.5'],
        ] as const
      ).map(([options, names]): Faults['bad'][number] => [
        () => g.weightedBoxFusion(f(2, 5, 4), f(2, 5), i(2, 5), options),
        names,
      ]),
    ],
  },
  roiAlign: {
    ...roi(g.roiAlign as never),
    bad: [
      ...roi(g.roiAlign as never).bad,
      [() => g.roiAlign(image(), f(2, 5), { outputSize: 2, samplingRatio: 0.5 }), '0.5'],
      [() => g.roiAlign(image(), f(2, 5), { outputSize: 2, samplingRatio: numbers.NaN }), 'NaN'],
    ],
  },
  roiPool: roi(g.roiPool as never),
  pasteMasks: {
    good: () => g.pasteMasks(f(2, 7, 7), f(2, 4), [8, 8]),
    bad: [
      [() => g.pasteMasks(f(2, 7, 6), f(2, 4), [8, 8]), '[2,7,6]'],
      [() => g.pasteMasks(f(2, 7, 7), f(3, 4), [8, 8]), '[3,4]'],
      [() => g.pasteMasks(i(2, 7, 7), f(2, 4), [8, 8]), 'i32'],
      [() => g.pasteMasks(f(2, 7, 7), f(2, 4), [8, 0]), '0'],
      [() => g.pasteMasks(f(2, 7, 7), f(2, 4), [8, numbers.NaN]), 'NaN'],
    ],
  },
  heatmapsToKeypoints: {
    good: () => g.heatmapsToKeypoints(f(2, 7, 7, 3), f(2, 4)),
    bad: [
      [() => g.heatmapsToKeypoints(f(2, 7, 6, 3), f(2, 4)), '[2,7,6,3]'],
      [() => g.heatmapsToKeypoints(f(2, 7, 7, 3), f(3, 4)), '[3,4]'],
      [() => g.heatmapsToKeypoints(f(2, 7, 7, 3), f(2, 5)), '[2,5]'],
      [() => g.heatmapsToKeypoints(f(2, 7, 7), f(2, 4)), '[2,7,7]'],
    ],
  },
  panopticMerge: {
    good: () =>
      g.panopticMerge({ masks: f(1, 2, 7, 7), boxes: f(1, 2, 4), count: i(1) }, i(1, 8, 8), { numStuff: 3 }),
    bad: [
      [
        () =>
          g.panopticMerge({ masks: f(1, 2, 7, 6), boxes: f(1, 2, 4), count: i(1) }, i(1, 8, 8), {
            numStuff: 3,
          }),
        '[1,2,7,6]',
      ],
      [
        () =>
          g.panopticMerge({ masks: f(1, 2, 7, 7), boxes: f(1, 3, 4), count: i(1) }, i(1, 8, 8), {
            numStuff: 3,
          }),
        '[1,3,4]',
      ],
      [
        () =>
          g.panopticMerge({ masks: f(1, 2, 7, 7), boxes: f(1, 2, 4), count: i(1) }, f(1, 8, 8), {
            numStuff: 3,
          }),
        'i32',
      ],
      [
        () =>
          g.panopticMerge({ masks: f(1, 2, 7, 7), boxes: f(1, 2, 4), count: i(1) }, i(1, 8, 8), {
            numStuff: -1,
          }),
        '-1',
      ],
      [
        () =>
          g.panopticMerge({ masks: f(1, 2, 7, 7), boxes: f(1, 2, 4), count: i(1) }, i(1, 8, 8), {
            numStuff: 3,
            overlapThreshold: numbers.NaN,
          }),
        'NaN',
      ],
    ],
  },
  boxConvert: {
    good: () => g.boxConvert(f(2, 4), 'xyxy', 'xywh'),
    bad: [
      [() => g.boxConvert(f(2, 5), 'xyxy', 'xywh'), '[2,5]'],
      [() => g.boxConvert(f(2, 4), 'yxyx' as never, 'xywh'), 'yxyx'],
      [() => g.boxConvert(f(2, 4), 'xyxy', 'yxyx' as never), 'yxyx'],
    ],
  },
  clipBoxesToImage: {
    good: () => g.clipBoxesToImage(f(2, 4), [8, 8]),
    bad: [
      [() => g.clipBoxesToImage(f(2, 5), [8, 8]), '[2,5]'],
      [() => g.clipBoxesToImage(f(2, 4), [numbers.NaN, 8]), 'NaN'],
      [() => g.clipBoxesToImage(f(2, 4), [-1, 8]), '-1'],
      [() => g.clipBoxesToImage(f(2, 1), f(4)), '[2,1]'],
    ],
  },
  generalizedBoxIouLoss: boxLoss(g.generalizedBoxIouLoss),
  distanceBoxIouLoss: boxLoss(g.distanceBoxIouLoss),
  completeBoxIouLoss: boxLoss(g.completeBoxIouLoss),
};
