import type { SortAttrs } from '../kernels/sort/sort.ts';
import { type RefArray, type Reference, type RefTensor, refArray } from './reference.ts';

/** Negative where a comes before b in ascending order; NaN is greater than everything. */
export const compareNumbers = (a: number, b: number): number => {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
};

/** Fills values and indices with the first places of each row, in order (Array.prototype.sort is stable). */
export function sortRows(x: RefTensor, descending: boolean, values: RefArray, indices: RefArray): void {
  const n = x.shape.at(-1)!;
  const rows = n === 0 ? 0 : x.data.length / n;
  const k = rows === 0 ? 0 : values.length / rows;
  const sign = descending ? -1 : 1;
  for (let row = 0; row < rows; row++) {
    const line = x.data.subarray(row * n, (row + 1) * n);
    const order = Array.from({ length: n }, (_, i) => i);
    order.sort((i, j) => sign * compareNumbers(line[i]!, line[j]!));
    for (let place = 0; place < k; place++) {
      values[row * k + place] = line[order[place]!]!;
      indices[row * k + place] = order[place]!;
    }
  }
}

export const sort: Reference<'x', never, 'values' | 'indices', SortAttrs> = (
  { x },
  { descending = false },
  outputs,
) => {
  const [values, indices] = [refArray(outputs.values), refArray(outputs.indices)];
  sortRows(x, descending, values, indices);
  return { values, indices };
};
