import { ShapeError } from '../errors.ts';
import { interpolate } from '../graph/functions/conv.ts';
import { mul } from '../graph/functions/elementwise.ts';
import { concat, pad, slice } from '../graph/functions/shape.ts';
import { full, type Tensor, tensor } from '../graph/tensor.ts';
import { formatShape } from '../shape.ts';
import { type Normalization, normalizeImages } from './preprocess.ts';

/** The objects of a batch, padded to G per image. */
export interface DetectionTargets {
  /** f32 [N,G,4]: x1, y1, x2, y2 in pixels of the given images. */
  readonly boxes: Tensor;
  /** i32 [N,G]: 0 to numClasses - 1. */
  readonly labels: Tensor;
  /** i32 [N]: how many objects each image has, at most G. Entries from there on are ignored. */
  readonly counts: Tensor;
  /**
   * f32 [N,K,4]: regions that are neither object nor background, such as crowds. What lies in one of them by more than half of its
   * area is not taught to be background. Rows without area ignore nothing. Default: none.
   */
  readonly ignored?: Tensor;
}

/** The best detections of each image, best first, padded to D = maxDetections per image; entries from count on are zeros. */
export type Detections = {
  /** f32 [N,D,4]: x1, y1, x2, y2 in pixels of the given images. */
  readonly boxes: Tensor;
  /** f32 [N,D], in 0..1. */
  readonly scores: Tensor;
  /** i32 [N,D]: 0 to numClasses - 1. */
  readonly labels: Tensor;
  /** i32 [N]: how many detections each image has. */
  readonly count: Tensor;
};

/** Options of `detect`; the defaults depend on the model. */
export interface DetectOptions {
  /** Detections with this score or less are left out. */
  readonly scoreThreshold?: number;
  /** NMS: the lower-scoring of two boxes of one class is left out where their IoU is above this. */
  readonly iouThreshold?: number;
  /** The largest number of detections per image. */
  readonly maxDetections?: number;
  /** How many of the best candidates go into NMS: per level of the pyramid, or of YOLO in all. */
  readonly candidates?: number;
  /** How images in an array are resized. Default: the model's `config.resize`. */
  readonly resize?: ResizeConfig;
}

/** How images of any size are resized for a batch (torchvision's GeneralizedRCNNTransform). */
export interface ResizeConfig {
  /** The length of the shorter side, in pixels. Default 800. */
  readonly minSize: number;
  /**
   * The longest that the longer side may become, in pixels; an image that would exceed it is shrunk further. Default
   * 1333.
   */
  readonly maxSize: number;
}

export const DEFAULT_RESIZE: ResizeConfig = { minSize: 800, maxSize: 1333 };

type Size = readonly [height: number, width: number];

/** Images as a network takes them, and their sizes. */
export interface ImageBatch {
  /** [N,H,W,3], normalised, padded with zeros. */
  readonly images: Tensor;
  /** The size of each image in the batch, without its padding. */
  readonly sizes: readonly Size[];
  /** The size of each image as it was given. */
  readonly originals: readonly Size[];
}

/**
 * The size of an image whose shorter side becomes minSize, in float32 as torchvision computes it: PyTorch divides a number by
 * a tensor as the number times the tensor's reciprocal, which decides between two pixels.
 */
export function resizedSize([height, width]: Size, { minSize, maxSize }: ResizeConfig): Size {
  const quotient = (size: number, side: number) => Math.fround(Math.fround(1 / side) * size);
  const scale = Math.min(
    quotient(minSize, Math.min(height, width)),
    quotient(maxSize, Math.max(height, width)),
  );
  return [Math.floor(height * scale), Math.floor(width * scale)];
}

/** Pads [n,h,w,c] with zeros below and to the right. */
const padTo = (x: Tensor, [height, width]: Size): Tensor =>
  pad(x, [
    [0, 0],
    [0, height - x.shape[1]!],
    [0, width - x.shape[2]!],
    [0, 0],
  ]);

/** The size that all images of a batch fit in: multiples of 32. */
const commonSize = (sizes: readonly Size[]): Size => {
  const most = (axis: 0 | 1) => Math.ceil(Math.max(...sizes.map((size) => size[axis])) / 32) * 32;
  return [most(0), most(1)];
};

/**
 * Makes a batch of images in 0..1. With `resize.size`, images in an array all get that size. A tensor [N,H,W,3] is normalised only; images [H,W,3] of any sizes in an array are
 * normalised, resized bilinearly and padded to one size, as torchvision does. Throws ShapeError, which begins with `op`, for
 * anything else.
 */
