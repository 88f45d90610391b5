import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { argmax } from '../graph/functions/reduce.ts';
import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { DetectOptions } from '../models/detection.ts';
import type { DynamicUNet } from '../models/dynamicUnet.ts';
import { FasterRCNN } from '../models/fasterRcnn.ts';
import type { FCN } from '../models/fcn.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import type { RetinaNet } from '../models/retinanet.ts';
import type { Found, MergingModel } from '../models/testTimeAugmentation.ts';
import type { UNet } from '../models/unet.ts';
import type { ViTSegmenter } from '../models/vit.ts';
import type { YOLO } from '../models/yolo.ts';
import type { AdamW } from '../nn/optimizers.ts';
import type { Results } from '../plan/gpu.ts';

export type DetectionModel = RetinaNet | FasterRCNN | MaskRCNN | YOLO;
export type SegmentationModel = UNet | DynamicUNet | FCN | ViTSegmenter;

/** What a captured function computes from its inputs. */
export type Program<R extends Results = Results> = (...inputs: Tensor[]) => R;

/** Whether a model finds objects. */
export const isDetector = (model: DetectionModel | SegmentationModel): model is DetectionModel =>
  'detect' in model;

/**
 * The losses of a batch, by name. Inputs: the images; of segmenters their label maps; of detectors boxes, labels and
 * counts, then a seed, and of those that find masks these.
 */
function lossesOf(
  model: DetectionModel | SegmentationModel,
  [images, ...targets]: readonly Tensor[],
): Readonly<Record<string, Tensor>> {
  if (!isDetector(model)) return model.losses(images!, targets[0]!);
  const [boxes, labels, counts, seed, masks] = targets as [Tensor, Tensor, Tensor, Tensor?, Tensor?];
  const objects = { boxes, labels, counts };
  if (model instanceof MaskRCNN) return model.losses(images!, { ...objects, masks: masks! }, { seed: seed! });
  if (model instanceof FasterRCNN) return model.losses(images!, objects, { seed: seed! });
  return model.losses(images!, objects);
}

/** One step of a training: the losses, and the norm of their gradients last. A ReLU can hide a NaN from the losses. */
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

/** From images to boxes, and masks where the model finds them. */
export const detection =
  (model: MergingModel, options: DetectOptions): Program<Found> =>
  (images) =>
    model.detect(images!, options);

/** From images to the class of every pixel. */
export const segmentation =
  (model: SegmentationModel): Program<{ labels: Tensor }> =>
  (images) => ({ labels: argmax(model.forward(images!), { dim: -1 }) });
