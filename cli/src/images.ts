import { DataError, ShapeError } from 'fovea';
import { BadData, type FaultKind, type ImageInfo } from 'fovea/data';
import sharp, { type Sharp, type SharpOptions } from 'sharp';
import { addressOf } from './address.ts';
import { bmpSize, checkBmp, decodeBmp } from './bmp.ts';
import { fileProblem, openFile, readWhole, writeFileAtomic } from './files.ts';
import type { Fingerprint } from './fingerprint.ts';
import { mediaContent } from './mediaContent.ts';

/** Three channels, whatever the file held. */
export interface LoadedImage {
  width: number;
  height: number;
  channels: 3;
  /** `[H,W,3]`, 0 to 1, in the file's own (sRGB) encoding; keeps all 16 bits of a 16-bit file. */
  data: Float32Array;
  /** `[H,W,3]`, 0 to 255: the same pixels rounded, for drawing. */
  rgb: Uint8Array;
  /** The size in the file, where the image was shrunk while it was decoded. */
  original?: { readonly width: number; readonly height: number };
  /** Whether 12-bit values of a 16-bit file were stretched to the whole range. */
  stretched?: boolean;
}

/** How an image is decoded. */
export interface DecodeOptions {
  /**
   * The longer side that is needed. An image of more than `MOST_DECODED` pixels is shrunk while it is decoded, to no less than twice
   * this side. Default: the whole image is needed.
   */
  readonly maxSide?: number;
  /** The most pixels of an image that is decoded whole. Default `MOST_DECODED`. */
  readonly maxPixels?: number;
}

/** 2^25 pixels take 500 MB as floats and bytes. */
export const MOST_DECODED = 2 ** 25;

const SIGNATURES: readonly (readonly [name: string, offset: number, bytes: readonly number[]])[] = [
  ['PNG', 0, [0x89, 0x50, 0x4e, 0x47]],
  ['JPEG', 0, [0xff, 0xd8, 0xff]],
  ['GIF', 0, [0x47, 0x49, 0x46, 0x38]],
  ['TIFF', 0, [0x49, 0x49, 0x2a, 0x00]],
  ['TIFF', 0, [0x4d, 0x4d, 0x00, 0x2a]],
  ['WebP', 8, [0x57, 0x45, 0x42, 0x50]],
  ['AVIF or HEIC', 4, [0x66, 0x74, 0x79, 0x70]],
  ['BMP', 0, [0x42, 0x4d]],
];

/** The format that the first bytes claim, whether or not the rest can be read. Undefined for what begins as no image. */
export function claimedFormat(bytes: Uint8Array): string | undefined {
  return SIGNATURES.find(([, offset, magic]) => magic.every((byte, i) => bytes[offset + i] === byte))?.[0];
}

/** The extensions of files in these formats. */
const EXTENSIONS: Readonly<Record<string, string>> = {
  PNG: '.png',
  JPEG: '.jpg',
  GIF: '.gif',
  TIFF: '.tif',
  WebP: '.webp',
  'AVIF or HEIC': '.avif',
  BMP: '.bmp',
};

/** The extension of files in the format that the first bytes claim, with its dot; PNG's for what is none. */
export const extensionOf = (bytes: Uint8Array): string => EXTENSIONS[claimedFormat(bytes) ?? ''] ?? '.png';

/** Whether bytes are those of a BMP file, which libvips does not read. */
export const isBmp = (bytes: Uint8Array): boolean => claimedFormat(bytes) === 'BMP' && bytes.length >= 26;

/** Bytes as libvips reads them. It has no reader of BMP: those are decoded first. */
export function vips(bytes: Uint8Array, name: string, options: SharpOptions = {}): Sharp {
  if (!isBmp(bytes)) return sharp(bytes, options);
  checkBmp(bytes, name);
  const { width, height, data } = decodeBmp(bytes);
  return sharp(data, { ...options, raw: { width, height, channels: 3 } });
}

/** The size of an image as it is shown, and its EXIF orientation. Throws what the decoder throws. */
async function headerOf(source: string | Uint8Array): Promise<ImageInfo> {
  if (typeof source !== 'string' && isBmp(source)) return bmpSize(source);
  // Whoever decodes it has limits of its own.
  const { autoOrient, orientation, format } = await sharp(source, { limitInputPixels: false }).metadata();
  // Drawings have no pixels, and refer to files.
  if (format === 'svg') throw new Error('an SVG drawing has no pixels');
  const { width, height } = autoOrient;
  return { width, height, ...(orientation === undefined ? {} : { orientation }) };
}

/** Reads the header of an image: from a file, or from bytes that errors call `name`. Throws DataError for what is not an image. */
export async function imageHeader(source: string | Uint8Array, name: string): Promise<ImageInfo> {
  const called = typeof source === 'string' ? source : name;
  try {
    // Opening a pipe would wait for a writer.
    if (typeof source === 'string') await (await openFile(source)).close();
    // The decoder reads no more of a file than it needs. A BMP file is only known by its bytes.
    return await headerOf(source);
  } catch (error) {
    const bytes = typeof source === 'string' ? await bytesOf(source) : source;
    if (!isBmp(bytes)) throw diagnose(called, bytes, error);
    try {
      return bmpSize(bytes);
    } catch (problem) {
      throw diagnose(called, bytes, problem);
    }
  }
}

