import type { Box, Point } from '../../vision/boxes.ts';

/**
 * A homography [a, b, c, d, e, f, g, h, i], row by row: point (x, y) goes to ((a x + b y + c) / w, (d x + e y + f) / w) with
 * w = g x + h y + i. Affine maps have g = h = 0 and i = 1.
 */
export type Homography = readonly [number, number, number, number, number, number, number, number, number];

export const IDENTITY: Homography = [1, 0, 0, 0, 1, 0, 0, 0, 1];
export const scaling = (x: number, y: number): Homography => [x, 0, 0, 0, y, 0, 0, 0, 1];
export const translation = (x: number, y: number): Homography => [1, 0, x, 0, 1, y, 0, 0, 1];

/** Rotates counter-clockwise as seen on the screen, where y points down. Quarter turns are exact. */
export function rotation(degrees: number): Homography {
  const quarters = degrees / 90;
  const angle = (degrees * Math.PI) / 180;
  const turn = ((quarters % 4) + 4) % 4;
  const [cos, sin] = Number.isInteger(quarters)
    ? [[1, 0, -1, 0][turn]!, [0, 1, 0, -1][turn]!]
    : [Math.cos(angle), Math.sin(angle)];
  return [cos, sin, 0, -sin, cos, 0, 0, 0, 1];
}

/** The map that does `first`, then `then`. */
export function compose(then: Homography, first: Homography): Homography {
  const entry = (row: number, column: number): number =>
    then[3 * row]! * first[column]! +
    then[3 * row + 1]! * first[3 + column]! +
    then[3 * row + 2]! * first[6 + column]!;
  return [
    entry(0, 0),
    entry(0, 1),
    entry(0, 2),
    entry(1, 0),
    entry(1, 1),
    entry(1, 2),
    entry(2, 0),
    entry(2, 1),
    entry(2, 2),
  ];
}

/** The same map with all numbers multiplied: affine ones stay as they are. */
export function scaled(m: Homography, factor: number): Homography {
  const [a, b, c, d, e, f, g, h, i] = m;
  if (factor === 1) return m;
  return [
    a * factor,
    b * factor,
    c * factor,
    d * factor,
    e * factor,
    f * factor,
    g * factor,
    h * factor,
    i * factor,
  ];
}

export const isAffine = (m: Homography): boolean => m[6] === 0 && m[7] === 0 && m[8] === 1;

/** Whether a map takes boxes to boxes: it scales, mirrors, turns by quarters and moves. */
export const isAxisAligned = (m: Homography): boolean =>
  isAffine(m) && ((m[1] === 0 && m[3] === 0) || (m[0] === 0 && m[4] === 0));

/** The inverse. Where w of a map is positive, that of its inverse is too. */
export function invert([a, b, c, d, e, f, g, h, i]: Homography): Homography {
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const bottom: [number, number, number] =
    g === 0 && h === 0 && i === 1
      ? [0, 0, 1]
      : [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det];
  return [
    (e * i - f * h) / det,
    (c * h - b * i) / det,
    (b * f - c * e) / det,
    (f * g - d * i) / det,
    (a * i - c * g) / det,
    (c * d - a * f) / det,
    ...bottom,
  ];
}

/** The third coordinate of a mapped point: the point is in front of the camera where it is positive. */
export const depth = (m: Homography, [x, y]: Point): number => m[6] * x + m[7] * y + m[8];

export function mapPoint(m: Homography, [x, y]: Point): Point {
  const w = m[6] * x + m[7] * y + m[8];
  return [(m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w];
}

/** The homography that takes the corners of a box, from the upper left clockwise, to four points. */
export function squareTo([x1, y1, x2, y2]: Box, to: readonly [Point, Point, Point, Point]): Homography {
  // Heckbert 1989, Fundamentals of Texture Mapping, section 2.2.3: the unit square to a quadrilateral.
  const [[ax, ay], [bx, by], [cx, cy], [dx, dy]] = to;
  const [sx, sy] = [ax - bx + cx - dx, ay - by + cy - dy];
  const [ux, uy, vx, vy] = [bx - cx, by - cy, dx - cx, dy - cy];
  const det = ux * vy - vx * uy;
  const g = (sx * vy - vx * sy) / det;
  const h = (ux * sy - sx * uy) / det;
  const unit: Homography = [
    bx - ax + g * bx,
    dx - ax + h * dx,
    ax,
    by - ay + g * by,
    dy - ay + h * dy,
    ay,
    g,
    h,
    1,
  ];
  const [w, h2] = [x2 - x1, y2 - y1];
  return compose(unit, [1 / w, 0, -x1 / w, 0, 1 / h2, -y1 / h2, 0, 0, 1]);
}

/** Smaller depths count as behind the camera. In a crop they are far larger. */
const NEAR = 1e-3;

/** The part of a segment in front of the camera, mapped: two points, or none. */
export function mapSegment(m: Homography, from: Point, to: Point): Point[] {
  const [before, after] = [depth(m, from) - NEAR, depth(m, to) - NEAR];
  if (before < 0 && after < 0) return [];
  const cut = between(from, to, before / (before - after));
  return [before < 0 ? cut : from, after < 0 ? cut : to].map((point) => mapPoint(m, point));
}

const between = ([x1, y1]: Point, [x2, y2]: Point, t: number): Point => [
  x1 + t * (x2 - x1),
  y1 + t * (y2 - y1),
];

/** The part of a polygon in front of the camera, mapped. All of it through affine maps; possibly no points. */
export function mapOutline(m: Homography, points: readonly Point[]): Point[] {
  if (isAffine(m)) return points.map((point) => mapPoint(m, point));
  const front = points.flatMap((to, i): Point[] => {
    const from = points.at(i - 1)!;
    const [before, after] = [depth(m, from) - NEAR, depth(m, to) - NEAR];
    const kept: Point[] = after >= 0 ? [to] : [];
    if (before < 0 === after < 0) return kept;
    return [between(from, to, before / (before - after)), ...kept];
  });
  return front.map((point) => mapPoint(m, point));
}

/** A function that tells whether a point of a crop shows the region of its image. */
export function showsRegion({
  toImage: [a, b, c, d, e, f, g, h, i],
  region: [x1, y1, x2, y2],
}: {
  readonly toImage: Homography;
  readonly region: Box;
}): (u: number, v: number) => boolean {
  return (u: number, v: number): boolean => {
    const w = g * u + h * v + i;
    const x = (a * u + b * v + c) / w;
    const y = (d * u + e * v + f) / w;
    return w > 0 && x >= x1 && x < x2 && y >= y1 && y < y2;
  };
}
