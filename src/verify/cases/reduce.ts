import { type Case, distinct, integers, normal, uniform, values } from './case.ts';

const sum = (name: string, shape: readonly number[], dims: readonly number[], keepdim = false): Case => ({
  op: 'sum',
  name,
  inputs: { x: normal(shape) },
  attrs: { dims, keepdim },
  grad: ['x'],
});

const amax = (name: string, shape: readonly number[], dims: readonly number[], keepdim = false): Case => ({
  op: 'amax',
  name,
  inputs: { x: distinct(shape) },
  attrs: { dims, keepdim },
  grad: ['x'],
});

const softmaxRow = (op: 'softmax' | 'log_softmax', name: string, input: Case['inputs'][string]): Case => ({
  op,
  name,
  inputs: { x: input },
  attrs: {},
  grad: ['x'],
});

const softmaxBackwardRow = (
  op: 'softmax_backward' | 'log_softmax_backward',
  name: string,
  shape: readonly number[],
): Case => ({
  op,
  name,
  // Any numbers will do for y: the formula is linear in dy, and what the forward operation gives is no special case.
  inputs: { dy: normal(shape), y: op === 'softmax_backward' ? uniform(shape) : uniform(shape, -4, 0) },
  attrs: {},
});

const extremes = [1000, 999, -1000, 0, -1e30, -3e38, 3e38, 1, 88.9, -88.9, 3e38, 0, 7, 7, 7, 7];

export const reduceCases: Case[] = [
  sum('all', [3, 4, 5, 6], [0, 1, 2, 3]),
  sum('all, kept', [3, 5], [0, 1], true),
  sum('last, odd', [7, 13], [1]),
  sum('spatial, kept', [2, 5, 7, 3], [1, 2], true),
  sum('bias gradient', [2, 17, 19, 8], [0, 1, 2]),
  sum('bias gradient in three channels', [2, 17, 19, 3], [0, 1, 2]),
  sum('kept between', [3, 4, 5], [0, 2]),
  sum('alternating, last reduced', [2, 3, 4, 5, 3, 2], [1, 3, 5]),
  sum('alternating, last kept', [2, 3, 4, 5, 3, 4], [0, 2, 4]),
  sum('alternating and long', [11, 3, 17, 2, 23], [0, 2, 4]),
  sum('long rows', [3, 1100], [1]),
  sum('rows of many chunks', [2, 5003], [1]),
  sum('long rows, two dims', [2, 3, 300, 4], [1, 3]),
  sum('three stages', [40000], [0]),
  sum('three stages, odd', [40001], [0]),
  sum('no dims', [4, 3], []),
  sum('scalar', [], []),
  sum('nothing kept of nothing', [0, 3], [0, 1]),
  sum('no rows', [0, 4], [0]),
  sum('no outputs', [0, 4], [1]),
  {
    op: 'sum',
    name: 'no cancellation hides: all of one sign',
    inputs: { x: uniform([3, 20000]) },
    attrs: { dims: [1], keepdim: false },
  },
  {
    op: 'sum',
    name: 'i32',
    inputs: { x: integers([9, 1000, 2], -50, 100) },
    attrs: { dims: [1], keepdim: false },
  },
  {
    op: 'sum',
    name: 'i32 wraps around',
    inputs: { x: values([3], [2147483647, 5, 7], 'i32') },
    attrs: { dims: [0], keepdim: true },
  },
  amax('all', [3, 4, 5, 6], [0, 1, 2, 3]),
  amax('last', [6, 300], [1]),
  amax('spatial, kept', [2, 6, 7, 8], [1, 2], true),
  amax('long rows', [2, 1200], [1]),
  amax('rows of many chunks', [2, 5003], [1]),
  amax('long columns', [601, 5], [0]),
  amax('long, odd', [4099], [0]),
  amax('no outputs', [0, 4], [1]),
  {
    op: 'amax',
    name: 'NaN, infinities and signs',
    inputs: {
      x: values(
        [6, 3],
        [
          [Number.NaN, 1, 2],
          [1, Number.NaN, 2],
          [1, 2, Number.NaN],
          [-5, Number.NEGATIVE_INFINITY, -7],
          [1, Number.POSITIVE_INFINITY, 2],
          [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
        ].flat(),
      ),
    },
    attrs: { dims: [1], keepdim: false },
  },
  {
    op: 'amax',
    name: 'one NaN in a long row',
    inputs: {
      x: values(
        [2, 1200],
        Array.from({ length: 2400 }, (_, i) => (i === 1777 ? Number.NaN : i % 7)),
      ),
    },
    attrs: { dims: [1], keepdim: false },
  },
  {
    op: 'amax',
    name: 'nothing but NaN, by fours',
    inputs: { x: values([3, 8], new Array(24).fill(Number.NaN)) },
    attrs: { dims: [0], keepdim: false },
  },
  softmaxRow('softmax', 'odd', normal([4, 9, 21])),
  softmaxRow('softmax', 'four at a time', normal([5, 3, 12], 3)),
  softmaxRow('softmax', 'one class', normal([5, 1])),
  softmaxRow('softmax', 'long rows', normal([3, 1000], 5)),
  softmaxRow('softmax', 'no rows', normal([0, 7])),
  softmaxRow('softmax', 'no classes', normal([3, 0])),
  { op: 'softmax', name: 'extremes', inputs: { x: values([4, 4], extremes) }, attrs: {} },
  {
    op: 'softmax',
    name: 'masked',
    inputs: {
      x: values([2, 5], [Number.NEGATIVE_INFINITY, 1, 2, Number.NEGATIVE_INFINITY, 0, 1, 2, 3, 4, 5]),
    },
    attrs: {},
  },
  {
    op: 'softmax',
    name: 'masked, long',
    // All but one element of the first row, and every third of the second.
    inputs: {
      x: values(
        [2, 23],
        Array.from({ length: 46 }, (_, i) =>
          (i < 23 ? i !== 20 : i % 3 === 0) ? Number.NEGATIVE_INFINITY : i,
        ),
      ),
    },
    attrs: {},
  },
  softmaxRow('log_softmax', 'odd', normal([4, 9, 21])),
  softmaxRow('log_softmax', 'four at a time', normal([5, 3, 12], 3)),
  softmaxRow('log_softmax', 'one class', normal([5, 1])),
  {
    op: 'log_softmax',
    name: 'extremes',
    inputs: {
      x: values(
        [4, 4],
        extremes.map((v) => v / 4),
      ),
    },
    attrs: {},
  },
  softmaxBackwardRow('softmax_backward', 'odd', [4, 9, 21]),
  softmaxBackwardRow('softmax_backward', 'four at a time', [5, 3, 12]),
  softmaxBackwardRow('softmax_backward', 'one class', [5, 1]),
  softmaxBackwardRow('softmax_backward', 'long rows', [2, 1100]),
  softmaxBackwardRow('softmax_backward', 'no rows', [0, 4]),
  softmaxBackwardRow('softmax_backward', 'no classes', [4, 0]),
  softmaxBackwardRow('log_softmax_backward', 'odd', [4, 9, 21]),
  softmaxBackwardRow('log_softmax_backward', 'four at a time', [5, 3, 12]),
  softmaxBackwardRow('log_softmax_backward', 'one class', [5, 1]),
  softmaxBackwardRow('log_softmax_backward', 'no rows', [0, 4]),
];
