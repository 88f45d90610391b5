import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { ImageSize } from '../../vision/boxes.ts';
import { expectMatte, type Matte } from './matte.ts';

/** Options of `trimapOf`. The defaults are those of rembg. */
export interface TrimapOptions {
  /** Pixels whose alpha is more than this, in 255ths, are taken for foreground. Default 240. */
  readonly foregroundThreshold?: number;
  /** Pixels whose alpha is less than this, in 255ths, are taken for background. Default 10. */
  readonly backgroundThreshold?: number;
  /** The side in pixels of the square by which foreground and background are eroded: what is left between them is unknown. Default 10; 0 for none. */
  readonly erodeSize?: number;
}

/** What is known of each pixel. */
export interface Trimap {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** [height * width], row by row: 0 for background, 255 for foreground, 128 for what is not known. */
  readonly data: Uint8Array;
}

/** The values of a `Trimap`. */
export const [BACKGROUND, UNKNOWN, FOREGROUND] = [0, 128, 255] as const;

/**
 * Erodes along one axis: 1 where all of the `size` pixels around it are. As in scipy, the middle of an even number is the one behind the
 * centre. `beyond`: what pixels outside are.
 */
function erodeAxis(
  source: Uint8Array,
  { count, length, step, next }: { count: number; length: number; step: number; next: number },
  size: number,
  beyond: 0 | 1,
): Uint8Array {
  const result = new Uint8Array(source.length);
  const before = Math.floor(size / 2);
  for (let line = 0; line < count; line++) {
    const start = line * next;
    // How many pixels of the window are 0.
    let holes = 0;
    const holeAt = (i: number) => (i < 0 || i >= length ? 1 - beyond : 1 - source[start + i * step]!);
    for (let i = -before; i < size - before - 1; i++) holes += holeAt(i);
    for (let i = 0; i < length; i++) {
      holes += holeAt(i + size - before - 1);
      result[start + i * step] = holes === 0 ? 1 : 0;
      holes -= holeAt(i - before);
    }
  }
  return result;
}

/** Erodes a mask of 0 and 1 by a square, as scipy's binary_erosion with `border_value` beyond. */
function erode(mask: Uint8Array, { width, height }: ImageSize, size: number, beyond: 0 | 1): Uint8Array {
  const rows = erodeAxis(mask, { count: height, length: width, step: 1, next: width }, size, beyond);
  return erodeAxis(rows, { count: width, length: height, step: width, next: 1 }, size, beyond);
}

/**
 * Splits a matte into what is surely foreground or background, and a band between them: pixels above and below the thresholds, each eroded by a
 * square, as rembg's `alpha_matting_cutout` does. Beyond the border of the image there is background, so that foreground at the border is not
 * known within half the square.
 *
 * @param matte The matte. Its values are compared as whole 255ths, rounded.
 * @param options Thresholds, and the size of the square.
 * @throws UsageError for thresholds outside 0..255, and a size that is no whole number of at least 0.
 */
export function trimapOf(matte: Matte, options: TrimapOptions = {}): Trimap {
  const { foregroundThreshold, backgroundThreshold, erodeSize } = trimapOptions('trimapOf', options);
  expectMatte('trimapOf', 'matte', matte);
  const { width, height, data } = matte;
  const masks = [new Uint8Array(data.length), new Uint8Array(data.length)] as const;
  for (let i = 0; i < data.length; i++) {
    const value = Math.round(data[i]! * 255);
    masks[0][i] = value > foregroundThreshold ? 1 : 0;
    masks[1][i] = value < backgroundThreshold ? 1 : 0;
  }
  const [foreground, background] =
    erodeSize > 0 ? [erode(masks[0], matte, erodeSize, 0), erode(masks[1], matte, erodeSize, 1)] : masks;
  const known = (i: number) => (background[i] ? BACKGROUND : foreground[i] ? FOREGROUND : UNKNOWN);
  return { width, height, data: Uint8Array.from(data, (_, i) => known(i)) };
}

/** Options with their defaults. Throws UsageError for those that cannot be used. */
export function trimapOptions(call: string, options: TrimapOptions): Required<TrimapOptions> {
  const filled = withDefaults(call, options, {
    foregroundThreshold: 240,
    backgroundThreshold: 10,
    erodeSize: 10,
  });
  for (const name of ['foregroundThreshold', 'backgroundThreshold'] as const) {
    if (filled[name] >= 0 && filled[name] <= 255) continue;
    throw new UsageError(`${call}: ${name} is ${filled[name]}; give a number from 0 to 255`);
  }
  if (filled.foregroundThreshold < filled.backgroundThreshold) {
    throw new UsageError(
      `${call}: foregroundThreshold is ${filled.foregroundThreshold}, below backgroundThreshold ${filled.backgroundThreshold}; give a higher one`,
    );
  }
  const { erodeSize } = filled;
  if (!Number.isSafeInteger(erodeSize) || erodeSize < 0) {
    throw new UsageError(`${call}: erodeSize is ${erodeSize}; give a whole number of pixels, 0 for none`);
  }
  return filled;
}
