import { type Reference, refArray } from './reference.ts';

export const hammingDistance: Reference<'a' | 'b', never, 'y', object> = ({ a, b }, _attrs, outputs) => {
  const y = refArray(outputs.y);
  const [rows, width] = [a.shape[0]!, a.shape[1]!];
  const count = b.shape[0]!;
  for (let n = 0; n < rows; n++) {
    for (let m = 0; m < count; m++) {
      let bits = 0;
      for (let w = 0; w < width; w++) {
        const differ = a.data[n * width + w]! ^ b.data[m * width + w]!;
        for (let bit = 0; bit < 32; bit++) bits += (differ >>> bit) & 1;
      }
      y[n * count + m] = bits;
    }
  }
  return { y };
};
