import { thumbnail } from './draw.ts';
import type { GalleryImage } from './gallery.ts';
import { loadImage } from './images.ts';
import { printable } from './printable.ts';

/** An image file for a page, with a longer side of `side` pixels; undefined for what is no image, or cannot be read any more. */
export async function fileThumbnail(
  file: string,
  { side, caption }: { readonly side: number; readonly caption: string },
): Promise<GalleryImage | undefined> {
  const shown = await loadImage(file, { maxSide: side })
    .then((image) => thumbnail(image, {}, { side }))
    .catch(() => undefined);
  return shown && { ...shown, caption, alt: printable(file) };
}
