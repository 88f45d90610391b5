/** Shapes: where they are, what of them is under a pointer, and what they are after it has moved. All in pixels of the picture. */
import type { Box, LabelShape, Point } from './model.ts';
import type { Size } from './viewport.ts';

type Polygon = Extract<LabelShape, { readonly kind: 'polygon' }>;

const between = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** The smallest box about points. */
export function boundsOfPoints(points: readonly Point[]): Box {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    x1 = Math.min(x1, x);
    y1 = Math.min(y1, y);
    x2 = Math.max(x2, x);
    y2 = Math.max(y2, y);
  }
  return [x1, y1, x2, y2];
}

/** The smallest box about a shape; that of a point has no size. */
export function boundsOf(shape: LabelShape): Box {
  switch (shape.kind) {
    case 'box':
      return shape.box;
    case 'polygon':
      return boundsOfPoints(shape.points);
    case 'point':
      return [...shape.at, ...shape.at];
    case 'mask':
      return [shape.x, shape.y, shape.x + shape.width, shape.y + shape.height];
  }
}

/** The nearest place of the picture. */
export const clampPoint = ([x, y]: Point, { width, height }: Size): Point => [
  between(x, 0, width),
  between(y, 0, height),
];

/**
 * The box between two corners, within the picture and never empty: a side that is shorter than a pixel is made one pixel long, away from the
 * first corner, or towards the picture's inside at its border.
 */
export function boxBetween(a: Point, b: Point, picture: Size): Box {
  const [ax, ay] = clampPoint(a, picture);
  const [bx, by] = clampPoint(b, picture);
  const [x1, x2] = spanOf(ax, bx, picture.width);
  const [y1, y2] = spanOf(ay, by, picture.height);
  return [x1, y1, x2, y2];
}

function spanOf(from: number, to: number, size: number): [number, number] {
  const least = Math.min(1, size);
  if (Math.abs(to - from) >= least) return from < to ? [from, to] : [to, from];
  const start = between(to < from ? from - least : from, 0, size - least);
  return [start, start + least];
}

/** A polygon of these points, within the picture; undefined where fewer than three are different. */
export function polygonOf(points: readonly Point[], picture: Size): Polygon | undefined {
  const inside = points.map((point) => clampPoint(point, picture));
  const kept = inside.filter((point, i) => !same(point, inside[(i + 1) % inside.length]!));
  return kept.length < 3 ? undefined : { kind: 'polygon', points: kept };
}

const same = (a: Point, b: Point): boolean => a[0] === b[0] && a[1] === b[1];

/** A shape moved by (dx, dy), as far as it stays within the picture; masks move by whole pixels. */
export function moveShape(shape: LabelShape, [dx, dy]: Point, picture: Size): LabelShape {
  const [x1, y1, x2, y2] = boundsOf(shape);
  const right = between(dx, Math.min(-x1, 0), Math.max(picture.width - x2, 0));
  const down = between(dy, Math.min(-y1, 0), Math.max(picture.height - y2, 0));
  switch (shape.kind) {
    case 'box':
      return { kind: 'box', box: [x1 + right, y1 + down, x2 + right, y2 + down] };
    case 'polygon':
      return { kind: 'polygon', points: shape.points.map(([x, y]): Point => [x + right, y + down]) };
    case 'point':
      return { kind: 'point', at: [x1 + right, y1 + down] };
    case 'mask':
      return { ...shape, x: shape.x + Math.trunc(right), y: shape.y + Math.trunc(down) };
  }
}

/**
 * What of a shape is under a pointer. Corners of a box are numbered from the top left clockwise, its sides from the top; edge i of a polygon is
 * that from vertex i to the next.
 */
export type Hit =
  | { readonly part: 'corner' | 'side' | 'vertex' | 'edge'; readonly index: number }
  | { readonly part: 'inside' };

export const cornersOf = ([x1, y1, x2, y2]: Box): readonly [Point, Point, Point, Point] => [
  [x1, y1],
  [x2, y1],
  [x2, y2],
  [x1, y2],
];

