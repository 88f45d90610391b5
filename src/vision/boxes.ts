import { expectArguments, SIZE } from '../arguments.ts';
import { ShapeError } from '../errors.ts';

/** A box as (x1, y1, x2, y2) in pixels. Coordinates are continuous: pixel (0, 0) covers [0, 1] x [0, 1]. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A point as (x, y) in pixels. Coordinates are continuous: the centre of pixel (0, 0) is (0.5, 0.5). */
export type Point = readonly [x: number, y: number];

/** The size of an image, mask or map in whole pixels. Anything with a width and a height will do, an image for example. */
export interface ImageSize {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/**
 * Area of a box: `max(0, x2 - x1) * max(0, y2 - y1)`.
 *
 * @param box (x1, y1, x2, y2) in pixels.
 * @returns Square pixels; 0 for a box with x2 < x1 or y2 < y1.
 */
export const boxArea = (box: Box): number => {
  expectArguments('boxArea', { box }, { box: 'box' });
  return areaOf(box);
};

const areaOf = (box: Box): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);

/**
 * Intersection over union of two boxes, in float64 as pycocotools computes it.
 *
 * @param a (x1, y1, x2, y2) in pixels.
 * @param b (x1, y1, x2, y2) in pixels.
 * @returns A number in 0..1; 0 where the boxes do not overlap, two empty boxes included.
 */
export function boxIou(a: Box, b: Box): number {
  // Not by expectArguments: this is called for every pair of boxes.
  if (a?.length !== 4 || b?.length !== 4) expectArguments('boxIou', { a, b }, { a: 'box', b: 'box' });
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / (areaOf(a) + areaOf(b) - w * h);
}

/**
 * Clips a box to another.
 *
 * @param box (x1, y1, x2, y2) in pixels.
 * @param bounds The box to clip to; for an image, `[0, 0, width, height]`.
 * @returns The part of the box inside `bounds`. A box outside it becomes one of zero width or height at its border.
 */
export function clipBox(box: Box, bounds: Box): Box {
  expectArguments('clipBox', { box, bounds }, { box: 'box', bounds: 'box' });
  const x = (value: number): number => Math.min(Math.max(value, bounds[0]), bounds[2]);
  const y = (value: number): number => Math.min(Math.max(value, bounds[1]), bounds[3]);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

/**
 * Computes the tight box around the pixels of each label in a label map.
 *
 * x2 and y2 are the far edge of the last pixel (its index + 1), so a single pixel has area 1. torchvision's
 * `masks_to_boxes` returns the last pixel's index instead.
 *
 * @param mask Labels [height * width], row by row; 0 is the background.
 * @param size Width and height of the mask.
 * @returns A label and its box for each value other than 0, in ascending order of the labels.
 * @throws ShapeError if the mask does not have `width * height` values.
 */
export function boxesFromMask(mask: ArrayLike<number>, size: ImageSize): { label: number; box: Box }[] {
  expectArguments('boxesFromMask', { mask, size }, { mask: 'values', size: SIZE });
  const { width, height } = size;
  if (mask.length !== width * height) {
    throw new ShapeError(
      `boxesFromMask: the mask has ${mask.length} values, ${width}x${height} needs ${width * height}; pass one value per pixel`,
    );
  }
  const boxes = new Map<number, [number, number, number, number]>();
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = mask[i]!;
      if (label === 0) continue;
      const box = boxes.get(label);
      if (box === undefined) {
        boxes.set(label, [x, y, x + 1, y + 1]);
        continue;
      }
      if (x < box[0]) box[0] = x;
      if (x >= box[2]) box[2] = x + 1;
      box[3] = y + 1;
    }
  }
  return [...boxes].map(([label, box]) => ({ label, box })).sort((a, b) => a.label - b.label);
}
