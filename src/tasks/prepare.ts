import { type FloatImage, type ImagePart, resizeImage, resizePart } from '../data/image.ts';
import { resizeShorterSide, shorterSideSize, shrunkSize } from '../data/resize.ts';
import type { ImageSize } from '../vision/boxes.ts';
import type { CropPreprocessing, FixedPreprocessing, Preprocessing } from './preprocessing.ts';

/** An image as the network takes it: a point of the image is at scale * point + offset. */
export interface Prepared {
  /** Values in 0..1 [height, width, 3]. */
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Pixels of the network's input per pixel of the image, along each axis. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Where the image begins, in pixels of the network's input. */
  readonly offsetX: number;
  readonly offsetY: number;
}

const GREY = 0.5;

/** Reads a map of the network's input at the centre of each pixel of the image. */
export function mapToImage<T extends { [index: number]: number }>(
  map: ArrayLike<number>,
  { width, height, scaleX, scaleY, offsetX, offsetY }: Prepared,
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
export function prepareImage(image: FloatImage, preprocessing: Preprocessing, multiple: number): Prepared {
  if ('size' in preprocessing) return fixedImage(image, preprocessing);
  if ('maxSide' in preprocessing) return shrunkImage(image, preprocessing.maxSide, multiple);
  if ('minSide' in preprocessing) return shorterImage(image, preprocessing.minSide);
  if ('cropSize' in preprocessing) return middleOf(image, preprocessing);
  const { data, height, width } = image;
  return { data, height, width, scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };
}

/** An image with a shorter side of a length: see `resizeShorterSide`. */
function shorterImage(image: FloatImage, minSide: number): Prepared {
  const { data, height, width } = resizeShorterSide(image, minSide);
  const [scaleX, scaleY] = [width / image.width, height / image.height];
  return { data, height, width, scaleX, scaleY, offsetX: 0, offsetY: 0 };
}

/** torchvision's Resize and CenterCrop. Of the resized image no more is computed than the middle: a long one may have any size. */
function middleOf(image: FloatImage, { resizeSize, cropSize }: CropPreprocessing): Prepared {
  const whole = shorterSideSize(image, resizeSize);
  const [top, left] = [evenly((whole.height - cropSize) / 2), evenly((whole.width - cropSize) / 2)];
  const middle = { x: left, y: top, width: cropSize, height: cropSize };
  const isThere = whole.width === image.width && whole.height === image.height;
  const { data } = isThere ? cropPart(image, middle) : resizePart(image, whole, middle);
  const [scaleX, scaleY] = [whole.width / image.width, whole.height / image.height];
  return { data, height: cropSize, width: cropSize, scaleX, scaleY, offsetX: -left, offsetY: -top };
}

/** A part of an image. */
function cropPart(image: FloatImage, { x, y, width, height }: ImagePart): Pick<FloatImage, 'data'> {
  const data = new Float32Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((y + row) * image.width + x) * 3;
    data.set(image.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { data };
}

/** Shrinks so that no side exceeds maxSide, then pads at the right and the bottom. */
function shrunkImage(image: FloatImage, maxSide: number, multiple: number): Prepared {
  const [h, w] = shrunkSize(image, maxSide);
  const small = w < image.width || h < image.height ? resizeImage(image, [h, w]) : image;
  const [height, width] = [h, w].map((side) => Math.ceil(side / multiple) * multiple) as [number, number];
  const data = new Float32Array(height * width * 3).fill(GREY);
  for (let y = 0; y < h; y++) data.set(small.data.subarray(y * w * 3, (y + 1) * w * 3), y * width * 3);
  const [scaleX, scaleY] = [w / image.width, h / image.height];
  return { data, height, width, scaleX, scaleY, offsetX: 0, offsetY: 0 };
}

function fixedImage(image: FloatImage, { size: [height, width], fit }: FixedPreprocessing): Prepared {
  if (fit === 'stretch') {
    const [scaleX, scaleY] = [width / image.width, height / image.height];
    return {
      data: stretched(image, { width, height }),
      height,
      width,
      scaleX,
      scaleY,
      offsetX: 0,
      offsetY: 0,
    };
  }
  // Darknet's letterbox_image: the shorter side is cut to whole pixels, the smaller half of what is left comes first.
  const wide = width / image.width < height / image.height;
  const w = wide ? width : Math.trunc((image.width * height) / image.height);
  const h = wide ? Math.trunc((image.height * width) / image.width) : height;
  const small = resampled(image, { width: w, height: h });
  const data = new Float32Array(height * width * 3).fill(GREY);
  const [left, top] = [Math.trunc((width - w) / 2), Math.trunc((height - h) / 2)];
  for (let y = 0; y < h; y++) {
    data.set(small.subarray(y * w * 3, (y + 1) * w * 3), ((y + top) * width + left) * 3);
  }
  // Its correct_yolo_boxes takes half of an odd rest as half a pixel.
  const [offsetX, offsetY] = [(width - w) / 2, (height - h) / 2];
  return { data, height, width, scaleX: w / image.width, scaleY: h / image.height, offsetX, offsetY };
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
 * OpenCV's resize (INTER_LINEAR) of bytes: pixels are areas, the window is not widened to shrink, and sums are rounded as its
 * integers are. A difference of one in 255 moves scores by a hundredth.
 */
export function stretched(image: FloatImage, { width, height }: ImageSize): Float32Array {
  const middle = (to: number, from: number) => (i: number) => (i + 0.5) * (from / to) - 0.5;
  const inside = (place: (i: number) => number, last: number) => (i: number) =>
    Math.min(Math.max(place(i), 0), last);
  // Beyond the edge OpenCV takes one pixel along x, and the same pixel twice along y, which is rounded otherwise.
  const xs = placesOf(width, image.width, inside(middle(width, image.width), image.width - 1));
  const ys = placesOf(height, image.height, middle(height, image.height));
  const bytes = Uint8Array.from(image.data, (value) => Math.round(value * 255));
  const rounded = (share: number): [number, number] => [evenly((1 - share) * PARTS), evenly(share * PARTS)];
  const data = new Float32Array(width * height * 3);
  for (let y = 0, to = 0; y < height; y++) {
    const [top, bottom] = [ys.first[y]! * image.width, ys.second[y]! * image.width];
    const [b0, b1] = rounded(ys.share[y]!);
    for (let x = 0; x < width; x++) {
      const [left, right] = [xs.first[x]!, xs.second[x]!];
      const [a0, a1] = rounded(xs.share[x]!);
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

/** The nearest whole number; of two equally near ones the even one. */
function evenly(value: number): number {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}
