import type { Box } from '../../vision/boxes.ts';
import type { FloatImage } from '../image.ts';

/** An image and its class, as classification takes them. */
export interface ClassSample {
  /** The name used in messages: usually that of the file. */
  readonly name: string;
  /** The image. */
  readonly image: FloatImage;
  /** The class of the image. */
  readonly label: string;
  /** Only this part of the image is used. Default: the whole image. */
  readonly region?: Box;
}
