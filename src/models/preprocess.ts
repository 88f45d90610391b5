import { div, sub } from '../graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';

/** Mean and standard deviation of each channel of images in 0..1. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

export const normalizeImages = (images: Tensor, { mean, std }: Normalization): Tensor =>
  div(sub(images, tensor([...mean])), tensor([...std]));
