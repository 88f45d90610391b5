import type { Shape } from '../../shape.ts';
import { type Case, type InputSpec, integers, normal, uniform, values } from './case.ts';

const row = (
  op: 'cumsum' | 'cumprod',
  name: string,
  x: InputSpec,
  attrs: { dim: number; reverse?: boolean },
  more: Partial<Case> = {},
): Case => ({ op, name, inputs: { x }, attrs, grad: ['x'], ...more });

/** Rows of both operations; `fill` makes values whose running result stays moderate. */
const both = (op: 'cumsum' | 'cumprod', fill: (shape: Shape) => InputSpec): Case[] => [
  row(op, 'last, odd', fill([3, 7]), { dim: 1 }),
  row(op, 'first', fill([6, 5]), { dim: 0 }),
  row(op, 'between, four at a time', fill([2, 9, 8]), { dim: 1 }),
  row(op, 'backwards', fill([3, 7, 2]), { dim: 1, reverse: true }),
  row(op, 'of one', fill([4, 1]), { dim: 1 }),
  row(op, 'no rows, empty', fill([0, 4]), { dim: 1 }),
  row(op, 'rows of none', fill([4, 0, 2]), { dim: 1 }),
];

const prod = (name: string, x: InputSpec, dims: readonly number[], more: Partial<Case> = {}): Case => ({
  op: 'prod',
  name,
  inputs: { x },
  attrs: { dims, keepdim: false },
  grad: ['x'],
  ...more,
});

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const around1 = (shape: Shape): InputSpec => uniform(shape, 0.6, 1.5);
/** Factors with none, one, two and three zeros in a row, of both signs. */
const zeros = values(
  [5, 6],
  [
    [1.5, -2, 0.5, 3, -1, 2],
    [1.5, 0, 0.5, 3, -1, 2],
    [1.5, 0, 0.5, -0, -1, 2],
    [0, 2, 0.5, 3, -1, 0],
    [0, 0, 2, 3, 0, 0.5],
  ].flat(),
);

export const cumulativeCases: Case[] = [
  ...both('cumsum', normal),
  row('cumsum', 'long rows', uniform([3, 1100]), { dim: 1 }),
  row('cumsum', 'long, backwards', uniform([700, 3]), { dim: 0, reverse: true }),
  row('cumsum', 'long and odd', uniform([5003], -0.5, 1), { dim: 0 }, { atol: 1e-3 }),
  row(
    'cumsum',
    'NaN and infinities',
    values([2, 4], [1, nan, 2, 3, 1, inf, 2, -inf]),
    { dim: 1 },
    { grad: [] },
  ),
  row('cumsum', 'i32', integers([3, 1000], -50, 100), { dim: 1 }, { grad: [] }),
  row('cumsum', 'i32 wraps around', values([3], [2147483647, 5, 7], 'i32'), { dim: 0 }, { grad: [] }),
  ...both('cumprod', around1),
  row('cumprod', 'zeros', zeros, { dim: 1 }),
  row('cumprod', 'zeros, backwards', zeros, { dim: 0, reverse: true }),
  row('cumprod', 'long rows', uniform([2, 1100], 0.99, 1.01), { dim: 1 }),
  row(
    'cumprod',
    'NaN and infinities',
    values([2, 4], [1, nan, 2, 3, 1, inf, 2, -inf]),
    { dim: 1 },
    { grad: [] },
  ),
  row('cumprod', 'i32 wraps around', integers([4, 9], -999, 1000), { dim: 1 }, { grad: [] }),
  {
    op: 'cumprod_backward',
    name: 'zeros',
    inputs: { x: values([4], [2, 0, 3, 4]), y: values([4], [2, 0, 0, 0]), dy: normal([4]) },
    attrs: { dim: 0 },
  },
  prod('all', around1([3, 4, 5]), [0, 1, 2]),
  prod('last, odd', around1([7, 13]), [1]),
  prod('first and last, kept', around1([3, 5, 4]), [0, 2], { attrs: { dims: [0, 2], keepdim: true } }),
  prod('by fours', around1([6, 3, 8]), [0]),
  prod('signs', normal([9, 7], 1.2), [1]),
  prod('zeros', zeros, [1]),
  prod('zeros, all', zeros, [0, 1]),
  prod('long rows', uniform([3, 1100], 0.99, 1.01), [1]),
  prod('long and odd', uniform([4001], 0.999, 1.001), [0]),
  prod('no dims', normal([4, 3]), []),
  prod('scalar', normal([]), []),
  prod('of nothing', normal([3, 0]), [1]),
  prod('no outputs', normal([0, 4]), [1]),
  prod('NaN and infinities', values([3, 3], [1, nan, 2, 1, inf, -2, inf, 0, 2]), [1], { grad: [] }),
  prod('i32 wraps around', integers([5, 9], -999, 1000), [1], { grad: [] }),
];
