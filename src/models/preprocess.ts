import { div, sub } from '../graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';

/** Mean and standard deviation of each channel of images in 0..1. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** ImageNet's, which torchvision's weights were trained with. */
export const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

export const normalizeImages = (images: Tensor, { mean, std }: Normalization): Tensor =>
  div(sub(images, tensor([...mean])), tensor([...std]));
