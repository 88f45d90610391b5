import { expectArguments } from '../arguments.ts';
import { type CropOptions, sampleCrop } from '../data/augment/crop.ts';
import type { Augment } from '../data/augment/parameters.ts';
import { cropPoints } from '../data/augment/points.ts';
import type { AugmentPreset } from '../data/augment/presets.ts';
import { cropImage } from '../data/augment/resample.ts';
import { checkPointNames, type PointsSample } from '../data/keypoints.ts';
import type { Collate, HostTensor } from '../data/loader.ts';
import { DataError, ShapeError, UsageError } from '../errors.ts';
import { add, affine, clamp, div, mul } from '../graph/functions/elementwise.ts';
import { smoothL1Loss } from '../graph/functions/losses.ts';
import { sum } from '../graph/functions/reduce.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { numel } from '../shape.ts';
import { arrayOf } from './metrics.ts';
import type { Metric, Task, TensorsOf } from './task.ts';
import { WHOLE, wholeAugment } from './wholeImage.ts';

/** Images with points. */
export type PointsTensors = {
  /** Images [N, H, W, 3] in 0..1. */
  readonly images: HostTensor;
  /** Points [N, P, 2]: x and y in pixels of the images; (0, 0) where they are not visible. */
  readonly points: HostTensor;
  /** Whether each point is visible [N, P]: 1 or 0. Those that are not count neither in the loss nor in metrics. */
  readonly visible: HostTensor;
};

/**
 * A model of points: any module from images [N, H, W, 3] to [N, 2P], x and y of each point in turns, from -1 at the left or upper edge of the
 * image to 1 at the right or lower one. A new model, whose outputs are near 0, begins in the middle.
 */
export interface PointsModel extends Module {
  /** Computes the outputs [N, 2P] of images [N, H, W, 3]. */
  forward(images: Tensor): Tensor;
}

/** Options of `pointsTask`. */
export interface PointsTaskOptions {
  /** The names of the P points, in the order in which samples have them. */
  readonly pointNames: readonly string[];
  /** Height and width of the images in pixels. */
  readonly size: readonly [height: number, width: number];
  /**
   * How crops are varied at random in training: a list of transforms, or the name of a ready-made one (`AUGMENT_PRESETS`). A list without
   * `resize` and `randomResizedCrop` is preceded by a `resize` to the whole image. Points that leave the crop become invisible. Default `none`.
   */
  readonly augment?: Augment | AugmentPreset;
  /** The number of each point's counterpart on the other side, which changes places with it in mirrored crops: see `cropPoints`. Default: none do. */
  readonly flipIndices?: readonly number[];
  /** Where the smooth L1 loss becomes linear, in halves of the image's sides, as the outputs of the model are. Default 1, as PyTorch's. */
  readonly beta?: number;
  /** A point counts as correct in `pck` within this share of the image's longer side. Default 0.1. */
  readonly pckThreshold?: number;
}

/** What `pointsTask` returns: with the collate functions. */
export interface PointsTask extends Task<PointsSample, PointsModel, PointsTensors> {
  readonly collate: Collate<PointsSample, PointsTensors>;
  readonly collateValid: Collate<PointsSample, PointsTensors>;
}

/** Throws UsageError for numbers that are not each point's once. */
function checkFlipIndices(flipIndices: readonly number[], P: number): void {
  expectArguments('pointsTask', { flipIndices }, { flipIndices: ['number'] });
  const sorted = [...flipIndices].sort((a, b) => a - b);
  if (sorted.length === P && sorted.every((index, i) => index === i)) return;
  throw new UsageError(
    `pointsTask: flipIndices is [${flipIndices.join(', ')}]; give each of the numbers 0 to ${P - 1} once, for ${P} pointNames`,
  );
}

/** Throws DataError for a sample without points, or with more or fewer than there are names. */
function checkPoints({ name, points }: PointsSample, names: readonly string[]): void {
  const listed = names.join(', ');
  if (points.length === 0) {
    throw new DataError(`pointsTask: ${name} has no points; give ${listed}, or leave out the image`);
  }
  if (points.length !== names.length) {
    throw new DataError(
      `pointsTask: ${name} has ${points.length} points, there are ${names.length} pointNames (${listed}); give one point per name, with visibility 0 where it is not labelled`,
    );
  }
  const bad = points.findIndex(
    ([x, y, visible]) => !(visible >= 0) || (visible > 0 && !(Number.isFinite(x) && Number.isFinite(y))),
  );
  if (bad >= 0) {
    throw new DataError(
      `pointsTask: ${name}: ${names[bad]} is [${points[bad]!.join(', ')}]; give x, y and visibility`,
    );
  }
}

/** Makes batches of crops and their points. */
const collateOf =
  (
    crop: CropOptions,
    names: readonly string[],
    flipIndices: readonly number[] | undefined,
  ): Collate<PointsSample, PointsTensors> =>
  (items, { random }) => {
    const [N, P, pixels] = [items.length, names.length, numel(crop.size) * 3];
    const images = new Float32Array(N * pixels);
    const points = new Float32Array(N * P * 2);
    const visible = new Float32Array(N * P);
    items.forEach((sample, n) => {
      checkPoints(sample, names);
      const { image, region } = sample;
      const options = region ? { ...crop, region } : crop;
      const own = sampleCrop(image, options, random.fork('crops').fork(n));
      cropImage(image, own, images.subarray(n * pixels, (n + 1) * pixels));
      cropPoints(sample.points, own, flipIndices ? { flipIndices } : {}).forEach(([x, y, isSeen], p) => {
        if (isSeen <= 0) return;
        points.set([x, y], 2 * (n * P + p));
        visible[n * P + p] = 1;
      });
    });
    return {
      images: { data: images, shape: [N, ...crop.size, 3] },
      points: { data: points, shape: [N, P, 2] },
      visible: { data: visible, shape: [N, P] },
    };
  };

