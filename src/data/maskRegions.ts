import { expectArguments, SIZE } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { ImageSize } from '../vision/boxes.ts';
import type { MaskPatch } from './annotation.ts';
import { checkMask, connectedComponents } from './polygon.ts';

/** Options of `maskRegions`. */
export interface MaskRegionsOptions {
  /** Regions of fewer pixels are left out. Default 1. */
  readonly least?: number;
}

/**
 * Cuts a mask into its 4-connected regions, in the order of their first pixels. Holes stay.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 * @param options `least`: the number of pixels from which on a region counts. Default 1.
 * @returns The smallest patch of each region.
 * @throws ShapeError if the mask does not have `width * height` values, or `least` is not a whole number of at least 1.
 */
export function maskRegions(
  mask: Uint8Array,
  size: ImageSize,
  options: MaskRegionsOptions = {},
): MaskPatch[] {
  expectArguments('maskRegions', { mask, size }, { mask: 'values', size: SIZE });
  const { least } = withDefaults('maskRegions', options, { least: 1 });
  if (!Number.isSafeInteger(least) || least < 1) {
    throw new ShapeError(`maskRegions: least is ${least}; give a whole number of at least 1`);
  }
  const { width, height } = size;
  checkMask('maskRegions', mask, size);
  const { labels, count } = connectedComponents(mask, size);
  const found = Array.from({ length: count }, () => ({ x1: width, y1: height, x2: 0, y2: 0, pixels: 0 }));
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (labels[i] === 0) continue;
      const box = found[labels[i]! - 1]!;
      box.pixels++;
      if (x < box.x1) box.x1 = x;
      if (y < box.y1) box.y1 = y;
      if (x >= box.x2) box.x2 = x + 1;
      if (y >= box.y2) box.y2 = y + 1;
    }
  }
  return found.flatMap(({ x1, y1, x2, y2, pixels }, n): MaskPatch[] => {
    if (pixels < least) return [];
    const data = new Uint8Array((x2 - x1) * (y2 - y1));
    for (let y = y1, i = 0; y < y2; y++) {
      for (let x = x1; x < x2; x++, i++) data[i] = labels[y * width + x] === n + 1 ? 1 : 0;
    }
    return [{ x: x1, y: y1, width: x2 - x1, height: y2 - y1, data }];
  });
}
