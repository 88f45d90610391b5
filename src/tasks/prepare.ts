import { type FloatImage, type ImagePart, resizeImage, resizePart } from '../data/image.ts';
import type { ImageSize } from '../vision/boxes.ts';
import { evenly, type Fit, fitOf, type Placement } from './fits.ts';
import type { Preprocessing } from './preprocessing.ts';

/** An image as the network takes it. */
export interface Prepared extends Placement {
  /** Values in 0..1 [height, width, 3]. */
  readonly data: Float32Array;
}

/** Reads a map of the network's input at the centre of each pixel of the image. */
export function mapToImage<T extends { [index: number]: number }>(
  map: ArrayLike<number>,
  { width, height, scaleX, scaleY, offsetX, offsetY }: Placement,
  image: ImageSize,
  out: T,
): T {
  for (let y = 0; y < image.height; y++) {
    const from = Math.min(Math.floor((y + 0.5) * scaleY + offsetY), height - 1) * width;
    for (let x = 0; x < image.width; x++) {
      out[y * image.width + x] = map[from + Math.min(Math.floor((x + 0.5) * scaleX + offsetX), width - 1)]!;
    }
  }
  return out;
}

/** Prepares an image for a network whose sides must be multiples of `multiple`. */
export const prepareImage = (image: FloatImage, preprocessing: Preprocessing, multiple: number): Prepared =>
  fittedImage(image, fitOf(image, preprocessing, multiple));

/** Brings an image into a network's input. */
export function fittedImage(image: FloatImage, fit: Fit): Prepared {
  const { part, left, top, height, width } = fit;
  const { scaleX, scaleY, offsetX, offsetY } = fit;
  const placement = { height, width, scaleX, scaleY, offsetX, offsetY };
  const seen = resizedPart(image, fit);
  if (part.width === width && part.height === height) return { data: seen, ...placement };
  const data = new Float32Array(height * width * 3).fill(fit.ground);
  for (let y = 0; y < part.height; y++) {
    const row = seen.subarray(y * part.width * 3, (y + 1) * part.width * 3);
    data.set(row, ((y + top) * width + left) * 3);
  }
  return { data, ...placement };
}

/** The part of the resized image that the network sees. Of the others no more is computed: a long one may have any size. */
function resizedPart(image: FloatImage, { filter, to, part }: Fit): Float32Array {
  if (filter === 'ends') return resampled(image, to);
  if (filter === 'bytes') return stretched(image, to);
  const isWhole = part.width === to.width && part.height === to.height;
  if (filter === 'none') return isWhole ? image.data : cropPart(image, part);
  return (isWhole ? resizeImage(image, [to.height, to.width]) : resizePart(image, to, part)).data;
}

/** A part of an image. */
function cropPart(image: FloatImage, { x, y, width, height }: ImagePart): Float32Array {
  const data = new Float32Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return data;
}

/** Two neighbouring pixels of an axis for each pixel of another size, and how far the place lies towards the second. */
interface Places {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

function placesOf(to: number, from: number, place: (i: number) => number): Places {
  const [first, second, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  const inside = (pixel: number) => Math.min(Math.max(pixel, 0), from - 1);
  for (let i = 0; i < to; i++) {
    const at = place(i);
    const before = Math.floor(at);
    first[i] = inside(before);
    second[i] = inside(before + 1);
    share[i] = at - before;
  }
  return { first, second, share };
}

/** Darknet's resize_image: between the four nearest pixels, the first and the last pixel of an axis stay at its ends. */
function resampled(image: FloatImage, { width, height }: ImageSize): Float32Array {
  const ends = (to: number, from: number) =>
    placesOf(to, from, (i) => (i === to - 1 ? from - 1 : (i * (from - 1)) / (to - 1)));
  const [xs, ys] = [ends(width, image.width), ends(height, image.height)];
  const { data: source } = image;
  const data = new Float32Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const [top, bottom, fy] = [ys.first[y]! * image.width, ys.second[y]! * image.width, ys.share[y]!];
    for (let x = 0; x < width; x++) {
      const [left, right, fx] = [xs.first[x]!, xs.second[x]!, xs.share[x]!];
      for (let c = 0; c < 3; c++, to++) {
        const above = (1 - fx) * source[(top + left) * 3 + c]! + fx * source[(top + right) * 3 + c]!;
        const below = (1 - fx) * source[(bottom + left) * 3 + c]! + fx * source[(bottom + right) * 3 + c]!;
        data[to] = (1 - fy) * above + fy * below;
      }
    }
  }
  return data;
}

/** Parts of a pixel in OpenCV's arithmetic. */
const PARTS = 2048;

/**
 * OpenCV's taps of an axis: for each pixel of `to` the first and the second of `from`, and their weights in 2048ths. Beyond the edge it
 * takes one pixel along x, and the same pixel twice along y, which is rounded otherwise.
 */
export function byteTaps(to: number, from: number, along: 'x' | 'y'): Int32Array {
  const middle = (i: number) => (i + 0.5) * (from / to) - 0.5;
  const inside = (i: number) => Math.min(Math.max(middle(i), 0), from - 1);
  const { first, second, share } = placesOf(to, from, along === 'x' ? inside : middle);
  const taps = new Int32Array(4 * to);
  for (let i = 0; i < to; i++) {
    taps.set([first[i]!, second[i]!, evenly((1 - share[i]!) * PARTS), evenly(share[i]! * PARTS)], 4 * i);
  }
  return taps;
}

/**
 * OpenCV's resize (INTER_LINEAR) of bytes: pixels are areas, the window is not widened to shrink, and sums are rounded as its
 * integers are. A difference of one in 255 moves scores by a hundredth.
 */
export function stretched(image: FloatImage, { width, height }: ImageSize): Float32Array {
  const [columns, rows] = [byteTaps(width, image.width, 'x'), byteTaps(height, image.height, 'y')];
  const bytes = new Uint8Array(image.data.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(image.data[i]! * 255);
  const data = new Float32Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const [top, bottom] = [rows[4 * y]! * image.width, rows[4 * y + 1]! * image.width];
    const [b0, b1] = [rows[4 * y + 2]!, rows[4 * y + 3]!];
    for (let x = 0; x < width; x++) {
      const [left, right] = [columns[4 * x]!, columns[4 * x + 1]!];
      const [a0, a1] = [columns[4 * x + 2]!, columns[4 * x + 3]!];
      for (let c = 0; c < 3; c++, to++) {
        const above = a0 * bytes[(top + left) * 3 + c]! + a1 * bytes[(top + right) * 3 + c]!;
        const below = a0 * bytes[(bottom + left) * 3 + c]! + a1 * bytes[(bottom + right) * 3 + c]!;
        const sum = ((b0 * (above >> 4)) >> 16) + ((b1 * (below >> 4)) >> 16);
        data[to] = ((sum + 2) >> 2) / 255;
      }
    }
  }
  return data;
}
