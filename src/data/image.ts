import { expectArguments, SIZE } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { ImageSize } from '../vision/boxes.ts';

/** An RGB image of floats. */
export interface FloatImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Always 3: red, green, blue. */
  readonly channels: 3;
  /** Values in 0..1 [height, width, 3], as stored in the file (sRGB, not linear). */
  readonly data: Float32Array;
}

/** Mean of ImageNet's channels in 0..1. torchvision's weights expect `(x - mean) / std`. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
/** Standard deviation of ImageNet's channels in 0..1. torchvision's weights expect `(x - mean) / std`. */
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/**
 * Converts decoded bytes to an image: `value / 255`. The number of channels follows from the length of `bytes`: 1 grey,
 * 2 grey and alpha, 3 RGB, 4 RGBA. Grey is copied to all three channels; alpha is dropped, as by Pillow's `convert('RGB')`.
 *
 * @param bytes Interleaved channels [height, width, 1 to 4], for example `ImageData.data` of a canvas.
 * @param size Width and height of the image.
 * @throws DataError if the length is not 1 to 4 bytes per pixel.
 */
export function imageFromBytes(bytes: Uint8Array | Uint8ClampedArray, size: ImageSize): FloatImage {
  expectArguments('imageFromBytes', { bytes, size }, { bytes: 'values', size: SIZE });
  const { width, height } = size;
  const pixels = width * height;
  const channels = bytes.length / pixels;
  if (!(pixels > 0) || ![1, 2, 3, 4].includes(channels)) {
    throw new DataError(
      `imageFromBytes: ${bytes.length} bytes are not a ${width}x${height} image; pass 1 (grey), 2, 3 (RGB) or 4 (RGBA) bytes per pixel`,
    );
  }
  const data = new Float32Array(pixels * 3);
  const [green, blue] = channels < 3 ? [0, 0] : [1, 2];
  for (let from = 0, to = 0; to < data.length; from += channels, to += 3) {
    data[to] = bytes[from]! / 255;
    data[to + 1] = bytes[from + green]! / 255;
    data[to + 2] = bytes[from + blue]! / 255;
  }
  return { width, height, channels: 3, data };
}

/** An image fitted into a fixed size by `letterbox`. */
export interface Letterboxed {
  /** The image of the requested size; the original is in its upper left corner. */
  readonly image: FloatImage;
  /** The size of the original within it, in whole pixels. */
  readonly fitted: ImageSize;
  /** The size of the original. */
  readonly original: ImageSize;
}

/**
 * Fits an image into a fixed size, as large as possible, and pads it on the right or at the bottom.
 *
 * The aspect ratio is kept, each side rounded to whole pixels (at least 1). Bilinear; when shrinking, the filter widens to
 * average over the pixels it merges, as in Pillow and `torch.nn.functional.interpolate(antialias=True)`.
 *
 * @param image The image to fit.
 * @param size Height and width to fit it into, in pixels.
 * @param options `fill`: value of the padding, 0..1. Default 0.5, mid grey.
 * @throws DataError for a size that is not whole pixels.
 */
export function letterbox(
  image: FloatImage,
  size: readonly [height: number, width: number],
  options: { readonly fill?: number } = {},
): Letterboxed {
  expectArguments(
    'letterbox',
    { image, size },
    { image: { width: 'number', height: 'number', data: 'object' }, size: 'pair' },
  );
  const { fill } = withDefaults('letterbox', options, { fill: 0.5 });
  const [height, width] = size;
  if (!size.every((side) => Number.isInteger(side) && side > 0)) {
    throw new DataError(
      `letterbox: size is [${height}, ${width}]; give height and width in whole pixels, at least 1`,
    );
  }
  const scale = Math.min(height / image.height, width / image.width);
  const fitted = {
    width: Math.max(1, Math.round(image.width * scale)),
    height: Math.max(1, Math.round(image.height * scale)),
  };
  const data = new Float32Array(height * width * 3).fill(fill);
  resizeInto(data, width, image, fitted);
  return {
    image: { width, height, channels: 3, data },
    fitted,
    original: { width: image.width, height: image.height },
  };
}

