import { type Case, integers, normal, values } from './case.ts';

export const gatherCases: Case[] = [
  {
    op: 'gather_rows',
    name: 'repeated and out of range',
    inputs: { x: normal([9, 6]), index: values([7], [3, 3, -1, 0, 8, 9, 3], 'i32') },
    attrs: { batchDims: 0 },
    grad: ['x'],
  },
  {
    op: 'gather_rows',
    name: 'batched',
    inputs: { x: normal([3, 5, 4]), index: integers([3, 11], -1, 6) },
    attrs: { batchDims: 1 },
    grad: ['x'],
  },
  {
    op: 'gather_rows',
    name: 'no rows asked for',
    inputs: { x: normal([4, 3]), index: integers([0], 0, 4) },
    attrs: { batchDims: 0 },
  },
  {
    op: 'gather_rows_backward',
    name: 'batched',
    inputs: { dy: normal([2, 13, 3]), index: integers([2, 13], -1, 7) },
    attrs: { batchDims: 1, rows: 6 },
  },
  {
    op: 'gather_rows_backward',
    name: 'batched, sorted, ragged',
    inputs: { dy: normal([3, 700, 3]), index: integers([3, 700], -2, 9) },
    attrs: { batchDims: 1, rows: 6 },
    atol: 1e-4,
  },
  {
    op: 'gather_rows_backward',
    name: 'many indices, many rows',
    inputs: { dy: normal([100_000, 2]), index: integers([100_000], 0, 10_000) },
    attrs: { batchDims: 0, rows: 10_000 },
    atol: 1e-4,
  },
  {
    op: 'gather_rows_backward',
    name: 'many indices, all of one row',
    inputs: { dy: normal([100_000, 2], 0.1), index: integers([100_000], 3, 4) },
    attrs: { batchDims: 0, rows: 10 },
    atol: 1e-3,
  },
];