/** An image that could be decoded to its last line. */
export interface VerifiedImage {
  /** For files of its format, with its dot. */
  readonly extension: string;
  /** What it looks like from afar; undefined for an image that was not decoded, as it would take too much memory. */
  readonly fingerprint?: Fingerprint;
}

/** Decodes an image to its last line, without keeping it. Throws DataError for one that is truncated or damaged. */
export async function verifyImage(source: string | Uint8Array, name: string): Promise<VerifiedImage> {
  const bytes = typeof source === 'string' ? await bytesOf(source) : source;
  try {
    if (isBmp(bytes)) {
      const { width, height } = bmpSize(bytes);
      checkBmp(bytes, name);
      // All is there if there are enough bytes. BMP files are only decoded whole, which takes much memory.
      if (width * height > MOST_DECODED) return { extension: '.bmp' };
    }
    const grey = await vips(bytes, name, { failOn: 'error', sequentialRead: true, limitInputPixels: false })
      .flatten({ background: '#000000' })
      .resize(8, 8, { fit: 'fill' })
      .greyscale()
      .raw({ depth: 'uchar' })
      .toBuffer();
    return {
      extension: extensionOf(bytes),
      fingerprint: { grey: Uint8Array.from(grey) },
    };
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw diagnose(name, bytes, error);
  }
}

/** Reads a file of an image, also one of an object store. Throws DataError where it cannot be read. */
export async function bytesOf(path: string): Promise<Uint8Array> {
  const address = addressOf(path);
  if (address) return (await import('./s3/images.ts')).storedImage(address);
  try {
    return await readWhole(path);
  } catch (error) {
    throw new BadData(
      'missing image',
      `${path}: cannot read the image (${fileProblem(error)}); check the path`,
      {
        cause: error,
      },
    );
  }
}

