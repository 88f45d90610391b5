import { type Case, integers, normal, values } from './case.ts';

type Shape = readonly number[];

const row = (op: Case['op'], name: string, shape: Shape, attrs: object): Case => ({
  op,
  name,
  inputs: { x: normal(shape) },
  attrs,
  grad: ['x'],
});

const permute = (name: string, shape: Shape, dims: readonly number[]) =>
  row('permute', name, shape, { dims });
const slice = (name: string, shape: Shape, starts: Shape, steps: Shape, sizes: Shape) =>
  row('slice', name, shape, { starts, steps, sizes });
const pad = (name: string, shape: Shape, padding: readonly Shape[], value = 0) =>
  row('pad', name, shape, { padding, value });
const sliceBackward = (
  name: string,
  sizes: Shape,
  attrs: { starts: Shape; steps: Shape; inputShape: Shape },
): Case => ({ op: 'slice_backward', name, inputs: { dy: normal(sizes) }, attrs });

const concat = (name: string, dim: number, ...shapes: readonly Shape[]): Case => ({
  op: 'concat',
  name,
  inputs: Object.fromEntries(shapes.map((shape, i) => [`x${i}`, normal(shape)])),
  attrs: { dim },
  grad: shapes.map((_, i) => `x${i}`),
});

const awkward = [
  1.5,
  -1.5,
  0.999,
  -0.999,
  -0.0,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  3e9,
  -3e9,
  5e9,
  2147483520,
  -2147483648,
];

