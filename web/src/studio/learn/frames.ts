/** Frames: bitmaps, and those of videos and cameras. */

/** A frame that a worker is given; it closes it. */
export type Frame = ImageBitmap | VideoFrame;

/** The size of a frame as it is shown. */
export const sizeOf = (frame: Frame): { readonly width: number; readonly height: number } =>
  'displayWidth' in frame
    ? { width: frame.displayWidth, height: frame.displayHeight }
    : { width: frame.width, height: frame.height };
