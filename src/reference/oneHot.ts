import type { OneHotAttrs } from '../kernels/shape/oneHot.ts';
import { type Reference, refArray } from './reference.ts';

export const oneHot: Reference<'labels', never, 'y', OneHotAttrs> = ({ labels }, { numClasses }, outputs) => {
  const y = refArray(outputs.y);
  labels.data.forEach((label, i) => {
    if (label >= 0 && label < numClasses) y[i * numClasses + label] = 1;
  });
  return { y };
};
