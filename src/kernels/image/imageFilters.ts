import { ShapeError } from '../../errors.ts';
import type { Given } from '../kernel.ts';
import { expectInteger } from '../spatial.ts';
import { defineResample, type ResampleAxis, type Tap } from './resample.ts';

/** OpenCV's BORDER_REFLECT_101 (dcb|abcd|cba): the index that stands for one outside 0..size-1. */
function reflect101(index: number, size: number): number {
  if (size === 1) return 0;
  const period = 2 * size - 2;
  const folded = ((index % period) + period) % period;
  return folded < size ? folded : period - folded;
}

/** A symmetric filter around `center(o)`. */
const filterAxis = (
  input: number,
  size: number,
  kernel: readonly number[],
  center: (output: number) => number,
): ResampleAxis => {
  const radius = (kernel.length - 1) / 2;
  return {
    size,
    taps: (o) => kernel.map((weight, k): Tap => [reflect101(center(o) - radius + k, input), weight]),
  };
};

/** Attributes of an operation that has none. */
const none = (_given: object): object => ({});

const BINOMIAL = [1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16];

const down = defineResample('pyr_down', none, (_op, input) => {
  const axis = (n: number) => filterAxis(n, Math.ceil(n / 2), BINOMIAL, (o) => 2 * o);
  return [axis(input[0]), axis(input[1])];
});

/**
 * One level down a Gaussian pyramid (Burt and Adelson 1983), as OpenCV's `pyrDown`: smoothed with
 * [1 4 6 4 1]/16 on both axes, borders reflected (101), every second row and column kept.
 * x: [N,H,W,C]; y: [N,ceil(H/2),ceil(W/2),C]. Throws ShapeError for an x without pixels.
 */
export const pyrDown = down.forward;

/** The gradient of pyr_down to x; attrs: inputSize [H,W]. */
export const pyrDownBackward = down.backward;

export const pyrDownStrategies = down.strategies;

const up = defineResample('pyr_up', none, (_op, input) => {
  const axis = (n: number): ResampleAxis => {
    // OpenCV reflects the image that zeros already stand in, so -1 becomes pixel 1 but n becomes n - 1.
    const at = (i: number) => Math.floor(reflect101(2 * i, 2 * n) / 2);
    return {
      size: 2 * n,
      taps: (o) => {
        const i = Math.floor(o / 2);
        if (o % 2 === 1) {
          return [
            [i, 1 / 2],
            [at(i + 1), 1 / 2],
          ];
        }
        return [
          [at(i - 1), 1 / 8],
          [i, 6 / 8],
          [at(i + 1), 1 / 8],
        ];
      },
    };
  };
  return [axis(input[0]), axis(input[1])];
});

/**
 * One level up a Gaussian pyramid, as OpenCV's `pyrUp`: zeros between rows and columns, then smoothed with
 * [1 4 6 4 1]/8 on both axes. At the border OpenCV reflects the image with its zeros: left of the first
 * pixel is the second, right of the last is the last again. x: [N,H,W,C]; y: [N,2H,2W,C]. Throws
 * ShapeError for an x without pixels.
 */
export const pyrUp = up.forward;

/** The gradient of pyr_up to x; attrs: inputSize [H,W]. */
export const pyrUpBackward = up.backward;

export const pyrUpStrategies = up.strategies;

/** Attributes of `gaussianBlur`. */
export interface GaussianBlurAttrs {
  /** Length of the filter on both axes, odd. */
  readonly kernelSize: number;
  /** In pixels; 0 or less (the default) takes OpenCV's sigma for the size. */
  readonly sigma: number;
}

/** Halves of OpenCV's fixed filters, in 256ths, for sizes 1 to 9 without a sigma. */
const FIXED = [[256], [64, 128], [16, 64, 96], [8, 28, 56, 72], [4, 13, 30, 51, 60]];

/** `cv2.getGaussianKernel` (modules/imgproc/src/smooth.dispatch.cpp, getGaussianKernelBitExact). */
function gaussianKernel(size: number, sigma: number): number[] {
  const radius = (size - 1) / 2;
  const fixed = sigma <= 0 ? FIXED[radius] : undefined;
  if (fixed) return Array.from({ length: size }, (_, k) => fixed[Math.min(k, size - 1 - k)]! / 256);
  const width = sigma > 0 ? sigma : 0.3 * (radius - 1) + 0.8;
  const weights = Array.from({ length: size }, (_, k) =>
    Math.exp(-((k - radius) ** 2) / (2 * width * width)),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

const gaussianBlurAttrs = ({
  kernelSize,
  sigma = 0,
}: Given<GaussianBlurAttrs, 'kernelSize'>): GaussianBlurAttrs => ({ kernelSize, sigma });

const blur = defineResample('gaussian_blur', gaussianBlurAttrs, (op, input, { kernelSize, sigma }) => {
  expectInteger(op, 'kernelSize', kernelSize, 1);
  if (kernelSize % 2 === 0) {
    throw new ShapeError(`${op}: kernelSize must be odd, got ${kernelSize}; use ${kernelSize + 1}`);
  }
  if (!Number.isFinite(sigma)) {
    throw new ShapeError(`${op}: sigma must be a finite number of pixels, got ${sigma}; 0 derives it`);
  }
  const kernel = gaussianKernel(kernelSize, sigma);
  const axis = (n: number) => filterAxis(n, n, kernel, (o) => o);
  return [axis(input[0]), axis(input[1])];
});

/**
 * Gaussian smoothing as OpenCV's `GaussianBlur` with a square kernel and BORDER_REFLECT_101.
 * `w[k] ~ exp(-(k - r)^2 / (2 sigma^2))`, summing to 1; sigma <= 0 means OpenCV's fixed filters up to size
 * 9 and `0.3 * (r - 1) + 0.8` above. x and y: [N,H,W,C]. Throws ShapeError for an even size, a sigma that
 * is not finite, and an x without pixels.
 */
export const gaussianBlur = blur.forward;

/** The gradient of gaussian_blur to x: attrs as forward, and inputSize [H,W]. */
export const gaussianBlurBackward = blur.backward;

export const gaussianBlurStrategies = blur.strategies;
