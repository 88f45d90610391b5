import { shrunkSize } from '../../data/resize.ts';
import { DataError, UsageError } from '../../errors.ts';
import { mul, sigmoid } from '../../graph/functions/elementwise.ts';
import { softmax, sum } from '../../graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { architectureOf } from '../../tasks/architectures.ts';
import type { TrainedModel } from '../../tasks/modelFile.ts';
import { SizedStep } from '../../tasks/networkInput.ts';
import { isClassifier, isDetector, type SegmentationModel } from '../../tasks/step.ts';
import type { ImageSize } from '../../vision/boxes.ts';
import type { OpenedNetwork } from './mattingNetwork.ts';
import type { MattingOptions } from './mattingOptions.ts';

/** To how many times its usual shorter side the longer side of an image is enlarged at most. */
const LONGEST = 8;

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
export function openOwnMatting(
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
  const step = new SizedStep(gpu, (images: Tensor) => ({ alpha: alpha(images) }));
  const multiple = architectureOf(name).sizeMultiple(model.config);
  const whole = (side: number) => Math.ceil(side / multiple) * multiple;
  const largest = Math.max(Math.floor(tile / multiple), 1) * multiple;
  const sizeOf = (image: ImageSize): ImageSize => {
    const { width, height } = image;
    if (maxSide === undefined && 'minSide' in preprocessing) {
      const { minSide } = preprocessing;
      // A long and narrow image, or box of one, would become as many tiles as it has pixels.
      const most = Math.max(1, (LONGEST * minSide) / Math.max(width, height));
      const scale = Math.min(minSide / Math.min(width, height), most);
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
    description: `${name}, of which ${(classes ?? classNames).join(', ')} ${(classes ?? classNames).length === 1 ? 'is' : 'are'} kept; images ${how}`,
    plan: {
      sizeOf,
      tileOf: ({ width, height }) => [Math.min(whole(height), largest), Math.min(whole(width), largest)],
      overlap: 1 / 8,
      asRembg: false,
      stretched: false,
      async run(data, { width, height }) {
        const run = await step.run({ tensor: tensor(data, [1, height, width, 3]) });
        return (await run.alpha.data()) as Float32Array;
      },
    },
    dispose: () => step.dispose(),
  };
}
