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
export const boxArea = (box: Box): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);

/**
 * Intersection over union of two boxes, in float64 as pycocotools computes it.
 *
 * @param a (x1, y1, x2, y2) in pixels.
 * @param b (x1, y1, x2, y2) in pixels.
 * @returns A number in 0..1; 0 where the boxes do not overlap, two empty boxes included.
 */
export function boxIou(a: Box, b: Box): number {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / (boxArea(a) + boxArea(b) - w * h);
}

/**
 * Clips a box to another.
 *
 * @param box (x1, y1, x2, y2) in pixels.
 * @param bounds The box to clip to; for an image, `[0, 0, width, height]`.
 * @returns The part of the box inside `bounds`. A box outside it becomes one of zero width or height at its border.
 */
export function clipBox(box: Box, bounds: Box): Box {
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
export function boxesFromMask(
  mask: ArrayLike<number>,
  { width, height }: ImageSize,
): { label: number; box: Box }[] {
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

/**
 * Computes the fraction of a polygon's area that lies in `bounds`, and the tight box around that part.
 *
 * The area inside is that of the polygon clipped at one border after another (Sutherland and Hodgman 1974). It is exact
 * for concave polygons too: clipping joins their pieces by lines without area. The box encloses the parts of the edges
 * that are inside, and the corners of `bounds` that the polygon contains (even-odd rule). Areas are signed: where an
 * outline crosses itself, parts wound the other way are subtracted. The share of a polygon without area is NaN; the
 * result is null if nothing is inside.
 */
export function polygonInBox(points: readonly Point[], bounds: Box): { share: number; box: Box } | null {
  let clipped = points;
  for (const axis of [0, 1] as const) {
    clipped = clipSide(clipSide(clipped, axis, bounds[axis], 1), axis, bounds[axis + 2]!, -1);
  }
  const found: Point[] = corners(bounds).filter((corner) => contains(points, corner));
  points.forEach((to, i) => {
    found.push(...segmentInBox(points.at(i - 1)!, to, bounds));
  });
  if (found.length === 0) return null;
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of found) {
    box[0] = Math.min(box[0], x);
    box[1] = Math.min(box[1], y);
    box[2] = Math.max(box[2], x);
    box[3] = Math.max(box[3], y);
  }
  return { share: shoelace(clipped) / shoelace(points), box };
}

const corners = ([x1, y1, x2, y2]: Box): Point[] => [
  [x1, y1],
  [x2, y1],
  [x2, y2],
  [x1, y2],
];

/** Signed area; the sign tells in which direction the points go around. */
function shoelace(points: readonly Point[]): number {
  const [x0, y0] = points[0] ?? [0, 0];
  let sum = 0;
  points.forEach(([x, y], i) => {
    const [px, py] = points.at(i - 1)!;
    sum += (px - x0) * (y - y0) - (x - x0) * (py - y0);
  });
  return sum / 2;
}

function clipSide(points: readonly Point[], axis: 0 | 1, border: number, sign: 1 | -1): Point[] {
  return points.flatMap((to, i) => {
    const from = points.at(i - 1)!;
    const before = sign * (from[axis] - border);
    const after = sign * (to[axis] - border);
    const kept: Point[] = after >= 0 ? [to] : [];
    if (before < 0 === after < 0) return kept;
    const t = before / (before - after);
    return [[from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])], ...kept];
  });
}

/** The two ends of a segment clipped to a box (Liang and Barsky 1984); none if it is outside. */
function segmentInBox(from: Point, to: Point, bounds: Box): Point[] {
  let start = 0;
  let end = 1;
  for (const axis of [0, 1] as const) {
    const step = to[axis] - from[axis];
    const low = bounds[axis] - from[axis];
    const high = bounds[axis + 2]! - from[axis];
    if (step === 0 && (low > 0 || high < 0)) return [];
    if (step === 0) continue;
    start = Math.max(start, Math.min(low / step, high / step));
    end = Math.min(end, Math.max(low / step, high / step));
  }
  if (start > end) return [];
  return [start, end].map((t) => {
    const [x, y] = clipBox([from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1]), 0, 0], bounds);
    return [x, y];
  });
}

/** Whether a polygon contains a point (even-odd rule: a ray to the right crosses the outline an odd number of times). */
function contains(points: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  points.forEach(([x2, y2], i) => {
    const [x1, y1] = points.at(i - 1)!;
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  });
  return inside;
}
