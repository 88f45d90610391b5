import type { FloatImage } from './image.ts';

/** How much of each pixel is foreground. */
export interface Matte {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Alpha [height * width], row by row: 0 for the background, 1 for the foreground. */
  readonly data: Float32Array;
}

/** An image and its matte, as `mattingTask` takes them. */
export interface MattingSample {
  /** The name used in messages: usually that of the file. */
  readonly name: string;
  /** The image. */
  readonly image: FloatImage;
  /** Its matte, of the same size. Bytes of a grey image or an alpha channel are to be divided by 255. */
  readonly matte: Matte;
}
