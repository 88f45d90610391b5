/**
 * PNG files whose pixels are numbers instead of colours: masks of classes and objects. Image libraries turn palette indices
 * into colours, and the numbers are lost; hence this reader and writer of indexed PNG files (ISO/IEC 15948).
 */
import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { inflateInto, through } from '../inflate.ts';
import type { ImageSize } from '../vision/boxes.ts';
import { BadData, type FaultKind } from './faults.ts';
import { resting } from './rest.ts';
import type { RowRuns } from './rowRuns.ts';

/** An image of one number per pixel. */
export interface IndexedImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** A number for each pixel [height * width], row by row. */
  readonly data: Uint8Array;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const [GREY, PALETTE] = [0, 3];
/** 2^28: a mask of 16,384 x 16,384. */
const MOST_PIXELS = 2 ** 28;
const COLOURS: Readonly<Record<number, string>> = { 2: 'RGB', 4: 'grey with alpha', 6: 'RGBA' };

/** The size in the header of a PNG file; undefined for other files. */
export function pngSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  if (bytes.length < 24 || !SIGNATURE.every((byte, i) => bytes[i] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

/** Checksum of a chunk's type and data (ISO/IEC 15948, annex D). */
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** The most bytes that one byte of a deflated stream holds (RFC 1951: 258 of them in 2 bits). */
const MOST_INFLATED = 1032;

/**
 * Reads the palette indices (or grey values) of a PNG file with 1, 2, 4 or 8 bits per pixel.
 *
 * @param bytes The file.
 * @param name The file's name, for error messages.
 * @param maxPixels The most pixels that it may have. Default 2^28 (16,384 x 16,384).
 * @throws DataError if the file is not a PNG, is truncated or damaged, has colours instead of a palette, has 16 bits per
 * pixel, is interlaced, or has more pixels than that.
 */
export async function decodeIndexedPng(
  bytes: Uint8Array,
  name: string,
  maxPixels: number = MOST_PIXELS,
): Promise<IndexedImage> {
  expectArguments('decodeIndexedPng', { bytes, name }, { bytes: 'bytes', name: 'text' });
  // Without a fix of its own the file is damaged.
  const fail = (problem: string, fix?: string, kind: FaultKind = 'mask value'): never => {
    const damaged = fix === undefined;
    throw new BadData(
      damaged ? 'damaged image' : kind,
      `${name}: ${problem}; ${damaged ? 'copy or export it again' : fix}`,
    );
  };
  if (!SIGNATURE.every((byte, i) => bytes[i] === byte)) {
    fail('is not a PNG file', 'save the mask as a PNG with a palette');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: { width: number; height: number; depth: number } | undefined;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) fail('is cut short');
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) fail('is cut short');
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      fail(`is damaged: the checksum of its ${JSON.stringify(type)} part is wrong`);
    }
    if (type === 'IHDR') {
      const [depth, colour, interlace] = [bytes[at + 16]!, bytes[at + 17]!, bytes[at + 20]!];
      const kind = COLOURS[colour];
      if (kind !== undefined)
        fail(`has ${kind} pixels`, 'save the mask with a palette, whose indices are the classes');
      if ((colour !== GREY && colour !== PALETTE) || ![1, 2, 4, 8].includes(depth)) {
        fail(
          `has ${depth} bits per pixel`,
          'save the mask with 8 bits per pixel: class numbers from 0 to 255',
        );
      }
      if (interlace !== 0) fail('is interlaced', 'save it without interlacing');
      header = { width: view.getUint32(at + 8), height: view.getUint32(at + 12), depth };
    } else if (type === 'IDAT') {
      parts.push(bytes.subarray(at + 8, at + 8 + length));
    } else if (type === 'IEND') {
      break;
    }
    at += 12 + length;
  }
  if (header === undefined) return fail('has no header');
  const { width, height, depth } = header;
  const stride = Math.ceil((width * depth) / 8);
  if (width * height > maxPixels) {
    fail(`has ${width}x${height} pixels, more than ${maxPixels}`, 'cut it into smaller images', 'too large');
  }
  const needed = (stride + 1) * height;
  const deflated = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  const short = (held: string): never =>
    fail(`is damaged: ${held} bytes of pixels, ${width}x${height} needs ${needed}`);
  // Nothing of this size is made for a file that cannot fill it.
  if (deflated.length * MOST_INFLATED < needed) short(`at most ${deflated.length * MOST_INFLATED}`);
  const packed = new Uint8Array(needed);
  const length = await inflateInto(packed, deflated, 'deflate').catch(() =>
    fail('is damaged: its pixels cannot be unpacked'),
  );
  if (length !== needed) short(length > needed ? `more than ${needed}` : `${length}`);
  const rest = resting();
  for (let y = 0; y < height; y++) {
    if (y % ROWS === 0) await rest();
    if (!unfilterRow(packed, stride, y)) return fail('is damaged: a row has an unknown filter');
  }
  const rows = packed.subarray(0, stride * height);
  if (depth === 8) return { width, height, data: rows };
  const data = new Uint8Array(width * height);
  const perByte = 8 / depth;
  for (let y = 0; y < height; y++) {
    if (y % ROWS === 0) await rest();
    for (let x = 0, at = y * stride; x < width; x += perByte, at++) {
      const byte = rows[at]!;
      if (byte === 0) continue;
      for (let k = 0; k < perByte && x + k < width; k++) {
        data[y * width + x + k] = (byte >> (8 - depth * (k + 1))) & (2 ** depth - 1);
      }
    }
  }
  return { width, height, data };
}

