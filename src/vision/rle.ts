import { expectArguments, SIZE } from '../arguments.ts';
import { DataError, ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Box, ImageSize } from './boxes.ts';
import { columnsToRows, readColumns } from './columns.ts';

const RLE = { size: 'pair', counts: 'values' } as const;

/** A mask in run-length encoding, as in COCO's files. Pixels are counted down the columns, columns from left to right. */
export interface Rle {
  /** Height and width of the image in pixels, in COCO's order. */
  readonly size: readonly [height: number, width: number];
  /**
   * Lengths of the runs, alternating between pixels outside of the mask (first, possibly 0) and inside. They add up to
   * height * width.
   */
  readonly counts: ArrayLike<number>;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * Checks a mask that comes from a file, and returns it. `where` is put before error messages. Throws DataError if a size
 * or run is not an integer of at least 0, or the runs do not add up to height * width.
 */
export function checkRle(rle: Rle, where = 'RLE'): Rle {
  const { size, counts } = rle;
  const [height, width] = size;
  if (size.length !== 2 || !isCount(height) || !isCount(width)) {
    throw new DataError(`${where}: size is [${size.join(', ')}]; give [height, width] in whole pixels`);
  }
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    if (!isCount(counts[i]!)) {
      throw new DataError(`${where}: counts[${i}] is ${counts[i]}; runs must be integers of at least 0`);
    }
    sum += counts[i]!;
  }
  if (sum !== height * width) {
    throw new DataError(
      `${where}: the runs add up to ${sum} pixels, ${width}x${height} has ${height * width}; give the size of the image that the mask was made for`,
    );
  }
  return rle;
}

/** Collects runs. Only the first run, which is outside, may be empty. */
class Runs {
  readonly counts: number[] = [0];
  #inside = false;

  add(inside: boolean, length: number): void {
    if (length === 0) return;
    if (inside === this.#inside) {
      this.counts[this.counts.length - 1]! += length;
      return;
    }
    this.counts.push(length);
    this.#inside = inside;
  }
}

/**
 * Encodes a mask as run lengths, as pycocotools' `encode` does; `rleToString` gives the string that pycocotools returns.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 * @throws ShapeError if the mask does not have `width * height` values.
 */
export function rleEncode(mask: ArrayLike<number>, size: ImageSize): Rle {
  expectArguments('rleEncode', { mask, size }, { mask: 'values', size: SIZE });
  const { width, height } = size;
  if (mask.length !== width * height) {
    throw new ShapeError(
      `rleEncode: the mask has ${mask.length} values, ${width}x${height} needs ${width * height}; pass one value per pixel`,
    );
  }
  const runs = new Runs();
  // Values of any kind, as bytes.
  const inside = mask instanceof Uint8Array ? mask : Uint8Array.from(mask, (value) => (value === 0 ? 0 : 1));
  readColumns(inside, { width, height }, (values, count) => {
    for (let from = 0, at = 0; from < count; from = at) {
      const value = values[from] !== 0;
      while (at < count && (values[at] !== 0) === value) at++;
      runs.add(value, at - from);
    }
  });
  return { size: [height, width], counts: runs.counts };
}

/**
 * Decodes run lengths into a mask.
 *
 * @param rle The mask in run-length encoding.
 * @returns 0 (outside) and 1 (inside) for each pixel [height * width], row by row.
 * @throws DataError if a size or run is not an integer of at least 0, or the runs do not add up to height * width.
 */
export function rleDecode(rle: Rle): Uint8Array {
  expectArguments('rleDecode', { rle }, { rle: RLE });
  const { size, counts } = checkRle(rle, 'rleDecode');
  const [height, width] = size;
  return columnsToRows(runsInside(counts), { width, height });
}

/** Start and end of each run inside the mask, by the number of pixels before it. */
function runsInside(counts: ArrayLike<number>): Float64Array {
  const runs = new Float64Array(counts.length - (counts.length % 2));
  let start = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = start + counts[i]!;
    if (i % 2 === 1) {
      runs[i - 1] = start;
      runs[i] = end;
    }
    start = end;
  }
  return runs;
}

/**
 * Decodes the part of a mask within a box that contains all of its pixels, so that the memory is that of the part and not of the image.
 *
 * @param rle The mask in run-length encoding, as `checkRle` accepts it.
 * @param box What `rleToBox` returns.
 * @returns 0 (outside) and 1 (inside) for each pixel of the box, row by row.
 */
export function rleDecodeBox({ size, counts }: Rle, [x, y, right, bottom]: Box): Uint8Array {
  const [width, height] = [right - x, bottom - y];
  // A run that goes on in the next column touches both borders: such a box is as high as the image.
  const runs = runsInside(counts);
  for (let i = 0; i < runs.length; i += 2) {
    const [start, length] = [runs[i]!, runs[i + 1]! - runs[i]!];
    runs[i] = (Math.floor(start / size[0]) - x) * height + (start % size[0]) - y;
    runs[i + 1] = runs[i]! + length;
  }
  return columnsToRows(runs, { width, height });
}

