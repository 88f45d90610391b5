import { type Case, integers, normal, uniform, values } from './case.ts';

const smoothed = { ignoreIndex: 1, labelSmoothing: 0.2 };
const extreme = [1e4, -1e4, 0, -3e38, 3e38, 0, 88, 89, -100, 1e4, 1e4 - 1, 1e4 + 1];

export const lossCases: Case[] = [
  {
    op: 'one_hot',
    name: 'out of range',
    inputs: { labels: integers([3, 7], -2, 7) },
    attrs: { numClasses: 5 },
  },
  { op: 'one_hot', name: 'one class', inputs: { labels: integers([9], 0, 2) }, attrs: { numClasses: 1 } },
  { op: 'rand', name: 'a map', inputs: { seed: integers([], -9, 9) }, attrs: { shape: [3, 5, 7] } },
  {
    op: 'rand',
    name: 'another stream',
    inputs: { seed: integers([1], -9, 9) },
    attrs: { shape: [1000], stream: 3 },
  },
  { op: 'rand', name: 'none', inputs: { seed: integers([], -9, 9) }, attrs: { shape: [0, 4] } },
  { op: 'one_hot', name: 'none', inputs: { labels: integers([0], 0, 2) }, attrs: { numClasses: 3 } },
  {
    op: 'cross_entropy',
    name: 'rows',
    inputs: { x: normal([9, 5]), target: integers([9], 0, 5) },
    grad: ['x'],
  },
  {
    op: 'cross_entropy',
    name: 'pixels, weights, ignored and out of range',
    inputs: { x: normal([2, 5, 3, 8], 3), target: integers([2, 5, 3], -2, 10), weight: uniform([8], 0.2, 2) },
    attrs: { ignoreIndex: 4 },
    grad: ['x'],
  },
  {
    op: 'cross_entropy',
    name: 'smoothing',
    inputs: { x: normal([11, 3]), target: integers([11], 0, 3) },
    attrs: { labelSmoothing: 0.1 },
    grad: ['x'],
  },
  {
    op: 'cross_entropy',
    name: 'smoothing, weights, ignored',
    inputs: { x: normal([4, 7, 5]), target: integers([4, 7], 0, 5), weight: uniform([5], 0, 2) },
    attrs: smoothed,
    grad: ['x'],
  },
  {
    op: 'cross_entropy',
    name: 'extreme logits',
    inputs: { x: values([4, 3], extreme), target: values([4], [1, 1, 2, 0], 'i32') },
  },
  {
    op: 'cross_entropy',
    name: 'logits of -infinity',
    inputs: {
      x: values([2, 3], [-Infinity, 2, 1, 0, -Infinity, -Infinity]),
      target: values([2], [2, 0], 'i32'),
    },
  },
  {
    op: 'cross_entropy',
    name: 'large logits, smoothing',
    inputs: { x: uniform([3, 40], 9999, 10001), target: integers([3], 0, 40) },
    attrs: { labelSmoothing: 0.5 },
  },
  { op: 'cross_entropy', name: 'one class', inputs: { x: normal([3, 1]), target: integers([3], 0, 1) } },
  {
    op: 'cross_entropy',
    name: 'many classes',
    inputs: { x: normal([2, 1000]), target: integers([2], 0, 1000) },
  },
  { op: 'cross_entropy', name: 'no rows', inputs: { x: normal([0, 4]), target: integers([0], 0, 4) } },
  {
    op: 'cross_entropy_backward',
    name: 'smoothing, weights, ignored',
    inputs: {
      x: normal([4, 7, 5], 4),
      target: integers([4, 7], -1, 6),
      stats: uniform([4, 7, 2], 1, 5),
      dy: normal([4, 7]),
      weight: uniform([5], 0, 2),
    },
    attrs: smoothed,
  },
  {
    op: 'cross_entropy_backward',
    name: 'extreme logits',
    inputs: {
      x: values([4, 3], extreme),
      target: values([4], [1, 1, 2, 0], 'i32'),
      stats: values([4, 2], [1e4, 1, 3e38, 1, 89, 1.3, 1e4 + 1, 1.5]),
      dy: normal([4]),
    },
  },
  {
    op: 'cross_entropy_backward',
    name: 'one gradient for all rows, many classes',
    inputs: {
      x: normal([6, 37]),
      target: integers([6], 0, 37),
      stats: uniform([6, 2], 2, 20),
      dy: normal([1]),
    },
  },
  {
    op: 'cross_entropy_backward',
    name: 'what does not count is 0, whatever its logits',
    inputs: {
      x: values([2, 3], [Number.NaN, Number.POSITIVE_INFINITY, 1, 0, 1, 2]),
      target: values([2], [-100, 3], 'i32'),
      stats: values([2, 2], [0, 0, 0, 0]),
      dy: normal([2]),
    },
  },
];
