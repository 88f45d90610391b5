import type { RoiPoolAttrs, RoiPoolBackwardAttrs } from '../kernels/roi/roiPool.ts';
import { type Reference, refArray } from './reference.ts';

/** C's round(). */
const round = (v: number) => Math.sign(v) * Math.floor(Math.abs(v) + 0.5);

/** The largest finite float32. */
const FLT_MAX = (2 - 2 ** -23) * 2 ** 127;

/** torchvision's roi_pool_kernel.cpp. */
export const roiPool: Reference<'x' | 'rois', never, 'y' | 'indices', RoiPoolAttrs> = (
  { x, rois },
  { outputSize, spatialScale },
  outputs,
) => {
  const [y, indices] = [refArray(outputs.y), refArray(outputs.indices)];
  const [images, height, width, c] = x.shape as [number, number, number, number];
  const [pooledH, pooledW] = outputSize;
  indices.fill(-1);
  for (let r = 0; r < rois.shape[0]!; r++) {
    const [image, x1, y1, x2, y2] = rois.data.subarray(5 * r, 5 * r + 5) as unknown as number[];
    const n = Math.trunc(image!);
    if (image! <= -1 || n >= images) continue;
    const [left, top] = [round(x1! * spatialScale), round(y1! * spatialScale)];
    const roiW = Math.max(round(x2! * spatialScale) - left + 1, 1);
    const roiH = Math.max(round(y2! * spatialScale) - top + 1, 1);
    const inside = (v: number, size: number) => Math.min(Math.max(v, 0), size);
    for (let ph = 0; ph < pooledH; ph++) {
      for (let pw = 0; pw < pooledW; pw++) {
        const h0 = inside(top + Math.floor((ph * roiH) / pooledH), height);
        const h1 = inside(top + Math.ceil(((ph + 1) * roiH) / pooledH), height);
        const w0 = inside(left + Math.floor((pw * roiW) / pooledW), width);
        const w1 = inside(left + Math.ceil(((pw + 1) * roiW) / pooledW), width);
        for (let k = 0; k < c; k++) {
          const at = ((r * pooledH + ph) * pooledW + pw) * c + k;
          y[at] = h1 <= h0 || w1 <= w0 ? 0 : -FLT_MAX;
          for (let h = h0; h < h1; h++) {
            for (let w = w0; w < w1; w++) {
              const value = x.data[((n * height + h) * width + w) * c + k]!;
              if (value > y[at]!) {
                y[at] = value;
                indices[at] = h * width + w;
              }
            }
          }
        }
      }
    }
  }
  return { y, indices };
};

export const roiPoolBackward: Reference<'dy' | 'indices' | 'rois', never, 'dx', RoiPoolBackwardAttrs> = (
  { dy, indices, rois },
  { inputShape },
  outputs,
) => {
  const dx = refArray(outputs.dx);
  const [, height, width, c] = inputShape as [number, number, number, number];
  const [, pooledH, pooledW] = dy.shape as [number, number, number, number];
  dy.data.forEach((gradient, at) => {
    const place = indices.data[at]!;
    if (place < 0) return;
    const n = Math.trunc(rois.data[5 * Math.floor(at / (pooledH * pooledW * c))]!);
    dx[(n * height * width + place) * c + (at % c)]! += gradient;
  });
  return { dx };
};
