import type { GaussianBlurAttrs } from '../kernels/image/imageFilters.ts';
import type { InterpolateAttrs } from '../kernels/image/interpolate.ts';
import type { ResampleBackwardAttrs } from '../kernels/image/resample.ts';
import type { AdaptiveAvgPool2dAttrs, AvgPool2dAttrs } from '../kernels/pool/avgPool2d.ts';
import type { Size2 } from '../kernels/spatial.ts';
import { type Reference, refArray } from './reference.ts';

/** Calls back for every product in a sum: y[oh, ow] += weight * x[ih, iw]. */
type Emit = (oh: number, ow: number, ih: number, iw: number, weight: number) => void;
type Visit<A extends object> = (input: Size2, output: Size2, attrs: A, emit: Emit) => void;

/** Forward gathers and backward scatters along the same list of products. */
function linear<A extends object>(visit: Visit<A>) {
  const forward: Reference<'x', never, 'y', A> = ({ x }, attrs, outputs) => {
    const y = refArray(outputs.y);
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const [oHeight, oWidth] = [outputs.y.shape[1]!, outputs.y.shape[2]!];
    visit([h, w], [oHeight, oWidth], attrs, (oh, ow, ih, iw, weight) => {
      for (let b = 0; b < n; b++) {
        const [to, from] = [((b * oHeight + oh) * oWidth + ow) * c, ((b * h + ih) * w + iw) * c];
        for (let k = 0; k < c; k++) y[to + k]! += weight * x.data[from + k]!;
      }
    });
    return { y };
  };
  const backward: Reference<'dy', never, 'dx', A & ResampleBackwardAttrs> = ({ dy }, attrs, outputs) => {
    const dx = refArray(outputs.dx);
    const [n, oHeight, oWidth, c] = dy.shape as [number, number, number, number];
    const [h, w] = attrs.inputSize;
    visit([h, w], [oHeight, oWidth], attrs, (oh, ow, ih, iw, weight) => {
      for (let b = 0; b < n; b++) {
        const [from, to] = [((b * oHeight + oh) * oWidth + ow) * c, ((b * h + ih) * w + iw) * c];
        for (let k = 0; k < c; k++) dx[to + k]! += weight * dy.data[from + k]!;
      }
    });
    return { dx };
  };
  return { forward, backward };
}

/** Every output pixel with nothing said about its inputs yet. */
function eachPixel([height, width]: Size2, visit: (h: number, w: number) => void): void {
  for (let h = 0; h < height; h++) {
    for (let w = 0; w < width; w++) visit(h, w);
  }
}

const clip = (index: number, size: number): number => Math.min(Math.max(index, 0), size - 1);

