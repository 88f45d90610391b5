import { DataError, ShapeError } from '../errors.ts';
import type { Box } from './boxes.ts';

/**
 * A mask as run lengths, as COCO's files have it: pixels go down the columns, columns from left to right, and
 * `counts` alternates between runs outside (first, perhaps 0) and inside. The runs add up to height x width.
 */
export interface Rle {
  readonly size: readonly [height: number, width: number];
  readonly counts: ArrayLike<number>;
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/**
 * Returns the mask if it is one, for what comes from files. Throws DataError for a size or run that is not a
 * whole number of at least 0, and for runs that do not add up to height x width. `where` goes before the message.
 */
export function checkRle(rle: Rle, where = 'RLE'): Rle {
  const { size, counts } = rle;
  const [height, width] = size;
  if (size.length !== 2 || !isCount(height) || !isCount(width)) {
    throw new DataError(`${where}: size [${size.join(', ')}] is not [height, width] in whole pixels`);
  }
  let sum = 0;
  for (let i = 0; i < counts.length; i++) {
    if (!isCount(counts[i]!)) {
      throw new DataError(`${where}: counts[${i}] is ${counts[i]}; runs are whole numbers of at least 0`);
    }
    sum += counts[i]!;
  }
  if (sum !== height * width) {
    throw new DataError(
      `${where}: runs of ${sum} pixels in all, but ${width}x${height} has ${height * width}; give the size that the mask was made with`,
    );
  }
  return rle;
}

/** What `runs` alternates between, without empty runs but the first, which is outside and may be empty. */
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
 * Run lengths of a mask of [height, width], row by row, where anything but 0 is inside. Throws ShapeError where
 * the size does not fit. As pycocotools' `encode`, whose result `rleToString` gives.
 */
export function rleEncode(mask: ArrayLike<number>, width: number, height: number): Rle {
  if (mask.length !== width * height) {
    throw new ShapeError(
      `rleEncode: the mask has ${mask.length} values, ${width}x${height} needs ${width * height}; pass one value a pixel`,
    );
  }
  const runs = new Runs();
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) runs.add(mask[y * width + x] !== 0, 1);
  }
  return { size: [height, width], counts: runs.counts };
}

/** The mask as 0 and 1 in [height, width], row by row. Throws DataError as `checkRle`. */
export function rleDecode(rle: Rle): Uint8Array {
  const { size, counts } = checkRle(rle, 'rleDecode');
  const [height, width] = size;
  const mask = new Uint8Array(height * width);
  let x = 0;
  let y = 0;
  for (let i = 0; i < counts.length; i++) {
    for (let left = counts[i]!; left > 0; ) {
      const rows = Math.min(left, height - y);
      if (i % 2 === 1) for (let k = y; k < y + rows; k++) mask[k * width + x] = 1;
      left -= rows;
      y += rows;
      if (y === height) {
        y = 0;
        x++;
      }
    }
  }
  return mask;
}

/** Pixels inside. */
export function rleArea({ counts }: Rle): number {
  let area = 0;
  for (let i = 1; i < counts.length; i += 2) area += counts[i]!;
  return area;
}

/**
 * The tight box around the pixels inside, as (x1, y1, x2, y2) with x2 and y2 the far edge of the last pixel;
 * [0, 0, 0, 0] for an empty mask. pycocotools' `toBbox` gives the same as (x, y, width, height).
 */
