import { defineResample, type ResampleAxis, type Tap } from '../image/resample.ts';
import type { Given } from '../kernel.ts';
import { expectInteger, expectSize2, poolOutputSize, type Size2, size2 } from '../spatial.ts';

/** Attributes of `adaptiveAvgPool2d`. */
export interface AdaptiveAvgPool2dAttrs {
  /** Height and width of y. */
  readonly outputSize: Size2;
}

/** Inputs first..last-1, each with the same weight. */
const mean = (first: number, last: number, divisor: number): Tap[] =>
  Array.from({ length: Math.max(last - first, 0) }, (_, i) => [first + i, 1 / divisor]);

const adaptiveAxis = (input: number, size: number): ResampleAxis => ({
  size,
  taps: (o) => {
    const first = Math.floor((o * input) / size);
    const last = Math.ceil(((o + 1) * input) / size);
    return mean(first, last, last - first);
  },
});

const adaptive = defineResample(
  'adaptive_avg_pool2d',
  ({ outputSize }: Given<AdaptiveAvgPool2dAttrs, 'outputSize'>) => ({ outputSize: size2(outputSize) }),
  (op, input, { outputSize }) => {
    expectSize2(op, 'outputSize', outputSize, 1);
    return [adaptiveAxis(input[0], outputSize[0]), adaptiveAxis(input[1], outputSize[1])];
  },
);

/**
 * Means over a grid of windows that covers the image, as `torch.nn.functional.adaptive_avg_pool2d`: window
 * o of an axis holds pixels `floor(o * H / h)` to `ceil((o + 1) * H / h) - 1`, so windows may overlap.
 * x: [N,H,W,C]; y: [N,h,w,C]; [1, 1] is the global mean. Throws ShapeError for sizes below 1 and an x
 * without pixels.
 */
export const adaptiveAvgPool2d = adaptive.forward;

/** The gradient of adaptive_avg_pool2d to x: attrs as forward, and inputSize [H,W]. */
export const adaptiveAvgPool2dBackward = adaptive.backward;

export const adaptiveAvgPool2dStrategies = adaptive.strategies;

/** Attributes of `avgPool2d`; sizes are (height, width), or one number for both axes. */
export interface AvgPool2dAttrs {
  /** Height and width of the window. */
  readonly kernelSize: Size2;
  /** Pixels from one window to the next. Default: kernelSize. */
  readonly stride: Size2;
  /** Pixels around x on each side, at most half of kernelSize. Default 0. */
  readonly padding: Size2;
  /** Whether a last window that begins inside of x may reach over its end. Default false. */
  readonly ceilMode: boolean;
  /** Whether padding counts as zeros in the mean, instead of not at all. Default true. */
  readonly countIncludePad: boolean;
  /** Divides the sum of every window, instead of the number of pixels in it. */
  readonly divisorOverride?: number | undefined;
}

const avgPool2dAttrs = ({
  kernelSize,
  stride = kernelSize,
  padding = 0,
  ceilMode = false,
  countIncludePad = true,
  divisorOverride,
}: Given<AvgPool2dAttrs, 'kernelSize'>): AvgPool2dAttrs => ({
  kernelSize: size2(kernelSize),
  stride: size2(stride),
  padding: size2(padding),
  ceilMode,
  countIncludePad,
  ...(divisorOverride === undefined ? {} : { divisorOverride }),
});

const pooled = defineResample('avg_pool2d', avgPool2dAttrs, (op, input, attrs) => {
  expectSize2(op, 'kernelSize', attrs.kernelSize, 1);
  expectSize2(op, 'stride', attrs.stride, 1);
  expectSize2(op, 'padding', attrs.padding, 0);
  const { divisorOverride } = attrs;
  if (divisorOverride !== undefined) expectInteger(op, 'divisorOverride', divisorOverride, 1);
  const axis = (k: 0 | 1): ResampleAxis => {
    const [kernel, stride, padding] = [attrs.kernelSize[k], attrs.stride[k], attrs.padding[k]];
    const window = { kernel, stride, padding, dilation: 1, ceil: attrs.ceilMode };
    return {
      size: poolOutputSize(op, input[k], window),
      taps: (o) => {
        const from = o * stride - padding;
        const [first, last] = [Math.max(from, 0), Math.min(from + kernel, input[k])];
        if (divisorOverride !== undefined) return mean(first, last, k === 0 ? divisorOverride : 1);
        // PyTorch's divisor is this product of two extents, so each axis divides by its own.
        const padded = Math.min(from + kernel, input[k] + padding) - from;
        return mean(first, last, attrs.countIncludePad ? padded : last - first);
      },
    };
  };
  return [axis(0), axis(1)];
});

/**
 * Means of sliding windows, as `torch.nn.functional.avg_pool2d`. x: [N,H,W,C]; y: [N,OH,OW,C] with
 * `OH = floor((H + 2 * padding - kernelSize) / stride) + 1` (ceilMode: rounded up, less a window that would
 * begin past the input and its left padding). The divisor is the part of the window inside the padded
 * image; with countIncludePad false, inside the image; or divisorOverride for all. Throws ShapeError for a padding over half of the
 * kernel, and where no window fits.
 */
export const avgPool2d = pooled.forward;

/** The gradient of avg_pool2d to x: attrs as forward, and inputSize [H,W]. */
export const avgPool2dBackward = pooled.backward;

export const avgPool2dStrategies = pooled.strategies;
