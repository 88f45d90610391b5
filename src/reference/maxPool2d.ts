import type { MaxPool2dAttrs, MaxPool2dBackwardAttrs } from '../kernels/pool/maxPool2d.ts';
import { type Reference, refArray } from './reference.ts';

/** ATen/native/cpu/MaxPoolKernel.cpp, window by window. */
export const maxPool2d: Reference<'x', never, 'y' | 'indices', MaxPool2dAttrs> = (
  { x },
  { kernelSize, stride, padding, dilation },
  outputs,
) => {
  const [y, indices] = [refArray(outputs.y), refArray(outputs.indices)];
  const [, h, w, c] = x.shape as [number, number, number, number];
  const [n, oHeight, oWidth] = outputs.y.shape as [number, number, number, number];
  let at = 0;
  for (let b = 0; b < n; b++) {
    for (let oh = 0; oh < oHeight; oh++) {
      for (let ow = 0; ow < oWidth; ow++) {
        for (let k = 0; k < c; k++, at++) {
          let best = Number.NEGATIVE_INFINITY;
          let place = -1;
          for (let i = 0; i < kernelSize[0]; i++) {
            for (let j = 0; j < kernelSize[1]; j++) {
              const ih = oh * stride[0] - padding[0] + i * dilation[0];
              const iw = ow * stride[1] - padding[1] + j * dilation[1];
              if (ih < 0 || ih >= h || iw < 0 || iw >= w) continue;
              const value = x.data[((b * h + ih) * w + iw) * c + k]!;
              if (place < 0 || value > best || Number.isNaN(value)) {
                best = value;
                place = ih * w + iw;
              }
            }
          }
          y[at] = best;
          indices[at] = place;
        }
      }
    }
  }
  return { y, indices };
};

export const maxPool2dBackward: Reference<'dy' | 'indices', never, 'dx', MaxPool2dBackwardAttrs> = (
  { dy, indices },
  { inputSize },
  outputs,
) => {
  const dx = refArray(outputs.dx);
  const [, oHeight, oWidth, c] = dy.shape as [number, number, number, number];
  const pixels = inputSize[0] * inputSize[1];
  dy.data.forEach((gradient, at) => {
    const place = indices.data[at]!;
    if (place < 0) return;
    const b = Math.floor(at / (oHeight * oWidth * c));
    dx[(b * pixels + place) * c + (at % c)]! += gradient;
  });
  return { dx };
};
