import type { ConcatAttrs } from '../kernels/shape/concat.ts';
import { numel } from '../shape.ts';
import { type Reference, refArray } from './reference.ts';

export const concat: Reference<string, never, 'y', ConcatAttrs> = (inputs, { dim }, outputs) => {
  const y = refArray(outputs.y);
  const axis = dim < 0 ? dim + outputs.y.shape.length : dim;
  const outer = numel(outputs.y.shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { data } of Object.values(inputs)) {
      const length = data.length / outer;
      for (let j = 0; j < length; j++) y[at++] = data[o * length + j]!;
    }
  }
  return { y };
};
