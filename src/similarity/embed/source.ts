import type { FloatImage } from '../../data/image.ts';
import type { Tensor } from '../../graph/tensor.ts';
import type { Shape } from '../../shape.ts';

/** An image as a network takes it, without the batch in front. */
export interface PreparedImage {
  readonly data: Float32Array;
  readonly shape: Shape;
}

/** Where the channels of a map are: at its end, as in Fovea's models, or behind the batch, as in ONNX. */
export type ChannelAxis = 'last' | 'first';

/** A network that gives features of images, whatever it comes from. */
export interface FeatureSource {
  /** The layer that the features are of: a module's name, or that of a value in an ONNX model. */
  readonly layer: string;
  readonly channels: ChannelAxis;
  /** Whether it takes several images at once. */
  readonly batches: boolean;
  /** Whether it may cut an image into tiles: then it gives tokens for each of them, one image after the other. */
  readonly tiled?: boolean;
  /** Prepares an image as the model's own preprocessing says. */
  prepare(image: FloatImage): PreparedImage;
  /** Records the features of images [N,…]: [N,C], tokens [N,T,C] or maps of N images. */
  features(images: Tensor): Tensor;
  /** The shape of an image that it takes, to find out the dimension without running anything. */
  readonly usual: Shape;
}
