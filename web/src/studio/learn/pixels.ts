/** Pixels of pictures as the library takes them: upright by EXIF, values as stored, alpha on black, as the command line does. */
import { DataError } from 'fovea';
import { type FloatImage, imageFromBytes } from 'fovea/data';

/** Three floats a pixel: 64 million pixels are 768 MB. Larger pictures are shrunk by the browser while they are decoded. */
const MOST_PIXELS = 64e6;

export interface PixelOptions {
  /**
   * What a model shrinks pictures to. Those with a longer side of more than twice of it are decoded at twice of it, and the library's own
   * filter does the rest. Default: all are decoded at their size.
   */
  readonly maxSide?: number;
}

const DECODED = { imageOrientation: 'from-image', colorSpaceConversion: 'none' } as const;

/**
 * Decodes a picture. It also works in a worker.
 *
 * @param name For messages.
 * @throws DataError for a file that is empty or no picture.
 */
export async function pixelsOf(
  file: Blob,
  name: string,
  { maxSide }: PixelOptions = {},
): Promise<FloatImage> {
  if (file.size === 0) throw new DataError(`${name}: the file is empty; copy or export it again`);
  const bitmap = await createImageBitmap(file, DECODED).catch((error: unknown) => {
    const why = 'not a picture that this browser can read; use PNG, JPEG or WebP';
    throw new DataError(`${name}: ${why}`, { cause: error });
  });
  try {
    return pixelsOfBitmap(bitmap, name, maxSide);
  } finally {
    bitmap.close();
  }
}

/** The pixels of a bitmap, which stays open. */
export function pixelsOfBitmap(
  bitmap: ImageBitmap,
  name: string,
  maxSide = Number.POSITIVE_INFINITY,
): FloatImage {
  const scale = Math.min(
    1,
    (2 * maxSide) / Math.max(bitmap.width, bitmap.height),
    Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)),
  );
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (!context) throw new DataError(`${name}: the browser has no canvas of ${width}x${height} pixels`);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, width, height);
  return imageFromBytes(context.getImageData(0, 0, width, height).data, { width, height });
}