/** So many rows are unpacked before it is asked whether to rest. */
const ROWS = 64;

/**
 * Undoes the filter of a row (clause 9), for pixels of at most one byte. The rows above it are unfiltered, and in front of where they were
 * by the bytes of their filters; so is this one then. Returns false for an unknown filter.
 */
function unfilterRow(packed: Uint8Array, stride: number, y: number): boolean {
  const from = y * (stride + 1) + 1;
  const filter = packed[from - 1]!;
  if (filter > 4) return false;
  const at = y * stride;
  packed.copyWithin(at, from, from + stride);
  if (filter === 0 || (filter === 2 && y === 0)) return true;
  const above = at - stride;
  if (filter === 2) {
    for (let x = 0; x < stride; x++) packed[at + x]! += packed[above + x]!;
    return true;
  }
  for (let x = 0; x < stride; x++) {
    const left = x > 0 ? packed[at + x - 1]! : 0;
    const top = y > 0 ? packed[above + x]! : 0;
    const corner = x > 0 && y > 0 ? packed[above + x - 1]! : 0;
    packed[at + x]! += filter === 1 ? left : filter === 3 ? (left + top) >> 1 : paeth(left, top, corner);
  }
  return true;
}

function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - above), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}

/**
 * Writes a PNG file of one byte per pixel: palette indices, or grey values.
 *
 * @param image The numbers to write.
 * @param palette Red, green and blue of 1 to 256 colours, three bytes each. Default: none, the pixels are grey values.
 * @returns The file.
 * @throws ShapeError if the image does not have `width * height` pixels, has none, or the palette has another size.
 */
export async function encodeIndexedPng(image: IndexedImage, palette?: Uint8Array): Promise<Uint8Array> {
  expectArguments(
    'encodeIndexedPng',
    { image },
    { image: { width: 'number', height: 'number', data: 'bytes' } },
  );
  const { width, height, data } = image;
  if (data.length !== width * height || data.length === 0) {
    throw new ShapeError(
      `encodeIndexedPng: the image has ${data.length} pixels, ${width}x${height} needs ${width * height}, at least 1; pass one value per pixel`,
    );
  }
  if (palette !== undefined && (palette.length % 3 !== 0 || palette.length > 768 || palette.length === 0)) {
    throw new ShapeError(
      `encodeIndexedPng: the palette has ${palette.length} bytes; give three for each of 1 to 256 colours`,
    );
  }
  return pngOf(image, 8, data, palette ? { palette } : {});
}

/** Writes a mask as a PNG file of one bit per pixel, grey: 1 is inside. */
export function encodeMaskPng(runs: RowRuns): Promise<Uint8Array> {
  const { width, height, rows, starts, ends } = runs;
  const stride = Math.ceil(width / 8);
  const packed = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    for (let run = rows[y]!; run < rows[y + 1]!; run++) {
      const [first, last] = [starts[run]!, ends[run]! - 1];
      const [from, to] = [y * stride + (first >> 3), y * stride + (last >> 3)];
      // The bits from the first one on, and up to the last one, of the bytes at both ends.
      const [head, tail] = [0xff >> (first & 7), (0xff00 >> ((last & 7) + 1)) & 0xff];
      if (from === to) {
        packed[from]! |= head & tail;
        continue;
      }
      packed[from]! |= head;
      packed.fill(0xff, from + 1, to);
      packed[to]! |= tail;
    }
  }
  return pngOf(runs, 1, packed);
}

/** A PNG file of `depth` bits per value. `packed` has the bytes of its rows; `color` is the colour type, by default indices or grey. */
export async function pngOf(
  { width, height }: ImageSize,
  depth: number,
  packed: Uint8Array,
  { palette, color }: { readonly palette?: Uint8Array; readonly color?: number } = {},
): Promise<Uint8Array> {
  // Filter 2, the difference from the row above: masks change little from row to row.
  const stride = packed.length / height;
  const rows = new Uint8Array((stride + 1) * height);
  const rest = resting();
  for (let y = 0; y < height; y++) {
    if (y % ROWS === 0) await rest();
    const row = y * (stride + 1);
    rows[row] = 2;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      rows[row + 1 + x] = packed[at]! - (y > 0 ? packed[at - stride]! : 0);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, color ?? (palette === undefined ? GREY : PALETTE)], 8);
  const chunks = [
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    ...(palette === undefined ? [] : [chunk('PLTE', palette)]),
    chunk(
      'IDAT',
      new Uint8Array(await new Response(through(rows, new CompressionStream('deflate'))).arrayBuffer()),
    ),
    chunk('IEND', new Uint8Array()),
  ];
  return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + data.length);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  out.set(
    [...type].map((char) => char.charCodeAt(0)),
    4,
  );
  out.set(data, 8);
  view.setUint32(8 + data.length, crc32(out.subarray(4, 8 + data.length)));
  return out;
}
