import { shownValue } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import type { FloatImage } from './image.ts';

/**
 * Throws ShapeError for what is no `FloatImage`. Bytes would be taken for values of up to 255 in place of 1, and the bytes of an image file
 * for an image without a pixel: both give results that are wrong, and no error.
 *
 * @param call What is called.
 * @param name What the image is called there.
 * @param image The image.
 */
export function expectFloatImage(call: string, name: string, image: FloatImage): void {
  const { width, height, data } = Object(image) as FloatImage;
  const way = 'give { width, height, channels: 3, data } with three floats in 0..1 a pixel';
  const fail = (problem: string): never => {
    throw new ShapeError(
      `${call}: ${name} ${problem}; ${way}, such as imageFromBytes(bytes, { width, height })`,
    );
  };
  if (typeof width !== 'number' || typeof height !== 'number' || data === undefined) {
    const kind: unknown = Object(image) === image ? image.constructor?.name : undefined;
    const shown =
      kind === 'Object' ? 'an object' : typeof kind === 'string' ? `a ${kind}` : shownValue(image);
    fail(`is ${shown} without width, height and data`);
  }
  if (!(data instanceof Float32Array)) {
    const kind: unknown = Object(data).constructor?.name;
    fail(`has data in ${Array.isArray(data) ? 'a list' : `a ${kind}`}, not a Float32Array`);
  }
  if (data.length > 0 && data.length === width * height * 3) return;
  fail(`has ${data.length} values for ${width}x${height} pixels`);
}