/** What a model says of images, [N, P, 2]. Throws ShapeError for a model of other outputs. */
function outputsOf(model: PointsModel, images: Tensor, P: number): Tensor {
  const output = model.forward(images);
  const [N = 0] = images.shape;
  if (numel(output.shape) !== N * P * 2 || output.shape[0] !== N) {
    throw new ShapeError(
      `pointsTask: the model returns [${output.shape}] for ${N} images; for ${P} points it is to return [${N}, ${2 * P}]`,
    );
  }
  return output.reshape([N, P, 2]);
}

/** A mean over the visible points of all batches, of their distances from the predicted ones. */
const pointsMetric = (
  mode: 'max' | 'min',
  measure: (distance: number, size: readonly [height: number, width: number]) => number,
): Metric<PointsSample, PointsTensors> => {
  let [total, count] = [0, 0];
  return {
    mode,
    add(predictions, { images, points, visible }) {
      const { data: found, shape } = arrayOf('pointsTask', predictions, 'points', 'what is predicted');
      if (found.length !== points.data.length) {
        throw new ShapeError(
          `pointsTask: predicted points [${shape}] and points [${points.shape}]; give the same shape`,
        );
      }
      const [, H = 0, W = 0] = images.shape;
      visible.data.forEach((isSeen, i) => {
        if (isSeen === 0) return;
        const [dx, dy] = [2 * i, 2 * i + 1].map((at) => found[at]! - points.data[at]!);
        total += measure(Math.hypot(dx!, dy!), [H, W]);
        count++;
      });
    },
    value: () => total / count,
  };
};

/**
 * Finding P points in images: the smooth L1 loss of the visible ones (PyTorch's, the mean over their coordinates; 0 without any), in the units of
 * the model's outputs. Predicted are `points` [N, P, 2] in pixels. Metrics, over all visible points: `mean_distance` in pixels of the resized
 * images, and `pck`, the percentage of correct keypoints as a share 0..1: those at most `pckThreshold` times the longer side of the image away (PCK@0.1;
 * Yang and Ramanan 2013, whose length is the longer side of the person's box).
 *
 * To validate and predict, an image is resized as a whole to the middle of `size`, with grey borders.
 *
 * @param options The points, the size of the images, and how they are varied.
 * @returns The task of a Learner. Its `collate` and `collateValid` are for a `DataLoader` of your own.
 * @throws UsageError for options that cannot be used. In training: DataError for a sample without points, or of another number of
 * points than there are names; ShapeError for a model that does not return [N, 2P].
 */
export function pointsTask(options: PointsTaskOptions): PointsTask {
  const { pointNames, size, augment, flipIndices, beta, pckThreshold } = withDefaults('pointsTask', options, {
    pointNames: options?.pointNames,
    size: options?.size,
    augment: 'none',
    flipIndices: undefined,
    beta: 1,
    pckThreshold: 0.1,
  });
  checkPointNames('pointsTask', pointNames);
  expectArguments('pointsTask', { size }, { size: 'pair' });
  if (!size.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw new UsageError(`pointsTask: size is [${size.join(', ')}]; give height and width in whole pixels`);
  }
  for (const [name, value] of Object.entries({ beta, pckThreshold })) {
    if (value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`pointsTask: ${name} is ${value}; give a number of at least 0`);
  }
  const P = pointNames.length;
  if (flipIndices) checkFlipIndices(flipIndices, P);
  return {
    collate: collateOf(
      { size, augment: wholeAugment('pointsTask', augment, 'points') },
      pointNames,
      flipIndices,
    ),
    collateValid: collateOf({ size, augment: WHOLE }, pointNames, flipIndices),
    losses: (model, batch) => ({ points: pointsLoss(model, batch, { P, beta }) }),
    predict(model, { images }) {
      const [, H = 0, W = 0] = images.shape;
      return { points: mul(affine(outputsOf(model, images, P), 0.5, 0.5), tensor([W, H])) };
    },
    metrics: () => ({
      mean_distance: pointsMetric('min', (distance) => distance),
      pck: pointsMetric('max', (distance, sides) => Number(distance <= pckThreshold * Math.max(...sides))),
    }),
    nameOf: ({ name }) => name,
  };
}

/** The smooth L1 loss of visible points. */
function pointsLoss(
  model: PointsModel,
  { images, points, visible }: TensorsOf<PointsTensors>,
  { P, beta }: { readonly P: number; readonly beta: number },
): Tensor {
  const outputs = outputsOf(model, images, P);
  const [N = 0, H = 0, W = 0] = images.shape;
  const targets = add(mul(points, tensor([2 / W, 2 / H])), -1);
  const each = smoothL1Loss(outputs, targets, { beta, reduction: 'none' });
  const seen = visible.reshape([N, P, 1]);
  // There are no fractions of points: below one, there is none, and the sum is 0.
  return div(sum(mul(each, seen)), clamp(affine(sum(seen), 2), 1));
}
