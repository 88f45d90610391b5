/** Pixels of a bitmap's longer side, and in all: what every browser draws, in 256 MB. */
const SIDE = 8192;
const PIXELS = 1 << 26;

/** A picture to draw: smaller than it is, where it is larger than browsers draw. */
export function bitmapOf(
  file: Blob,
  { width, height }: { readonly width: number; readonly height: number },
): Promise<ImageBitmap> {
  const scale = Math.min(1, SIDE / Math.max(width, height), Math.sqrt(PIXELS / (width * height)));
  if (scale === 1) return createImageBitmap(file);
  return createImageBitmap(file, {
    resizeWidth: Math.max(1, Math.round(width * scale)),
    resizeHeight: Math.max(1, Math.round(height * scale)),
    resizeQuality: 'high',
  });
}
