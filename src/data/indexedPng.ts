/**
 * PNG files whose pixels are numbers instead of colours: masks of classes and objects. Image libraries turn palette indices
 * into colours, and the numbers are lost; hence this reader and writer of indexed PNG files (ISO/IEC 15948).
 */
import { DataError, ShapeError } from '../errors.ts';

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

/** Passes bytes through a stream. Stops once there are more than `most` bytes, so that a small file cannot fill the memory. */
async function through(
  bytes: Uint8Array,
  transform: CompressionStream | DecompressionStream,
  most = Infinity,
): Promise<Uint8Array> {
  const stream = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream().pipeThrough(transform);
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
    length += next.value.length;
    if (length <= most) continue;
    await reader.cancel();
    break;
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/**
 * Reads the palette indices (or grey values) of a PNG file with 1, 2, 4 or 8 bits per pixel.
 *
 * @param bytes The file.
 * @param name The file's name, for error messages.
 * @throws DataError if the file is not a PNG, is truncated or damaged, has colours instead of a palette, has 16 bits per
 * pixel, is interlaced, or has more than 2^28 pixels.
 */
export async function decodeIndexedPng(bytes: Uint8Array, name: string): Promise<IndexedImage> {
  const fail = (problem: string, fix = 'copy or export it again'): never => {
    throw new DataError(`${name}: ${problem}; ${fix}`);
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
          `has ${depth} bits per pixel of colour type ${colour}`,
          'save the mask with a palette and at most 8 bits',
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
  if (width * height > MOST_PIXELS) {
    fail(`has ${width}x${height} pixels, more than ${MOST_PIXELS}`, 'cut it into smaller images');
  }
  const packed = await through(
    new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()),
    new DecompressionStream('deflate'),
    (stride + 1) * height,
  ).catch(() => fail('is damaged: its pixels cannot be unpacked'));
  if (packed.length !== (stride + 1) * height) {
    fail(`is damaged: ${packed.length} bytes of pixels, ${width}x${height} needs ${(stride + 1) * height}`);
  }
  const rows = unfilter(packed, stride, height);
  if (rows === undefined) return fail('is damaged: a row has an unknown filter');
  if (depth === 8) return { width, height, data: rows };
  const data = new Uint8Array(width * height);
  const perByte = 8 / depth;
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const byte = rows[y * stride + Math.floor(x / perByte)]!;
      data[i] = (byte >> (8 - depth * ((x % perByte) + 1))) & (2 ** depth - 1);
    }
  }
  return { width, height, data };
}

/** Undoes the filter of each row (clause 9), for pixels of at most one byte. Undefined for an unknown filter. */
function unfilter(packed: Uint8Array, stride: number, height: number): Uint8Array | undefined {
  const rows = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = packed[y * (stride + 1)]!;
    if (filter > 4) return undefined;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x > 0 ? rows[at - 1]! : 0;
      const above = y > 0 ? rows[at - stride]! : 0;
      const corner = x > 0 && y > 0 ? rows[at - stride - 1]! : 0;
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter]!;
      rows[at] = packed[y * (stride + 1) + 1 + x]! + predicted;
    }
  }
  return rows;
}

function paeth(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const [a, b, c] = [left, above, corner].map((value) => Math.abs(estimate - value)) as [
    number,
    number,
    number,
  ];
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
export async function encodeIndexedPng(
  { width, height, data }: IndexedImage,
  palette?: Uint8Array,
): Promise<Uint8Array> {
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
  // Filter 2, the difference from the row above: masks change little from row to row.
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    rows[y * (width + 1)] = 2;
    for (let x = 0; x < width; x++) {
      const at = y * width + x;
      rows[y * (width + 1) + 1 + x] = data[at]! - (y > 0 ? data[at - width]! : 0);
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, palette === undefined ? GREY : PALETTE], 8);
  const chunks = [
    Uint8Array.from(SIGNATURE),
    chunk('IHDR', header),
    ...(palette === undefined ? [] : [chunk('PLTE', palette)]),
    chunk('IDAT', await through(rows, new CompressionStream('deflate'))),
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
