import { expectArguments, SIZE } from '../arguments.ts';
import type { ImageSize, Point } from '../vision/boxes.ts';
import type { AnnotatedShape, IgnoredRegion, MaskPatch } from './annotation.ts';
import { rasterizePolygon } from './polygon.ts';
import { polygonRuns } from './polygonRuns.ts';
import { rowRunsOf } from './rowRuns.ts';

/**
 * Cuts the smallest patch that holds all pixels of a mask.
 *
 * @param mask Pixels of the whole image [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the image.
 * @returns Undefined for a mask without a pixel.
 */
export function maskToPatch(mask: ArrayLike<number>, size: ImageSize): MaskPatch | undefined {
  expectArguments('maskToPatch', { mask, size }, { mask: 'values', size: SIZE });
  const { width, height } = size;
  let [x1, y1, x2, y2] = [width, height, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (mask[i] === 0) continue;
      if (x < x1) x1 = x;
      if (x >= x2) x2 = x + 1;
      if (y < y1) y1 = y;
      y2 = y + 1;
    }
  }
  if (x1 >= x2) return undefined;
  const data = new Uint8Array((x2 - x1) * (y2 - y1));
  for (let y = y1, i = 0; y < y2; y++) {
    for (let x = x1; x < x2; x++, i++) data[i] = mask[y * width + x] === 0 ? 0 : 1;
  }
  return { x: x1, y: y1, width: x2 - x1, height: y2 - y1, data };
}

/** A map of one number per pixel of an image, row by row, that can be painted into: a label map, a mask. */
export interface PixelMap extends ImageSize {
  /** Values [height * width]. */
  readonly data: { [index: number]: number };
}

/**
 * Writes a value into a map wherever a patch is set. What reaches out of the map is cut off.
 *
 * @param map The map to write into, of the size of the image.
 * @param patch The pixels to set.
 * @param value The value to write.
 */
export function paintPatch(map: PixelMap, patch: MaskPatch, value: number): void {
  expectArguments(
    'paintPatch',
    { map, patch },
    {
      map: { width: 'number', height: 'number', data: 'values' },
      // Not its data, which reading may unpack.
      patch: { x: 'number', y: 'number', width: 'number', height: 'number' },
    },
  );
  const { width, data } = map;
  patchRuns(patch, map, (y, from, to) => {
    for (let i = y * width + from; i < y * width + to; i++) data[i] = value;
  });
}

/** The runs of a patch in the rows of an image, to which they are cut. */
function patchRuns(
  patch: MaskPatch,
  size: ImageSize,
  each: (y: number, from: number, to: number) => void,
): void {
  const { rows, starts, ends } = rowRunsOf(patch);
  const [first, last] = [Math.max(0, -patch.y), Math.min(patch.height, size.height - patch.y)];
  for (let j = first; j < last; j++) {
    for (let run = rows[j]!; run < rows[j + 1]!; run++) {
      const from = Math.max(0, patch.x + starts[run]!);
      const to = Math.min(size.width, patch.x + ends[run]!);
      if (from < to) each(patch.y + j, from, to);
    }
  }
}

/**
 * Rasterizes a shape: its mask if it has one, else its outline (the pixels whose centres are inside), else its box.
 *
 * @param shape The shape, in pixels of the image.
 * @param size Width and height of the image, to which the patch is cut.
 * @returns The pixels of the shape; the patch may be empty.
 */
export function shapeToPatch(shape: AnnotatedShape | IgnoredRegion, size: ImageSize): MaskPatch {
  expectArguments('shapeToPatch', { shape, size }, { shape: { box: 'box' }, size: SIZE });
  if (shape.mask !== undefined) return shape.mask;
  const [corners, window] = cornersIn(shape, size);
  return { ...window, data: rasterizePolygon(corners, window) };
}

/** The corners of a shape's outline, or of its box, in the window around it, which is cut to the image. */
function cornersIn(
  { points, box }: AnnotatedShape | IgnoredRegion,
  size: ImageSize,
): [Point[], Omit<MaskPatch, 'data'>] {
  const x = Math.max(0, Math.floor(box[0]));
  const y = Math.max(0, Math.floor(box[1]));
  const width = Math.max(0, Math.min(size.width, Math.ceil(box[2])) - x);
  const height = Math.max(0, Math.min(size.height, Math.ceil(box[3])) - y);
  const corners: readonly Point[] = points ?? [
    [box[0], box[1]],
    [box[2], box[1]],
    [box[2], box[3]],
    [box[0], box[3]],
  ];
  return [corners.map(([px, py]): Point => [px - x, py - y]), { x, y, width, height }];
}

/**
 * Finds the runs of a shape's pixels in the rows of an image: those of `shapeToPatch`, without the memory of the patch.
 *
 * @param shape The shape, in pixels of the image.
 * @param size Width and height of the image.
 * @param each Called with a row, the first column of a run, and the column after its last.
 */
export function shapeRuns(
  shape: AnnotatedShape | IgnoredRegion,
  size: ImageSize,
  each: (y: number, from: number, to: number) => void,
): void {
  if (shape.mask !== undefined) {
    patchRuns(shape.mask, size, each);
    return;
  }
  const [corners, window] = cornersIn(shape, size);
  polygonRuns(corners, window, (y, from, to) => each(window.y + y, window.x + from, window.x + to));
}
