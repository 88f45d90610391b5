import { expectArguments } from '../arguments.ts';
import { div, sub } from '../graph/functions/elementwise.ts';
import { expectTensors, type Tensor, tensor } from '../graph/tensor.ts';

/** Mean and standard deviation of red, green and blue in 0..1, by which images are normalised. */
export interface Normalization {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** ImageNet's mean and standard deviation, which torchvision's weights were trained with. */
export const IMAGENET: Normalization = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/**
 * Subtracts the mean from each channel and divides by the standard deviation.
 * @param images f32 [...,3] in 0..1.
 * @param normalization Mean and standard deviation, such as IMAGENET.
 */
export function normalizeImages(images: Tensor, normalization: Normalization): Tensor {
  expectTensors('normalizeImages', { images });
  expectArguments('normalizeImages', { normalization }, { normalization: { mean: 'values', std: 'values' } });
  const { mean, std } = normalization;
  return div(sub(images, tensor([...mean])), tensor([...std]));
}
