import { expectArguments, SIZE } from '../arguments.ts';
import { type CropOptions, sampleCrop } from '../data/augment/crop.ts';
import type { Augment } from '../data/augment/parameters.ts';
import type { AugmentPreset } from '../data/augment/presets.ts';
import { cropImage, resample } from '../data/augment/resample.ts';
import type { Collate, HostTensor } from '../data/loader.ts';
import type { MattingSample } from '../data/matte.ts';
import { DataError, ShapeError, UsageError } from '../errors.ts';
import { abs, add, affine, clamp, div, mul, sigmoid, sub } from '../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits } from '../graph/functions/losses.ts';
import { sum } from '../graph/functions/reduce.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { numel } from '../shape.ts';
import { arrayOf } from './metrics.ts';
import type { Metric, Task, TensorsOf } from './task.ts';
import { WHOLE, wholeAugment } from './wholeImage.ts';

/** Images with mattes. */
export type MattingTensors = {
  /** Images [N, H, W, 3] in 0..1. */
  readonly images: HostTensor;
  /** Mattes [N, H, W, 1] in 0..1; -1 outside of the image, which counts neither in the loss nor in metrics. */
  readonly mattes: HostTensor;
};

/**
 * A model of mattes: any module from images [N, H, W, 3] to logits, [N, H, W, 1], whose sigmoid is alpha, or [N, H, W, 2], of background and
 * foreground, whose softmax is. A `UNet` with `numClasses: 2` is one; saved with one class name it is a model of `openMatting` and `fovea cutout`.
 */
export interface MattingModel extends Module {
  /** Computes the logits of images [N, H, W, 3]. */
  forward(images: Tensor): Tensor;
}

/** Options of `mattingTask`. */
export interface MattingTaskOptions {
  /** Height and width of the images in pixels. */
  readonly size: readonly [height: number, width: number];
  /**
   * How crops are varied at random in training: a list of transforms, or the name of a ready-made one (`AUGMENT_PRESETS`). A list without
   * `resize` and `randomResizedCrop` is preceded by a `resize` to the whole image. Mattes are moved and resized as their images are, and keep
   * their soft edges; what changes colours leaves them alone. Default `none`.
   */
  readonly augment?: Augment | AugmentPreset;
  /** How much the cross entropy counts beside the mean absolute error. Default 0.5. */
  readonly entropyWeight?: number;
}

/** What `mattingTask` returns: with the collate functions. */
export interface MattingTask extends Task<MattingSample, MattingModel, MattingTensors> {
  readonly collate: Collate<MattingSample, MattingTensors>;
  readonly collateValid: Collate<MattingSample, MattingTensors>;
}

/** Throws DataError for a matte of another size, or with values that are no alpha. */
function checkMatte({ name, image, matte }: MattingSample): void {
  expectArguments('mattingTask', { matte }, { matte: { ...SIZE, data: 'values' } });
  const { width, height, data } = matte;
  if (width !== image.width || height !== image.height || data.length !== width * height) {
    throw new DataError(
      `mattingTask: ${name} is ${image.width}x${image.height}, its matte ${width}x${height} with ${data.length} values; give one value per pixel of the image`,
    );
  }
  const bad = data.findIndex((alpha) => !(alpha >= 0 && alpha <= 1));
  if (bad < 0) return;
  throw new DataError(
    `mattingTask: the matte of ${name} is ${data[bad]} at (${bad % width}, ${Math.floor(bad / width)}); give numbers from 0 to 1: bytes divided by 255`,
  );
}

/** Makes batches of crops and their mattes. */
const collateOf =
  (crop: CropOptions): Collate<MattingSample, MattingTensors> =>
  (items, { random }) => {
    const [N, pixels] = [items.length, numel(crop.size)];
    const images = new Float32Array(N * pixels * 3);
    const mattes = new Float32Array(N * pixels);
    const grey = new Float32Array(pixels * 3);
    items.forEach((sample, n) => {
      checkMatte(sample);
      const { image, matte } = sample;
      const own = sampleCrop(image, crop, random.fork('crops').fork(n));
      cropImage(image, own, images.subarray(n * pixels * 3, (n + 1) * pixels * 3));
      const { width, height } = matte;
      // The resampling is that of images: of three channels.
      const data = new Float32Array(width * height * 3);
      for (let i = 0; i < data.length; i++) data[i] = matte.data[Math.floor(i / 3)]!;
      resample({ width, height, channels: 3, data }, own, grey, -1);
      for (let i = 0; i < pixels; i++) mattes[n * pixels + i] = grey[3 * i]!;
    });
    return {
      images: { data: images, shape: [N, ...crop.size, 3] },
      mattes: { data: mattes, shape: [N, ...crop.size, 1] },
    };
  };