/** ATen/native/UpSample.h, get_cubic_upsample_coefficients with A = -0.75. */
export function cubicWeights(t: number): number[] {
  const A = -0.75;
  const near = (x: number) => ((A + 2) * x - (A + 3)) * x * x + 1;
  const far = (x: number) => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** ATen/native/cpu/UpSampleKernel.cpp, HelperInterpBase::_compute_indices_min_size_weights_aa, with the filter of HelperInterpLinear. */
function triangleWeights(o: number, size: number, step: number): { first: number; weights: number[] } {
  const support = step >= 1 ? step : 1;
  const center = step * (o + 0.5);
  const first = Math.max(Math.trunc(center - support + 0.5), 0);
  const end = Math.min(Math.trunc(center + support + 0.5), size);
  const weights: number[] = [];
  for (let i = first; i < end; i++) {
    const x = Math.abs((i - center + 0.5) / support);
    weights.push(x < 1 ? 1 - x : 0);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return { first: size - 1, weights: [1] };
  return { first, weights: weights.map((weight) => weight / total) };
}

/** ATen/native/cpu/UpSampleKernel.cpp: the four neighbours of a source position, or the one it falls on. */
const interpolation = linear<InterpolateAttrs>(
  ([h, w], output, { mode, alignCorners, antialias, scaleFactor }, emit) => {
    const [oHeight, oWidth] = output;
    const [stepH, stepW] = scaleFactor ? scaleFactor.map((s) => 1 / s) : [h / oHeight, w / oWidth];
    if (mode === 'nearest') {
      const source = (o: number, from: number, to: number, step: number) =>
        from === to ? o : Math.min(Math.trunc(Math.fround(Math.fround(step) * o)), from - 1);
      eachPixel(output, (oh, ow) =>
        emit(oh, ow, source(oh, h, oHeight, stepH!), source(ow, w, oWidth, stepW!), 1),
      );
      return;
    }
    if (antialias) {
      eachPixel(output, (oh, ow) => {
        const [rows, columns] = [triangleWeights(oh, h, stepH!), triangleWeights(ow, w, stepW!)];
        rows.weights.forEach((a, i) => {
          columns.weights.forEach((b, j) => {
            emit(oh, ow, rows.first + i, columns.first + j, a * b);
          });
        });
      });
      return;
    }
    const source = (o: number, from: number, to: number, step: number) => {
      if (alignCorners) return to > 1 ? (o * (from - 1)) / (to - 1) : 0;
      return mode === 'bicubic' ? step * (o + 0.5) - 0.5 : Math.max(step * (o + 0.5) - 0.5, 0);
    };
    eachPixel(output, (oh, ow) => {
      const [sh, sw] = [source(oh, h, oHeight, stepH!), source(ow, w, oWidth, stepW!)];
      if (mode === 'bicubic') {
        const [th, tw] = [sh - Math.floor(sh), sw - Math.floor(sw)];
        cubicWeights(th).forEach((a, i) => {
          cubicWeights(tw).forEach((b, j) => {
            emit(oh, ow, clip(Math.floor(sh) + i - 1, h), clip(Math.floor(sw) + j - 1, w), a * b);
          });
        });
        return;
      }
      const [h0, w0] = [Math.min(Math.floor(sh), h - 1), Math.min(Math.floor(sw), w - 1)];
      const [h1, w1] = [h0 < h - 1 ? h0 + 1 : h0, w0 < w - 1 ? w0 + 1 : w0];
      const [bottom, right] = [Math.min(sh - h0, 1), Math.min(sw - w0, 1)];
      emit(oh, ow, h0, w0, (1 - bottom) * (1 - right));
      emit(oh, ow, h0, w1, (1 - bottom) * right);
      emit(oh, ow, h1, w0, bottom * (1 - right));
      emit(oh, ow, h1, w1, bottom * right);
    });
  },
);
export const interpolate = interpolation.forward;
export const interpolateBackward = interpolation.backward;

/** ATen/native/cpu/AdaptiveAvgPoolKernel.cpp */
const adaptive = linear<AdaptiveAvgPool2dAttrs>(([h, w], output, _attrs, emit) => {
  const [oHeight, oWidth] = output;
  eachPixel(output, (oh, ow) => {
    const [h0, h1] = [Math.floor((oh * h) / oHeight), Math.ceil(((oh + 1) * h) / oHeight)];
    const [w0, w1] = [Math.floor((ow * w) / oWidth), Math.ceil(((ow + 1) * w) / oWidth)];
    for (let ih = h0; ih < h1; ih++) {
      for (let iw = w0; iw < w1; iw++) emit(oh, ow, ih, iw, 1 / (h1 - h0) / (w1 - w0));
    }
  });
});
export const adaptiveAvgPool2d = adaptive.forward;
export const adaptiveAvgPool2dBackward = adaptive.backward;

/** ATen/native/cpu/AvgPoolKernel.cpp */
const pooling = linear<AvgPool2dAttrs>(
  ([h, w], output, { kernelSize, stride, padding, countIncludePad, divisorOverride }, emit) => {
    eachPixel(output, (oh, ow) => {
      let [h0, w0] = [oh * stride[0] - padding[0], ow * stride[1] - padding[1]];
      let h1 = Math.min(h0 + kernelSize[0], h + padding[0]);
      let w1 = Math.min(w0 + kernelSize[1], w + padding[1]);
      const padded = (h1 - h0) * (w1 - w0);
      [h0, w0, h1, w1] = [Math.max(h0, 0), Math.max(w0, 0), Math.min(h1, h), Math.min(w1, w)];
      const divisor = divisorOverride ?? (countIncludePad ? padded : (h1 - h0) * (w1 - w0));
      for (let ih = h0; ih < h1; ih++) {
        for (let iw = w0; iw < w1; iw++) emit(oh, ow, ih, iw, 1 / divisor);
      }
    });
  },
);
export const avgPool2d = pooling.forward;
export const avgPool2dBackward = pooling.backward;

/** OpenCV's borderInterpolate for BORDER_REFLECT_101, step by step. */
function reflect(index: number, size: number): number {
  if (size === 1) return 0;
  let p = index;
  while (p < 0 || p >= size) p = p < 0 ? -p : 2 * size - 2 - p;
  return p;
}

const PYRAMID = [1, 4, 6, 4, 1];

const down = linear<object>(([h, w], output, _attrs, emit) => {
  eachPixel(output, (oh, ow) => {
    PYRAMID.forEach((a, i) => {
      PYRAMID.forEach((b, j) => {
        emit(oh, ow, reflect(2 * oh + i - 2, h), reflect(2 * ow + j - 2, w), (a * b) / 256);
      });
    });
  });
});
export const pyrDown = down.forward;
export const pyrDownBackward = down.backward;

/** Zeros put between rows and columns, this larger image reflected, then smoothed with four times the filter. */
const up = linear<object>((_input, output, _attrs, emit) => {
  const [oHeight, oWidth] = output;
  eachPixel(output, (oh, ow) => {
    PYRAMID.forEach((a, i) => {
      PYRAMID.forEach((b, j) => {
        const [zh, zw] = [reflect(oh + i - 2, oHeight), reflect(ow + j - 2, oWidth)];
        if (zh % 2 === 0 && zw % 2 === 0) emit(oh, ow, zh / 2, zw / 2, (a * b) / 64);
      });
    });
  });
});
export const pyrUp = up.forward;
export const pyrUpBackward = up.backward;

/** Printed by cv2.getGaussianKernel(n, 0). */
const CV_KERNELS: Record<number, number[]> = {
  1: [1],
  3: [0.25, 0.5, 0.25],
  5: [0.0625, 0.25, 0.375, 0.25, 0.0625],
  7: [0.03125, 0.109375, 0.21875, 0.28125, 0.21875, 0.109375, 0.03125],
  9: [0.015625, 0.05078125, 0.1171875, 0.19921875, 0.234375, 0.19921875, 0.1171875, 0.05078125, 0.015625],
};

const blur = linear<GaussianBlurAttrs>(([h, w], output, { kernelSize, sigma }, emit) => {
  const radius = (kernelSize - 1) / 2;
  const s = sigma > 0 ? sigma : ((kernelSize - 1) * 0.5 - 1) * 0.3 + 0.8;
  const bell = Array.from({ length: kernelSize }, (_, k) => Math.exp((-0.5 * (k - radius) ** 2) / s ** 2));
  const kernel = (sigma <= 0 && CV_KERNELS[kernelSize]) || bell;
  const total = kernel.reduce((sum, weight) => sum + weight, 0);
  eachPixel(output, (oh, ow) => {
    kernel.forEach((a, i) => {
      kernel.forEach((b, j) => {
        emit(oh, ow, reflect(oh + i - radius, h), reflect(ow + j - radius, w), (a * b) / total ** 2);
      });
    });
  });
});
export const gaussianBlur = blur.forward;
export const gaussianBlurBackward = blur.backward;