export function rleToBox({ size, counts }: Rle): [number, number, number, number] {
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
      `${op}: masks of ${a.size[1]}x${a.size[0]} and ${b.size[1]}x${b.size[0]} pixels; pass masks of one image`,
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
 * Intersection over union of a detection's mask and a true one; with `crowd`, the intersection over the
 * detection's own area, so that a part of a crowd counts as found. 0 where the masks do not meet.
 * Throws ShapeError for masks of different sizes (pycocotools' `iou` gives -1).
 */
export function rleIou(detection: Rle, truth: Rle, crowd = false): number {
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
 * The union of masks, or what all share. Throws ShapeError for no masks and for different sizes (pycocotools'
 * `merge` gives an empty mask of no size).
 */
export function rleMerge(masks: readonly Rle[], { intersect = false } = {}): Rle {
  if (masks.length === 0) throw new ShapeError('rleMerge: no masks; pass at least one');
  return masks.slice(1).reduce((merged, mask) => {
    checkSizes('rleMerge', merged, mask);
    const runs = new Runs();
    alongBoth(merged, mask, (inA, inB, length) => runs.add(intersect ? inA && inB : inA || inB, length));
    return { size: merged.size, counts: runs.counts };
  }, masks[0]!);
}

/**
 * The pixels that a polygon covers by the rule of COCO's `frPoly`, which its area and AP numbers rest on:
 * corners go to a grid of a fifth of a pixel, the outline is followed on that grid, and where it crosses the
 * middle of a column of pixels, the mask changes at the next pixel below. Inside is by the even-odd rule. What lies
 * outside of the image is cut off.
 *
 * `points` are x and y in turns, as in COCO's files, in pixels (pixel (0, 0) covers [0, 1] x [0, 1]). A shape of
 * several polygons is the union: `rleMerge`. Throws ShapeError for an odd number of values and values that are
 * not finite. Source: maskApi.c, Dollár and Lin 2015.
 */
export function rleFromPolygon(points: ArrayLike<number>, width: number, height: number): Rle {
  const corners = cornersOnGrid(points);
  // Where the outline crosses a column's middle, as the number of pixels before that place.
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

/** Steps of the rasteriser in a pixel. */
const GRID = 5;

/** The corners in steps of the grid, the first again at the end. */
function cornersOnGrid(points: ArrayLike<number>): (readonly [number, number])[] {
  if (points.length % 2 !== 0) {
    throw new ShapeError(`rleFromPolygon: ${points.length} values; pass x and y of each corner`);
  }
  const corners: (readonly [number, number])[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const [x, y] = [points[i]!, points[i + 1]!];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw new ShapeError(`rleFromPolygon: corner ${i / 2} is (${x}, ${y}); use finite coordinates`);
    }
    corners.push([Math.trunc(GRID * x + 0.5), Math.trunc(GRID * y + 0.5)]);
  }
  return corners.length === 0 ? [] : [...corners, corners[0]!];
}

/**
 * The points of the grid along an edge, both ends included. A step goes one further on the longer axis, and the
 * other coordinate is rounded from the end with the smaller coordinate, so that both directions give the same points.
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

/** The shape of a box, as a mask: its four corners as a polygon, as COCO's `frBbox`. */
export const rleFromBox = ([x1, y1, x2, y2]: Box, width: number, height: number): Rle =>
  rleFromPolygon([x1, y1, x1, y2, x2, y2, x2, y1], width, height);

/**
 * The runs as COCO's compressed string: from the fourth on, each less the one before the last; five bits a
 * character, the lowest first, a sixth bit where more follow, written as the ASCII characters from `0` to `o`.
 */
export function rleToString({ counts }: Rle): string {
  let text = '';
  for (let i = 0; i < counts.length; i++) {
    let value = i > 2 ? counts[i]! - counts[i - 2]! : counts[i]!;
    for (let more = true; more; ) {
      const bits = ((value % 32) + 32) % 32;
      value = (value - bits) / 32;
      more = bits >= 16 ? value !== -1 : value !== 0;
      text += String.fromCharCode(48 + bits + (more ? 32 : 0));
    }
  }
  return text;
}

/**
 * The mask of a compressed string. Throws DataError for characters that do not belong in one, for a string that
 * ends inside a number, and as `checkRle`; `where` goes before the message.
 */
export function rleFromString(text: string, width: number, height: number, where = 'rleFromString'): Rle {
  const counts: number[] = [];
  let value = 0;
  let scale = 1;
  for (let i = 0; i < text.length; i++) {
    const bits = text.charCodeAt(i) - 48;
    if (!(bits >= 0 && bits < 64)) {
      throw new DataError(
        `${where}: character ${i} of the run lengths is ${JSON.stringify(text[i])}; COCO's compressed strings have characters 0 to o`,
      );
    }
    value += (bits % 32) * scale;
    scale *= 32;
    if (bits >= 32) continue;
    if (bits >= 16) value -= scale;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
    value = 0;
    scale = 1;
  }
  if (scale !== 1) {
    throw new DataError(`${where}: the run lengths end inside a number; the string has been cut off`);
  }
  return checkRle({ size: [height, width], counts }, where);
}