export function imageBatch(
  op: string,
  images: Tensor | readonly Tensor[],
  {
    normalization,
    resize,
  }: { readonly normalization: Normalization; readonly resize: ResizeConfig | { readonly size: Size } },
): ImageBatch {
  if (!Array.isArray(images)) {
    const { shape } = images as Tensor;
    if (shape.length !== 4 || shape[3] !== 3) {
      throw new ShapeError(
        `${op}: images ${formatShape(shape)} must be [N,H,W,3], or [H,W,3] each in an array`,
      );
    }
    const sizes = new Array<Size>(shape[0]!).fill([shape[1]!, shape[2]!]);
    return { images: normalizeImages(images as Tensor, normalization), sizes, originals: sizes };
  }
  const list = images as readonly Tensor[];
  if (list.length === 0) throw new ShapeError(`${op}: an empty array of images; give at least one`);
  const originals = list.map(({ shape }, i): Size => {
    if (shape.length !== 3 || shape[2] !== 3) {
      throw new ShapeError(`${op}: image ${i} ${formatShape(shape)} must be [H,W,3]`);
    }
    return [shape[0]!, shape[1]!];
  });
  const sizes = originals.map((size) => ('size' in resize ? resize.size : resizedSize(size, resize)));
  const common = 'size' in resize ? resize.size : commonSize(sizes);
  const one = (image: Tensor, i: number) => {
    const normal = normalizeImages(image.reshape([1, ...image.shape]), normalization);
    return padTo(interpolate(normal, { size: [...sizes[i]!], mode: 'bilinear' }), common);
  };
  return { images: concat(list.map(one), 0), sizes, originals };
}

/** (w, h, w, h) of each size: [N,1,4]. */
export const limitsOf = (sizes: readonly Size[]): Tensor =>
  tensor(
    sizes.flatMap(([h, w]) => [w, h, w, h]),
    [sizes.length, 1, 4],
  );

/** The factors [N,1,4] that take boxes from one size of each image to another. Undefined where the sizes are the same. */
function ratios(from: readonly Size[], to: readonly Size[]): Tensor | undefined {
  if (from === to) return undefined;
  const f = Math.fround;
  const values = from.flatMap(([h, w], i) => {
    const [y, x] = [f(to[i]![0] / h), f(to[i]![1] / w)];
    return [x, y, x, y];
  });
  return tensor(values, [from.length, 1, 4]);
}

/** Converts boxes [N,G,4] from pixels of the given images to the network's. */
export function toNetwork(boxes: Tensor, { sizes, originals }: ImageBatch): Tensor {
  const ratio = ratios(originals, sizes);
  return ratio ? mul(boxes, ratio) : boxes;
}

/** Converts boxes [N,D,4] from the network's pixels to those of the given images. */
export function toImages(boxes: Tensor, { sizes, originals }: ImageBatch): Tensor {
  const ratio = ratios(sizes, originals);
  return ratio ? mul(boxes, ratio) : boxes;
}

/** (x, y, 1) of the factors of boxes: [N,1,1,3]. */
const ofPoints = (ratio: Tensor): Tensor =>
  concat([slice(ratio, [[], [], [0, 2]]), full([ratio.shape[0]!, 1, 1], 1)], 2).reshape([-1, 1, 1, 3]);

/** Converts points [N,G,K,3], x and y and a number, from pixels of the given images to the network's. */
export function pointsToNetwork(points: Tensor, { sizes, originals }: ImageBatch): Tensor {
  const ratio = ratios(originals, sizes);
  return ratio ? mul(points, ofPoints(ratio)) : points;
}

/** Converts points [N,D,K,3], x and y and a number, from the network's pixels to those of the given images. */
export function pointsToImages(points: Tensor, { sizes, originals }: ImageBatch): Tensor {
  const ratio = ratios(sizes, originals);
  return ratio ? mul(points, ofPoints(ratio)) : points;
}

/**
 * Converts masks of the given images to the network's size. [N,G,H,W] stay as they are; of images in an array, one [G,h,w]
 * each, they are resized by nearest neighbours and padded, as torchvision does. G must be the same for all.
 */
export function masksToNetwork(
  op: string,
  masks: Tensor | readonly Tensor[],
  { images, sizes, originals }: ImageBatch,
  count: number,
): Tensor {
  const [N, H, W] = images.shape as [number, number, number];
  const wanted = `[${count},h,w], as large as the image`;
  if (!Array.isArray(masks)) {
    const whole = masks as Tensor;
    if (formatShape(whole.shape) !== formatShape([N, count, H, W])) {
      throw new ShapeError(
        `${op}: masks ${formatShape(whole.shape)} must be ${formatShape([N, count, H, W])}, one for each box; for images in an array give ${wanted} each`,
      );
    }
    return whole;
  }
  if (masks.length !== N)
    throw new ShapeError(`${op}: ${masks.length} masks for ${N} images; give ${wanted} each`);
  const one = (mask: Tensor, i: number) => {
    const [h, w] = originals[i]!;
    if (formatShape(mask.shape) !== formatShape([count, h, w])) {
      throw new ShapeError(
        `${op}: masks ${i} ${formatShape(mask.shape)} must be ${formatShape([count, h, w])}`,
      );
    }
    const resized = interpolate(mask.reshape([count, h, w, 1]), { size: [...sizes[i]!], mode: 'nearest' });
    return padTo(resized, [H, W]).reshape([1, count, H, W]);
  };
  return concat((masks as readonly Tensor[]).map(one), 0);
}
