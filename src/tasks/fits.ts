/** How images of a size are brought into the input of a network: the same on the CPU and on a GPU. */
import type { ImagePart } from '../data/image.ts';
import { shorterSideSize, shrunkSize } from '../data/resize.ts';
import type { ImageSize } from '../vision/boxes.ts';
import type { CropPreprocessing, FixedPreprocessing, Preprocessing } from './preprocessing.ts';

/** Where an image lies in a network's input: a point of the image is at scale * point + offset. */
export interface Placement {
  readonly height: number;
  readonly width: number;
  /** Pixels of the network's input per pixel of the image, along each axis. */
  readonly scaleX: number;
  readonly scaleY: number;
  /** Where the image begins, in pixels of the network's input. */
  readonly offsetX: number;
  readonly offsetY: number;
}

/** How an image is brought into a network's input. */
export interface Fit extends Placement {
  /**
   * How it is resized. `none`: not at all. `triangle`: `resizeImage`. `ends`: Darknet's resize_image, in which the first and the last
   * pixel of an axis stay at its ends. `bytes`: OpenCV's INTER_LINEAR of bytes, in its integers.
   */
  readonly filter: 'none' | 'triangle' | 'ends' | 'bytes';
  /** The size to which it is resized. */
  readonly to: ImageSize;
  /** The part of the resized image that the network sees, */
  readonly part: ImagePart;
  /** where that begins in the network's input, in whole pixels, */
  readonly left: number;
  readonly top: number;
  /** and the value of all around it. */
  readonly ground: number;
}

const GREY = 0.5;

/** A whole image of a size that fills the network's input. */
export function wholeFit(image: ImageSize, to: ImageSize, filter: Fit['filter']): Fit {
  const { width, height } = to;
  return {
    filter: width === image.width && height === image.height && filter !== 'bytes' ? 'none' : filter,
    to,
    part: { x: 0, y: 0, width, height },
    left: 0,
    top: 0,
    ground: GREY,
    width,
    height,
    scaleX: width / image.width,
    scaleY: height / image.height,
    offsetX: 0,
    offsetY: 0,
  };
}

/** The same in an input of another size. */
export const placedFit = (
  fit: Fit,
  { width, height }: ImageSize,
  { left = 0, top = 0, ground = GREY }: { left?: number; top?: number; ground?: number } = {},
): Fit => ({ ...fit, width, height, left, top, ground, offsetX: left, offsetY: top });

/** How a network prepares images of a size whose sides must be multiples of `multiple`. */
export function fitOf(image: ImageSize, preprocessing: Preprocessing, multiple: number): Fit {
  if ('size' in preprocessing) return fixedFit(image, preprocessing);
  if ('maxSide' in preprocessing) {
    // Shrunk so that no side exceeds maxSide, then padded at the right and the bottom.
    const [height, width] = shrunkSize(image, preprocessing.maxSide);
    const up = (side: number) => Math.ceil(side / multiple) * multiple;
    const whole = wholeFit(image, { width, height }, 'triangle');
    return placedFit(whole, { width: up(width), height: up(height) });
  }
  if ('minSide' in preprocessing) {
    const { minSide } = preprocessing;
    const has = Math.min(image.width, image.height) === minSide;
    return wholeFit(image, has ? image : shorterSideSize(image, minSide), 'triangle');
  }
  if ('cropSize' in preprocessing) return middleFit(image, preprocessing);
  return wholeFit(image, image, 'none');
}

/** torchvision's Resize and CenterCrop. */
function middleFit(image: ImageSize, { resizeSize, cropSize }: CropPreprocessing): Fit {
  const to = shorterSideSize(image, resizeSize);
  const [y, x] = [evenly((to.height - cropSize) / 2), evenly((to.width - cropSize) / 2)];
  const side = { width: cropSize, height: cropSize };
  return {
    ...wholeFit(image, to, 'triangle'),
    ...side,
    part: { x, y, ...side },
    offsetX: -x,
    offsetY: -y,
  };
}

function fixedFit(image: ImageSize, { size: [height, width], fit }: FixedPreprocessing): Fit {
  if (fit === 'stretch') return wholeFit(image, { width, height }, 'bytes');
  // Darknet's letterbox_image: the shorter side is cut to whole pixels, the smaller half of what is left comes first.
  const wide = width / image.width < height / image.height;
  const w = wide ? width : Math.trunc((image.width * height) / image.height);
  const h = wide ? Math.trunc((image.height * width) / image.width) : height;
  const [left, top] = [Math.trunc((width - w) / 2), Math.trunc((height - h) / 2)];
  const whole = wholeFit(image, { width: w, height: h }, 'ends');
  // Its correct_yolo_boxes takes half of an odd rest as half a pixel.
  const [offsetX, offsetY] = [(width - w) / 2, (height - h) / 2];
  return { ...placedFit(whole, { width, height }, { left, top }), offsetX, offsetY };
}

/** The nearest whole number; of two equally near ones the even one. */
export function evenly(value: number): number {
  const low = Math.floor(value);
  return value - low === 0.5 ? low + (low % 2) : Math.round(value);
}