/** How far a place is from the line between two others. */
export function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const squared = dx * dx + dy * dy;
  const t = squared === 0 ? 0 : between(((x - ax) * dx + (y - ay) * dy) / squared, 0, 1);
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/** The nearest of points within `reach`; -1 for none. */
function nearest(points: readonly Point[], [x, y]: Point, reach: number): number {
  let [found, least] = [-1, reach];
  for (const [i, [px, py]] of points.entries()) {
    const distance = Math.hypot(px - x, py - y);
    if (distance <= least) [found, least] = [i, distance];
  }
  return found;
}

/** The nearest edge of a closed line within `reach`; -1 for none. */
function nearestEdge(points: readonly Point[], at: Point, reach: number): number {
  let [found, least] = [-1, reach];
  for (const [i, point] of points.entries()) {
    const distance = distanceToSegment(at, point, points[(i + 1) % points.length]!);
    if (distance <= least) [found, least] = [i, distance];
  }
  return found;
}

/** Whether a place is within a polygon, by the rule that a line from it crosses its edges an odd number of times (as it is filled). */
export function insidePolygon(points: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  for (let i = 0, j = points.length - 1; i < points.length; j = i++) {
    const [ax, ay] = points[i]!;
    const [bx, by] = points[j]!;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

/** What of a shape is at a place, or within `reach` of it: points before lines, lines before the inside. */
export function hitShape(shape: LabelShape, at: Point, reach: number): Hit | undefined {
  const [x, y] = at;
  switch (shape.kind) {
    case 'box': {
      const corners = cornersOf(shape.box);
      const corner = nearest(corners, at, reach);
      if (corner >= 0) return { part: 'corner', index: corner };
      const side = nearestEdge(corners, at, reach);
      if (side >= 0) return { part: 'side', index: side };
      const [x1, y1, x2, y2] = shape.box;
      return x1 <= x && x < x2 && y1 <= y && y < y2 ? { part: 'inside' } : undefined;
    }
    case 'polygon': {
      const vertex = nearest(shape.points, at, reach);
      if (vertex >= 0) return { part: 'vertex', index: vertex };
      const edge = nearestEdge(shape.points, at, reach);
      if (edge >= 0) return { part: 'edge', index: edge };
      return insidePolygon(shape.points, at) ? { part: 'inside' } : undefined;
    }
    case 'point':
      return nearest([shape.at], at, reach) === 0 ? { part: 'inside' } : undefined;
    case 'mask': {
      const [i, j] = [Math.floor(x) - shape.x, Math.floor(y) - shape.y];
      const within = 0 <= i && i < shape.width && 0 <= j && j < shape.height;
      return within && shape.data[j * shape.width + i] === 1 ? { part: 'inside' } : undefined;
    }
  }
}

/** A box whose corner is moved to a place; beyond the opposite corner it turns over. */
export function moveCorner(box: Box, corner: number, to: Point, picture: Size): Box {
  return boxBetween(cornersOf(box)[(corner + 2) % 4]!, to, picture);
}

/** A box whose side (0 top, 1 right, 2 bottom, 3 left) is moved to a place. */
export function moveSide([x1, y1, x2, y2]: Box, side: number, [x, y]: Point, picture: Size): Box {
  const across = side % 2 === 1;
  const fixed: Point = [side === 3 ? x2 : x1, side === 0 ? y2 : y1];
  return boxBetween(fixed, across ? [x, y2] : [x2, y], picture);
}

/** A polygon with one vertex elsewhere. Edges may cross. */
export const moveVertex = (points: readonly Point[], index: number, to: Point, picture: Size): Point[] =>
  points.map((point, i) => (i === index ? clampPoint(to, picture) : point));

/** A polygon with one vertex more, on edge `edge`; it becomes vertex `edge + 1`. */
export const addVertex = (points: readonly Point[], edge: number, at: Point, picture: Size): Point[] => [
  ...points.slice(0, edge + 1),
  clampPoint(at, picture),
  ...points.slice(edge + 1),
];

/** A polygon with one vertex less; undefined where it would not be a polygon any more. */
export const deleteVertex = (points: readonly Point[], index: number): Point[] | undefined =>
  points.length <= 3 ? undefined : points.filter((_, i) => i !== index);

/** The middle of the edge from a vertex to the next. */
export function middleOf(points: readonly Point[], edge: number): Point {
  const [ax, ay] = points[edge]!;
  const [bx, by] = points[(edge + 1) % points.length]!;
  return [(ax + bx) / 2, (ay + by) / 2];
}
