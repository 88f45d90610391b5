/** Pixels of frames: bitmaps, and frames of videos and cameras. */
import type { FloatImage } from 'fovea/data';
import { pixelsOfBitmap } from './pixels.ts';

/** A frame that a worker is given; it closes it. */
export type Frame = ImageBitmap | VideoFrame;

/** The size of a frame as it is shown. */
export const sizeOf = (frame: Frame): { readonly width: number; readonly height: number } =>
  'displayWidth' in frame
    ? { width: frame.displayWidth, height: frame.displayHeight }
    : { width: frame.width, height: frame.height };

/** The pixels of a frame, shrunk to about `maxSide` where it is much larger. The frame stays open. */
export async function framePixels(frame: Frame, name: string, maxSide?: number): Promise<FloatImage> {
  if (!('displayWidth' in frame)) return pixelsOfBitmap(frame, name, maxSide);
  const bitmap = await createImageBitmap(frame);
  try {
    return pixelsOfBitmap(bitmap, name, maxSide);
  } finally {
    bitmap.close();
  }
}
