import { type FloatImage, imageFromBytes } from '../../src/data/image.ts';
import { DataError } from '../../src/errors.ts';

// Three floats a pixel: 64 million pixels are 768 MB.
const MAX_PIXELS = 64e6;

/** A decoded image file: a bitmap to draw, and pixels to compute with. */
export interface ImageFile {
  readonly name: string;
  readonly bitmap: ImageBitmap;
  readonly pixels: FloatImage;
}

/** Decodes a file as the command line does: upright by EXIF, values as stored, alpha on black. */
export async function readImageFile(file: File): Promise<ImageFile> {
  const name = file.name || 'the image';
  if (file.size === 0) throw new DataError(`${name}: the file is empty; copy or export it again`);
  const options = { imageOrientation: 'from-image', colorSpaceConversion: 'none' } as const;
  const bitmap = await createImageBitmap(file, options).catch((error: unknown) => {
    throw new DataError(`${name}: not an image that this browser can read; use PNG, JPEG or WebP`, {
      cause: error,
    });
  });
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) {
    bitmap.close();
    throw new DataError(
      `${name}: ${width}×${height} pixels are over the limit of ${MAX_PIXELS / 1e6} million; scale it down first`,
    );
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (!context) throw new DataError(`${name}: the browser has no canvas of ${width}×${height} pixels`);
  context.drawImage(bitmap, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { name, bitmap, pixels: imageFromBytes(data, { width, height }) };
}
