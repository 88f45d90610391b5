import { expectArguments } from '../arguments.ts';
import { ShapeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { expectRgba, type RgbaImage } from './painter.ts';
import { parseColor } from './palette.ts';

/** Values on a grid that covers an image. */
export interface HeatMap {
  /** Values in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Values [height, width]. */
  readonly data: ArrayLike<number>;
}

/** Options of `paintHeatMap`. */
export interface PaintHeatMapOptions {
  /** Of the colours, 0 to 1. Default 0.6. */
  readonly opacity?: number;
  /** The values of the darkest and the brightest colour. Default: the least and the greatest of the map. */
  readonly range?: readonly [low: number, high: number];
}

/** `inferno` of matplotlib (Smith and van der Walt 2015, CC0) at nine places: lightness grows evenly, for any colour vision. */
const INFERNO = [
  ...['#000004', '#210c4a', '#56106e', '#89226a', '#bb3754'],
  ...['#e35932', '#f98c0a', '#f9c932', '#fcffa4'],
].map(parseColor);

/** Where bilinear interpolation reads: two places, and the share of the second. */
interface Taps {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

const taps = (size: number, cells: number): Taps[] =>
  Array.from({ length: size }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * cells) / size - 0.5, 0), cells - 1);
    const from = Math.floor(at);
    return { from, to: Math.min(from + 1, cells - 1), share: at - from };
  });

/**
 * Paints a map over an image, in place, from dark (low) over red to pale yellow (high). The map is stretched over the image
 * bilinearly; values out of the range get the colours of its ends, and all the darkest where the range is empty.
 *
 * @param image The image, which is changed.
 * @param map The map, such as one of `attentionRollout`.
 * @param options How much of the image is seen through it.
 * @throws ShapeError for an image or map whose number of values does not fit its size; UsageError for values that are not
 * finite, and for options that cannot be.
 */
export function paintHeatMap(image: RgbaImage, map: HeatMap, options: PaintHeatMapOptions = {}): void {
  const call = 'paintHeatMap';
  expectRgba(call, image);
  expectArguments(call, { map }, { map: { width: 'number', height: 'number', data: 'values' } });
  const { width, height, data } = map;
  if (!(width > 0 && height > 0) || data.length !== width * height) {
    throw new ShapeError(`${call}: the map has ${data.length} values for ${width}x${height}`);
  }
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      throw new UsageError(
        `${call}: the map is ${data[i]} at row ${Math.floor(i / width)}, column ${i % width}`,
      );
    }
    least = Math.min(least, data[i]!);
    most = Math.max(most, data[i]!);
  }
  const { opacity, range } = withDefaults(call, options, { opacity: 0.6, range: [least, most] as const });
  expectArguments(call, { range }, { range: 'pair' });
  if (!(opacity >= 0 && opacity <= 1)) {
    throw new UsageError(`${call}: opacity is ${opacity}; give a number from 0 to 1`);
  }
  const [low, high] = range;
  if (!(low <= high)) throw new UsageError(`${call}: range is ${low} to ${high}; give the lower one first`);
  const scale = high > low ? (INFERNO.length - 1) / (high - low) : 0;
  const columns = taps(image.width, width);
  for (const [y, { from: up, to: down, share: below }] of taps(image.height, height).entries()) {
    for (const [x, { from: left, to: right, share: after }] of columns.entries()) {
      const row = (start: number) => data[start + left]! * (1 - after) + data[start + right]! * after;
      const value = row(up * width) * (1 - below) + row(down * width) * below;
      const place = Math.min(Math.max((value - low) * scale, 0), INFERNO.length - 1);
      const stop = Math.min(Math.floor(place), INFERNO.length - 2);
      const at = (y * image.width + x) * 4;
      for (let c = 0; c < 3; c++) {
        const [a, b] = [INFERNO[stop]![c]!, INFERNO[stop + 1]![c]!];
        image.data[at + c] = image.data[at + c]! * (1 - opacity) + (a + (b - a) * (place - stop)) * opacity;
      }
    }
  }
}
