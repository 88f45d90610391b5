import type { Shape } from '../../shape.ts';
import { type Case, type InputSpec, integers, uniform, values } from './case.ts';

const infinity = Number.POSITIVE_INFINITY;

const fill = (count: number, box: readonly number[]): number[] =>
  Array.from({ length: count }, () => box).flat();

/** IoU exactly 1, 1/2, 0.3 and 0 with the first box. */
const overlapping = values(
  [1, 5, 4],
  [
    [0, 0, 10, 10],
    [0, 0, 10, 10],
    [0, 0, 10, 5],
    [0, 0, 10, 3],
    [10, 0, 20, 10],
  ].flat(),
);
const falling = values([1, 5], [5, 4, 3, 2, 1]);

/** Boxes of a few objects each, as several models find them: they lie near one another. */
const found = (shape: Shape, objects: number, extent: number): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) => {
    const around = Array.from({ length: objects }, () => [random() * extent, random() * extent]);
    return Array.from({ length: length / 4 }, () => {
      const [x, y] = around[Math.floor(random() * objects)] as [number, number];
      const [left, top] = [x + 4 * random(), y + 4 * random()];
      return [left, top, x + 16 + 4 * random(), y + 16 + 4 * random()];
    })
      .flat()
      .map(Math.fround);
  },
});

/** What takes no part in a fusion: boxes without area or end, scores without weight. */
const useless = {
  boxes: [
    [5, 5, 5, 9],
    [5, 5, 9, 5],
    [9, 9, 5, 5],
    [NaN, 0, 9, 9],
    [0, 0, 9, infinity],
    [-infinity, 0, 9, 9],
    ...Array.from({ length: 6 }, () => [0, 0, 9, 9]),
  ],
  scores: [1, 1, 1, 1, 1, 1, NaN, infinity, 0, -1, -infinity, 1e-40],
};

export const fusionCases: Case[] = [
  {
    op: 'weighted_box_fusion',
    name: 'one label',
    inputs: {
      boxes: found([2, 80, 4], 9, 60),
      scores: uniform([2, 80], 0.05, 1),
      labels: integers([2, 80], 0, 1),
    },
    attrs: { models: 4 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'many labels, a threshold of scores, few asked for',
    inputs: {
      boxes: found([3, 150, 4], 5, 60),
      scores: uniform([3, 150], 0, 1),
      labels: integers([3, 150], -2, 6),
    },
    attrs: { models: 3, iouThreshold: 0.4, scoreThreshold: 0.2, maxDetections: 20 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'maximum, more clusters than invocations',
    inputs: {
      boxes: found([1, 700, 4], 300, 900),
      scores: uniform([1, 700], 0.01, 1),
      labels: integers([1, 700], 0, 2),
    },
    attrs: { models: 2, confType: 'max', iouThreshold: 0.6 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'some count, room for more than there are',
    inputs: {
      boxes: found([4, 12, 4], 2, 20),
      scores: uniform([4, 12], 0.1, 1),
      labels: integers([4, 12], 0, 2),
      count: values([4], [5, 0, -3, 99], 'i32'),
    },
    attrs: { models: 2, maxDetections: 15 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'at the threshold',
    inputs: {
      boxes: overlapping,
      scores: falling,
      labels: integers([1, 5], 0, 1),
    },
    attrs: { models: 2, iouThreshold: 0.5 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'threshold 0',
    inputs: {
      boxes: overlapping,
      scores: falling,
      labels: integers([1, 5], 0, 1),
    },
    attrs: { models: 2, iouThreshold: 0 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'tied scores and overlaps: the first',
    inputs: {
      // The third box meets both before it alike; the last two begin clusters of one score.
      boxes: values(
        [1, 5, 4],
        [
          [0, 0, 4, 4],
          [4, 0, 8, 4],
          [2, 0, 6, 4],
          [40, 0, 44, 4],
          [30, 0, 34, 4],
        ].flat(),
      ),
      scores: values([1, 5], fill(5, [0.5])),
      labels: integers([1, 5], 7, 8),
    },
    attrs: { models: 1, iouThreshold: 0.25 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'identical',
    inputs: {
      boxes: values([1, 70, 4], fill(70, [1, 2, 3, 4])),
      scores: values([1, 70], fill(70, [0.5])),
      labels: integers([1, 70], 0, 1),
    },
    attrs: { models: 3 },
  },
  {
    op: 'weighted_box_fusion',
    name: 'what takes no part',
    inputs: {
      boxes: values([1, 13, 4], [...useless.boxes.flat(), 1, 0, 9, 9]),
      scores: values([1, 13], [...useless.scores, 0.5]),
      labels: integers([1, 13], 0, 1),
    },
    attrs: { models: 1, iouThreshold: 0.1 },
  },
];
