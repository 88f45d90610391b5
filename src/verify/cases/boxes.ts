import type { Shape } from '../../shape.ts';
import { boxes, type Case, distinct, type InputSpec, integers, normal, uniform, values } from './case.ts';

/** Boxes on a grid of whole numbers: many of them meet in exactly the same IoU, some are empty. */
const gridBoxes = (shape: Shape, extent: number): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length: length / 4 }, () => {
      const [x, y] = [Math.floor(random() * extent), Math.floor(random() * extent)];
      return [x, y, x + Math.floor(random() * 4), y + Math.floor(random() * 4)];
    }).flat(),
});

const fill = (count: number, box: readonly number[]): number[] =>
  Array.from({ length: count }, () => box).flat();

/** IoU exactly 1, 1/2, 0.3 and 0 with the first box; an empty and an inside-out one. */
const exact = [
  [0, 0, 10, 10],
  [0, 0, 10, 10],
  [0, 0, 10, 5],
  [0, 0, 10, 3],
  [10, 0, 20, 10],
  [5, 5, 5, 5],
  [8, 8, 2, 2],
].flat();

const infinity = Number.POSITIVE_INFINITY;

/** Each twice, after a box that they would meet. */
const unbounded = [
  [NaN, 0, 10, 10],
  [0, NaN, 10, 10],
  [0, 0, NaN, 10],
  [0, 0, 10, NaN],
  [0, 0, infinity, 10],
  [0, 0, infinity, infinity],
  [-infinity, -infinity, infinity, infinity],
  [infinity, infinity, infinity, infinity],
]
  .flatMap((box) => [box, [0, 0, 10, 10], box])
  .flat();

const falling = [7, 6, 5, 4, 3, 2, 1];

