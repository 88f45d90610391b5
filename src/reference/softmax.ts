import { type Reference, type RefTensor, refArray } from './reference.ts';

/** The largest element of each row, and the sum of exp(x - largest). */
function rows(x: RefTensor, visit: (begin: number, end: number, largest: number, sum: number) => void): void {
  const width = x.shape.at(-1)!;
  for (let begin = 0; begin < x.data.length; begin += width) {
    let largest = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (let i = begin; i < begin + width; i++) largest = Math.max(largest, x.data[i]!);
    for (let i = begin; i < begin + width; i++) sum += Math.exp(x.data[i]! - largest);
    visit(begin, begin + width, largest, sum);
  }
}

export const softmax: Reference<'x', never, 'y', object> = ({ x }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  rows(x, (begin, end, largest, sum) => {
    for (let i = begin; i < end; i++) y[i] = Math.exp(x.data[i]! - largest) / sum;
  });
  return { y };
};

export const logSoftmax: Reference<'x', never, 'y', object> = ({ x }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  rows(x, (begin, end, largest, sum) => {
    for (let i = begin; i < end; i++) y[i] = x.data[i]! - largest - Math.log(sum);
  });
  return { y };
};
