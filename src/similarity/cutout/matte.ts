import { expectArguments, SIZE } from '../../arguments.ts';
import type { Matte } from '../../data/matte.ts';
import { DataError, ShapeError } from '../../errors.ts';
import type { ImageSize } from '../../vision/boxes.ts';

export type { Matte };

/** An RGB image of floats or bytes; a `FloatImage` is one. Large images take a quarter of the memory as bytes. */
export interface RgbPixels {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Red, green and blue [height, width, 3]: 0..1 as floats, 0..255 as bytes. */
  readonly data: Float32Array | Uint8Array | Uint8ClampedArray;
}

/** By what the values of an image are multiplied to be in 0..1. */
export const unitOf = ({ data }: RgbPixels): number => (data instanceof Float32Array ? 1 : 1 / 255);

const isSide = (side: number): boolean => Number.isSafeInteger(side) && side > 0;

function checkLength(call: string, name: string, size: ImageSize, length: number, channels: number): void {
  const { width, height } = size;
  if (isSide(width) && isSide(height) && length === width * height * channels) return;
  throw new ShapeError(
    `${call}: ${name} has ${length} values for ${width}x${height} pixels; give ${channels} for each`,
  );
}

/** Throws UsageError or ShapeError for what is no image of three channels. */
export function expectImage(call: string, name: string, image: RgbPixels): void {
  expectArguments(call, { [name]: image }, { [name]: { ...SIZE, data: 'values' } });
  const { data } = image;
  if (!(data instanceof Float32Array || data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw new ShapeError(`${call}: ${name}.data is no Float32Array, Uint8Array or Uint8ClampedArray`);
  }
  checkLength(call, name, image, data.length, 3);
}

/** Throws UsageError or ShapeError for what is no matte, or not one of a size; DataError for NaN, as of a network with damaged weights. */
export function expectMatte(call: string, name: string, matte: Matte, size?: ImageSize): void {
  expectArguments(call, { [name]: matte }, { [name]: { ...SIZE, data: 'values' } });
  checkLength(call, name, matte, matte.data.length, 1);
  if (matte.data.includes(Number.NaN)) {
    const wrong = matte.data.findIndex(Number.isNaN);
    const [x, y] = [wrong % matte.width, Math.floor(wrong / matte.width)];
    throw new DataError(`${call}: ${name} is NaN at (${x}, ${y}); give alpha from 0 to 1`);
  }
  if (!size || (size.width === matte.width && size.height === matte.height)) return;
  throw new ShapeError(
    `${call}: ${name} is ${matte.width}x${matte.height}, the image ${size.width}x${size.height}; give one of the same size`,
  );
}

/** A part of an image, in whole pixels. */
export interface Region extends ImageSize {
  readonly x: number;
  readonly y: number;
}

/** The pixels of an image in a region of it. */
export function cropPixels(image: RgbPixels, { x, y, width, height }: Region): RgbPixels {
  const data = new (image.data.constructor as Float32ArrayConstructor)(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, data };
}