export const boxCases: Case[] = [
  {
    op: 'nms',
    name: 'batched',
    inputs: { boxes: boxes([2, 100, 4], 60), scores: distinct([2, 100], 0, 1) },
    attrs: { iouThreshold: 0.4 },
  },
  {
    op: 'nms',
    name: 'several blocks, tied scores',
    inputs: { boxes: boxes([1, 700, 4], 150), scores: integers([1, 700], 0, 20, 'f32') },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'labels',
    inputs: {
      boxes: boxes([3, 150, 4], 50),
      scores: uniform([3, 150]),
      labels: integers([3, 150], 0, 4),
    },
    attrs: { iouThreshold: 0.3 },
  },
  {
    op: 'nms',
    name: 'score threshold',
    inputs: { boxes: boxes([3, 90, 4], 90), scores: uniform([3, 90]) },
    attrs: { iouThreshold: 0.5, scoreThreshold: 0.6 },
  },
  {
    op: 'nms',
    name: 'score threshold that none or one passes',
    inputs: { boxes: boxes([2, 3, 4], 90), scores: values([2, 3], [0.1, 0.5, 0.2, 0.1, 0.6, 0.2]) },
    attrs: { iouThreshold: 0.5, scoreThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'fewer detections than survivors',
    inputs: { boxes: boxes([2, 200, 4], 400), scores: uniform([2, 200]) },
    attrs: { iouThreshold: 0.5, maxDetections: 50 },
  },
  {
    op: 'nms',
    name: 'room for more detections than boxes',
    inputs: { boxes: boxes([2, 5, 4], 40), scores: uniform([2, 5]) },
    attrs: { iouThreshold: 0.5, maxDetections: 9 },
  },
  {
    op: 'nms',
    name: 'at the threshold',
    inputs: { boxes: values([1, 7, 4], exact), scores: values([1, 7], falling) },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'at a threshold that no float is',
    inputs: { boxes: values([1, 7, 4], exact), scores: values([1, 7], falling) },
    attrs: { iouThreshold: 0.3 },
  },
  {
    op: 'nms',
    name: 'threshold 0',
    inputs: { boxes: values([1, 7, 4], exact), scores: values([1, 7], falling) },
    attrs: { iouThreshold: 0 },
  },
  {
    op: 'nms',
    name: 'identical',
    inputs: { boxes: values([1, 70, 4], fill(70, [1, 2, 3, 4])), scores: values([1, 70], fill(70, [0.5])) },
    attrs: { iouThreshold: 0.9 },
  },
  {
    op: 'nms',
    name: 'nothing removed',
    inputs: { boxes: boxes([1, 260, 4], 9), scores: uniform([1, 260]) },
    attrs: { iouThreshold: 1 },
  },
  {
    op: 'nms',
    name: 'special scores',
    inputs: {
      boxes: boxes([1, 6, 4], 1000),
      scores: values([1, 6], [NaN, -Infinity, 1, Infinity, -0, 0]),
    },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'a score of NaN comes first',
    inputs: {
      boxes: values([1, 4, 4], fill(4, [0, 0, 9, 9])),
      scores: values([1, 4], [1, NaN, Infinity, NaN]),
    },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'a score of NaN passes no threshold',
    inputs: { boxes: boxes([1, 4, 4], 1000), scores: values([1, 4], [1, NaN, -Infinity, NaN]) },
    attrs: { iouThreshold: 0.5, scoreThreshold: -5 },
  },
  {
    op: 'nms',
    name: 'boxes with corners that are NaN or infinite',
    inputs: {
      boxes: values([1, unbounded.length / 4, 4], unbounded),
      scores: values([1, unbounded.length / 4], new Array(unbounded.length / 4).fill(1)),
    },
    attrs: { iouThreshold: 0 },
  },
  {
    op: 'nms',
    name: 'several blocks of boxes',
    inputs: { boxes: boxes([2, 5000, 4], 900), scores: integers([2, 5000], 0, 300, 'f32') },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'several blocks of boxes, labels, few asked for',
    inputs: {
      boxes: boxes([1, 4500, 4], 300),
      scores: uniform([1, 4500]),
      labels: integers([1, 4500], 0, 3),
    },
    attrs: { iouThreshold: 0.3, scoreThreshold: 0.02, maxDetections: 400 },
  },
  {
    op: 'nms',
    name: 'no boxes',
    inputs: { boxes: boxes([2, 0, 4], 9), scores: uniform([2, 0]) },
    attrs: { iouThreshold: 0.5, maxDetections: 3 },
  },
  {
    op: 'nms',
    name: 'no images',
    inputs: { boxes: boxes([0, 4, 4], 9), scores: uniform([0, 4]) },
    attrs: { iouThreshold: 0.5 },
  },
  { op: 'box_iou', name: 'lists', inputs: { a: boxes([9, 4], 20), b: boxes([5, 4], 20) } },
  { op: 'box_iou', name: 'batched', inputs: { a: boxes([2, 3, 7, 4], 20), b: boxes([2, 3, 1, 4], 20) } },
  { op: 'box_iou', name: 'exact', inputs: { a: values([7, 4], exact), b: gridBoxes([30, 4], 8) } },
  { op: 'box_iou', name: 'none', inputs: { a: boxes([3, 4], 20), b: boxes([0, 4], 20) } },
  { op: 'generalized_box_iou', name: 'lists', inputs: { a: boxes([9, 4], 20), b: boxes([5, 4], 20) } },
  {
    op: 'generalized_box_iou',
    name: 'batched',
    inputs: { a: boxes([2, 7, 4], 99), b: boxes([2, 3, 4], 99) },
  },
  {
    op: 'generalized_box_iou',
    name: 'exact',
    inputs: { a: values([6, 4], exact.slice(0, 24)), b: gridBoxes([30, 4], 8) },
  },
  {
    op: 'box_encode',
    name: 'anchors shared by images',
    inputs: { boxes: boxes([2, 13, 4], 80), anchors: boxes([13, 4], 80) },
    attrs: { weights: [10, 10, 5, 5] },
  },
  {
    op: 'box_encode',
    name: 'broadcast both ways',
    inputs: { boxes: boxes([3, 1, 5, 4], 80), anchors: boxes([2, 1, 4], 80) },
  },
  { op: 'box_encode', name: 'one box', inputs: { boxes: boxes([4], 80), anchors: boxes([4], 80) } },
  {
    op: 'box_encode',
    name: 'empty boxes and anchors',
    inputs: { boxes: gridBoxes([40, 4], 8), anchors: gridBoxes([40, 4], 8) },
  },
  { op: 'box_encode', name: 'none', inputs: { boxes: boxes([0, 4], 8), anchors: boxes([1, 4], 8) } },
  {
    op: 'box_decode',
    name: 'one anchor for several classes',
    inputs: { deltas: normal([7, 3, 4]), anchors: boxes([7, 1, 4], 80) },
    attrs: { weights: [10, 10, 5, 4] },
    grad: ['deltas'],
    atol: 1e-4,
  },
  {
    op: 'box_decode',
    name: 'anchors shared by images, clipped',
    inputs: { deltas: distinct([2, 11, 4], -3, 6), anchors: boxes([11, 4], 80) },
    grad: ['deltas'],
    atol: 1e-3,
  },
  {
    op: 'box_decode',
    name: 'another clip',
    inputs: { deltas: distinct([9, 4], -1, 1), anchors: boxes([9, 4], 80) },
    attrs: { clip: 0.3 },
    grad: ['deltas'],
    atol: 1e-4,
  },
  {
    op: 'box_decode_backward',
    name: 'clipped',
    inputs: { dy: normal([2, 5, 4]), deltas: distinct([2, 5, 4], -3, 6), anchors: boxes([5, 4], 80) },
    attrs: { weights: [2, 3, 1.25, 0.75] },
    atol: 1e-2,
  },
  {
    op: 'match_anchors',
    name: 'thresholds',
    inputs: {
      anchors: boxes([200, 4], 60),
      boxes: boxes([3, 6, 4], 60),
      count: values([3], [6, 2, 0], 'i32'),
    },
    attrs: { highThreshold: 0.5, lowThreshold: 0.3 },
  },
  {
    op: 'match_anchors',
    name: 'low quality',
    inputs: {
      anchors: boxes([200, 4], 60),
      boxes: boxes([3, 6, 4], 60),
      count: values([3], [6, 2, 0], 'i32'),
    },
    attrs: { highThreshold: 0.9, lowThreshold: 0.4, allowLowQuality: true },
  },
  {
    op: 'match_anchors',
    name: 'low quality, ties',
    inputs: {
      anchors: gridBoxes([300, 4], 9),
      boxes: gridBoxes([2, 5, 4], 9),
      count: values([2], [5, 3], 'i32'),
    },
    attrs: { highThreshold: 0.7, lowThreshold: 0.5, allowLowQuality: true },
  },
  {
    op: 'match_anchors',
    name: 'anchors of each image, count out of range',
    inputs: {
      anchors: boxes([2, 30, 4], 60),
      boxes: boxes([2, 3, 4], 60),
      count: values([2], [9, -1], 'i32'),
    },
    attrs: { highThreshold: 0.5, lowThreshold: 0.5, allowLowQuality: true },
  },
  {
    op: 'match_anchors',
    name: 'no boxes',
    inputs: { anchors: boxes([20, 4], 60), boxes: boxes([2, 0, 4], 60), count: values([2], [0, 0], 'i32') },
    attrs: { highThreshold: 0.5, lowThreshold: 0.5, allowLowQuality: true },
  },
];