/** One line on why the bytes are no image: what they are instead, and what to do. */
export function diagnose(name: string, bytes: Uint8Array, error: unknown): DataError {
  const reason = (error instanceof Error ? error.message : String(error))
    .split('\n')[0]!
    .trim()
    .replace(/:$/, '');
  const fail = (text: string, kind: FaultKind = 'damaged image') =>
    new BadData(kind, `${name}: ${text}`, { cause: error });
  if (bytes.length === 0) return fail('the file is empty; copy or export it again');
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 200));
  if (start.startsWith('version https://git-lfs.github.com')) {
    return fail('a Git LFS pointer, not the image; run "git lfs pull"', 'not an image');
  }
  if (/pixel limit/i.test(reason)) return fail(`${reason}; scale the image down first`, 'too large');
  const media = mediaContent(bytes);
  if (media) return fail(`is ${media}, not an image; fovea embed takes it`, 'not an image');
  const format = claimedFormat(bytes);
  // Where several are read at once, libvips may have told another one what is wrong.
  const told = /^(?:unknown error)?$/i.test(reason) ? '' : ` (${reason})`;
  if (format === 'AVIF or HEIC') return fail(`cannot be decoded${told}; convert it to PNG or JPEG`);
  if (format !== undefined) return fail(`truncated or damaged ${format}${told}; copy or export it again`);
  const text = /^\s*(?:<!doctype|<html|<\?xml|[{[])/i.test(start) ? ' (it looks like text)' : '';
  return fail(`not an image that can be read${text}; use PNG, JPEG, WebP, TIFF, BMP or GIF`, 'not an image');
}

/** Throws DataError for an image of more pixels than are decoded whole. */
export function checkPixels(name: string, { width, height }: ImageInfo, most: number): void {
  if (width * height <= most) return;
  throw new BadData(
    'too large',
    `${name}: has ${width}x${height} pixels, more than ${most}; scale it down, or raise the limit where the command has --max-pixels`,
  );
}

/** The longer side to which an image is shrunk while it is decoded; undefined if it is decoded whole. */
function shrunkSide(size: ImageInfo, { maxSide = Infinity, maxPixels = MOST_DECODED }: DecodeOptions) {
  const side = 2 * maxSide;
  const few = size.width * size.height <= maxPixels;
  return few || side >= Math.max(size.width, size.height) || side * side > maxPixels ? undefined : side;
}

/**
 * Decodes PNG, JPEG, WebP, TIFF, GIF, AVIF or BMP bytes to RGB. `name` is what errors call them.
 *
 * - Grey becomes three equal channels; CMYK is converted.
 * - Alpha is flattened on black, so a transparent pixel is 0 whatever colour it hides.
 * - The EXIF orientation is applied: width and height are those that a viewer shows.
 * - 16-bit files are divided by 65535, 8-bit files by 255. A 16-bit file whose values are all below 4096, and some above 255, has
 *   12-bit values: they are divided by 4095, and `stretched` is set.
 * - RGB and grey colour profiles are ignored, as in PIL and OpenCV, so that values agree with theirs.
 * - Of an animation or a multi-page file, the first page.
 *
 * Throws DataError for anything truncated, damaged, not an image, with float pixels, or with more than `maxPixels` pixels.
 */
export async function decodeImage(
  bytes: Uint8Array,
  name: string,
  options: DecodeOptions = {},
): Promise<LoadedImage> {
  try {
    const original = await headerOf(bytes);
    // BMP files are only decoded whole.
    const side = isBmp(bytes) ? undefined : shrunkSide(original, options);
    if (side === undefined) checkPixels(name, original, options.maxPixels ?? MOST_DECODED);
    const { depth, space } = isBmp(bytes) ? { depth: 'uchar', space: 'srgb' } : await sharp(bytes).metadata();
    if (depth !== 'uchar' && depth !== 'ushort') {
      throw new BadData(
        'not an image',
        `${name}: pixels are ${depth}; convert the image to 8 or 16 bits per channel`,
      );
    }
    const wide = depth === 'ushort';
    const whole = vips(bytes, name, {
      failOn: 'error',
      ignoreIcc: space !== 'cmyk',
      limitInputPixels: false,
    }).autoOrient();
    const shrunk = side === undefined ? whole : whole.resize(side, side, { fit: 'inside', kernel: 'linear' });
    const { data: raw, info } = await shrunk
      .flatten({ background: '#000000' })
      .toColourspace(wide ? 'rgb16' : 'srgb')
      .raw({ depth: wide ? 'ushort' : 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height } = info;
    if (info.channels !== 3) {
      throw new DataError(`${name}: decodes to ${info.channels} channels, expected 3; convert it to RGB`);
    }
    const size = { width, height, channels: 3 as const, ...(side === undefined ? {} : { original }) };
    return wide ? { ...size, ...fromWords(raw) } : { ...size, ...fromBytes(raw) };
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw diagnose(name, bytes, error);
  }
}

function fromBytes(raw: Buffer): Pick<LoadedImage, 'data' | 'rgb'> {
  const rgb = new Uint8Array(raw.buffer, raw.byteOffset, raw.length);
  const data = new Float32Array(rgb.length);
  for (let i = 0; i < rgb.length; i++) data[i] = rgb[i]! / 255;
  return { data, rgb };
}

/** The largest value of 12 bits. */
const TWELVE_BITS = 4095;

function fromWords(raw: Buffer): Pick<LoadedImage, 'data' | 'rgb' | 'stretched'> {
  const words = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const count = raw.byteLength / 2;
  let most = 0;
  // Every platform that sharp ships for is little-endian.
  for (let i = 0; i < count; i++) most = Math.max(most, words.getUint16(2 * i, true));
  const stretched = most > 255 && most <= TWELVE_BITS;
  const scale = stretched ? TWELVE_BITS : 65535;
  const data = new Float32Array(count);
  const rgb = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const value = words.getUint16(2 * i, true) / scale;
    data[i] = value;
    rgb[i] = Math.round(value * 255);
  }
  return { data, rgb, ...(stretched ? { stretched } : {}) };
}

/** Reads an image file; see `decodeImage`. DataError where it is missing, unreadable or no whole image. */
export const loadImage = async (path: string, options: DecodeOptions = {}): Promise<LoadedImage> =>
  decodeImage(await bytesOf(path), path, options);

/** As `decodeImage`, for PNG bytes only: the reverse of `encodePng`. */
export async function decodePng(bytes: Uint8Array, name = 'PNG'): Promise<LoadedImage> {
  if (claimedFormat(bytes) !== 'PNG') {
    throw new DataError(`${name}: does not start with a PNG signature; give PNG bytes`);
  }
  return decodeImage(bytes, name);
}

/** The bytes of a PNG's pixels, of one channel (grey) or three: a third of the memory of `decodePng`, or a fifteenth. */
export async function decodePngBytes(
  bytes: Uint8Array,
  name: string,
): Promise<{ readonly width: number; readonly height: number; readonly data: Uint8Array }> {
  const isPng = claimedFormat(bytes) === 'PNG';
  const header = isPng
    ? await sharp(bytes)
        .metadata()
        .catch((error) => Promise.reject(diagnose(name, bytes, error)))
    : undefined;
  if (header?.depth !== 'uchar' || header.space !== 'b-w') {
    const { width, height, rgb } = await decodePng(bytes, name);
    return { width, height, data: rgb };
  }
  checkPixels(name, header, MOST_DECODED);
  const { data, info } = await sharp(bytes, { failOn: 'error', limitInputPixels: false })
    .flatten({ background: '#000000' })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((error) => Promise.reject(diagnose(name, bytes, error)));
  return { width: info.width, height: info.height, data };
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
