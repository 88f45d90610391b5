import { DataError } from 'fovea';
import { BadData } from 'fovea/data';
import type { ByteImage } from 'fovea/similarity';
import sharp from 'sharp';
import { checkBmp, decodeBmp } from './bmp.ts';
import { decodeGif } from './gif.ts';
import { bytesOf, checkPixels, diagnose, isBmp } from './images.ts';
import { MOST_PIXELS } from './mostPixels.ts';

/** How bytes are decoded. */
export interface PixelOptions {
  /** Whether the EXIF orientation is applied. Default false, as in Pillow. */
  readonly orient?: boolean;
}

/** a b / 255, rounded, as Pillow computes it. */
function share(a: number, b: number): number {
  const product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/** CMYK as Pillow converts it to RGB: (255 - K) (255 - C) / 255, and so on. */
function fromCmyk(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4, to += 3) {
    const light = 255 - cmyk[from + 3]!;
    for (let c = 0; c < 3; c++) rgb[to + c] = Math.max(0, light - share(cmyk[from + c]!, light));
  }
  return rgb;
}

/** Values as bytes. Those of 16 bits lose the lower 8; of a `single` channel, and floats, all above 255 become 255. */
function asBytes(
  raw: Buffer,
  depth: string,
  { channels, single }: { channels: number; single: boolean },
): Uint8Array {
  if (depth === 'uchar') return Uint8Array.from(raw);
  const values =
    depth === 'float'
      ? new Float32Array(raw.buffer, raw.byteOffset, raw.length / 4)
      : new Uint16Array(raw.buffer, raw.byteOffset, raw.length / 2);
  if (!single) return Uint8Array.from(values, (value) => value >> 8);
  const bytes = new Uint8Array(values.length / channels);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.max(0, Math.min(255, values[i * channels]!));
  return bytes;
}

/** Whether a file is a PNG of grey values without alpha. */
const isGreyPng = (bytes: Uint8Array): boolean => bytes[0] === 0x89 && bytes[25] === 0;

/**
 * Decodes an image to the bytes that Pillow has after `Image.open(file)`, for hashes that are ImageHash's:
 *
 * - nothing is converted to another colour profile, and alpha is left as it is;
 * - the EXIF orientation is not applied, except in TIFF files;
 * - of 16 bits the upper 8 are taken; but of one grey channel values above 255 become 255 (Pillow's modes I and I;16);
 * - one channel of floats is cut to 0 to 255 and to whole numbers;
 * - CMYK becomes RGB by a formula, without a profile;
 * - of an animation or a multi-page file, the first page; transparent pixels of a GIF have the colour of their number.
 *
 * Throws DataError for anything truncated, damaged, not an image, or with more pixels than Pillow opens.
 */
export async function decodePixels(
  bytes: Uint8Array,
  name: string,
  { orient = false }: PixelOptions = {},
): Promise<ByteImage> {
  try {
    if (isBmp(bytes)) {
      checkBmp(bytes, name);
      return decodeBmp(bytes);
    }
    const { width, height, space, depth, format, channels } = await sharp(bytes).metadata();
    if (format === 'svg') throw new Error('an SVG drawing has no pixels');
    checkPixels(name, { width, height }, MOST_PIXELS);
    if (format === 'gif') return decodeGif(bytes, (size) => checkPixels(name, size, MOST_PIXELS));
    // One channel of floats is Pillow's mode F. Others it does not open.
    if (!['uchar', 'ushort'].includes(depth) && (depth !== 'float' || channels > 1)) {
      throw new BadData(
        'not an image',
        `${name}: pixels are ${depth}; convert the image to 8 or 16 bits per channel`,
      );
    }
    const image = sharp(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: false });
    if (['b-w', 'srgb', 'cmyk', 'grey16', 'rgb16'].includes(space)) {
      image.pipelineColourspace(space).toColourspace(space);
    }
    if (orient || format === 'tiff') image.autoOrient();
    const { data, info } = await image.raw({ depth }).toBuffer({ resolveWithObject: true });
    // A grey PNG has a second channel where one of its values is transparent.
    const single = info.channels === 1 || isGreyPng(bytes);
    const raw = asBytes(data, depth, { channels: info.channels, single });
    return { width: info.width, height: info.height, data: space === 'cmyk' ? fromCmyk(raw) : raw };
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw diagnose(name, bytes, error);
  }
}

/** Reads an image file; see `decodePixels`. DataError where it is missing, unreadable or no whole image. */
export const loadPixels = async (path: string, options: PixelOptions = {}): Promise<ByteImage> =>
  decodePixels(await bytesOf(path), path, options);