/**
 * Counts the pixels inside a mask.
 *
 * @param rle The mask in run-length encoding.
 */
export function rleArea(rle: Rle): number {
  expectArguments('rleArea', { rle }, { rle: { counts: 'values' } });
  const { counts } = rle;
  let area = 0;
  for (let i = 1; i < counts.length; i += 2) area += counts[i]!;
  return area;
}

/**
 * Computes the tight box around the pixels inside a mask. pycocotools' `toBbox` returns the same as (x, y, width, height).
 *
 * @param rle The mask in run-length encoding.
 * @returns (x1, y1, x2, y2) in pixels, x2 and y2 being the far edge of the last pixel; [0, 0, 0, 0] for an empty mask.
 */
export function rleToBox(rle: Rle): Box {
  expectArguments('rleToBox', { rle }, { rle: RLE });
  const { size, counts } = rle;
  const height = size[0];
  const box: [number, number, number, number] = [Infinity, Infinity, 0, 0];
  let start = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = start + counts[i]!;
    if (i % 2 === 1 && end > start) {
      const [left, right] = [Math.floor(start / height), Math.floor((end - 1) / height)];
      const whole = right > left; // a run that goes on in the next column touches both borders
      box[0] = Math.min(box[0], left);
      box[1] = Math.min(box[1], whole ? 0 : start % height);
      box[2] = Math.max(box[2], right + 1);
      box[3] = Math.max(box[3], whole ? height : ((end - 1) % height) + 1);
    }
    start = end;
  }
  return box[0] === Infinity ? [0, 0, 0, 0] : box;
}

function checkSizes(op: string, a: Rle, b: Rle): void {
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) {
    throw new ShapeError(
      `${op}: the masks have ${a.size[1]}x${a.size[0]} and ${b.size[1]}x${b.size[0]} pixels; pass masks of the same image`,
    );
  }
}

/** Calls `each` with every stretch of pixels in which neither mask changes. */
function alongBoth(a: Rle, b: Rle, each: (inA: boolean, inB: boolean, length: number) => void): void {
  let i = 0;
  let j = 0;
  let leftA = a.counts[0] ?? 0;
  let leftB = b.counts[0] ?? 0;
  while (i < a.counts.length && j < b.counts.length) {
    const length = Math.min(leftA, leftB);
    if (length > 0) each(i % 2 === 1, j % 2 === 1, length);
    leftA -= length;
    leftB -= length;
    if (leftA === 0) leftA = a.counts[++i] ?? 0;
    if (leftB === 0) leftB = b.counts[++j] ?? 0;
  }
}

/**
 * Intersection over union of the masks of a detection and of an object.
 *
 * @param detection Mask of the detection.
 * @param truth Mask of the object.
 * @param options `crowd` (default false): the object is a crowd. The intersection is then divided by the detection's own
 * area, so a detection of any part of the crowd has 1.
 * @returns A number in 0..1; 0 where the masks do not overlap.
 * @throws ShapeError if the masks have different sizes (pycocotools' `iou` returns -1).
 */
export function rleIou(detection: Rle, truth: Rle, options: { readonly crowd?: boolean } = {}): number {
  expectArguments('rleIou', { detection, truth }, { detection: RLE, truth: RLE });
  const { crowd } = withDefaults('rleIou', options, { crowd: false });
  checkSizes('rleIou', detection, truth);
  let both = 0;
  let either = 0;
  alongBoth(detection, truth, (inA, inB, length) => {
    if (inA || inB) either += length;
    if (inA && inB) both += length;
  });
  return both === 0 ? 0 : both / (crowd ? rleArea(detection) : either);
}

/**
 * Merges masks into their union or their intersection.
 *
 * @param masks Masks of one image, at least one.
 * @param options `intersect` (default false): return the intersection instead of the union.
 * @throws ShapeError if there are no masks, or masks of different sizes (pycocotools' `merge` returns a mask of size 0).
 */
export function rleMerge(masks: readonly Rle[], options: { readonly intersect?: boolean } = {}): Rle {
  expectArguments('rleMerge', { masks }, { masks: [RLE] });
  const { intersect } = withDefaults('rleMerge', options, { intersect: false });
  if (masks.length === 0) throw new ShapeError('rleMerge: no masks; pass at least one');
  // In pairs, and these again: one after the other would follow the first mask's runs as often as there are masks.
  let merged = masks;
  while (merged.length > 1) {
    const pairs: Rle[] = [];
    for (let i = 0; i < merged.length; i += 2) {
      const [a, b] = [merged[i]!, merged[i + 1]];
      pairs.push(b ? mergeTwo(a, b, intersect) : a);
    }
    merged = pairs;
  }
  return merged[0]!;
}

