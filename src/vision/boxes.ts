import { ShapeError } from '../errors.ts';

/** (x1, y1, x2, y2) in pixels, continuous: pixel (0, 0) covers [0, 1] x [0, 1]. */
export type Box = readonly [number, number, number, number];

/** `max(0, x2 - x1) * max(0, y2 - y1)`, in square pixels: 0 for a box that is inside out. */
export const boxArea = (box: Box): number => Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);

/** Intersection over union, in 0..1; 0 where both boxes are empty. float64, as pycocotools computes it. */
export function boxIou(a: Box, b: Box): number {
  const w = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const h = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (w <= 0 || h <= 0) return 0;
  return (w * h) / (boxArea(a) + boxArea(b) - w * h);
}

/** The part of a box inside `bounds`; a box outside collapses to zero width or height at the border. */
export function clipBox(box: Box, bounds: Box): [number, number, number, number] {
  const x = (value: number): number => Math.min(Math.max(value, bounds[0]), bounds[2]);
  const y = (value: number): number => Math.min(Math.max(value, bounds[1]), bounds[3]);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

/**
 * The tight box around each value other than 0 in a map of `height * width` integers, row by row, in
 * ascending order of the value. x2 and y2 are the far edge of the last pixel (its index + 1), so that a
 * single pixel has area 1; torchvision's `masks_to_boxes` gives the last pixel's index instead.
 * Throws ShapeError where the size does not fit.
 */
export function boxesFromMask(
  mask: ArrayLike<number>,
  width: number,
  height: number,
): { label: number; box: [number, number, number, number] }[] {
  if (mask.length !== width * height) {
    throw new ShapeError(
      `boxesFromMask: the mask has ${mask.length} values, ${width}x${height} needs ${width * height}; pass one value a pixel`,
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

type Point = readonly [number, number];

/**
 * How much of a polygon's area lies in `bounds`, 0..1, and the tight box around that part. The area inside
 * is the polygon's, clipped at one border after another (Sutherland and Hodgman 1974); exact for concave
 * polygons too, whose pieces that clipping only joins by lines without area. The box is around the edges'
 * parts inside and the corners of `bounds` that the polygon holds (even-odd). Areas are signed: where an
 * outline crosses itself, parts wound the other way count against it. A polygon without area has share NaN;
 * null where nothing is inside.
 */
export function polygonInBox(
  points: readonly Point[],
  bounds: Box,
): { share: number; box: [number, number, number, number] } | null {
  let clipped = points;
  for (const axis of [0, 1] as const) {
    clipped = clipSide(clipSide(clipped, axis, bounds[axis], 1), axis, bounds[axis + 2]!, -1);
  }
  const found: Point[] = corners(bounds).filter((corner) => holds(points, corner));
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

/** Signed area: the sign is that of the direction around. */
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

/** Both ends of what is left of a segment inside a box (Liang and Barsky 1984), or nothing. */
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

/** Even-odd: whether a ray to the right from the point crosses the outline an odd number of times. */
function holds(points: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  points.forEach(([x2, y2], i) => {
    const [x1, y1] = points.at(i - 1)!;
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  });
  return inside;
}
