import type { ImageSize } from '../../vision/boxes.ts';

/** A filter of images: its weight by the distance in pixels, and the distance from which on it is 0. */
interface Filter {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Pillow's filters (libImaging/Resample.c), which widen where an image shrinks. `bilinear` is also that of `resizeImage`. */
const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Record<string, Filter>;

/** For each pixel of an axis of another length, the run of pixels that it is made of, and their weights, which add up to 1. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** [to, most]. */
  readonly weights: Float64Array;
  /** The largest count. */
  readonly most: number;
}

function tapsOf(from: number, to: number, { support, weight }: Filter): Taps {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  const most = Math.ceil(reach) * 2 + 1;
  const [first, count] = [new Int32Array(to), new Int32Array(to)];
  const weights = new Float64Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const begin = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), from);
    let total = 0;
    for (let k = begin; k < end; k++) {
      const w = weight((k - centre + 0.5) / stretch);
      weights[i * most + k - begin] = w;
      total += w;
    }
    for (let k = 0; k < end - begin; k++) weights[i * most + k]! /= total;
    [first[i], count[i]] = [begin, end - begin];
  }
  return { first, count, weights, most };
}

/** How values are resized. */
export interface ResampleOptions {
  readonly filter: keyof typeof FILTERS;
  /** The number of values of a pixel. */
  readonly channels: number;
  /** What values are multiplied by first. Default 1. */
  readonly unit?: number;
  /** Whether values are rounded to 255ths after each axis, as Pillow does, which computes in bytes. Default false. */
  readonly rounded?: boolean;
}

/**
 * Resizes values [height, width, channels], columns first and then rows, as Pillow does. The results are clipped to 0..1 after each
 * axis.
 */
export function resample(
  data: Float32Array | Uint8Array | Uint8ClampedArray,
  from: ImageSize,
  to: ImageSize,
  { filter, channels, unit = 1, rounded = false }: ResampleOptions,
): Float32Array {
  const kept = rounded
    ? (value: number) => Math.min(Math.max(Math.round(value * 255), 0), 255) / 255
    : (value: number) => Math.min(Math.max(value, 0), 1);
  const narrow = new Float32Array(from.height * to.width * channels);
  if (from.width === to.width) {
    for (let i = 0; i < narrow.length; i++) narrow[i] = data[i]! * unit;
  } else {
    const { first, count, weights, most } = tapsOf(from.width, to.width, FILTERS[filter]);
    for (let y = 0, at = 0; y < from.height; y++) {
      for (let x = 0; x < to.width; x++) {
        const start = (y * from.width + first[x]!) * channels;
        for (let c = 0; c < channels; c++, at++) {
          let sum = 0;
          for (let k = 0; k < count[x]!; k++) {
            sum += weights[x * most + k]! * data[start + k * channels + c]!;
          }
          narrow[at] = kept(sum * unit);
        }
      }
    }
  }
  if (from.height === to.height) return narrow;
  const { first, count, weights, most } = tapsOf(from.height, to.height, FILTERS[filter]);
  const row = to.width * channels;
  const sums = new Float64Array(row);
  const result = new Float32Array(to.height * row);
  for (let y = 0; y < to.height; y++) {
    sums.fill(0);
    for (let k = 0; k < count[y]!; k++) {
      const [weight, start] = [weights[y * most + k]!, (first[y]! + k) * row];
      for (let i = 0; i < row; i++) sums[i]! += weight * narrow[start + i]!;
    }
    for (let i = 0; i < row; i++) result[y * row + i] = kept(sums[i]!);
  }
  return result;
}
