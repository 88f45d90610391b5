import { type Case, normal, uniform, values } from './case.ts';

type Shape = readonly number[];

/** Values far from 0, so that a variance taken as E[x^2] - E[x]^2 shows. */
const shifted = (shape: Shape, mean: number): ReturnType<typeof normal> => {
  const input = normal(shape);
  return {
    ...input,
    fill: (random, length) => Array.from(input.fill(random, length), (v) => Math.fround(v + mean)),
  };
};

const batch = (name: string, shape: Shape, momentum = 0.1, eps = 1e-5): Case => {
  const each = [shape.at(-1)!];
  return {
    op: 'batch_norm',
    name,
    inputs: {
      x: normal(shape, 2),
      weight: uniform(each, 0.5, 1.5),
      bias: normal(each),
      runningMean: normal(each),
      runningVar: uniform(each, 0.5, 2),
    },
    attrs: { momentum, eps },
    grad: ['x', 'weight', 'bias'],
  };
};

const batchBackward = (name: string, shape: Shape): Case => {
  const each = [shape.at(-1)!];
  return {
    op: 'batch_norm_backward',
    name,
    inputs: {
      dy: normal(shape),
      x: normal(shape),
      weight: normal(each),
      mean: normal(each, 0.3),
      invstd: uniform(each, 0.5, 2),
    },
    attrs: {},
    atol: 1e-4,
  };
};

const group = (name: string, shape: Shape, numGroups: number, eps = 1e-5): Case => {
  const each = [shape.at(-1)!];
  return {
    op: 'group_norm',
    name,
    inputs: { x: normal(shape, 2), weight: uniform(each, 0.5, 1.5), bias: normal(each) },
    attrs: { numGroups, eps },
    grad: ['x', 'weight', 'bias'],
  };
};

const groupBackward = (name: string, shape: Shape, numGroups: number): Case => {
  const each = [shape.at(-1)!];
  const statistics = [shape[0]!, numGroups];
  return {
    op: 'group_norm_backward',
    name,
    inputs: {
      dy: normal(shape),
      x: normal(shape),
      weight: normal(each),
      mean: normal(statistics, 0.3),
      invstd: uniform(statistics, 0.5, 2),
    },
    attrs: { numGroups },
    atol: 1e-4,
  };
};

type Levels = readonly (readonly [number, number])[];

/** Each of so many images has the pixels of all levels one after another. */
const leveled = (images: number, levels: Levels, channels: number): Shape => [
  images,
  1,
  levels.reduce((sum, [h, w]) => sum + h * w, 0),
  channels,
];

const levelsOf = (
  name: string,
  images: number,
  levels: Levels,
  channels: number,
  numGroups: number,
): Case => {
  const row = group(name, leveled(images, levels, channels), numGroups);
  return { ...row, attrs: { ...row.attrs, levels } };
};

const levelsBackward = (
  name: string,
  images: number,
  levels: Levels,
  channels: number,
  numGroups: number,
): Case => {
  const { inputs, ...row } = groupBackward(name, leveled(images, levels, channels), numGroups);
  const statistics = [images, levels.length, numGroups];
  return {
    ...row,
    inputs: { ...inputs, mean: normal(statistics, 0.3), invstd: uniform(statistics, 0.5, 2) },
    attrs: { numGroups, levels },
  };
};

const PYRAMID: Levels = [
  [9, 7],
  [5, 4],
  [3, 2],
  [2, 2],
];
const FLAT: Levels = [
  [1, 8],
  [20, 20],
  [1, 2],
];
const LARGE: Levels = [
  [9, 9],
  [6, 7],
];
const SMALL: Levels = [
  [3, 3],
  [2, 1],
];

const local = (name: string, shape: Shape, size: number, attrs = {}): Case => ({
  op: 'local_response_norm',
  name,
  inputs: { x: normal(shape, 2) },
  // With PyTorch's alpha of 1e-4 the window would hardly show.
  attrs: { size, alpha: 0.5, ...attrs },
  grad: ['x'],
});

const localBackward = (name: string, shape: Shape, size: number, attrs = {}): Case => ({
  op: 'local_response_norm_backward',
  name,
  inputs: { dy: normal(shape), x: normal(shape, 2) },
  attrs: { size, alpha: 0.5, ...attrs },
});

