import { expectArguments, SIZE } from '../../arguments.ts';
import { DataError, UsageError } from '../../errors.ts';
import { expectOptions } from '../../options.ts';
import type { Box, ImageSize, Point } from '../../vision/boxes.ts';
import { boxArea, clipBox } from '../../vision/boxes.ts';
import { outlineBounds } from '../../vision/outline.ts';
import type { Random } from '../../vision/random.ts';
import { checkAugment } from './check.ts';
import { type Draws, drawTransforms, type Place } from './draw.ts';
import type { Effect } from './effects.ts';
import {
  compose,
  depth,
  type Homography,
  invert,
  isAxisAligned,
  mapPoint,
  scaled,
  translation,
} from './matrix.ts';
import type { Augment } from './parameters.ts';

/** Options of `sampleCrop`. */
export interface CropOptions {
  /** Height and width of the crop in pixels. */
  readonly size: readonly [height: number, width: number];
  /** How the crop is varied at random. Default: nothing but its place. */
  readonly augment?: Augment;
  /** The only part of the image that is read, in pixels; rounded inwards to whole pixels. Default: the whole image. */
  readonly region?: Box;
}

/** A crop: where each of its pixels comes from. Coordinates are continuous: the centre of pixel (0, 0) is (0.5, 0.5). */
export interface Crop {
  /** Height and width in pixels. */
  readonly size: readonly [height: number, width: number];
  /**
   * The homography [a, b, c, d, e, f, g, h, i] from crop to image: point (u, v) of the crop is point ((a u + b v + c) / w, (d u + e v +
   * f) / w) of the image, where w = g u + h v + i is positive. Nothing is seen where it is not.
   */
  readonly toImage: Homography;
  /** The only part of the image that is read, in whole pixels. */
  readonly region: Box;
  /** Value of the pixels outside of the region, 0..1. */
  readonly fill: number;
  /** What changes the colours of the crop once it is cut, in this order. */
  readonly effects: readonly Effect[];
  /**
   * Boxes of the crop in which this image is to be seen, none over another: elsewhere another one was pasted over it. They matter for
   * labels, not for pixels. Default: all of the crop.
   */
  readonly windows?: readonly Box[];
}

/** Transforms that need other samples, and happen before or after all others. */
export const MIXING = ['mosaic', 'mixUp', 'cutMix'] as const;

/**
 * Draws a random crop by a list of transforms.
 *
 * Geometry is one map of points. What is drawn depends on the list, its order and the generator alone.
 *
 * @param image Width and height of the image.
 * @param options Size of the crop, and how crops are varied.
 * @param random Source of random numbers.
 * @throws DataError for a region without a whole pixel, and a size that is not whole pixels; UsageError for a list that cannot be, or
 * has transforms that need other samples.
 */
export function sampleCrop(image: ImageSize, options: CropOptions, random: Random): Crop {
  expectOptions('sampleCrop', options, ['size', 'augment', 'region']);
  expectArguments(
    'sampleCrop',
    { image, options, random },
    { image: SIZE, options: { size: 'pair' }, random: 'object' },
  );
  const { size, augment = [], region } = options;
  if (!size.every((s) => Number.isInteger(s) && s > 0)) {
    throw new DataError(`sampleCrop: size is [${size.join(', ')}]; give a size in whole pixels`);
  }
  checkAugment(augment, 'sampleCrop: augment');
  const mixing = MIXING.find((name) => augment.some((transform) => transform.name === name));
  if (mixing) {
    throw new UsageError(
      `sampleCrop: augment has ${mixing}, which needs other samples; use BatchSource, or leave it out`,
    );
  }
  const whole = wholePixels(region ?? [0, 0, image.width, image.height], image);
  return placedCrop(drawTransforms(augment, size, whole, random), size, whole);
}

