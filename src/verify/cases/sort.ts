import type { Shape } from '../../shape.ts';
import { type Case, distinct, type InputSpec, integers, normal, values } from './case.ts';

const special = [NaN, 1, -0, 0, -Infinity, 3, Infinity, 1, -1, NaN, 0, -0, 1e-40, -1e-40, 3.4e38, -3.4e38];

/** Few different floats, so that most elements are ties, with NaN among them. */
const ties = (shape: Shape): InputSpec => ({
  shape,
  dtype: 'f32',
  fill: (random, length) =>
    Array.from({ length }, () => (random() < 0.02 ? Number.NaN : Math.floor(random() * 9) - 4)),
});

const many = Array.from({ length: 1600 }, (_, i) => special[(i * 7) % special.length]!);
const nothing = new Array<number>(600).fill(NaN);

const extremes = [5, -2147483648, 2147483647, 0, -1, 5, 16777217, 16777216, -1, 1];

export const sortCases: Case[] = [
  { op: 'sort', name: 'one row', inputs: { x: distinct([37]) }, grad: ['x'] },
  { op: 'sort', name: 'special values', inputs: { x: values([2, 8], special) } },
  {
    op: 'sort',
    name: 'special values, descending',
    inputs: { x: values([16], special) },
    attrs: { descending: true },
  },
  { op: 'sort', name: 'nothing but NaN', inputs: { x: values([2, 300], nothing) } },
  {
    op: 'sort',
    name: 'NaN, infinities and zeros of both signs, long',
    inputs: { x: values([2, 800], many) },
    attrs: { descending: true },
  },
  { op: 'sort', name: 'integers', inputs: { x: values([10], extremes, 'i32') } },
  {
    op: 'sort',
    name: 'integers, descending, long',
    inputs: { x: integers([2, 601], -2147483648, 2147483648) },
    attrs: { descending: true },
  },
  { op: 'sort', name: 'longest row by counting', inputs: { x: ties([1, 512]) }, attrs: { descending: true } },
  { op: 'sort', name: 'shortest row by digits', inputs: { x: ties([64, 129]) } },
  { op: 'sort', name: 'batched ties', inputs: { x: ties([2, 3, 700]) }, attrs: { descending: true } },
  { op: 'sort', name: 'all equal', inputs: { x: values([1000], new Array(1000).fill(2)) } },
  {
    op: 'sort',
    name: 'batched',
    inputs: { x: distinct([2, 3, 19]) },
    attrs: { descending: true },
    grad: ['x'],
  },
  { op: 'sort', name: 'large', inputs: { x: normal([20011]) } },
  { op: 'sort', name: 'one element a row', inputs: { x: normal([5, 1]) } },
  { op: 'sort', name: 'rows of none', inputs: { x: normal([3, 0]) } },
  { op: 'sort', name: 'no rows', inputs: { x: normal([0, 600]) } },
  { op: 'topk', name: 'greatest', inputs: { x: distinct([2, 50]) }, attrs: { k: 7 }, grad: ['x'] },
  { op: 'topk', name: 'least', inputs: { x: ties([3, 400]) }, attrs: { k: 33, largest: false } },
  { op: 'topk', name: 'ties', inputs: { x: ties([2, 3, 520]) }, attrs: { k: 100 } },
  { op: 'topk', name: 'special values', inputs: { x: values([16], special) }, attrs: { k: 16 } },
  {
    op: 'topk',
    name: 'least of special values',
    inputs: { x: values([2, 8], special) },
    attrs: { k: 8, largest: false },
  },
  { op: 'topk', name: 'nothing but NaN', inputs: { x: values([2, 300], nothing) }, attrs: { k: 7 } },
  { op: 'topk', name: 'integers', inputs: { x: values([2, 5], extremes, 'i32') }, attrs: { k: 2 } },
  { op: 'topk', name: 'none', inputs: { x: normal([4, 3]) }, attrs: { k: 0 } },
  { op: 'argmax', name: 'channels', inputs: { x: normal([2, 5, 3, 5]) } },
  { op: 'argmax', name: 'ties', inputs: { x: integers([40, 8], 0, 3, 'f32') } },
  { op: 'argmax', name: 'special values', inputs: { x: values([4, 4], special) } },
  { op: 'argmax', name: 'special values, long', inputs: { x: values([2, 800], many) } },
  { op: 'argmax', name: 'nothing but NaN', inputs: { x: values([2, 300], nothing) } },
  {
    op: 'argmax',
    name: 'nothing but -infinity',
    inputs: {
      x: values(
        [1, 600],
        nothing.map(() => -Infinity),
      ),
    },
  },
  { op: 'argmax', name: 'zeros of both signs', inputs: { x: values([2, 3], [-0, 0, -0, 0, -0, 0]) } },
  { op: 'argmax', name: 'integers', inputs: { x: values([2, 5], extremes, 'i32') } },
  { op: 'argmax', name: 'long rows', inputs: { x: distinct([3, 2000]) } },
  { op: 'argmax', name: 'long rows of ties', inputs: { x: ties([2, 777]) } },
  { op: 'argmax', name: 'one vector', inputs: { x: normal([9]) } },
  { op: 'argmax', name: 'no rows', inputs: { x: normal([0, 4]) } },
  { op: 'hamming_distance', name: '64 bits', inputs: { a: bits([7, 2]), b: bits([5, 2]) } },
  { op: 'hamming_distance', name: 'one word', inputs: { a: bits([3, 1]), b: bits([40, 1]) } },
  {
    op: 'hamming_distance',
    name: 'all bits',
    inputs: { a: values([1, 3], [-1, 0, -2147483648], 'i32'), b: values([2, 3], [0, 0, 0, -1, 0, 0], 'i32') },
  },
  { op: 'hamming_distance', name: 'no rows', inputs: { a: bits([0, 2]), b: bits([5, 2]) } },
  { op: 'hamming_distance', name: 'no words', inputs: { a: bits([2, 0]), b: bits([3, 0]) } },
];

function bits(shape: Shape): InputSpec {
  return integers(shape, -2147483648, 2147483648);
}
