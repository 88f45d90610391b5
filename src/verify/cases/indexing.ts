import type { Shape } from '../../shape.ts';
import { type Case, type InputSpec, integers, normal, values } from './case.ts';

const gather = (
  name: string,
  x: InputSpec,
  index: InputSpec,
  dim: number,
  more: Partial<Case> = {},
): Case => ({ op: 'gather', name, inputs: { x, index }, attrs: { dim }, grad: ['x'], ...more });

type Scatter = 'scatter' | 'scatter_add';
const scatter = (
  op: Scatter,
  name: string,
  x: InputSpec,
  [index, src]: readonly [InputSpec, InputSpec],
  dim: number,
  more: Partial<Case> = {},
): Case => ({ op, name, inputs: { x, index, src }, attrs: { dim }, grad: ['x', 'src'], ...more });

/** Indices from -1 to n, the ends of which are out of range, with values for them. */
const some = (shape: Shape, n: number): [InputSpec, InputSpec] => [integers(shape, -1, n + 1), normal(shape)];
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const both = (op: Scatter): Case[] => [
  scatter(op, 'last, repeated and out of range', normal([3, 5]), some([3, 9], 5), 1),
  scatter(op, 'first', normal([6, 4]), some([9, 4], 6), 0),
  scatter(op, 'between', normal([2, 5, 3]), some([2, 7, 3], 5), 1),
  scatter(op, 'many indices', normal([2, 40, 3]), some([2, 150, 3], 40), 1),
  scatter(op, 'many indices of few places', normal([3, 300]), some([3, 600], 9), 1),
  scatter(op, 'so many that digits sort them', normal([2000]), some([1500], 2000), 0),
  scatter(
    op,
    'all to one place',
    normal([300]),
    [values([200], new Array(200).fill(7), 'i32'), normal([200])],
    0,
  ),
  scatter(
    op,
    'all out of range',
    normal([20]),
    [values([70], new Array(70).fill(-1), 'i32'), normal([70])],
    0,
  ),
  scatter(op, 'into a single place', normal([1]), some([100], 1), 0),
  scatter(op, 'no indices', normal([4, 3]), some([4, 0], 3), 1),
  scatter(op, 'no places', normal([4, 0]), some([4, 3], 1), 1),
  scatter(op, 'no rows', normal([0, 4]), some([0, 3], 4), 1),
  scatter(
    op,
    'extreme indices',
    normal([12]),
    [
      values([66], [-2147483648, 2147483647, 12, 11, 0, ...new Array<number>(61).fill(3)], 'i32'),
      normal([66]),
    ],
    0,
  ),
  scatter(
    op,
    'NaN and infinities',
    values([4], [nan, inf, 1, -inf]),
    [values([4], [2, 1, 3, 3], 'i32'), values([4], [nan, -inf, 5, 6])],
    0,
    { grad: [] },
  ),
  scatter(op, 'i32', integers([9], -50, 50), [integers([20], -1, 10), integers([20], -50, 50)], 0, {
    grad: [],
  }),
];

export const indexingCases: Case[] = [
  gather('last, repeated and out of range', normal([3, 5]), integers([3, 9], -1, 6), 1),
  gather('first', normal([6, 4]), integers([9, 4], 0, 6), 0),
  gather('between', normal([2, 5, 3]), integers([2, 7, 3], 0, 5), 1),
  gather('many indices', normal([2, 40, 3]), integers([2, 150, 3], -1, 41), 1),
  gather('no indices', normal([4, 3]), integers([4, 0], 0, 3), 1),
  gather('of none', normal([4, 0]), integers([4, 3], -1, 1), 1),
  gather('no rows', normal([0, 4]), integers([0, 3], 0, 4), 1),
  gather(
    'NaN and infinities',
    values([4], [nan, inf, 1, -inf]),
    values([5], [3, 0, 1, 1, -2147483648], 'i32'),
    0,
    { grad: [] },
  ),
  gather('i32', integers([9], -50, 50), integers([20], -1, 10), 0, { grad: [] }),
  ...both('scatter'),
  scatter(
    'scatter',
    'u32',
    integers([9], 0, 50, 'u32'),
    [integers([80], -1, 10), integers([80], 0, 50, 'u32')],
    0,
    { grad: [] },
  ),
  ...both('scatter_add'),
  scatter(
    'scatter_add',
    'i32 wraps around',
    values([2], [2147483647, 1], 'i32'),
    [values([3], [0, 0, 1], 'i32'), values([3], [5, 7, -2], 'i32')],
    0,
    { grad: [] },
  ),
];
