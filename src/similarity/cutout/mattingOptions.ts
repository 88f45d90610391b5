import type { Normalization } from '../../models/preprocess.ts';
import type { OpenModelOptions } from '../../open/index.ts';

/** Options of `openMatting`. */
export interface MattingOptions extends Omit<OpenModelOptions, 'weights' | 'fit' | 'normalize'> {
  /**
   * The longer side at which the network sees an image, which is never enlarged; larger than a tile, it sees the image in tiles. Default: that of
   * the model; an ONNX network sees the whole image stretched to its size.
   */
  readonly maxSide?: number;
  /** The side of tiles in pixels, for networks that take images of any size. They overlap by an eighth. Default 1024. */
  readonly tile?: number;
  /** The classes that are foreground. Default: all but the background. Not for ONNX networks. */
  readonly classes?: readonly string[];
  /**
   * How an ONNX network's images are normalised: `imagenet`, as U2-Net's; `isnet`, minus 0.5; `none`; or a mean and deviation. Default: `isnet` for
   * images of 1024 pixels or more, else `imagenet`; `none` for networks that Fovea exported.
   */
  readonly normalize?: 'imagenet' | 'isnet' | 'none' | Normalization;
}
