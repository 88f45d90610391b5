import type { RoiAlignAttrs, RoiAlignBackwardAttrs } from '../kernels/roi/roiAlign.ts';
import type { Shape } from '../shape.ts';
import { type Reference, type RefTensor, refArray } from './reference.ts';

/** The cells and weights of one bilinear sample on one axis; none where it is too far outside. */
function neighbours(position: number, size: number): [cell: number, weight: number][] {
  if (position < -1 || position > size) return [];
  const at = Math.max(position, 0);
  const low = Math.floor(at);
  if (low >= size - 1) return [[size - 1, 1]];
  return [
    [low, 1 - (at - low)],
    [low + 1, at - low],
  ];
}

/** Calls back for every product: y[r, ph, pw] += weight * x[image, h, w]. torchvision's roi_align_kernel.cpp. */
function visit(
  rois: RefTensor,
  [images, height, width]: Shape,
  { outputSize, spatialScale, samplingRatio, aligned }: RoiAlignAttrs,
  emit: (bin: number, cell: number, weight: number) => void,
): void {
  const [pooledH, pooledW] = outputSize;
  const offset = aligned ? 0.5 : 0;
  for (let r = 0; r < rois.shape[0]!; r++) {
    const [image, x1, y1, x2, y2] = rois.data.subarray(5 * r, 5 * r + 5) as unknown as number[];
    const n = Math.trunc(image!);
    if (image! <= -1 || n >= images!) continue;
    const [left, top] = [x1! * spatialScale - offset, y1! * spatialScale - offset];
    let [roiW, roiH] = [x2! * spatialScale - offset - left, y2! * spatialScale - offset - top];
    if (!aligned) [roiW, roiH] = [Math.max(roiW, 1), Math.max(roiH, 1)];
    const [binH, binW] = [roiH / pooledH, roiW / pooledW];
    const gridH = samplingRatio > 0 ? samplingRatio : Math.ceil(roiH / pooledH);
    const gridW = samplingRatio > 0 ? samplingRatio : Math.ceil(roiW / pooledW);
    const count = Math.max(gridH * gridW, 1);
    for (let ph = 0; ph < pooledH; ph++) {
      for (let pw = 0; pw < pooledW; pw++) {
        for (let iy = 0; iy < gridH; iy++) {
          for (let ix = 0; ix < gridW; ix++) {
            const y = top + ph * binH + ((iy + 0.5) * binH) / gridH;
            const x = left + pw * binW + ((ix + 0.5) * binW) / gridW;
            for (const [h, a] of neighbours(y, height!)) {
              for (const [w, b] of neighbours(x, width!)) {
                emit((r * pooledH + ph) * pooledW + pw, (n * height! + h) * width! + w, (a * b) / count);
              }
            }
          }
        }
      }
    }
  }
}

export const roiAlign: Reference<'x' | 'rois', never, 'y', RoiAlignAttrs> = ({ x, rois }, attrs, outputs) => {
  const y = refArray(outputs.y);
  const c = x.shape[3]!;
  visit(rois, x.shape, attrs, (bin, cell, weight) => {
    for (let k = 0; k < c; k++) y[bin * c + k]! += weight * x.data[cell * c + k]!;
  });
  return { y };
};

export const roiAlignBackward: Reference<'dy' | 'rois', never, 'dx', RoiAlignBackwardAttrs> = (
  { dy, rois },
  attrs,
  outputs,
) => {
  const dx = refArray(outputs.dx);
  const c = dy.shape[3]!;
  visit(rois, attrs.inputShape, attrs, (bin, cell, weight) => {
    for (let k = 0; k < c; k++) dx[cell * c + k]! += weight * dy.data[bin * c + k]!;
  });
  return { dx };
};
