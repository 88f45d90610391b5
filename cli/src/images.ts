import { readFile } from 'node:fs/promises';
import { DataError, ShapeError } from 'fovea';
import sharp from 'sharp';
import { fileProblem, writeFileAtomic } from './files.ts';

/** Three channels, whatever the file held. */
export interface LoadedImage {
  width: number;
  height: number;
  channels: 3;
  /** `[H,W,3]`, 0 to 1, in the file's own (sRGB) encoding; keeps all 16 bits of a 16-bit file. */
  data: Float32Array;
  /** `[H,W,3]`, 0 to 255: the same pixels rounded, for drawing. */
  rgb: Uint8Array;
}

const SIGNATURES: readonly (readonly [name: string, offset: number, bytes: readonly number[]])[] = [
  ['PNG', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['JPEG', 0, [0xff, 0xd8, 0xff]],
  ['GIF', 0, [0x47, 0x49, 0x46, 0x38]],
  ['TIFF', 0, [0x49, 0x49, 0x2a, 0x00]],
  ['TIFF', 0, [0x4d, 0x4d, 0x00, 0x2a]],
  ['WebP', 8, [0x57, 0x45, 0x42, 0x50]],
  ['AVIF or HEIC', 4, [0x66, 0x74, 0x79, 0x70]],
];

/** The format that the first bytes claim, whether or not the rest can be read. */
function claimedFormat(bytes: Uint8Array): string | undefined {
  return SIGNATURES.find(([, offset, magic]) => magic.every((byte, i) => bytes[offset + i] === byte))?.[0];
}

/** One line on why the bytes are no image: what they are instead, and what to do. */
export function diagnose(name: string, bytes: Uint8Array, error: unknown): DataError {
  const reason = (error instanceof Error ? error.message : String(error))
    .split('\n')[0]!
    .trim()
    .replace(/:$/, '');
  const fail = (text: string) => new DataError(`${name}: ${text}`, { cause: error });
  if (bytes.length === 0) return fail('the file is empty; copy or export it again');
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 200));
  if (start.startsWith('version https://git-lfs.github.com')) {
    return fail('a Git LFS pointer, not the image; run "git lfs pull"');
  }
  if (/pixel limit/i.test(reason)) return fail(`${reason}; scale the image down first`);
  const format = claimedFormat(bytes);
  if (format === 'AVIF or HEIC') return fail(`cannot be decoded (${reason}); convert it to PNG or JPEG`);
  if (format !== undefined) {
    return fail(`truncated or damaged ${format} (${reason}); copy or export it again`);
  }
  const text = /^\s*(?:<!doctype|<html|<\?xml|[{[])/i.test(start) ? ' (it looks like text)' : '';
  return fail(`not an image that can be read${text}; use PNG, JPEG, WebP, TIFF or GIF`);
}

/**
 * Decodes PNG, JPEG, WebP, TIFF, GIF, AVIF or SVG bytes to RGB. `name` is what errors call them.
 *
 * - Grey becomes three equal channels; CMYK is converted.
 * - Alpha is flattened on black, so a transparent pixel is 0 whatever colour it hides.
 * - The EXIF orientation is applied: width and height are those that a viewer shows.
 * - 16-bit files are divided by 65535, 8-bit files by 255; no other stretching.
 * - RGB and grey colour profiles are ignored, as in PIL and OpenCV, so that values agree with theirs.
 * - Of an animation or a multi-page file, the first page.
 *
 * Throws DataError for anything truncated, damaged, not an image, or with float pixels.
 */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<LoadedImage> {
  try {
    const { depth, space } = await sharp(bytes).metadata();
    if (depth !== 'uchar' && depth !== 'ushort') {
      throw new DataError(`${name}: pixels are ${depth}; convert the image to 8 or 16 bits per channel`);
    }
    const wide = depth === 'ushort';
    const { data: raw, info } = await sharp(bytes, { failOn: 'error', ignoreIcc: space !== 'cmyk' })
      .autoOrient()
      .flatten({ background: '#000000' })
      .toColourspace(wide ? 'rgb16' : 'srgb')
      .raw({ depth: wide ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    const count = width * height * 3;
    if (info.channels !== 3) {
      throw new DataError(`${name}: decodes to ${info.channels} channels, expected 3; convert it to RGB`);
    }
    const data = new Float32Array(count);
    if (!wide) {
      const rgb = new Uint8Array(count);
      rgb.set(raw);
      for (let i = 0; i < count; i++) data[i] = rgb[i]! / 255;
      return { width, height, channels: 3, data, rgb };
    }
    const rgb = new Uint8Array(count);
    const words = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
    for (let i = 0; i < count; i++) {
      // Every platform that sharp ships for is little-endian.
      const value = words.getUint16(2 * i, true) / 65535;
      data[i] = value;
      rgb[i] = Math.round(value * 255);
    }
    return { width, height, channels: 3, data, rgb };
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw diagnose(name, bytes, error);
  }
}

/** Reads an image file; see `decodeImage`. DataError where it is missing, unreadable or no whole image. */
export async function loadImage(path: string): Promise<LoadedImage> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: cannot read the image (${fileProblem(error)}); check the path`, {
      cause: error,
    });
  }
  return decodeImage(bytes, path);
}

/** As `decodeImage`, for PNG bytes only: the reverse of `encodePng`. */
export async function decodePng(bytes: Uint8Array, name = 'PNG'): Promise<LoadedImage> {
  if (claimedFormat(bytes) !== 'PNG') {
    throw new DataError(`${name}: does not start with a PNG signature; give PNG bytes`);
  }
  return decodeImage(bytes, name);
}

/** Pixels to write: grey, RGB or RGBA by the length of `data`; bytes, or floats from 0 to 1. */
export interface PixelData {
  width: number;
  height: number;
  data: Uint8Array | Uint8ClampedArray | Float32Array;
}

/** PNG bytes, 8 bits per channel. Floats are clamped to 0..1 and rounded; NaN becomes 0. */
export async function encodePng({ width, height, data }: PixelData): Promise<Uint8Array> {
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3 && channels !== 4) {
    throw new ShapeError(
      `encodePng: ${data.length} values for ${width}x${height} pixels; needs 1, 3 or 4 per pixel`,
    );
  }
  let bytes: Uint8Array;
  if (data instanceof Float32Array) {
    bytes = new Uint8Array(Uint8ClampedArray.from(data, (value) => value * 255).buffer);
  } else {
    bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  }
  return sharp(bytes, { raw: { width, height, channels } }).png().toBuffer();
}

/** Encodes and writes a PNG, whole or not at all. Makes missing folders. */
export async function savePng(path: string, image: PixelData): Promise<void> {
  await writeFileAtomic(path, await encodePng(image));
}