/**
 * Resizes an image to exactly a size, with the filter of `letterbox`. The sides may be scaled by different factors.
 *
 * @param image The image to resize.
 * @param size Height and width of the result in pixels.
 * @throws DataError for a size that is not whole pixels.
 */
export function resizeImage(image: FloatImage, size: readonly [height: number, width: number]): FloatImage {
  expectArguments(
    'resizeImage',
    { image, size },
    { image: { width: 'number', height: 'number', data: 'object' }, size: 'pair' },
  );
  const [height, width] = size;
  if (!size.every((side) => Number.isInteger(side) && side > 0)) {
    throw new DataError(
      `resizeImage: size is [${height}, ${width}]; give height and width in whole pixels, at least 1`,
    );
  }
  if (height * width > MOST_RESIZED) {
    throw new DataError(
      `resizeImage: size is [${height}, ${width}], more than ${MOST_RESIZED} pixels; cut the image of ${image.width}x${image.height} into parts that are less long, or give a smaller size`,
    );
  }
  return resizePart(image, { width, height }, { x: 0, y: 0, width, height });
}

/** Pixels of a resized image: as floats they take 1.6 GB. An image of a pixel by a million has many more if its shorter side is to have a hundred. */
const MOST_RESIZED = 2 ** 27;

/** A part of an image, in whole pixels. */
export interface ImagePart extends ImageSize {
  readonly x: number;
  readonly y: number;
}

/** A part of `resizeImage(image, to)`, to the bit, of which no more is computed. */
export function resizePart(image: FloatImage, to: ImageSize, part: ImagePart): FloatImage {
  const { width, height } = part;
  const data = new Float32Array(height * width * 3);
  resizeInto(data, width, image, to, part);
  return { width, height, channels: 3, data };
}

/** Writes the resized image, or a part of it, into the upper left corner of an image whose rows have `stride` pixels. */
function resizeInto(
  data: Float32Array,
  stride: number,
  image: FloatImage,
  to: ImageSize,
  part: ImagePart = { x: 0, y: 0, ...to },
): void {
  const rows = resizeWeights(image.height, to.height, part.y, part.height);
  const columns = resizeWeights(image.width, to.width, part.x, part.width);
  const row = new Float32Array(image.width * 3);
  // No other columns are looked at.
  const [begin, last] = [3 * (columns[0]?.first ?? 0), columns.at(-1)];
  const end = last ? 3 * (last.first + last.weights.length) : begin;
  rows.forEach((fromRows, y) => {
    row.fill(0);
    fromRows.weights.forEach((weight, k) => {
      const start = (fromRows.first + k) * row.length;
      for (let i = begin; i < end; i++) row[i]! += weight * image.data[start + i]!;
    });
    columns.forEach(({ first, weights }, x) => {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) sum += weights[k]! * row[(first + k) * 3 + channel]!;
        data[(y * stride + x) * 3 + channel] = sum;
      }
    });
  });
}

/** For each output pixel of a part, the run of input pixels that it averages; the weights add up to 1. */
function resizeWeights(
  from: number,
  to: number,
  start: number,
  count: number,
): { first: number; weights: number[] }[] {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  return Array.from({ length: count }, (_, i) => {
    const centre = (start + i + 0.5) * ratio;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * Maps boxes in a letterboxed image back to the original, and clips them to it.
 *
 * @param boxes [N, 4] as (x1, y1, x2, y2), in pixels of the letterboxed image.
 * @param letterboxed What `letterbox` returned.
 * @returns [N, 4] as (x1, y1, x2, y2), in pixels of the original.
 */
export function unletterbox(boxes: ArrayLike<number>, letterboxed: Letterboxed): Float32Array {
  expectArguments(
    'unletterbox',
    { boxes, letterboxed },
    { boxes: 'values', letterboxed: { fitted: SIZE, original: SIZE } },
  );
  const { fitted, original } = letterboxed;
  const sides = ['width', 'height'] as const;
  return Float32Array.from(boxes, (value, i) => {
    const side = sides[i % 2]!;
    return Math.min(Math.max((value * original[side]) / fitted[side], 0), original[side]);
  });
}
