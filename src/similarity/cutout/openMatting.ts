import { expectArguments, GPU } from '../../arguments.ts';
import { shrunkSize } from '../../data/resize.ts';
import { DataError, UsageError } from '../../errors.ts';
import { mul, sigmoid } from '../../graph/functions/elementwise.ts';
import { softmax, sum } from '../../graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { isOnnx } from '../../io/otherFormats.ts';
import type { Normalization } from '../../models/preprocess.ts';
import { type OpenModelOptions, openModel } from '../../open/index.ts';
import { expectOptions } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { architectureOf } from '../../tasks/architectures.ts';
import { SizedStep } from '../../tasks/infer.ts';
import type { TrainedModel } from '../../tasks/modelFile.ts';
import { isClassifier, isDetector, type SegmentationModel } from '../../tasks/step.ts';
import type { ImageSize } from '../../vision/boxes.ts';
import { expectImage, type Matte, type RgbPixels } from './matte.ts';
import { type MattingNetwork, matteBy, type NetworkPlan } from './mattingNetwork.ts';
import type { OpenedNetwork } from './onnxMatting.ts';

/** Options of `openMatting`. */
export interface MattingOptions extends Omit<OpenModelOptions, 'weights' | 'fit' | 'normalize'> {
  /**
   * The longer side at which the network sees an image, which is never enlarged; larger than a tile, it sees the image in tiles. Default: that of
   * the model; an ONNX network sees the whole image stretched to its size.
   */
  readonly maxSide?: number;
  /** The side of tiles in pixels, for networks that take images of any size. They overlap by an eighth. Default 1024. */
  readonly tile?: number;
  /** The classes that are foreground. Default: all but the background. Not for ONNX networks. */
  readonly classes?: readonly string[];
  /**
   * How an ONNX network's images are normalised: `imagenet`, as U2-Net's; `isnet`, minus 0.5; `none`; or a mean and deviation. Default: `isnet` for
   * images of 1024 pixels or more, else `imagenet`; `none` for networks that Fovea exported.
   */
  readonly normalize?: 'imagenet' | 'isnet' | 'none' | Normalization;
}

/** A matting network of a file. */
export interface OpenedMatting extends MattingNetwork {
  /** What it is and how images are prepared for it, in one line. */
  readonly description: string;
  /** Frees device buffers. */
  dispose(): void;
}

/** The alpha of images: the probability of the classes that are foreground. One logit is a network's own. */
function alphaOf(model: SegmentationModel, foreground: readonly number[]): (images: Tensor) => Tensor {
  const weights = Float32Array.from(foreground);
  return (images) => {
    const logits = model.forward(images);
    if (logits.shape.at(-1) === 1) return sigmoid(logits);
    return sum(mul(softmax(logits), tensor(weights)), { dim: -1 });
  };
}

/** Opens one of Fovea's segmenters. */
function openOwn(
  gpu: Gpu,
  { name, model, classNames, preprocessing }: TrainedModel,
  file: string,
  { maxSide, tile = 1024, classes }: MattingOptions,
): OpenedNetwork {
  if (isDetector(model) || isClassifier(model)) {
    throw new DataError(
      `${file}: ${name} ${isDetector(model) ? 'finds objects, and' : 'classifies images, and'} has no matte of their pixels; give a segmentation model`,
    );
  }
  const unknown = classes?.find((wanted) => !classNames.includes(wanted));
  if (unknown !== undefined) {
    throw new UsageError(`${file}: has no class ${unknown}; there are ${classNames.join(', ')}`);
  }
  // Class 0 is the background.
  const foreground = [0, ...classNames.map((label) => ((classes?.includes(label) ?? true) ? 1 : 0))];
  const alpha = alphaOf(model, foreground);
  const step = new SizedStep(() => gpu.capture((images: Tensor) => ({ alpha: alpha(images) })));
  const multiple = architectureOf(name).sizeMultiple(model.config);
  const whole = (side: number) => Math.ceil(side / multiple) * multiple;
  const largest = Math.max(Math.floor(tile / multiple), 1) * multiple;
  const sizeOf = (image: ImageSize): ImageSize => {
    const { width, height } = image;
    if (maxSide === undefined && 'minSide' in preprocessing) {
      const scale = preprocessing.minSide / Math.min(width, height);
      return { width: Math.round(width * scale), height: Math.round(height * scale) };
    }
    const most = maxSide ?? ('maxSide' in preprocessing ? preprocessing.maxSide : Infinity);
    const [h, w] = shrunkSize(image, most);
    return { width: w, height: h };
  };
  const how =
    maxSide !== undefined
      ? `up to ${maxSide} pixels long`
      : 'maxSide' in preprocessing
        ? `up to ${preprocessing.maxSide} pixels long`
        : 'minSide' in preprocessing
          ? `with the shorter side of ${preprocessing.minSide}`
          : 'of their own size';
  return {
    description: `${name}, foreground ${classes?.join(', ') ?? classNames.join(', ')}; images ${how}`,
    plan: {
      sizeOf,
      tileOf: ({ width, height }) => [Math.min(whole(height), largest), Math.min(whole(width), largest)],
      overlap: 1 / 8,
      asRembg: false,
      stretched: false,
      async run(data, { width, height }) {
        const run = await step.run({ data, width, height });
        return (await run.alpha.data()) as Float32Array;
      },
    },
    dispose: () => step.dispose(),
  };
}