/** The part of an image that is read, in whole pixels. */
export function wholePixels(region: Box, image: ImageSize): Box {
  const [x1, y1, x2, y2] = clipBox(region, [0, 0, image.width, image.height]);
  const whole: Box = [Math.ceil(x1), Math.ceil(y1), Math.floor(x2), Math.floor(y2)];
  if (!(boxArea(whole) > 0)) {
    throw new DataError(
      `sampleCrop: region [${region.join(', ')}] contains no whole pixel of the ${image.width}x${image.height} image; give x1, y1, x2, y2 in pixels`,
    );
  }
  return whole;
}

/** The crop of an image that was drawn. */
export const placedCrop = (draws: Draws, size: Crop['size'], region: Box): Crop => ({
  size,
  region,
  fill: draws.fill,
  toImage: toImageOf(draws, size, (lengths, whole) => placedIn(region, lengths, draws.place, whole)),
  effects: draws.effects,
});

/** The box around what a crop shows, relative to the point of the image that is at the middle of the crop. */
function windowOf(still: Homography, [h, w]: Crop['size']): Box {
  const back = invert(still);
  const corners = [-1, 1].flatMap((y) => [-1, 1].map((x): Point => [(x * w) / 2, (y * h) / 2]));
  // Towards the horizon a crop shows anything, however far away.
  const points = corners.map((corner): Point => {
    const near = Math.max(depth(back, corner), NEAREST * Math.abs(back[8]));
    const [x, y] = mapPoint(back, corner);
    const factor = depth(back, corner) / near;
    return [x * factor, y * factor];
  });
  return outlineBounds(points);
}

const NEAREST = 0.2;

/** Finds where the upper left corner of a window goes. `whole`: to a whole pixel along x, along y. */
type Placing = (lengths: Point, whole: readonly [boolean, boolean]) => Point;

function placedIn(
  region: Box,
  lengths: Point,
  { at, even }: Place,
  whole: readonly [boolean, boolean],
): Point {
  const offset = (axis: 0 | 1): number => {
    const length = lengths[axis];
    const [from, to] = [region[axis], region[axis + 2]!];
    const [low, high] = [Math.min(from, to - length), Math.max(from, to - length)];
    // In an image larger than the window, the middle of the window is drawn uniformly and the window is then moved inside.
    // If its corner were drawn uniformly instead, pixels along the borders would hardly ever be seen.
    const middle = from + (to - from) * at[axis] - length / 2;
    const moved = length < to - from && !even;
    const start = moved ? Math.min(Math.max(middle, low), high) : low + (high - low) * at[axis];
    return whole[axis] ? Math.round(start) : start;
  };
  return [offset(0), offset(1)];
}

/** The map from a crop to an image, where its window goes to the place that is found. */
export function toImageOf(
  { linear, still }: Pick<Draws, 'linear' | 'still'>,
  [h, w]: Crop['size'],
  place: Placing,
): Homography {
  if (!isAxisAligned(linear)) {
    const window = windowOf(still, [h, w]);
    const [x, y] = place([window[2] - window[0], window[3] - window[1]], [false, false]);
    const back = invert(linear);
    const unit = scaled(back, 1 / (Math.abs(back[8]) || 1));
    return compose(translation(x - window[0], y - window[1]), compose(unit, translation(-w / 2, -h / 2)));
  }
  const turned = linear[0] === 0;
  // Pixels of the crop per pixel of the image, along the axes of the image.
  const [sx, sy] = turned ? [linear[3], linear[1]] : [linear[0], linear[4]];
  const [width, height] = [(turned ? h : w) / Math.abs(sx), (turned ? w : h) / Math.abs(sy)];
  const [x, y] = place([width, height], [Math.abs(sx) === 1, Math.abs(sy) === 1]);
  const [left, top] = [x + (sx < 0 ? width : 0), y + (sy < 0 ? height : 0)];
  return turned
    ? [0, 1 / sx, left - linear[5] / sx, 1 / sy, 0, top - linear[2] / sy, 0, 0, 1]
    : [1 / sx, 0, left - linear[2] / sx, 0, 1 / sy, top - linear[5] / sy, 0, 0, 1];
}
