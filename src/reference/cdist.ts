import { type Reference, refArray } from './reference.ts';

export const cdist: Reference<'a' | 'b', never, 'y', object> = ({ a, b }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  const [rows, width] = a.shape as [number, number];
  const count = b.shape[0]!;
  for (let n = 0; n < rows; n++) {
    for (let m = 0; m < count; m++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += (a.data[n * width + d]! - b.data[m * width + d]!) ** 2;
      y[n * count + m] = Math.sqrt(sum);
    }
  }
  return { y };
};
