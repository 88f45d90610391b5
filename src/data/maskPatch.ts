import type { AnnotatedShape, MaskPatch, Point } from './annotation.ts';
import { rasterizePolygon } from './polygon.ts';

/** The smallest patch with all pixels of a mask of whole image size that are not 0; undefined where none is. */
export function patchOf(mask: ArrayLike<number>, width: number, height: number): MaskPatch | undefined {
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

/** Writes `value` into an image-sized map, row by row, where the patch is set. What reaches out is cut off. */
export function paintPatch(
  map: { [index: number]: number },
  patch: MaskPatch,
  { width, height }: { readonly width: number; readonly height: number },
  value: number,
): void {
  for (let j = 0, i = 0; j < patch.height; j++) {
    for (let k = 0; k < patch.width; k++, i++) {
      const [x, y] = [patch.x + k, patch.y + j];
      if (patch.data[i] !== 0 && x >= 0 && y >= 0 && x < width && y < height) map[y * width + x] = value;
    }
  }
}

/** The pixels of a shape: its mask, its outline by pixel centres, or else its box. May be empty. */
export function shapePatch(
  { mask, points, box }: AnnotatedShape,
  size: { readonly width: number; readonly height: number },
): MaskPatch {
  if (mask !== undefined) return mask;
  const x = Math.max(0, Math.floor(box[0]));
  const y = Math.max(0, Math.floor(box[1]));
  const width = Math.max(0, Math.min(size.width, Math.ceil(box[2])) - x);
  const height = Math.max(0, Math.min(size.height, Math.ceil(box[3])) - y);
  const corners: Point[] = points ?? [
    [box[0], box[1]],
    [box[2], box[1]],
    [box[2], box[3]],
    [box[0], box[3]],
  ];
  const moved = corners.map(([px, py]): Point => [px - x, py - y]);
  return { x, y, width, height, data: rasterizePolygon(moved, width, height) };
}

/** Whether a patch surrounds pixels that are not its own: what an outline cannot show. */
export function hasHoles({ width, height, data }: MaskPatch): boolean {
  // Fill the outside from a border of one pixel; whatever is neither reached nor set is a hole. Outside joins by
  // corners too, as the mask's own parts join by edges alone.
  const [w, h] = [width + 2, height + 2];
  const seen = new Uint8Array(w * h);
  const stack = [0];
  seen[0] = 1;
  let reached = 1;
  const isSet = (x: number, y: number) =>
    x > 0 && y > 0 && x <= width && y <= height && data[(y - 1) * width + x - 1] !== 0;
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    const [x0, y0] = [at % w, Math.floor(at / w)];
    for (let y = Math.max(0, y0 - 1); y <= Math.min(h - 1, y0 + 1); y++) {
      for (let x = Math.max(0, x0 - 1); x <= Math.min(w - 1, x0 + 1); x++) {
        if (seen[y * w + x] !== 0 || isSet(x, y)) continue;
        seen[y * w + x] = 1;
        reached++;
        stack.push(y * w + x);
      }
    }
  }
  let inside = 0;
  for (const value of data) inside += value === 0 ? 0 : 1;
  return reached + inside < w * h;
}
