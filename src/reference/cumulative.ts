import type { CumulativeAttrs } from '../kernels/reduce/cumulative.ts';
import { numel, type Shape } from '../shape.ts';
import { type RefArray, type Reference, refArray } from './reference.ts';

/** Every row along a dimension, as the offsets of its elements in the order of the walk. */
function* rows(shape: Shape, { dim, reverse }: CumulativeAttrs): Generator<number[]> {
  const n = shape[dim]!;
  const inner = numel(shape.slice(dim + 1));
  const outer = numel(shape.slice(0, dim));
  for (let a = 0; a < outer; a++) {
    for (let b = 0; b < inner; b++) {
      const row = Array.from({ length: n }, (_, j) => (a * n + j) * inner + b);
      yield reverse ? row.reverse() : row;
    }
  }
}

export const cumsum: Reference<'x', never, 'y', CumulativeAttrs> = ({ x }, attrs, outputs) => {
  const y = refArray(outputs.y);
  for (const row of rows(x.shape, attrs)) {
    let sum = 0;
    for (const at of row) y[at] = sum += x.data[at]!;
  }
  return { y };
};

/** The product in the array's type: of integers, the low 32 bits. */
export const times = (like: RefArray, a: number, b: number): number =>
  like instanceof Float64Array ? a * b : Math.imul(a, b);

export const cumprod: Reference<'x', never, 'y', CumulativeAttrs> = ({ x }, attrs, outputs) => {
  const y = refArray(outputs.y);
  for (const row of rows(x.shape, attrs)) {
    let product = 1;
    for (const at of row) y[at] = product = times(y, product, x.data[at]!);
  }
  return { y };
};

/** By the definition: dx[k] sums over every later y, of which x[k] is one factor, the product of the others times dy. */
export const cumprodBackward: Reference<'x' | 'y' | 'dy', never, 'dx', CumulativeAttrs> = (
  { x, dy },
  attrs,
  outputs,
) => {
  const dx = refArray(outputs.dx);
  for (const row of rows(x.shape, attrs)) {
    row.forEach((at, k) => {
      let others = 1;
      row.forEach((from, j) => {
        if (j !== k) others *= x.data[from]!;
        if (j >= k) dx[at]! += others * dy.data[from]!;
      });
    });
  }
  return { dx };
};
