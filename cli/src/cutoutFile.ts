import { crc32 } from 'node:zlib';
import type { Matte, RgbPixels } from 'fovea/similarity';
import sharp from 'sharp';
import { bytesOf, decodeImage } from './images.ts';
import { webpWith } from './webpFile.ts';

/** An image to cut out, with what is kept of its file. */
export interface CutoutImage {
  readonly pixels: RgbPixels & { readonly data: Uint8Array };
  /** How opaque it is itself, where it is not wholly. */
  readonly opacity?: Matte;
  /** Its EXIF block. */
  readonly exif?: Uint8Array;
  /** Its colour profile. */
  readonly icc?: Uint8Array;
}

/** The most pixels of an image that is cut out: 64 million take 1 GB. */
const MOST_CUT = 2 ** 26;

/** Reads an image as `loadImage` does, with its opacity and what describes it. Throws DataError for what is no image. */
export async function loadCutoutImage(file: string): Promise<CutoutImage> {
  const bytes = await bytesOf(file);
  const image = pixelsOf(await decodeImage(bytes, file, { maxPixels: MOST_CUT }));
  const found = await sharp(bytes)
    .metadata()
    .catch(() => undefined);
  if (!found) return image;
  const { width, height } = image.pixels;
  // Colours of CMYK are converted, and their profile is no more theirs.
  const kept = {
    ...(found.exif ? { exif: found.exif } : {}),
    ...(found.icc && found.space !== 'cmyk' ? { icc: found.icc } : {}),
  };
  if (!found.hasAlpha) return { ...image, ...kept };
  const alpha = await sharp(bytes, { limitInputPixels: false })
    .autoOrient()
    .extractChannel('alpha')
    .toColourspace('b-w')
    .raw({ depth: 'uchar' })
    .toBuffer();
  return { ...image, ...kept, opacity: { width, height, data: Float32Array.from(alpha, (v) => v / 255) } };
}

const pixelsOf = ({
  width,
  height,
  rgb,
}: {
  width: number;
  height: number;
  rgb: Uint8Array;
}): CutoutImage => ({
  pixels: { width, height, data: rgb },
});

/** TIFF's tag of the orientation. */
const ORIENTATION = 0x0112;

/**
 * An EXIF block for pixels that are turned already: the orientation is 1, and there is no small image, which would show the old background. Undefined
 * for a block that cannot be read.
 */
export function uprightExif(exif: Uint8Array): Uint8Array | undefined {
  const head = new TextDecoder('latin1').decode(exif.subarray(0, 6));
  // A Buffer's own slice would not copy.
  const block = new Uint8Array(exif).slice(head === 'Exif\0\0' ? 6 : 0);
  const view = new DataView(block.buffer);
  const order = block.length < 8 ? 0 : view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const little = order === 0x4949;
  const start = view.getUint32(4, little);
  if (start + 2 > block.length) return undefined;
  const entries = view.getUint16(start, little);
  const end = start + 2 + 12 * entries;
  if (end + 4 > block.length) return undefined;
  for (let at = start + 2; at < end; at += 12) {
    if (view.getUint16(at, little) === ORIENTATION) view.setUint16(at + 8, 1, little);
  }
  const small = view.getUint32(end, little);
  view.setUint32(end, 0, little);
  // Readers follow offsets; what nothing refers to is cut off, where it is at the end.
  return small > end ? block.slice(0, small) : block;
}

/** A chunk of a PNG file. */
function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** The end of a PNG file's signature and header. */
const HEADER = 33;

/** The file format of cut-outs. */
export type CutoutFormat = 'png' | 'webp';

/**
 * PNG bytes, or those of a WebP file without loss, of grey or RGBA pixels, with the EXIF block and the colour profile of the image that they come
 * from.
 */
export async function encodeCutout(
  data: Uint8Array | Uint8ClampedArray,
  { pixels: { width, height }, exif, icc }: CutoutImage,
  format: CutoutFormat = 'png',
): Promise<Uint8Array> {
  const channels = (data.length / (width * height)) as 1 | 4;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.length);
  const encoder = sharp(bytes, { raw: { width, height, channels }, limitInputPixels: false });
  const upright = exif && uprightExif(exif);
  if (format === 'webp') {
    const webp = await encoder.toColourspace('srgb').webp({ lossless: true }).toBuffer();
    const extras = { exif: upright, icc: channels === 4 ? icc : undefined };
    return webpWith(webp, { width, height, alpha: channels === 4 }, extras);
  }
  const png = await encoder
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
  const { deflateSync } = await import('node:zlib');
  return Buffer.concat([
    png.subarray(0, HEADER),
    // A profile of RGB is not for a grey mask.
    ...(icc && channels === 4
      ? [chunk('iCCP', Buffer.concat([Buffer.from('ICC profile\0\0', 'latin1'), deflateSync(icc)]))]
      : []),
    ...(upright ? [chunk('eXIf', upright)] : []),
    png.subarray(HEADER),
  ]);
}