function mergeTwo(a: Rle, b: Rle, intersect: boolean): Rle {
  checkSizes('rleMerge', a, b);
  const runs = new Runs();
  alongBoth(a, b, (inA, inB, length) => runs.add(intersect ? inA && inB : inA || inB, length));
  return { size: a.size, counts: runs.counts };
}

/**
 * Rasterizes a polygon by the rule of COCO's `frPoly`, on which COCO's areas and AP are based.
 *
 * Vertices are rounded to a grid of a fifth of a pixel and the outline is followed on that grid. Where it crosses the
 * middle of a column of pixels, the mask changes at the next pixel below. Inside is by the even-odd rule; what lies
 * outside of the image is cut off. An object of several polygons is their union: see `rleMerge`.
 * Source: maskApi.c, Dollár and Lin 2015.
 *
 * @param points Alternating x and y in pixels, as in COCO's files (pixel (0, 0) covers [0, 1] x [0, 1]).
 * @param size Width and height of the image.
 * @throws ShapeError for an odd number of values, and for values that are not finite.
 */
export function rleFromPolygon(points: ArrayLike<number>, size: ImageSize): Rle {
  expectArguments('rleFromPolygon', { points, size }, { points: 'values', size: SIZE });
  const { width, height } = size;
  const corners = cornersOnGrid(points);
  // Where the outline crosses the middle of a column, as the number of pixels before that position.
  const places: number[] = [];
  let before: readonly [number, number] | undefined;
  for (let i = 0; i + 1 < corners.length; i++) {
    followEdge(corners[i]!, corners[i + 1]!, (u, v) => {
      if (before !== undefined && before[0] !== u) {
        const x = (u < before[0] ? u + 0.5 : u - 0.5) / GRID - 0.5;
        if (Number.isInteger(x) && x >= 0 && x <= width - 1) {
          const y = (Math.min(v, before[1]) + 0.5) / GRID - 0.5;
          places.push(x * height + Math.ceil(Math.min(Math.max(y, 0), height)));
        }
      }
      before = [u, v];
    });
  }
  places.sort((a, b) => a - b).push(width * height);
  const runs = new Runs();
  let start = 0;
  places.forEach((place, i) => {
    runs.add(i % 2 === 1, place - start);
    start = place;
  });
  return { size: [height, width], counts: runs.counts };
}

/** Grid steps per pixel. */
const GRID = 5;

/** The vertices in grid steps; the first is repeated at the end. */
function cornersOnGrid(points: ArrayLike<number>): (readonly [number, number])[] {
  if (points.length % 2 !== 0) {
    throw new ShapeError(`rleFromPolygon: ${points.length} values; pass x and y of each vertex`);
  }
  const corners: (readonly [number, number])[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new ShapeError(`rleFromPolygon: vertex ${i / 2} is (${x}, ${y}); use finite coordinates`);
    }
    corners.push([Math.trunc(GRID * x + 0.5), Math.trunc(GRID * y + 0.5)]);
  }
  return corners.length === 0 ? [] : [...corners, corners[0]!];
}

/**
 * Visits the grid points along an edge, both ends included. Each step advances by one along the longer axis; the other
 * coordinate is interpolated from the end with the smaller coordinate and rounded, so both directions give the same points.
 */
function followEdge(
  start: readonly [number, number],
  end: readonly [number, number],
  each: (u: number, v: number) => void,
): void {
  const long = Math.abs(end[0] - start[0]) >= Math.abs(end[1] - start[1]) ? 0 : 1;
  const flip = start[long] > end[long];
  const [low, high] = flip ? [end, start] : [start, end];
  const steps = high[long] - low[long];
  const short = 1 - long;
  const slope = steps === 0 ? 0 : (high[short]! - low[short]!) / steps;
  for (let d = 0; d <= steps; d++) {
    const t = flip ? steps - d : d;
    const other = Math.trunc(low[short]! + slope * t + 0.5);
    if (long === 0) each(low[0] + t, other);
    else each(other, low[1] + t);
  }
}

/**
 * Rasterizes a box: its four corners as a polygon, as COCO's `frBbox` does.
 *
 * @param box (x1, y1, x2, y2) in pixels.
 * @param size Width and height of the image.
 */
export const rleFromBox = (box: Box, size: ImageSize): Rle => {
  expectArguments('rleFromBox', { box, size }, { box: 'box', size: SIZE });
  const [x1, y1, x2, y2] = box;
  return rleFromPolygon([x1, y1, x1, y2, x2, y2, x2, y1], size);
};
