import type { MaskPatch } from '../data/annotation.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';

/**
 * Finds the pixels of an object from its soft mask of size x size cells, stretched to its box: those where the mask is at
 * least 0.5. Bilinear between the centres of cells; cells beyond the mask's border are 0. As `pasteMasks`, without rounding
 * the box. Undefined if there are none.
 */
export function softMaskToPatch(
  mask: ArrayLike<number>,
  size: number,
  box: Box,
  { width, height }: ImageSize,
): MaskPatch | undefined {
  const [x1, y1, x2, y2] = box;
  const x = Math.max(Math.floor(x1), 0);
  const y = Math.max(Math.floor(y1), 0);
  const [w, h] = [Math.min(Math.ceil(x2), width) - x, Math.min(Math.ceil(y2), height) - y];
  if (!(w > 0 && h > 0)) return undefined;
  const cell = (row: number, column: number) =>
    row < 0 || column < 0 || row >= size || column >= size ? 0 : mask[row * size + column]!;
  const data = new Uint8Array(w * h);
  let any = false;
  for (let v = 0; v < h; v++) {
    const down = ((y + v + 0.5 - y1) / (y2 - y1)) * size - 0.5;
    const top = Math.floor(down);
    for (let u = 0; u < w; u++) {
      const across = ((x + u + 0.5 - x1) / (x2 - x1)) * size - 0.5;
      const left = Math.floor(across);
      const on = (row: number) =>
        cell(row, left) * (1 - (across - left)) + cell(row, left + 1) * (across - left);
      if (on(top) * (1 - (down - top)) + on(top + 1) * (down - top) < 0.5) continue;
      data[v * w + u] = 1;
      any = true;
    }
  }
  return any ? { x, y, width: w, height: h, data } : undefined;
}
