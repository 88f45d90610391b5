import { DataError } from '../errors.ts';

/** An image as [height, width, 3], red, green and blue in 0..1, as the file stores them (sRGB, not linear). */
export interface FloatImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  readonly data: Float32Array;
}

/** Mean and standard deviation of ImageNet's channels in 0..1: torchvision's weights expect `(x - mean) / std`. */
export const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
export const IMAGENET_STD = [0.229, 0.224, 0.225] as const;

/**
 * An image from decoded bytes, `value / 255`. Channels, from the length of `bytes`: 1 grey, 2 grey and
 * alpha, 3 RGB, 4 RGBA; grey fills all three, and alpha is dropped, as Pillow's `convert('RGB')` does.
 * Throws DataError where the size does not fit.
 */
export function imageFromBytes(
  bytes: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
): FloatImage {
  const pixels = width * height;
  const channels = bytes.length / pixels;
  if (!(pixels > 0) || ![1, 2, 3, 4].includes(channels)) {
    throw new DataError(
      `imageFromBytes: ${bytes.length} bytes are not a ${width}x${height} image; pass 1 (grey), 2, 3 (RGB) or 4 (RGBA) bytes a pixel`,
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

/** An image fitted into a fixed size, and how. */
export interface Letterboxed {
  /** [height, width] as asked for; the image is in its upper left corner. */
  readonly image: FloatImage;
  /** The image's size within, in whole pixels, and the original's. */
  readonly fitted: { readonly width: number; readonly height: number };
  readonly original: { readonly width: number; readonly height: number };
}

/**
 * Fits an image into `size` (height, width) as large as it goes, its aspect ratio kept (each side rounded to
 * whole pixels, at least 1), and fills what is left to the right or below with `fill`, mid grey by default.
 * Bilinear; where it shrinks, the triangle widens to average over the pixels it merges, as Pillow's and
 * `torch.nn.functional.interpolate(antialias=True)` do. Throws DataError for a size that is not whole pixels.
 */
export function letterbox(image: FloatImage, size: readonly [number, number], fill = 0.5): Letterboxed {
  const [height, width] = size;
  if (!size.every((side) => Number.isInteger(side) && side > 0)) {
    throw new DataError(`letterbox: size ${height}x${width} must be whole pixels of at least 1`);
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
 * An image resized to exactly `size` (height, width), filtered as `letterbox` does; the sides may scale by
 * different factors. Throws DataError for a size that is not whole pixels.
 */
export function resizeImage(image: FloatImage, size: readonly [number, number]): FloatImage {
  const [height, width] = size;
  if (!size.every((side) => Number.isInteger(side) && side > 0)) {
    throw new DataError(`resizeImage: size ${height}x${width} must be whole pixels of at least 1`);
  }
  const data = new Float32Array(height * width * 3);
  resizeInto(data, width, image, { width, height });
  return { width, height, channels: 3, data };
}

/** Writes the image, resized, into the upper left corner of rows of `stride` pixels. */
function resizeInto(
  data: Float32Array,
  stride: number,
  image: FloatImage,
  to: { readonly width: number; readonly height: number },
): void {
  const rows = resizeWeights(image.height, to.height);
  const columns = resizeWeights(image.width, to.width);
  const row = new Float32Array(image.width * 3);
  rows.forEach((fromRows, y) => {
    row.fill(0);
    fromRows.weights.forEach((weight, k) => {
      const start = (fromRows.first + k) * row.length;
      for (let i = 0; i < row.length; i++) row[i]! += weight * image.data[start + i]!;
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

/** For each pixel of the output, the run of input pixels that it averages; the weights add up to 1. */
function resizeWeights(from: number, to: number): { first: number; weights: number[] }[] {
  const ratio = from / to;
  const reach = Math.max(1, ratio);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * ratio;
    const first = Math.max(0, Math.floor(centre - reach + 0.5));
    const end = Math.min(from, Math.floor(centre + reach + 0.5));
    const weights = Array.from({ length: end - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - centre) / reach),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Boxes found in a letterboxed image, [N, 4] as xyxy, in pixels of the original and cut off at its borders. */
export function unletterbox(boxes: ArrayLike<number>, { fitted, original }: Letterboxed): Float32Array {
  const sides = ['width', 'height'] as const;
  return Float32Array.from(boxes, (value, i) => {
    const side = sides[i % 2]!;
    return Math.min(Math.max((value * original[side]) / fitted[side], 0), original[side]);
  });
}
