import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { argmax } from '../graph/functions/reduce.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { DeepLabV3 } from '../models/deeplab.ts';
import type { DetectOptions } from '../models/detection.ts';
import type { DynamicUNet } from '../models/dynamicUnet.ts';
import { FasterRCNN } from '../models/fasterRcnn.ts';
import type { FCN } from '../models/fcn.ts';
import type { FCOS } from '../models/fcos.ts';
import type { LRASPP } from '../models/lraspp.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import type { RetinaNet } from '../models/retinanet.ts';
import type { SSD } from '../models/ssd.ts';
import type { AnyDetections, MergingModel } from '../models/testTimeAugmentation.ts';
import type { UNet } from '../models/unet.ts';
import type { ViTSegmenter } from '../models/vit.ts';
import type { YOLO } from '../models/yolo.ts';
import type { AdamW } from '../nn/optimizers.ts';
import type { Results } from '../plan/step.ts';

/** A model that finds objects. */
export type DetectionModel = RetinaNet | FCOS | SSD | FasterRCNN | MaskRCNN | YOLO;
/** A model that classifies every pixel. */
export type SegmentationModel = UNet | DynamicUNet | FCN | DeepLabV3 | LRASPP | ViTSegmenter;

/** A function to capture: tensors in, named tensors out. */
export type Program<R extends Results = Results> = (...inputs: Tensor[]) => R;

/** Tells whether a model finds objects. */
export const isDetector = (model: DetectionModel | SegmentationModel): model is DetectionModel =>
  'detect' in model;

/**
 * Computes the losses of a batch, by name. Inputs: images, then for segmenters label maps; for detectors boxes, labels,
 * counts, a seed if the model needs one, masks if it finds them, and regions to ignore if there are some.
 */
function lossesOf(
  model: DetectionModel | SegmentationModel,
  [images, ...targets]: readonly Tensor[],
): Readonly<Record<string, Tensor>> {
  if (!isDetector(model)) return model.losses(images!, targets[0]!);
  const [boxes, labels, counts, ...rest] = targets as [Tensor, Tensor, Tensor, ...Tensor[]];
  const seed = model instanceof FasterRCNN ? rest.shift() : undefined;
  const masks = model instanceof MaskRCNN ? rest.shift() : undefined;
  const [ignored] = rest;
  const objects = { boxes, labels, counts, ...(ignored ? { ignored } : {}) };
  if (model instanceof MaskRCNN) return model.losses(images!, { ...objects, masks: masks! }, { seed: seed! });
  if (model instanceof FasterRCNN) return model.losses(images!, objects, { seed: seed! });
  return model.losses(images!, objects);
}

/** Makes a training step. It returns the losses and, last, the norm of their gradients: a ReLU can hide a NaN from the losses. */
export const trainingStep =
  (model: DetectionModel | SegmentationModel, optimizer: AdamW): Program<{ losses: Tensor }> =>
  (...inputs) => {
    const parts = Object.values(lossesOf(model, inputs));
    backward(parts.reduce((a, b) => add(a, b)));
    const { gradNorm } = optimizer.step();
    return {
      losses: concat(
        [...parts, gradNorm].map((value) => value.reshape([1])),
        0,
      ),
    };
  };

/**
 * Makes a program from images [N,H,W,3] to boxes, and masks if the model finds them. `alone`: there is one image, which the model
 * resizes.
 */
export const detection =
  (model: MergingModel, options: DetectOptions, alone = false): Program<AnyDetections> =>
  (images) =>
    model.detect(alone ? [images!.reshape(images!.shape.slice(1))] : images!, options);

/** Makes a program from images to the class of every pixel. */
export const segmentation =
  (model: SegmentationModel): Program<{ labels: Tensor }> =>
  (images) => ({ labels: argmax(model.forward(images!), { dim: -1 }) });
