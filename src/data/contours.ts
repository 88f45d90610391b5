import { expectArguments, SIZE } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { ImageSize, Point } from '../vision/boxes.ts';
import { firstAbove } from './firstAbove.ts';
import { type MaskParts, partsOf } from './maskParts.ts';
import { checkMask, polygonArea } from './polygon.ts';
import { type RowRuns, rowRunsOfPixels } from './rowRuns.ts';

/** Options of `traceContours`. */
export interface TraceOptions {
  /**
   * How far a vertex that is left out may be from the simplified outline, in pixels (Douglas and Peucker 1973).
   * Default 0: the outline follows every pixel.
   */
  readonly tolerance?: number;
}

/**
 * Traces the outer outlines of a mask's 4-connected components along the edges of pixels, clockwise on the screen, in the
 * order of their first pixels. Holes are not outlined: the outline of a component is that of the filled component.
 *
 * With tolerance 0, `rasterizePolygon` restores each filled component exactly. With a larger one, a component that is too
 * small or thin to be simplified keeps its exact outline, so that none vanishes.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 * @param options `tolerance` of the simplification, in pixels. Default 0.
 * @throws ShapeError if the mask does not have `width * height` values, or the tolerance is negative or NaN.
 */
export function traceContours(mask: Uint8Array, size: ImageSize, options: TraceOptions = {}): Point[][] {
  expectArguments('traceContours', { mask, size }, { mask: 'values', size: SIZE });
  const { tolerance } = withDefaults('traceContours', options, { tolerance: 0 });
  checkMask('traceContours', mask, size);
  if (!(tolerance >= 0))
    throw new ShapeError(`traceContours: tolerance is ${tolerance}; use 0 or more pixels`);
  const runs = rowRunsOfPixels(mask, size);
  return contoursOf(runs, partsOf(runs), tolerance);
}

/** Traces the contours of a mask's components, as `traceContours` does. */
export function contoursOf(runs: RowRuns, { firsts }: MaskParts, tolerance: number): Point[][] {
  let y = 0;
  return firsts.map((run) => {
    while (runs.rows[y + 1]! <= run) y++;
    const exact = traceComponent(runs, [runs.starts[run]!, y]);
    const simple = simplifyRing(exact, tolerance);
    return simple.length >= 3 && polygonArea(simple) > 0 ? simple : exact;
  });
}

/** Whether a pixel is in a mask; none outside of it is. */
function inside({ width, height, rows, starts, ends }: RowRuns, x: number, y: number): boolean {
  if (x < 0 || y < 0 || x >= width || y >= height) return false;
  const [first, end] = [rows[y]!, rows[y + 1]!];
  const run = firstAbove(ends, x, first, end);
  return run < end && starts[run]! <= x;
}

/** The corners along the outline of a component, from the top left corner of its first pixel. */
function traceComponent(runs: RowRuns, [startX, startY]: Point): Point[] {
  const corners: Point[] = [[startX, startY]];
  let [x, y] = [startX, startY];
  // The component is kept on the right hand. Its first row lies below the first step.
  let [dx, dy] = [1, 0];
  for (;;) {
    x += dx;
    y += dy;
    // No pixel of the component is above or left of the first, so the walk meets this corner only once.
    if (x === startX && y === startY) return corners;
    // Of the two pixels ahead, the one right of the line and the one left of it, as offsets from the corner. The right one is next to a
    // pixel of the component, and the left one next to the right one: where it matters, none is another component's.
    const right = inside(runs, x + (dx - dy - 1) / 2, y + (dx + dy - 1) / 2);
    const left = inside(runs, x + (dx + dy - 1) / 2, y + (dy - dx - 1) / 2);
    if (right && !left) continue;
    corners.push([x, y]);
    // Where only the left one is inside, two pixels touch by a corner, which does not join them: turn away.
    [dx, dy] = right ? [dy, -dx] : [-dy, dx];
  }
}

/** Simplifies a closed outline (Douglas-Peucker), anchored at its first point and the one furthest from it. */
function simplifyRing(ring: Point[], tolerance: number): Point[] {
  const closed = [...ring, ring[0]!];
  const keep = new Uint8Array(closed.length);
  let furthest = 0;
  for (let i = 1; i < ring.length; i++) {
    if (
      squaredDistance(ring[i]!, ring[0]!, ring[0]!) > squaredDistance(ring[furthest]!, ring[0]!, ring[0]!)
    ) {
      furthest = i;
    }
  }
  keep[0] = 1;
  keep[furthest] = 1;
  const spans: [first: number, last: number][] = [
    [0, furthest],
    [furthest, closed.length - 1],
  ];
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [first, last] = span;
    let worst = tolerance * tolerance;
    let split = -1;
    for (let i = first + 1; i < last; i++) {
      const distance = squaredDistance(closed[i]!, closed[first]!, closed[last]!);
      if (distance > worst) {
        worst = distance;
        split = i;
      }
    }
    if (split < 0) continue;
    keep[split] = 1;
    spans.push([first, split], [split, last]);
  }
  return ring.filter((_, i) => keep[i] === 1);
}

/** Squared distance of p from the segment a-b, not from its line: an outline may pass one corner twice, and then a equals b. */
function squaredDistance(p: Point, a: Point, b: Point): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const dot = (p[0] - a[0]) * dx + (p[1] - a[1]) * dy;
  const along = length === 0 ? 0 : Math.min(1, Math.max(0, dot / length));
  const [ex, ey] = [p[0] - a[0] - along * dx, p[1] - a[1] - along * dy];
  return ex * ex + ey * ey;
}
