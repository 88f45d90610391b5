import type { ImageSize, Point } from '../vision/boxes.ts';

/** Up to this many crossings of a row are sorted; more are marked in it. */
const FEW = 32;

/**
 * Finds the runs of pixels in a polygon, by the rule of `rasterizePolygon`.
 *
 * @param points Vertices in pixels, finite; the last one joins the first.
 * @param size Width and height of the image.
 * @param each Called with a row, the first column of a run, and the column after its last: rows from the top, runs from the left.
 */
export function polygonRuns(
  points: readonly Point[],
  { width, height }: ImageSize,
  each: (y: number, from: number, to: number) => void,
): void {
  if (points.length < 3 || width === 0) return;
  const edges = edgesByRow(points, height);
  if (edges.crossings > width * height) {
    runsByEdge(edges, { width, height }, each);
    return;
  }
  // The edges that cross the current row.
  const active = new Uint32Array(edges.order.length);
  const columns = new Float64Array(active.length);
  const marks = new Uint8Array(width);
  let count = 0;
  let next = 0;
  for (let y = edges.firstRow; y < height && (count > 0 || next < edges.order.length); y++) {
    let kept = 0;
    for (let k = 0; k < count; k++) if (edges.end[active[k]!]! > y) active[kept++] = active[k]!;
    count = kept;
    while (next < edges.order.length && edges.first[edges.order[next]!] === y)
      active[count++] = edges.order[next++]!;
    // Where an edge crosses the centre line of a row, all pixels to the right change sides.
    for (let k = 0; k < count; k++) {
      const i = active[k]!;
      columns[k] = firstColumn(edges.x[i]! + ((y + 0.5 - edges.y[i]!) / edges.dy[i]!) * edges.dx[i]!);
    }
    if (count > FEW) {
      markedRuns(columns, count, marks, y, each);
      continue;
    }
    sortFew(columns, count);
    for (let k = 0; k < count; k += 2) {
      const from = columns[k]!;
      const to = Math.min(width, columns[k + 1] ?? width);
      if (from < to) each(y, from, to);
    }
  }
}

/** The first column whose centre is at x or to the right of it, at least 0. */
const firstColumn = (x: number): number => Math.max(0, Math.ceil(x - 0.5));

/** Edges that cross rows, from top to bottom: polygons on both sides of an edge must compute the same bits. */
interface Edges {
  /** The first row that each crosses, and the row after the last. A row y is crossed where top <= y + 0.5 < bottom. */
  readonly first: Uint32Array;
  readonly end: Uint32Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dy: Float64Array;
  /** The edges by their first row. */
  readonly order: Uint32Array;
  readonly firstRow: number;
  /** How often edges cross rows. */
  readonly crossings: number;
}

function edgesByRow(points: readonly Point[], height: number): Edges {
  const most = points.length;
  const [first, end] = [new Uint32Array(most), new Uint32Array(most)];
  const [x, y, dx, dy] = [0, 1, 2, 3].map(() => new Float64Array(most)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let count = 0;
  let firstRow = height;
  let crossings = 0;
  for (let i = 0; i < most; i++) {
    const a = points[i]!;
    const b = points[(i + 1) % most]!;
    const [top, bottom] = a[1] <= b[1] ? [a, b] : [b, a];
    const from = Math.max(0, Math.ceil(top[1] - 0.5));
    const to = Math.min(height, Math.ceil(bottom[1] - 0.5));
    if (from >= to) continue;
    first[count] = from;
    end[count] = to;
    x[count] = top[0];
    y[count] = top[1];
    dx[count] = bottom[0] - top[0];
    dy[count] = bottom[1] - top[1];
    firstRow = Math.min(firstRow, from);
    crossings += to - from;
    count++;
  }
  const places = new Uint32Array(height + 1);
  for (let i = 0; i < count; i++) places[first[i]! + 1]!++;
  for (let row = 1; row <= height; row++) places[row]! += places[row - 1]!;
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[places[first[i]!]!++] = i;
  return { first, end, x, y, dx, dy, order, firstRow, crossings };
}

/** Sorts the first `count` values, which are few, in place. */
function sortFew(values: Float64Array, count: number): void {
  for (let k = 1; k < count; k++) {
    const value = values[k]!;
    let at = k;
    for (; at > 0 && values[at - 1]! > value; at--) values[at] = values[at - 1]!;
    values[at] = value;
  }
}

/** The runs of a row that many edges cross. `marks` is 0 before and after. */
function markedRuns(
  columns: Float64Array,
  count: number,
  marks: Uint8Array,
  y: number,
  each: (y: number, from: number, to: number) => void,
): void {
  const width = marks.length;
  for (let k = 0; k < count; k++) if (columns[k]! < width) marks[columns[k]!]! ^= 1;
  eachMarked(marks, y, each);
  marks.fill(0);
}

/** The runs between the marks of a row. */
function eachMarked(marks: Uint8Array, y: number, each: (y: number, from: number, to: number) => void): void {
  let start = -1;
  for (let x = marks.indexOf(1); x >= 0; x = marks.indexOf(1, x + 1)) {
    if (start < 0) start = x;
    else {
      each(y, start, x);
      start = -1;
    }
  }
  if (start >= 0) each(y, start, marks.length);
}

/** Marks of so many bytes stay in a processor's cache. */
const BAND = 2 ** 18;

/**
 * The runs of a polygon whose edges cross more often than there are pixels: one edge after the other within a band of rows, since going
 * through all edges at each row would jump about in memory, and so would marking all rows of one edge.
 */
function runsByEdge(
  { first, end, x, y, dx, dy, order, firstRow }: Edges,
  { width, height }: ImageSize,
  each: (y: number, from: number, to: number) => void,
): void {
  const rows = Math.max(1, Math.floor(BAND / width));
  const marks = new Uint8Array(width * rows);
  for (let top = firstRow; top < height; top += rows) {
    const bottom = Math.min(height, top + rows);
    for (const i of order) {
      if (first[i]! >= bottom) break;
      const last = Math.min(bottom, end[i]!);
      const [left, above, across, down] = [x[i]!, y[i]!, dx[i]!, dy[i]!];
      for (let row = Math.max(top, first[i]!); row < last; row++) {
        const column = firstColumn(left + ((row + 0.5 - above) / down) * across);
        if (column < width) marks[(row - top) * width + column]! ^= 1;
      }
    }
    for (let row = top; row < bottom; row++) {
      eachMarked(marks.subarray((row - top) * width, (row - top + 1) * width), row, each);
    }
    marks.fill(0);
  }
}
