import { DataError } from '../errors.ts';
import { argmax, softmax } from '../graph/functions/reduce.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { CifarResNet } from '../models/cifarResnet.ts';
import type { DeepLabV3 } from '../models/deeplab.ts';
import type { DetectOptions } from '../models/detection.ts';
import type { DynamicUNet } from '../models/dynamicUnet.ts';
import { FasterRCNN } from '../models/fasterRcnn.ts';
import type { FCN } from '../models/fcn.ts';
import type { FCOS } from '../models/fcos.ts';
import type { LRASPP } from '../models/lraspp.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import { PanopticFPN } from '../models/panopticFpn.ts';
import type { RetinaNet } from '../models/retinanet.ts';
import type { SegmentationLossOptions } from '../models/segmentation.ts';
import type { SSD } from '../models/ssd.ts';
import type { AnyDetections, MergingModel } from '../models/testTimeAugmentation.ts';
import type { TorchvisionClassifier } from '../models/torchvision.ts';
import type { UNet } from '../models/unet.ts';
import type { ViTSegmenter } from '../models/vit.ts';
import type { YOLO } from '../models/yolo.ts';
import type { Results } from '../plan/step.ts';
import type { DetectTensors, SegmentTensors } from './cropLoader.ts';
import type { TensorsOf } from './task.ts';

/** A model that finds objects. */
export type DetectionModel = RetinaNet | FCOS | SSD | FasterRCNN | MaskRCNN | YOLO;
/** A model that classifies every pixel. */
export type SegmentationModel = UNet | DynamicUNet | FCN | DeepLabV3 | LRASPP | ViTSegmenter;

/** A model that classifies whole images. */
export type ClassificationModel = CifarResNet | TorchvisionClassifier;
/** A model that is trained for one of the tasks. */
export type TaskModel = DetectionModel | SegmentationModel | ClassificationModel;

/** A function to capture: tensors in, named tensors out. */
export type Program<R extends Results = Results> = (...inputs: Tensor[]) => R;

/** Tells whether a model finds objects. */
export const isDetector = (model: TaskModel): model is DetectionModel => 'detect' in model;

/** Tells whether a model classifies whole images. */
export const isClassifier = (model: TaskModel): model is ClassificationModel => !('losses' in model);

/** The error of a model that is used for another task than its own. `call` begins the message. */
export function otherTask(
  call: string,
  { name, model }: { readonly name: string; readonly model: TaskModel },
): DataError {
  const [kind, way] = isDetector(model)
    ? ['detection model', 'Detector (fovea detect)']
    : isClassifier(model)
      ? ['classifier', 'Classifier (fovea classify)']
      : ['segmentation model', 'Segmenter (fovea segment)'];
  return new DataError(`${call}: ${name} is a ${kind}; use ${way}`);
}

/** Computes the losses of a detector for a batch of crops, by name. */
export function detectionLosses(
  model: DetectionModel,
  { images, boxes, labels, counts, ignored, seed, masks, semantic }: TensorsOf<DetectTensors>,
): Readonly<Record<string, Tensor>> {
  const objects = { boxes, labels, counts, ignored };
  if (model instanceof PanopticFPN) {
    return model.losses(images, { ...objects, masks: masks!, semantic: semantic! }, { seed: seed! });
  }
  if (model instanceof MaskRCNN) return model.losses(images, { ...objects, masks: masks! }, { seed: seed! });
  if (model instanceof FasterRCNN) return model.losses(images, objects, { seed: seed! });
  return model.losses(images, objects);
}

/** Computes the losses of a segmenter for a batch of crops, by name. */
export const segmentationLosses = (
  model: SegmentationModel,
  { images, labels }: TensorsOf<SegmentTensors>,
  options: SegmentationLossOptions = {},
): Readonly<Record<string, Tensor>> => model.losses(images, labels, options);

/**
 * Makes a program from images [N,H,W,3] to boxes, and masks if the model finds them. `alone`: there is one image, which the model
 * resizes.
 */
export const detection =
  (model: MergingModel, options: DetectOptions, alone = false): Program<AnyDetections> =>
  (images) =>
    model.detect(alone ? [images!.reshape(images!.shape.slice(1))] : images!, options);

/** Makes a program from images to the probabilities of the classes [N,K]. */
export const classification =
  (model: ClassificationModel): Program<{ probabilities: Tensor }> =>
  (images) => ({ probabilities: softmax(model.forward(images!)) });

/** Makes a program from images to the class of every pixel. */
export const segmentation =
  (model: SegmentationModel): Program<{ labels: Tensor }> =>
  (images) => ({ labels: argmax(model.forward(images!), { dim: -1 }) });
