import { pngOf } from '../data/indexedPng.ts';
import { expectRgba, type RgbaImage } from './painter.ts';

/** Colour type 6 of PNG: red, green, blue and opacity. */
const RGBA = 6;

/**
 * Encodes an image as a PNG file (ISO/IEC 15948), in Node and in a page.
 *
 * @param image The image.
 * @throws ShapeError if it does not have four values per pixel.
 */
export async function encodePng(image: RgbaImage): Promise<Uint8Array> {
  expectRgba('encodePng', image);
  const { data } = image;
  return pngOf(image, 8, new Uint8Array(data.buffer, data.byteOffset, data.length), { color: RGBA });
}
