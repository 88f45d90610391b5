import { ShapeError } from '../../errors.ts';
import type { Given } from '../kernel.ts';
import { expectSize2, type Size2, size2 } from '../spatial.ts';
import { defineResample, type ResampleAxis, type Tap } from './resample.ts';

/** Attributes of `interpolate`. */
export interface InterpolateAttrs {
  /** Height and width of y. */
  readonly size: Size2;
  /** Default nearest. */
  readonly mode: 'nearest' | 'bilinear' | 'bicubic';
  /** bilinear and bicubic: corner pixels' centres meet, instead of the images' corners. Default false. */
  readonly alignCorners: boolean;
  /** bilinear: where y is smaller, the filter widens to average the pixels that it merges, as Pillow's. Default false. */
  readonly antialias: boolean;
  /** Pixels of y for one of x, where positions are to be computed from it. Default size / input size. */
  readonly scaleFactor?: Size2 | undefined;
}

/**
 * PyTorch takes the source pixel in float32 whatever the dtype (ATen/native/UpSample.h,
 * nearest_neighbor_compute_source_index), which decides where `o * input / output` is nearly whole.
 */
function nearestAxis(input: number, size: number, factor?: number): ResampleAxis {
  const scale = Math.fround(factor === undefined ? input / size : 1 / factor);
  const source = (o: number) => Math.min(Math.floor(Math.fround(o * scale)), input - 1);
  return { size, taps: (o) => [[input === size ? o : source(o), 1]] };
}

/** The weight of a pixel at this distance (Keys 1981), with PyTorch's and OpenCV's a = -3/4. */
function cubic(distance: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return (1.25 * d - 2.25) * d * d + 1;
  return d < 2 ? ((-0.75 * d + 3.75) * d - 6) * d + 3 : 0;
}

/**
 * The triangle filter over all pixels that a pixel of y merges (ATen/native/cpu/UpSampleKernel.cpp, with antialias; Pillow's BILINEAR).
 * Pixels beyond the border take no part, and the weights add up to 1.
 */
function triangleAxis(input: number, size: number, factor = size / input): ResampleAxis {
  const reach = Math.max(1, 1 / factor);
  return {
    size,
    taps(o) {
      const center = (o + 0.5) / factor;
      const first = Math.max(0, Math.floor(center - reach + 0.5));
      const end = Math.min(input, Math.floor(center + reach + 0.5));
      const all = Array.from(
        { length: end - first },
        (_, k): Tap => [first + k, Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / reach)],
      );
      const sum = all.reduce((total, [, weight]) => total + weight, 0);
      // A scaleFactor that is not the ratio of the sizes may lead beyond the image: the last pixel is there then.
      return sum > 0 ? all.map(([index, weight]): Tap => [index, weight / sum]) : [[input - 1, 1]];
    },
  };
}

function smoothAxis(
  input: number,
  size: number,
  { mode, alignCorners }: InterpolateAttrs,
  factor = size / input,
): ResampleAxis {
  const scale = alignCorners ? (size > 1 ? (input - 1) / (size - 1) : 0) : 1 / factor;
  const place = (o: number) => (alignCorners ? o * scale : (o + 0.5) * scale - 0.5);
  const held = (index: number) => Math.min(Math.max(index, 0), input - 1);
  const bilinear = (o: number): Tap[] => {
    const source = Math.max(place(o), 0);
    const low = Math.min(Math.floor(source), input - 1);
    const part = Math.min(source - low, 1);
    return [
      [low, 1 - part],
      [held(low + 1), part],
    ];
  };
  const bicubic = (o: number): Tap[] => {
    const low = Math.floor(place(o));
    return [-1, 0, 1, 2].map((k): Tap => [held(low + k), cubic(place(o) - low - k)]);
  };
  return { size, taps: mode === 'bicubic' ? bicubic : bilinear };
}

const interpolateAttrs = ({
  size,
  mode = 'nearest',
  alignCorners = false,
  antialias = false,
  scaleFactor,
}: Given<InterpolateAttrs, 'size'>): InterpolateAttrs => ({
  size: size2(size),
  mode,
  alignCorners,
  antialias,
  scaleFactor: scaleFactor === undefined ? undefined : size2(scaleFactor),
});

const resampled = defineResample('interpolate', interpolateAttrs, (op, input, attrs) => {
  const { size, mode, alignCorners, antialias, scaleFactor } = attrs;
  expectSize2(op, 'size', size, 1);
  if (!['nearest', 'bilinear', 'bicubic'].includes(mode)) {
    throw new ShapeError(`${op}: mode must be 'nearest', 'bilinear' or 'bicubic', got '${mode}'`);
  }
  if (mode === 'nearest' && alignCorners) {
    throw new ShapeError(
      `${op}: alignCorners true is for 'bilinear' and 'bicubic', got mode '${mode}'; leave it out`,
    );
  }
  if (antialias && (mode !== 'bilinear' || alignCorners)) {
    throw new ShapeError(
      `${op}: antialias true is for 'bilinear' without alignCorners, got mode '${mode}', alignCorners ${alignCorners}; leave it out`,
    );
  }
  if (scaleFactor && !(Array.isArray(scaleFactor) && scaleFactor.every((factor) => factor > 0))) {
    throw new ShapeError(`${op}: scaleFactor must be above 0, got [${scaleFactor}]`);
  }
  const axis = (k: 0 | 1) =>
    mode === 'nearest'
      ? nearestAxis(input[k], size[k], scaleFactor?.[k])
      : antialias
        ? triangleAxis(input[k], size[k], scaleFactor?.[k])
        : smoothAxis(input[k], size[k], attrs, scaleFactor?.[k]);
  return [axis(0), axis(1)];
});

/**
 * Images scaled to a size, as `torch.nn.functional.interpolate` does. x: [N,H,W,C]; y: [N,h,w,C].
 * 'nearest' takes pixel `floor(o * H / h)` (PyTorch's 'nearest', not 'nearest-exact'); 'bilinear' takes
 * position `(o + 0.5) * H / h - 0.5`, held at the border, or with alignCorners `o * (H - 1) / (h - 1)`.
 * 'bicubic' takes four pixels an axis about that position, border pixels standing for those outside (Keys 1981, a = -3/4).
 * There is no smoothing before shrinking, unless antialias is true (with 'bilinear'): then an axis that shrinks has weights
 * `max(0, 1 - |i + 0.5 - (o + 0.5) * H / h| / (H / h))`, divided by their sum, as `torch.nn.functional.interpolate` and Pillow have them.
 * With scaleFactor s, 1 / s replaces H / h. Throws ShapeError for sizes below 1, an unknown mode, an x without pixels, alignCorners with
 * 'nearest', and antialias with another mode or with alignCorners.
 */
export const interpolate = resampled.forward;

/** The gradient of interpolate to x: attrs as forward, and inputSize [H,W]. dy: [N,h,w,C]; dx: [N,H,W,C]. */
export const interpolateBackward = resampled.backward;

export const interpolateStrategies = resampled.strategies;
