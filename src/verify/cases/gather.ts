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
];