export const normCases: Case[] = [
  batch('eight channels', [3, 5, 6, 8]),
  batch('odd channels', [2, 7, 3, 5], 0.3, 1e-3),
  batch('one channel', [4, 6, 5, 1]),
  batch('two values a channel', [2, 3]),
  batch('many positions', [3, 40, 41, 4]),
  {
    ...batch('far from 0', [2, 9, 9, 4]),
    inputs: { ...batch('', [2, 9, 9, 4]).inputs, x: shifted([2, 9, 9, 4], 1000) },
    // The error that x itself has at 1000, relative to a deviation of 1.
    atol: 3e-4,
  },
  batchBackward('eight channels', [3, 5, 6, 8]),
  batchBackward('odd channels', [2, 7, 3, 5]),
  batchBackward('two values a channel', [2, 3]),
  batchBackward('many positions', [3, 40, 41, 4]),
  group('groups of four', [2, 6, 5, 16], 4),
  group('groups of two in vec4', [2, 7, 5, 12], 6),
  group('groups of six', [2, 5, 5, 12], 2, 1e-3),
  group('odd channels', [3, 7, 5, 9], 3),
  group('instance norm', [2, 7, 5, 5], 5),
  group('many positions', [2, 33, 35, 8], 2),
  group('layer norm', [18, 48], 1, 1e-6),
  group('layer norm, odd', [7, 13], 1),
  // Its gradient is the difference of two equal terms, each 1 / sqrt(eps) = 316 times the cotangent.
  { ...group('one value', [3, 1], 1), atol: 2e-4 },
  group('few positions', [5, 3, 3, 12], 4),
  group('few positions, odd groups', [5, 2, 3, 12], 6),
  group('few positions of one image', [1, 3, 3, 12], 2),
  group('no images', [0, 5, 5, 4], 2),
  group('no positions', [2, 0, 5, 4], 2),
  {
    ...group('far from 0', [2, 9, 9, 8], 4),
    inputs: { ...group('', [2, 9, 9, 8], 4).inputs, x: shifted([2, 9, 9, 8], 1000) },
    atol: 3e-4,
  },
  levelsOf('levels', 3, PYRAMID, 16, 4),
  levelsOf('levels of one image, groups of two in vec4', 1, PYRAMID, 12, 6),
  levelsOf('levels, odd channels', 3, PYRAMID, 9, 3),
  // Levels of two pixels bend too much for finite differences of one channel: those of several, or the backward kernel alone.
  levelsOf('levels, one channel a group', 2, PYRAMID, 8, 8),
  levelsOf('levels, one odd channel a group', 1, FLAT, 3, 3),
  levelsOf('levels, a small one first', 2, FLAT, 8, 2),
  levelsOf('levels of few pixels', 3, SMALL, 8, 2),
  levelsOf('one level', 2, [[6, 5]], 8, 2),
  levelsOf('levels of no images', 0, PYRAMID, 8, 2),
  { ...levelsOf('a level of one pixel', 2, [...PYRAMID, [1, 1]], 24, 3), atol: 1e-4 },
  {
    ...levelsOf('levels, far from 0', 2, LARGE, 8, 4),
    inputs: { ...levelsOf('', 2, LARGE, 8, 4).inputs, x: shifted(leveled(2, LARGE, 8), 1000) },
    atol: 3e-4,
  },
  groupBackward('groups of four', [2, 6, 5, 16], 4),
  groupBackward('groups of two in vec4', [2, 7, 5, 12], 6),
  groupBackward('odd channels', [3, 7, 5, 9], 3),
  groupBackward('instance norm', [2, 7, 5, 5], 5),
  groupBackward('instance norm of one image', [1, 7, 5, 8], 8),
  groupBackward('many positions', [2, 33, 35, 8], 2),
  groupBackward('layer norm', [18, 48], 1),
  groupBackward('layer norm, odd', [7, 13], 1),
  groupBackward('few positions', [5, 3, 3, 12], 4),
  groupBackward('few positions, odd groups', [5, 2, 3, 12], 6),
  groupBackward('few positions of one image', [1, 3, 3, 12], 2),
  groupBackward('no images', [0, 5, 5, 4], 2),
  groupBackward('no positions', [2, 0, 5, 4], 2),
  levelsBackward('levels', 3, PYRAMID, 16, 4),
  levelsBackward('levels of one image, groups of two in vec4', 1, PYRAMID, 12, 6),
  levelsBackward('levels, odd channels', 3, PYRAMID, 9, 3),
  levelsBackward('levels, one channel a group', 2, FLAT, 8, 8),
  levelsBackward('levels, one odd channel a group', 1, FLAT, 3, 3),
  levelsBackward('levels, a small one first', 2, FLAT, 8, 2),
  levelsBackward('levels of few pixels', 3, SMALL, 8, 2),
  levelsBackward('one level of one image, one channel a group', 1, [[6, 5]], 8, 8),
  levelsBackward('levels of no images', 0, PYRAMID, 8, 2),
  levelsBackward('a level of one pixel', 2, [...PYRAMID, [1, 1]], 24, 3),
  { ...local('defaults', [2, 3, 5, 16], 5), attrs: { size: 5 } },
  local('odd channels', [3, 4, 13], 3),
  local('even size: one more channel before than after', [2, 3, 3, 9], 4),
  local('the channel itself', [2, 5, 6], 1),
  local('wider than all channels', [5, 7], 31),
  local('one channel', [7, 1], 5),
  local('beta 0.5, k 2', [2, 5, 5, 8], 5, { beta: 0.5, k: 2 }),
  local('beta 0: x', [3, 8], 3, { beta: 0 }),
  { ...local('zeros', [1, 5], 3), inputs: { x: values([1, 5], [0, 0, 0, 4, -2]) } },
  local('no images', [0, 5, 5, 4], 3),
  local('no channels', [2, 5, 0], 3),
  localBackward('odd channels', [3, 4, 13], 3),
  localBackward('even size: one more channel after than before', [2, 3, 3, 9], 4),
  localBackward('wider than all channels', [5, 7], 31),
  localBackward('beta 0.5, k 2', [2, 5, 5, 8], 5, { beta: 0.5, k: 2 }),
  localBackward('no images', [0, 5, 5, 4], 3),
];
