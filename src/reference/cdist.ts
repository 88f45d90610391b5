import type { CdistAttrs } from '../kernels/matrix/cdist.ts';
import { type Reference, refArray } from './reference.ts';

export const cdist: Reference<'a' | 'b', never, 'y', CdistAttrs> = ({ a, b }, { p = 2 }, outputs) => {
  const y = refArray(outputs.y);
  const [rows, width] = a.shape as [number, number];
  const count = b.shape[0]!;
  for (let n = 0; n < rows; n++) {
    for (let m = 0; m < count; m++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += Math.abs(a.data[n * width + d]! - b.data[m * width + d]!) ** p;
      y[n * count + m] = sum ** (1 / p);
    }
  }
  return { y };
};
