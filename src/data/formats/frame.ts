import type { ImageSize, Point } from '../../vision/boxes.ts';
import type { Annotation } from '../annotation.ts';
import { BadData } from '../faults.ts';
import { type Affine, transformAnnotation } from '../transform.ts';
import { withoutFormats } from './extra.ts';
import type { ImageInfo } from './format.ts';
import type { Reading } from './reading.ts';

/** The size that coordinates of an annotation refer to, and how they become coordinates of the image. */
export interface Frame extends ImageSize {
  /** The size of the image. */
  readonly image: ImageSize;
  /** Undefined where nothing changes. */
  readonly toImage?: Affine;
}

/** By EXIF orientation: signs and axes of the map from pixels as stored to pixels as shown (EXIF 2.3, 4.6.4, tag 0x0112). */
const TURNS: Readonly<Partial<Record<number, (width: number, height: number) => Affine>>> = {
  5: () => [0, 1, 0, 1, 0, 0],
  6: (_, height) => [0, -1, height, 1, 0, 0],
  7: (width, height) => [0, -1, height, -1, 0, width],
  8: (width) => [0, 1, 0, -1, 0, width],
};

const scaled = ([a, b, c, d, e, f]: Affine, sx: number, sy: number): Affine => [
  a * sx,
  b * sx,
  c * sx,
  d * sy,
  e * sy,
  f * sy,
];

/** Whether sides are those of a size at another scale, each rounded to whole pixels. */
function sameAspect(from: ImageSize, to: ImageSize): boolean {
  const [sx, sy] = [to.width / from.width, to.height / from.height];
  return Math.abs(from.width * sy - to.width) <= 1 || Math.abs(from.height * sx - to.height) <= 1;
}

/**
 * Finds the frame of an annotation: the size that it states, which must be that of the image. With `fixSizes` another size is
 * mended where it is clear how.
 *
 * @param stated The size in the file; undefined where there is none.
 * @param info The header of the image; undefined where it is not read.
 * @param reach The largest x and y among the annotation's coordinates.
 * @throws DataError, with both sizes.
 */
export function frameOf(
  reading: Reading,
  where: string,
  stated: ImageSize | undefined,
  info: ImageInfo | undefined,
  reach: () => Point,
): Frame {
  if (!info) {
    if (!stated) throw new BadData('structure', `${where}: has no size; state the size of the image`);
    reading.checkPixels(stated, where);
    return { width: stated.width, height: stated.height, image: stated };
  }
  const image = { width: info.width, height: info.height };
  if (!stated) return { ...image, image };
  if (isUnclear(reading, stated, info)) {
    throw new BadData(
      'size differs',
      `${where}: the annotation for ${stated.width}x${stated.height} pixels may have been made before or after the image was turned, as its EXIF data say (orientation ${info.orientation}); ${UNCLEAR_FIX}`,
    );
  }
  if (stated.width === image.width && stated.height === image.height) return { ...image, image };
  const turn = TURNS[info.orientation ?? 1];
  const turned = { width: stated.height, height: stated.width };
  const swapped = turned.width === image.width && turned.height === image.height;
  const sizes = `the annotation is for ${stated.width}x${stated.height} pixels, but the image has ${image.width}x${image.height}`;
  const why = swapped && turn ? ' once it is turned as its EXIF data say' : '';
  const mended = mend(stated, info, reach);
  const problem = `${where}: ${sizes}${why}`;
  if (!reading.options.fixSizes || 'unclear' in mended) {
    const way =
      'unclear' in mended
        ? `it is not clear ${mended.unclear}`
        : 'use the image that was labelled, or mend the annotation (--fix-sizes)';
    throw new BadData('size differs', `${problem}; ${way}`);
  }
  reading.note('size differs', `${problem}; ${mended.how}`);
  return mended.frame;
}

const UNCLEAR_FIX =
  'leave out --fix-sizes if it fits the image as it is shown, or else save the image without a rotation in its EXIF data';

/** Whether `fixSizes` is asked for a size that says nothing: that of the image both as it is stored and as it is shown. */
function isUnclear(
  { options }: Reading,
  stated: ImageSize,
  { width, height, orientation = 1 }: ImageInfo,
): boolean {
  if (!options.fixSizes || orientation <= 1) return false;
  const stored = TURNS[orientation] ? { width: height, height: width } : { width, height };
  const exactly = (size: ImageSize) => stated.width === size.width && stated.height === size.height;
  const [asStored, asShown] = [exactly(stored), exactly({ width, height })];
  // One that is exact needs no other reading; else both shapes may fit at another scale.
  if (asStored || asShown) return asStored && asShown;
  return sameAspect(stated, stored) && sameAspect(stated, { width, height });
}

/** How an annotation for an image of another size is mended, and its frame then; or what about it is not clear. */
function mend(
  stated: ImageSize,
  info: ImageInfo,
  reach: () => Point,
): { readonly how: string; readonly frame: Frame } | { readonly unclear: string } {
  const image = { width: info.width, height: info.height };
  const turn = TURNS[info.orientation ?? 1];
  const turned = { width: stated.height, height: stated.width };
  if (turn && sameAspect(turned, image)) {
    const map = turn(stated.width, stated.height);
    const toImage = scaled(map, image.width / turned.width, image.height / turned.height);
    return { how: 'the annotation was turned', frame: { ...stated, image, toImage } };
  }
  if (turned.width === image.width && turned.height === image.height) {
    const [x, y] = reach();
    const fitsStated = x <= stated.width + 1 && y <= stated.height + 1;
    const fitsImage = x <= image.width + 1 && y <= image.height + 1;
    if (fitsStated || !fitsImage) return { unclear: 'whether the image was turned, so label it again' };
    return { how: 'width and height were exchanged in the annotation', frame: { ...image, image } };
  }
  if (!sameAspect(stated, image))
    return { unclear: 'how the image was changed, so use the one that was labelled' };
  const [sx, sy] = [image.width / stated.width, image.height / stated.height];
  return {
    how: 'the annotation was scaled',
    frame: { ...stated, image, toImage: scaled([1, 0, 0, 0, 1, 0], sx, sy) },
  };
}

/** Turns an annotation in its frame into one of the image. */
export const toImage = (annotation: Annotation, { toImage: map, image }: Frame): Annotation =>
  map ? withoutFormats(transformAnnotation(annotation, map, image)) : annotation;
