import type { UndrawnText } from '../draw/glyphs.ts';
import { type GridImage, imageGrid } from '../draw/imageGrid.ts';
import { type Overlay, paintOverlay } from '../draw/overlay.ts';
import type { RgbaImage } from '../draw/painter.ts';
import { UsageError } from '../errors.ts';
import type { ImageSize } from '../vision/boxes.ts';

/** Throws UsageError unless these are whole numbers above 0. */
export function expectSizes(call: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(sizes)) {
    if (Number.isSafeInteger(value) && value > 0) continue;
    throw new UsageError(`${call}: ${name} is ${value}; give a whole number above 0`);
  }
}

/**
 * Paints an overlay on an image.
 *
 * @param size What the overlay refers to.
 * @param undrawn Whether texts without glyphs are kept, for the grid to hand on.
 */
export function painted(
  image: RgbaImage,
  overlay: Overlay,
  size: ImageSize,
  undrawn: readonly UndrawnText[] | undefined,
): Pick<GridImage, 'image' | 'texts'> {
  const texts: UndrawnText[] = [];
  paintOverlay(image, overlay, { size, ...(undrawn ? { undrawn: texts } : {}) });
  return { image, texts };
}

/** Puts images into a grid. `undrawn` receives texts without glyphs. */
export const gridOf = (
  tiles: readonly GridImage[],
  { columns, undrawn }: { readonly columns?: number; readonly undrawn?: UndrawnText[] },
): RgbaImage =>
  imageGrid(tiles, { ...(columns === undefined ? {} : { columns }), ...(undrawn ? { undrawn } : {}) });
