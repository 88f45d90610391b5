import { UsageError } from '../errors.ts';
import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { Tensor } from '../graph/tensor.ts';
import { FasterRCNN } from '../models/fasterRcnn.ts';
import { KeypointRCNN } from '../models/keypointRcnn.ts';
import { MaskRCNN } from '../models/maskRcnn.ts';
import { PanopticFPN } from '../models/panopticFpn.ts';
import { type HostArray, numel } from '../shape.ts';
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

/** A constant that computes its values on first use: a program that is recorded and never run allocates none. */
function later(shape: readonly number[], dtype: 'f32' | 'i32', valueAt: (i: number) => number): Tensor {
  let values: HostArray | undefined;
  const make = () => {
    const made = dtype === 'f32' ? new Float32Array(numel(shape)) : new Int32Array(numel(shape));
    for (let i = 0; i < made.length; i++) made[i] = valueAt(i);
    return made;
  };
  const origin = {
    kind: 'constant' as const,
    get data() {
      values ??= make();
      return values;
    },
  };
  return new Tensor({ shape, dtype }, origin);
}

const none = (): number => 0;

/** Values in 0..1 that are no constant: a GPU takes less power for zeros, and so less time. */
const someImages = ({ batchSize, size }: ImageBatch): Tensor =>
  later([batchSize, ...size, 3], 'f32', (i) => ((i * 7919) % 8191) / 8191);

/** Boxes inside of images, in four sizes: from a quarter to a thirty-second of their sides. */
const someBoxes = ({ batchSize, size: [height, width] }: ImageBatch): Tensor =>
  later([batchSize, BOXES, 4], 'f32', (i) => {
    const box = Math.floor(i / 4) % BOXES;
    const side = i % 2 === 0 ? width : height;
    const from = box / (2 * BOXES);
    return side * (i % 4 < 2 ? from : from + 2 ** -(2 + (box % 4)));
  });

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
  if (model instanceof KeypointRCNN) {
    throw new UsageError(
      'a Keypoint R-CNN learns from keypoints, and no task trains it; take a prediction, or a step of your own',
    );
  }
  const images = someImages(batch);
  const { batchSize, size } = batch;
  if (isClassifier(model)) {
    const labels = later([batchSize], 'i32', none);
    const fn: Program = (x, y) => learn(classificationLosses(model, { images: x!, labels: y! }));
    return { fn, inputs: [images, labels] };
  }
  if (!isDetector(model)) {
    const labels = later([batchSize, ...size], 'i32', none);
    const fn: Program = (x, y) => learn(segmentationLosses(model, { images: x!, labels: y! }));
    return { fn, inputs: [images, labels] };
  }
  const tensors = {
    images,
    boxes: someBoxes(batch),
    labels: later([batchSize, BOXES], 'i32', none),
    counts: later([batchSize], 'i32', () => BOXES),
    ignored: later([batchSize, BOXES, 4], 'f32', none),
    ...(model instanceof FasterRCNN ? { seed: later([], 'i32', none) } : {}),
    ...(model instanceof MaskRCNN ? { masks: later([batchSize, BOXES, ...size], 'f32', none) } : {}),
    ...(model instanceof PanopticFPN ? { semantic: later([batchSize, ...size], 'i32', none) } : {}),
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
