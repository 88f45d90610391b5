/**
 * Polygons, and masks of one byte per pixel, row by row, in which every value other than 0 is inside. The centre of a pixel
 * is (x + 0.5, y + 0.5); its edges are at integers.
 */

import { expectArguments, SIZE } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { Box, ImageSize, Point } from '../vision/boxes.ts';
import { outlineArea, outlineBounds } from '../vision/outline.ts';
import { polygonRuns } from './polygonRuns.ts';

function checkPoints(op: string, points: readonly Point[]): void {
  const bad = points.findIndex(([x, y]) => !Number.isFinite(x) || !Number.isFinite(y));
  if (bad >= 0) {
    throw new ShapeError(`${op}: points[${bad}] is (${points[bad]!.join(', ')}); use finite coordinates`);
  }
}

/** Throws ShapeError if a mask does not have the pixels of its size. */
export function checkMask(op: string, mask: Uint8Array, size: ImageSize): void {
  checkSize(op, size);
  const { width, height } = size;
  if (mask.length !== width * height) {
    throw new ShapeError(`${op}: mask has ${mask.length} pixels, ${width}x${height} needs ${width * height}`);
  }
}

function checkSize(op: string, { width, height }: ImageSize): void {
  if (![width, height].every((side) => Number.isSafeInteger(side) && side >= 0)) {
    throw new ShapeError(
      `${op}: size ${width}x${height}; give a width and height that are integers of at least 0`,
    );
  }
}

/**
 * Computes the area of a polygon, as `rasterizePolygon` fills it: by the even-odd rule, so that an outline that crosses itself has
 * the area that it paints, and what it winds around twice is a hole. By the shoelace formula, exact, where the outline does not
 * cross itself; else within about a thousandth.
 *
 * @param points Vertices in pixels; the last one joins the first.
 * @returns Square pixels, at least 0.
 * @throws ShapeError for coordinates that are not finite.
 */
export function polygonArea(points: readonly Point[]): number {
  expectArguments('polygonArea', { points }, { points: ['pair'] });
  checkPoints('polygonArea', points);
  return outlineArea(points);
}

/**
 * Computes the smallest box around points.
 *
 * @param points Points in pixels, at least one.
 * @throws ShapeError for no points, and for coordinates that are not finite.
 */
export function polygonBounds(points: readonly Point[]): Box {
  expectArguments('polygonBounds', { points }, { points: ['pair'] });
  checkPoints('polygonBounds', points);
  if (points.length === 0) throw new ShapeError('polygonBounds: no points; give at least one');
  return outlineBounds(points);
}

/**
 * Rasterizes a polygon: finds the pixels whose centres are inside.
 *
 * Inside is by the even-odd rule, so what an outline winds around twice is a hole. A centre exactly on an edge belongs to
 * the polygon on its right, or below, so polygons that share an edge share no pixel and miss none. What lies outside of
 * the image is cut off; fewer than 3 points give an empty mask.
 *
 * @param points Vertices in pixels; the last one joins the first.
 * @param size Width and height of the mask to return.
 * @returns 0 (outside) and 1 (inside) for each pixel [height * width], row by row.
 * @throws ShapeError for coordinates that are not finite, and for sizes that are not integers of at least 0.
 */
export function rasterizePolygon(points: readonly Point[], size: ImageSize): Uint8Array {
  expectArguments('rasterizePolygon', { points, size }, { points: ['pair'], size: SIZE });
  const { width, height } = size;
  checkSize('rasterizePolygon', size);
  checkPoints('rasterizePolygon', points);
  const mask = new Uint8Array(width * height);
  polygonRuns(points, size, (y, from, to) => mask.fill(1, y * width + from, y * width + to));
  return mask;
}

/** What `connectedComponents` returns. */
export interface Components {
  /** The number of each pixel's component [height * width], from 1 in the order of their first pixels; 0 outside. */
  readonly labels: Int32Array;
  /** The number of components. */
  readonly count: number;
}

/**
 * Finds the 4-connected components of a mask: the parts whose pixels share edges.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 * @throws ShapeError if the mask does not have `width * height` values.
 */
export function connectedComponents(mask: Uint8Array, size: ImageSize): Components {
  expectArguments('connectedComponents', { mask, size }, { mask: 'values', size: SIZE });
  checkMask('connectedComponents', mask, size);
  const { width } = size;
  const labels = new Int32Array(mask.length);
  // Each pixel is pushed once, when it gets its label.
  const stack = new Int32Array(mask.length);
  let count = 0;
  for (let seed = 0; seed < mask.length; seed++) {
    if (mask[seed] === 0 || labels[seed] !== 0) continue;
    count++;
    let depth = 0;
    const visit = (pixel: number) => {
      if (mask[pixel] === 0 || labels[pixel] !== 0) return;
      labels[pixel] = count;
      stack[depth++] = pixel;
    };
    visit(seed);
    while (depth > 0) {
      const pixel = stack[--depth]!;
      const x = pixel % width;
      if (x > 0) visit(pixel - 1);
      if (x < width - 1) visit(pixel + 1);
      if (pixel >= width) visit(pixel - width);
      if (pixel + width < mask.length) visit(pixel + width);
    }
  }
  return { labels, count };
}