export const shapeCases: Case[] = [
  permute('channels first', [2, 3, 4, 5], [0, 3, 1, 2]),
  permute('swap, four at a time', [6, 7, 8], [1, 0, 2]),
  permute('transpose', [13, 7], [1, 0]),
  permute('transpose by fours', [12, 20], [1, 0]),
  permute('batched transpose by fours', [3, 8, 12], [0, 2, 1]),
  permute('channels first by fours', [2, 4, 6, 8], [0, 3, 1, 2]),
  permute('transpose of the outer two', [4, 8, 5], [1, 0, 2]),
  permute('reversed, six dims', [2, 3, 2, 3, 2, 4], [5, 4, 3, 2, 1, 0]),
  permute('heads', [2, 5, 3, 8], [0, 2, 1, 3]),
  permute('nothing moves', [3, 4], [0, 1]),
  permute('sizes of 1', [1, 4, 1, 4], [3, 0, 2, 1]),
  permute('scalar', [], []),
  permute('empty', [0, 3], [1, 0]),
  {
    op: 'permute',
    name: 'i32',
    inputs: { x: integers([3, 5], -9, 9) },
    attrs: { dims: [1, 0] },
  },
  slice('steps', [6, 7, 8], [1, 0, 3], [1, 2, 1], [4, 4, 5]),
  slice('four at a time', [6, 7, 8], [1, 0, 4], [1, 2, 1], [4, 4, 4]),
  slice('channels', [2, 3, 4, 8], [0, 0, 0, 4], [1, 1, 1, 1], [2, 3, 4, 4]),
  slice('backwards', [6, 7, 8], [5, 6, 7], [-1, -2, -3], [6, 4, 3]),
  slice('one element', [6, 7], [5, 2], [1, 1], [1, 1]),
  slice('nothing', [6, 7], [6, 2], [1, 1], [0, 3]),
  slice('rows of one', [9], [4], [1], [4]),
  sliceBackward('steps', [4, 4, 5], { starts: [1, 0, 3], steps: [1, 2, 1], inputShape: [6, 7, 8] }),
  sliceBackward('four at a time', [4, 4, 4], { starts: [1, 0, 4], steps: [1, 2, 1], inputShape: [6, 7, 8] }),
  sliceBackward('backwards', [6, 4, 3], { starts: [5, 6, 7], steps: [-1, -2, -3], inputShape: [6, 7, 8] }),
  sliceBackward('one element', [1, 1], { starts: [5, 2], steps: [1, -4], inputShape: [6, 7] }),
  sliceBackward('nothing', [0, 3], { starts: [6, 2], steps: [1, 1], inputShape: [6, 7] }),
  pad(
    'spatial',
    [2, 4, 5, 3],
    [
      [0, 0],
      [1, 2],
      [0, 3],
      [0, 0],
    ],
    0.5,
  ),
  pad(
    'spatial, four at a time',
    [2, 4, 5, 8],
    [
      [0, 0],
      [1, 2],
      [2, 1],
      [0, 0],
    ],
  ),
  pad(
    'channels',
    [2, 3, 5],
    [
      [0, 0],
      [0, 0],
      [2, 1],
    ],
    -1,
  ),
  pad(
    'crop',
    [5, 6, 4],
    [
      [-1, -2],
      [2, -3],
      [0, 0],
    ],
    7,
  ),
  pad(
    'crop to nothing',
    [2, 3],
    [
      [-1, -1],
      [0, 0],
    ],
  ),
  pad(
    'around nothing',
    [0, 3],
    [
      [1, 1],
      [0, 1],
    ],
    2,
  ),
  pad(
    'six dims',
    [2, 1, 2, 1, 2, 3],
    [
      [1, 0],
      [0, 1],
      [1, 1],
      [1, 0],
      [0, 1],
      [1, 1],
    ],
    3,
  ),
  {
    op: 'pad',
    name: 'i32',
    inputs: { x: integers([3, 4], -9, 9) },
    attrs: {
      padding: [
        [1, 0],
        [0, 2],
      ],
      value: -1,
    },
  },
  row('flip', 'width', [2, 4, 5, 3], { dims: [2] }),
  row('flip', 'both, four at a time', [2, 4, 5, 4], { dims: [1, 2] }),
  row('flip', 'last', [3, 8], { dims: [1] }),
  row('flip', 'nothing', [3, 8], { dims: [] }),
  row('expand', 'rows', [5], { shape: [4, 5] }),
  row('expand', 'rows, four at a time', [8], { shape: [3, 2, 8] }),
  row('expand', 'columns', [4, 1], { shape: [4, 6] }),
  row('expand', 'between', [2, 1, 3, 1], { shape: [2, 5, 3, 4] }),
  row('expand', 'scalar', [], { shape: [3, 2] }),
  row('expand', 'to nothing', [1, 3], { shape: [0, 3] }),
  concat('channels', 3, [2, 4, 5, 6], [2, 4, 5, 3], [2, 4, 5, 1]),
  concat('channels by fours', 3, [2, 4, 5, 8], [2, 4, 5, 4], [2, 4, 5, 12]),
  concat('rows', 0, [4, 5], [2, 5]),
  concat('middle', 1, [2, 3, 4], [2, 1, 4], [2, 0, 4], [2, 2, 4]),
  concat('one input', 1, [3, 4]),
  concat('all empty', 0, [0, 3], [0, 3]),
  {
    op: 'concat',
    name: 'i32',
    inputs: { x0: integers([3], -5, 5), x1: integers([2], -5, 5) },
    attrs: { dim: 0 },
  },
  { op: 'cast', name: 'f32 to i32', inputs: { x: values([13], awkward) }, attrs: { dtype: 'i32' } },
  { op: 'cast', name: 'f32 to u32', inputs: { x: values([13], awkward) }, attrs: { dtype: 'u32' } },
  { op: 'cast', name: 'i32 to f32', inputs: { x: integers([3, 7], -1e6, 1e6) }, attrs: { dtype: 'f32' } },
  {
    op: 'cast',
    name: 'u32 to f32',
    inputs: { x: values([3], [0, 7, 4294967295], 'u32') },
    attrs: { dtype: 'f32' },
  },
  {
    op: 'cast',
    name: 'i32 to u32 keeps the bits',
    inputs: { x: values([3], [-1, 7, -2147483648], 'i32') },
    attrs: { dtype: 'u32' },
  },
  {
    op: 'cast',
    name: 'u32 to i32 keeps the bits',
    inputs: { x: values([3], [4294967295, 7, 2147483648], 'u32') },
    attrs: { dtype: 'i32' },
  },
  {
    op: 'cast',
    name: 'f32 to i32 by fours',
    inputs: { x: values([12], awkward.slice(1)) },
    attrs: { dtype: 'i32' },
  },
  {
    op: 'cast',
    name: 'f32 to u32 by fours',
    inputs: { x: values([2, 6], awkward.slice(1)) },
    attrs: { dtype: 'u32' },
  },
  {
    op: 'cast',
    name: 'i32 to f32 by fours',
    inputs: { x: integers([4, 7], -1e6, 1e6) },
    attrs: { dtype: 'f32' },
  },
  { op: 'cast', name: 'f32 to f32', inputs: { x: normal([5]) }, attrs: { dtype: 'f32' }, grad: ['x'] },
  { op: 'cast', name: 'nothing', inputs: { x: normal([0]) }, attrs: { dtype: 'i32' } },
];
