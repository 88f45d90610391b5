import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { HostTensor } from './batch.ts';
import type { FloatImage } from './image.ts';

/** Options of `padImages`. */
export interface PadImagesOptions {
  /** Height and width are rounded up to a multiple of this, so that few sizes occur: each is compiled once. Default 32. */
  readonly multiple?: number;
  /** The value of the padding, 0..1. Default 0. */
  readonly fill?: number;
}

/**
 * Puts images of different sizes into one batch: each at the top left, the rest is filled (torchvision's `batch_images`).
 *
 * @param images The images, at least one.
 * @param options Rounding of the size, and the value of the padding.
 * @returns `images` [N, H, W, 3], H and W those of the largest, rounded up; `sizes` [N, 2] (i32), the height and width of each image.
 * @throws UsageError for no images, and a multiple that is no whole number of at least 1.
 */
export function padImages(
  images: readonly FloatImage[],
  options: PadImagesOptions = {},
): { readonly images: HostTensor; readonly sizes: HostTensor } {
  expectArguments(
    'padImages',
    { images },
    { images: [{ width: 'number', height: 'number', data: 'values' }] },
  );
  const { multiple, fill } = withDefaults('padImages', options, { multiple: 32, fill: 0 });
  if (images.length === 0) throw new UsageError('padImages: there are no images; give at least one');
  if (!Number.isSafeInteger(multiple) || multiple < 1) {
    throw new UsageError(`padImages: multiple is ${multiple}; give a whole number of at least 1`);
  }
  const largest = (side: 'height' | 'width'): number =>
    Math.ceil(Math.max(...images.map((image) => image[side])) / multiple) * multiple;
  const [N, H, W] = [images.length, largest('height'), largest('width')];
  const data = new Float32Array(N * H * W * 3).fill(fill);
  for (const [n, { width, height, data: pixels }] of images.entries()) {
    for (let y = 0; y < height; y++) {
      data.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), (n * H + y) * W * 3);
    }
  }
  return {
    images: { data, shape: [N, H, W, 3] },
    sizes: { data: Int32Array.from(images.flatMap(({ width, height }) => [height, width])), shape: [N, 2] },
  };
}