/** The logits of alpha [N, H, W, 1]. Throws ShapeError for a model of other outputs. */
function logitsOf(model: MattingModel, images: Tensor): Tensor {
  const output = model.forward(images);
  const [N, H, W] = images.shape;
  const channels = output.shape[3];
  const fits = output.shape.length === 4 && [N, H, W].every((side, i) => output.shape[i] === side);
  if (!fits || (channels !== 1 && channels !== 2)) {
    throw new ShapeError(
      `mattingTask: the model returns [${output.shape}] for images [${images.shape}]; it is to return [${N}, ${H}, ${W}, 1], or two channels: background and foreground`,
    );
  }
  return channels === 1 ? output : sum(mul(output, tensor([-1, 1])), { dim: 3, keepdim: true });
}

/** A mean over the pixels of all batches that are inside of an image. */
const matteMetric = (measure: (difference: number) => number): Metric<MattingSample, MattingTensors> => {
  let [total, count] = [0, 0];
  return {
    mode: 'min',
    add(predictions, { mattes }) {
      const { data: found, shape } = arrayOf('mattingTask', predictions, 'alpha', 'what is predicted');
      if (found.length !== mattes.data.length) {
        throw new ShapeError(
          `mattingTask: predicted alpha [${shape}] and mattes [${mattes.shape}]; give the same shape`,
        );
      }
      for (let i = 0; i < found.length; i++) {
        if (mattes.data[i]! < 0) continue;
        total += measure(found[i]! - mattes.data[i]!);
        count++;
      }
    },
    value: () => total / count,
  };
};

/**
 * Estimating mattes: how much of each pixel is foreground, with soft edges. The loss is the mean absolute error of alpha, `l1`, and its binary cross
 * entropy with soft targets, `entropy`, -(a log p + (1 - a) log(1 - p)), times `entropyWeight`; means over the pixels of images. Predicted is `alpha`
 * [N, H, W, 1]. Metrics, over all pixels of images: `mae`, the mean absolute error of alpha, and `mse`, the mean squared error.
 *
 * To validate and predict, an image is resized as a whole to the middle of `size`, with grey borders, which do not count.
 *
 * @param options The size of the images, how they are varied, and the loss.
 * @returns The task of a Learner. Its `collate` and `collateValid` are for a `DataLoader` of your own.
 * @throws UsageError for options that cannot be used. In training: DataError for a matte of another size than its image, or with values outside
 * 0..1; ShapeError for a model that does not return one or two logits per pixel.
 */
export function mattingTask(options: MattingTaskOptions): MattingTask {
  const { size, augment, entropyWeight } = withDefaults('mattingTask', options, {
    size: options?.size,
    augment: 'none',
    entropyWeight: 0.5,
  });
  expectArguments('mattingTask', { size }, { size: 'pair' });
  if (!size.every((side) => Number.isSafeInteger(side) && side > 0)) {
    throw new UsageError(`mattingTask: size is [${size.join(', ')}]; give height and width in whole pixels`);
  }
  if (!(entropyWeight >= 0 && entropyWeight < Number.POSITIVE_INFINITY)) {
    throw new UsageError(`mattingTask: entropyWeight is ${entropyWeight}; give a number of at least 0`);
  }
  return {
    collate: collateOf({ size, augment: wholeAugment('mattingTask', augment, 'mattes') }),
    collateValid: collateOf({ size, augment: WHOLE }),
    losses: (model, batch) => matteLosses(model, batch, entropyWeight),
    predict: (model, { images }) => ({ alpha: sigmoid(logitsOf(model, images)) }),
    metrics: () => ({
      mae: matteMetric(Math.abs),
      mse: matteMetric((difference) => difference * difference),
    }),
    nameOf: ({ name }) => name,
  };
}

/** The losses of alpha, over the pixels of images. */
function matteLosses(
  model: MattingModel,
  { images, mattes }: TensorsOf<MattingTensors>,
  entropyWeight: number,
): Readonly<Record<string, Tensor>> {
  const logits = logitsOf(model, images);
  // 1 where there is an image, 0 where the matte is -1.
  const known = clamp(add(mattes, 1), 0, 1);
  const alpha = clamp(mattes, 0, 1);
  const count = clamp(sum(known), 1);
  const entropy = binaryCrossEntropyWithLogits(logits, alpha, { weight: known, reduction: 'sum' });
  const error = sum(mul(abs(sub(sigmoid(logits), alpha)), known));
  return {
    l1: div(error, count),
    ...(entropyWeight > 0 ? { entropy: affine(div(entropy, count), entropyWeight) } : {}),
  };
}
