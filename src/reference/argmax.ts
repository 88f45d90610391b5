import { type Reference, refArray } from './reference.ts';
import { compareNumbers } from './sort.ts';

export const argmax: Reference<'x', never, 'y', object> = ({ x }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  const n = x.shape.at(-1)!;
  for (let row = 0; row < y.length; row++) {
    const line = x.data.subarray(row * n, (row + 1) * n);
    let best = 0;
    line.forEach((value, i) => {
      if (compareNumbers(value, line[best]!) > 0) best = i;
    });
    y[row] = best;
  }
  return { y };
};
