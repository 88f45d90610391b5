import { perceptualHash } from 'fovea/similarity';
import type { Sharp } from 'sharp';
import { claimedFormat, extensionOf, imageHeader, vips } from '../images.ts';
import { mediaContent } from '../mediaContent.ts';
import { decodePixels } from '../pixelBytes.ts';
import { imageError } from './failure.ts';
import type { Format } from './options.ts';

/** Whether and how images are encoded again. */
export interface EncodeOptions {
  /** Images with a longer side are shrunk to it. Undefined: none is. */
  readonly size: number | undefined;
  readonly format: Format;
  /** Of JPEG and WebP, 1 to 100. */
  readonly quality: number;
}

/** An image that could be decoded to its last line. */
export interface Inspected {
  /** What is stored. */
  readonly bytes: Uint8Array;
  /** For what is stored, with its dot. */
  readonly extension: string;
  readonly width: number;
  readonly height: number;
  readonly originalWidth: number;
  readonly originalHeight: number;
  /** The perceptual hash of what was downloaded, in base 16. */
  readonly phash: string;
}

/** What bytes are that begin as no image. */
function otherContent(bytes: Uint8Array): string {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 1000));
  if (/^\s*(?:<!doctype html|<html|<head|<body)/i.test(start)) return 'HTML';
  if (/<svg[\s>]/i.test(start)) return 'an SVG drawing, which has no pixels';
  if (/^\s*<\?xml/i.test(start)) return 'XML';
  if (/^\s*[{[]/.test(start)) return 'JSON';
  if (start.startsWith('%PDF')) return 'PDF';
  return 'of no format that can be read';
}

/**
 * Runs what reads an image; its errors become that of a record. What libvips says of them is left out: of images that are read at the same
 * time, one may get the words of another.
 */
async function reading<T>(format: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw imageError(`truncated or damaged ${format}`, error);
  }
}

const SHARP_FORMAT = {
  '.jpg': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
  '.gif': 'gif',
  '.tif': 'tiff',
  '.avif': 'avif',
} as const;
type Written = keyof typeof SHARP_FORMAT;

/** The extension of an image when it is encoded again: BMP has no encoder. */
const writtenAs = (extension: string, { format }: EncodeOptions): Written =>
  format !== 'keep' ? `.${format}` : extension === '.bmp' ? '.png' : (extension as Written);

/** Encodes in a format. What is transparent becomes white in JPEG, which has no transparency. */
function encoder(image: Sharp, extension: Written, quality: number): Sharp {
  if (extension === '.jpg') return image.flatten({ background: '#ffffff' }).jpeg({ quality });
  if (extension === '.webp') return image.webp({ quality });
  return image.toFormat(SHARP_FORMAT[extension]);
}

/**
 * Makes sure that bytes are an image, whatever they are called: in a format that is read here, of no more pixels than allowed by their
 * header, and complete. Then shrinks or encodes it, where that is wanted and it is not so already; the EXIF orientation is then applied.
 *
 * @throws DownloadError with the status failed_to_resize.
 */
export async function inspectImage(
  bytes: Uint8Array,
  maxPixels: number,
  options: EncodeOptions,
): Promise<Inspected> {
  const format = claimedFormat(bytes);
  // libvips is given nothing else: it also reads drawings and documents, which refer to files.
  const media = mediaContent(bytes);
  if (media) throw imageError(`not an image: ${media}`);
  if (format === undefined) throw imageError(`not an image: ${otherContent(bytes)}`);
  const { width, height } = await reading(format, () => imageHeader(bytes, 'image'));
  if (width * height > maxPixels) throw imageError(`more than ${maxPixels} pixels (--max-pixels)`);
  const pixels = await reading(format, () => decodePixels(bytes, 'image'));
  const phash = perceptualHash(pixels).toString();
  const original = { originalWidth: width, originalHeight: height, phash };
  const extension = extensionOf(bytes);
  const { size = Number.POSITIVE_INFINITY, quality } = options;
  const written = writtenAs(extension, options);
  const large = Math.max(width, height) > size;
  if (!large && (options.format === 'keep' || written === extension)) {
    return { bytes, extension, width, height, ...original };
  }
  const { data, info } = await reading(format, () => {
    const upright = vips(bytes, 'image', { limitInputPixels: false }).autoOrient();
    const shrunk = large ? upright.resize(size, size, { fit: 'inside' }) : upright;
    return encoder(shrunk, written, quality).toBuffer({ resolveWithObject: true });
  });
  return { bytes: data, extension: written, width: info.width, height: info.height, ...original };
}