/** A `MattingNetwork` by its plan. */
function networkOf({ description, plan, dispose }: OpenedNetwork): OpenedMatting {
  return {
    description,
    matte(image: RgbPixels): Promise<Matte> {
      expectImage('matte', 'image', image);
      return matteBy(plan as NetworkPlan, image);
    },
    dispose,
  };
}

/**
 * Opens a network that tells foreground from background, told by the content of its file:
 *
 * - a segmenter of Fovea (`fovea train --task segment`, `mattingTask`) or torchvision: alpha is the probability of its classes but the
 *   background;
 * - an ONNX network such as U2-Net or IS-Net, run as rembg does: the image is stretched to its size by Pillow's Lanczos filter,
 *   divided by its largest value and normalised; of its outputs the first counts, [1,1,H,W], stretched so that the least score becomes 0 and the
 *   largest 1, and resized by the Lanczos filter. Of an output with several classes, [1,K,H,W], alpha is the probability of all but the first.
 *
 * @param gpu Where it runs.
 * @param bytes The file.
 * @param options Its name, the size of images and tiles, and how images are normalised.
 * @throws UsageError for options that cannot be used; DataError for files that cannot be read, or have no map of the image.
 */
export async function openMatting(
  gpu: Gpu,
  bytes: Uint8Array,
  options: MattingOptions = {},
): Promise<OpenedMatting> {
  const call = 'openMatting';
  expectArguments(call, { gpu, bytes }, { gpu: GPU, bytes: 'bytes' });
  expectOptions(call, options, [
    'name',
    'names',
    'arch',
    'externalData',
    'maxSide',
    'tile',
    'classes',
    'normalize',
  ]);
  const { name = 'model', maxSide, tile, classes, normalize, ...open } = options;
  for (const [option, value, least] of [
    ['maxSide', maxSide, 1],
    ['tile', tile, 32],
  ] as const) {
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue;
    throw new UsageError(
      `${call}: ${option} is ${value}; give a whole number of pixels of at least ${least}`,
    );
  }
  if (classes !== undefined) expectArguments(call, { classes }, { classes: ['text'] });
  if (isOnnx(bytes)) {
    const stray = Object.entries({ tile, classes }).find(([, value]) => value !== undefined);
    if (stray) throw new UsageError(`${call}: ${stray[0]} is not for ONNX networks; leave it out`);
    checkNormalize(normalize);
    const { openOnnxMatting } = await import('./onnxMatting.ts');
    return networkOf(openOnnxMatting(gpu, bytes, name, options));
  }
  if (normalize !== undefined) {
    throw new UsageError(`${call}: normalize is for ONNX networks; leave it out`);
  }
  const { trained } = await openModel(bytes, { name, ...open });
  return networkOf(openOwn(gpu, trained!, name, options));
}

function checkNormalize(normalize: MattingOptions['normalize']): void {
  if (normalize === undefined || ['imagenet', 'isnet', 'none'].includes(normalize as string)) return;
  if (typeof normalize === 'string') {
    throw new UsageError(
      `openMatting: normalize is ${JSON.stringify(normalize)}; choose imagenet, isnet, none`,
    );
  }
  const three = { mean: 'values', std: 'values' } as const;
  expectArguments('openMatting', { normalize }, { normalize: three });
  const { mean, std } = normalize;
  if (mean.length === 3 && std.length === 3 && std.every((value) => value > 0)) return;
  throw new UsageError('openMatting: normalize: give three means, and three deviations above 0');
}
