import { type Box, clipBox, type Point } from './boxes.ts';

/** Rows per slab between two vertices where an outline crosses itself. */
const ROWS = 64;
/** The most rows at which the area of an outline is measured. */
const MOST_ROWS = 1024;
/** Fewer rows where many edges cross each, so that time stays within bounds, but so many at least. */
const MOST_CROSSINGS = 2 ** 22;
const FEWEST_ROWS = 64;

/**
 * Computes the area that an outline paints, in square pixels: by the even-odd rule, as `rasterizePolygon` fills it. Exact where the
 * outline does not cross itself; else within about a thousandth.
 */
export function outlineArea(points: readonly Point[]): number {
  const wound = Math.abs(shoelace(points));
  if (points.length < 4) return wound;
  const heights = [...new Set(points.map(([, y]) => y))].sort((a, b) => a - b);
  // Between two neighbouring heights edges are straight, and the width halfway gives the exact area, unless edges cross there.
  const painted = areaByRows(points, heights, 1);
  const tolerance = heights.length <= MOST_ROWS ? 1e-9 : 0.02;
  if (Math.abs(painted - wound) <= tolerance * Math.max(painted, wound)) return wound;
  return heights.length <= MOST_ROWS ? areaByRows(points, heights, ROWS) : painted;
}

/** The smallest box around points, at least one. */
export function outlineBounds(points: readonly Point[]): Box {
  let [x1, y1, x2, y2] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    x1 = Math.min(x1, x);
    y1 = Math.min(y1, y);
    x2 = Math.max(x2, x);
    y2 = Math.max(y2, y);
  }
  return [x1, y1, x2, y2];
}

/** Whether an outline paints anything. */
export const hasArea = (points: readonly Point[]): boolean =>
  shoelace(points) !== 0 || outlineArea(points) > 0;

/** The sum of the widths inside, times the heights of the rows: `perSlab` rows between each two heights at which vertices lie. */
function areaByRows(points: readonly Point[], heights: readonly number[], perSlab: number): number {
  const bounds = rowBounds(points, heights, perSlab);
  const rows = bounds.length - 1;
  const middle = (row: number) => (bounds[row]! + bounds[row + 1]!) / 2;
  // Edges from top to bottom, in the order of the first rows whose middles they cross.
  const firsts = new Uint32Array(points.length);
  const starting = new Uint32Array(rows + 1);
  const ends = (i: number): [top: Point, bottom: Point] => {
    const [from, to] = [points.at(i - 1)!, points[i]!];
    return from[1] <= to[1] ? [from, to] : [to, from];
  };
  for (let i = 0; i < points.length; i++) {
    const [[, top], [, bottom]] = ends(i);
    let row = rowAt(bounds, top);
    if (row < rows && middle(row) < top) row++;
    // An edge between two middles crosses none.
    firsts[i] = row < rows && middle(row) < bottom ? row : rows;
    starting[firsts[i]!]!++;
  }
  const edges = new Uint32Array(points.length);
  const place = new Uint32Array(rows + 1);
  for (let row = 0; row < rows; row++) place[row + 1] = place[row]! + starting[row]!;
  for (let i = 0; i < points.length; i++) edges[place[firsts[i]!]!++] = i;

  let area = 0;
  let active = 0;
  let next = 0;
  const list = new Uint32Array(points.length);
  const crossings = new Float64Array(points.length);
  for (let row = 0; row < rows; row++) {
    const y = middle(row);
    for (const end = next + starting[row]!; next < end; next++) list[active++] = edges[next]!;
    let kept = 0;
    for (let k = 0; k < active; k++) {
      const [top, bottom] = ends(list[k]!);
      if (y >= bottom[1]) continue;
      crossings[kept] = top[0] + ((y - top[1]) / (bottom[1] - top[1])) * (bottom[0] - top[0]);
      list[kept++] = list[k]!;
    }
    active = kept;
    const sorted = crossings.subarray(0, active).sort();
    let width = 0;
    for (let i = 0; i + 1 < active; i += 2) width += sorted[i + 1]! - sorted[i]!;
    area += width * (bounds[row + 1]! - bounds[row]!);
  }
  return area;
}

/** The borders of the rows. */
function rowBounds(points: readonly Point[], heights: readonly number[], perSlab: number): number[] {
  const [first, last] = [heights[0]!, heights.at(-1)!];
  if (heights.length * perSlab <= MOST_ROWS) {
    const slabs = heights.slice(1).flatMap((bottom, i) => {
      const top = heights[i]!;
      return Array.from({ length: perSlab }, (_, k) => top + ((bottom - top) * k) / perSlab);
    });
    return [...slabs, last];
  }
  const crossed =
    points.reduce((sum, [, y], i) => sum + Math.abs(y - points.at(i - 1)![1]), 0) / (last - first);
  const count = Math.min(MOST_ROWS, Math.max(FEWEST_ROWS, Math.floor(MOST_CROSSINGS / crossed)));
  const bounds = Array.from({ length: count }, (_, k) => first + ((last - first) * k) / count);
  return [...bounds, last];
}

/** The row that a height is in. */
function rowAt(bounds: readonly number[], y: number): number {
  let [low, high] = [0, bounds.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (bounds[middle]! <= y) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * Computes the fraction of a polygon's area that lies in `bounds`, and the tight box around that part.
 *
 * The area inside is that of the polygon clipped at one border after another (Sutherland and Hodgman 1974). It is exact
 * for concave polygons too: clipping joins their pieces by lines without area. The box encloses the parts of the edges
 * that are inside, and the corners of `bounds` that the polygon contains (even-odd rule). Areas are
 * those that the outlines paint. The share of a polygon without area is NaN; the result is null if nothing is inside.
 */
export function polygonInBox(points: readonly Point[], bounds: Box): { share: number; box: Box } | null {
  const clipped = clipPolygon(points, bounds);
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
  return { share: outlineArea(clipped) / outlineArea(points), box };
}

/** The corners of a box, from the upper left clockwise. */
export const corners = ([x1, y1, x2, y2]: Box): Point[] => [
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

/**
 * Clips a polygon to a box, at one border after another (Sutherland and Hodgman 1974). Pieces of a concave polygon are joined by
 * lines without area along the border.
 */
export function clipPolygon(points: readonly Point[], bounds: Box): Point[] {
  let clipped = [...points];
  for (const axis of [0, 1] as const) {
    clipped = clipSide(clipSide(clipped, axis, bounds[axis], 1), axis, bounds[axis + 2]!, -1);
  }
  return clipped;
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
export function segmentInBox(from: Point, to: Point, bounds: Box): Point[] {
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
export function contains(points: readonly Point[], [x, y]: Point): boolean {
  let inside = false;
  points.forEach(([x2, y2], i) => {
    const [x1, y1] = points.at(i - 1)!;
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) inside = !inside;
  });
  return inside;
}
