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

/** The gradient of each row, from its dy and y. */
const backward =
  (slopes: (dy: number[], y: number[]) => number[]): Reference<'dy' | 'y', never, 'dx', object> =>
  ({ dy, y }, _attrs, outputs) => {
    const dx = refArray(outputs.dx);
    const width = dy.shape.at(-1)!;
    for (let begin = 0; begin < dx.length; begin += width) {
      const row = (x: RefTensor) => [...x.data.subarray(begin, begin + width)];
      dx.set(slopes(row(dy), row(y)), begin);
    }
    return { dx };
  };

// y_i = exp(x_i) / sum, so dy_j / dx_i = y_j ([i = j] - y_i).
export const softmaxBackward = backward((dy, y) =>
  y.map((yi, i) => y.reduce((total, yj, j) => total + dy[j]! * yj * (Number(i === j) - yi), 0)),
);

// y_i = x_i - log(sum), so dy_j / dx_i = [i = j] - exp(y_i).
export const logSoftmaxBackward = backward((dy, y) =>
  y.map((yi, i) => dy.reduce((total, dyj, j) => total + dyj * (Number(i === j) - Math.exp(yi)), 0)),
);
