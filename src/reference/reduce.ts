import type { ReduceAttrs } from '../kernels/reduce/reduce.ts';
import { type Shape, stridesOf } from '../shape.ts';
import { times } from './cumulative.ts';
import { type Reference, refArray } from './reference.ts';

/** For each element of a tensor in order: where it lands when dims are reduced. */
export function eachReduced(
  shape: Shape,
  dims: readonly number[],
  visit: (element: number, output: number) => void,
): void {
  const strides = stridesOf(shape);
  const kept = shape.map((size, d) => (dims.includes(d) ? 1 : size));
  const keptStrides = stridesOf(kept).map((stride, d) => (dims.includes(d) ? 0 : stride));
  const total = shape.reduce((product, size) => product * size, 1);
  for (let i = 0; i < total; i++) {
    let output = 0;
    for (let d = 0; d < shape.length; d++) {
      output += (Math.floor(i / strides[d]!) % shape[d]!) * keptStrides[d]!;
    }
    visit(i, output);
  }
}

export const sum: Reference<'x', never, 'y', ReduceAttrs> = ({ x }, { dims }, outputs) => {
  const y = refArray(outputs.y);
  eachReduced(x.shape, dims, (i, output) => {
    y[output]! += x.data[i]!;
  });
  return { y };
};

export const prod: Reference<'x', never, 'y', ReduceAttrs> = ({ x }, { dims }, outputs) => {
  const y = refArray(outputs.y).fill(1);
  eachReduced(x.shape, dims, (i, output) => {
    y[output] = times(y, y[output]!, x.data[i]!);
  });
  return { y };
};

export const amax: Reference<'x', never, 'y', ReduceAttrs> = ({ x }, { dims }, outputs) => {
  const y = refArray(outputs.y).fill(Number.NEGATIVE_INFINITY);
  eachReduced(x.shape, dims, (i, output) => {
    y[output] = Math.max(y[output]!, x.data[i]!);
  });
  return { y };
};
