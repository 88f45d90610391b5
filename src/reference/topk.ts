import type { TopkAttrs } from '../kernels/sort/topk.ts';
import { type Reference, refArray } from './reference.ts';
import { sortRows } from './sort.ts';

export const topk: Reference<'x', never, 'values' | 'indices', TopkAttrs> = (
  { x },
  { largest = true },
  outputs,
) => {
  const [values, indices] = [refArray(outputs.values), refArray(outputs.indices)];
  sortRows(x, largest, values, indices);
  return { values, indices };
};
