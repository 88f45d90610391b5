import { expectArguments } from '../arguments.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import type { Sample } from './dataset.ts';
import { type FloatImage, resizeImage } from './image.ts';
import { scaleAnnotation } from './transform.ts';

/** The size of an image shrunk so that its longer side is at most maxSide. Never enlarges. */
export function shrunkSize({ width, height }: ImageSize, maxSide: number): [height: number, width: number] {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  return [height, width].map((side) => Math.max(1, Math.round(side * scale))) as [number, number];
}

/**
 * Shrinks a sample so that its longer side is at most `maxSide`, with its annotation and region. Never enlarges.
 *
 * @param sample The image and its annotation.
 * @param maxSide The longest side allowed, in pixels.
 */
export function shrinkSample(sample: Sample, maxSide: number): Sample {
  expectArguments(
    'shrinkSample',
    { sample },
    { sample: { image: { width: 'number', height: 'number', data: 'object' }, annotation: 'object' } },
  );
  const { image, annotation, region } = sample;
  if (Math.max(image.width, image.height) <= maxSide) return sample;
  const [height, width] = shrunkSize(image, maxSide);
  const [sx, sy] = [width / image.width, height / image.height];
  return {
    ...sample,
    image: resizeImage(image, [height, width]),
    annotation: scaleAnnotation(annotation, { width, height }),
    ...(region ? { region: region.map((side, i) => side * (i % 2 === 0 ? sx : sy)) as unknown as Box } : {}),
  };
}

/** The size of an image with another length of its shorter side, as torchvision's Resize has it: the longer side is cut to whole pixels. */
export function shorterSideSize({ width, height }: ImageSize, minSide: number): ImageSize {
  const scaled = (side: number, other: number) =>
    side <= other ? minSide : Math.trunc((minSide * side) / other);
  return { width: scaled(width, height), height: scaled(height, width) };
}

/**
 * Resizes an image to a length of its shorter side, as torchvision's Resize: the longer side is cut to whole pixels. One that has it is
 * returned as it is.
 *
 * @param image The image.
 * @param minSide The length in pixels.
 */
export function resizeShorterSide(image: FloatImage, minSide: number): FloatImage {
  expectArguments(
    'resizeShorterSide',
    { image, minSide },
    { image: { width: 'number', height: 'number', data: 'values' }, minSide: 'number' },
  );
  if (Math.min(image.width, image.height) === minSide) return image;
  const { width, height } = shorterSideSize(image, minSide);
  return resizeImage(image, [height, width]);
}
