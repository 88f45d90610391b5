import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { type Tensor, tensor, zeros } from '../graph/tensor.ts';
import { FasterRCNN } from '../models/fasterRcnn.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import { PanopticFPN } from '../models/panopticFpn.ts';
import { classificationLosses } from './classTask.ts';
import { freeze } from './freeze.ts';
import { optimizerOf, type Recipe } from './recipe.ts';
import type { TrainSettings } from './settings.ts';
import {
  classification,
  detection,
  detectionLosses,
  isClassifier,
  isDetector,
  type Program,
  segmentation,
  segmentationLosses,
  type TaskModel,
} from './step.ts';

/** A function to capture, and inputs of the shapes that it takes. */
export interface ExampleProgram {
  readonly fn: Program;
  readonly inputs: readonly Tensor[];
}

/** Images of so many pixels. */
export interface ImageBatch {
  readonly batchSize: number;
  readonly size: readonly [height: number, width: number];
}

/** Boxes per image. None of the operations that can be computed in several ways depends on it. */
const BOXES = 8;

/** Values in 0..1 that are no constant: a GPU takes less power for zeros, and so less time. */
function someImages({ batchSize, size: [height, width] }: ImageBatch): Tensor {
  const values = Float32Array.from(
    { length: batchSize * height * width * 3 },
    (_, i) => ((i * 7919) % 8191) / 8191,
  );
  return tensor(values, [batchSize, height, width, 3]);
}

/** Boxes inside of images, each half as large as the one before, down to some pixels. */
function someBoxes({ batchSize, size: [height, width] }: ImageBatch): Tensor {
  const boxes = Array.from({ length: batchSize * BOXES }, (_, i) => {
    const scale = 2 ** -(1 + (i % 4));
    const at = (i % BOXES) / (2 * BOXES);
    return [at * width, at * height, (at + scale / 2) * width, (at + scale / 2) * height];
  });
  return tensor(Float32Array.from(boxes.flat()), [batchSize, BOXES, 4]);
}

/** What a model computes of images to predict. */
export const predictionProgram = (model: TaskModel, images: ImageBatch): ExampleProgram => ({
  fn: isDetector(model)
    ? detection(model, {})
    : isClassifier(model)
      ? classification(model)
      : segmentation(model),
  inputs: [someImages(images)],
});

/** One step of a training: the losses of a batch, their gradients, and the optimizer's step. */
export function trainingProgram(
  model: TaskModel,
  settings: Recipe & Pick<TrainSettings, 'freeze'>,
  batch: ImageBatch,
): ExampleProgram {
  const optimizer = optimizerOf(settings, [{ parameters: freeze(model, settings.freeze ?? []) }]);
  const learn = (losses: Readonly<Record<string, Tensor>>) => {
    backward(Object.values(losses).reduce((a, b) => add(a, b)));
    return optimizer.step();
  };
  const images = someImages(batch);
  const { batchSize, size } = batch;
  if (isClassifier(model)) {
    const labels = zeros([batchSize], 'i32');
    const fn: Program = (x, y) => learn(classificationLosses(model, { images: x!, labels: y! }));
    return { fn, inputs: [images, labels] };
  }
  if (!isDetector(model)) {
    const labels = zeros([batchSize, ...size], 'i32');
    const fn: Program = (x, y) => learn(segmentationLosses(model, { images: x!, labels: y! }));
    return { fn, inputs: [images, labels] };
  }
  const tensors = {
    images,
    boxes: someBoxes(batch),
    labels: zeros([batchSize, BOXES], 'i32'),
    counts: tensor(new Int32Array(batchSize).fill(BOXES), [batchSize]),
    ignored: zeros([batchSize, BOXES, 4]),
    ...(model instanceof FasterRCNN ? { seed: zeros([], 'i32') } : {}),
    ...(model instanceof MaskRCNN ? { masks: zeros([batchSize, BOXES, ...size]) } : {}),
    ...(model instanceof PanopticFPN ? { semantic: zeros([batchSize, ...size], 'i32') } : {}),
  };
  const named = (inputs: readonly Tensor[]) =>
    Object.fromEntries(
      Object.keys(tensors).map((name, i) => [name, inputs[i]!]),
    ) as unknown as typeof tensors;
  return {
    fn: (...inputs) => learn(detectionLosses(model, named(inputs))),
    inputs: Object.values(tensors),
  };
}
