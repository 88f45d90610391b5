import { expectArguments, GPU } from '../arguments.ts';
import { backward } from '../graph/backward.ts';
import { add } from '../graph/functions/elementwise.ts';
import { type Tensor, zeros } from '../graph/tensor.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Tuned, TuneProgress } from '../plan/tuner.ts';
import { architectureOf } from './architectures.ts';
import { classificationLosses } from './classTask.ts';
import { freeze } from './freeze.ts';
import { buildModel, type TrainedModel } from './modelFile.ts';
import { expectRecipe, optimizerOf } from './recipe.ts';
import type { TrainSettings } from './settings.ts';
import {
  classification,
  detection,
  detectionLosses,
  isClassifier,
  isDetector,
  segmentation,
  segmentationLosses,
} from './step.ts';

/** Options of `tuneTraining` and `tuneInference`. */
export interface TaskTuneOptions {
  /** Times kernels again whose times are already known. Default false. */
  readonly again?: boolean;
  /** Called for each kernel that is timed. */
  readonly progress?: TuneProgress;
}

/** Options of `tuneInference`. */
export interface TuneInferenceOptions extends TaskTuneOptions {
  /** Height and width of the network's input in pixels: multiples of the architecture's `sizeMultiple`. */
  readonly size: readonly [height: number, width: number];
}

/** Boxes per image. None of the operations that can be computed in several ways depends on it. */
const BOXES = 8;

/**
 * Times the kernels that a training with these settings would run, and remembers the fastest ones (see `Gpu.tune`). Nothing
 * is trained.
 *
 * @param gpu Where kernels are timed.
 * @param settings Settings of the training.
 * @param options Whether to time known kernels again, and a progress callback.
 * @returns The kernels that were timed.
 */
export function tuneTraining(
  gpu: Gpu,
  settings: TrainSettings,
  options: TaskTuneOptions = {},
): Promise<Tuned[]> {
  expectOptions('tuneTraining', options, ['again', 'progress']);
  expectArguments(
    'tuneTraining',
    { gpu, settings },
    { gpu: GPU, settings: { model: 'text', cropSize: 'number' } },
  );
  expectRecipe('tuneTraining', settings);
  const { model: name, config, batchSize, cropSize, seed } = settings;
  const { needsSeed, hasMasks, numStuff } = architectureOf(name);
  const model = buildModel(name, config, seed);
  const images = zeros([batchSize, cropSize, cropSize, 3]);
  const optimizer = optimizerOf(settings, [{ parameters: freeze(model, settings.freeze ?? []) }]);
  const learn = (losses: Readonly<Record<string, Tensor>>) => {
    backward(Object.values(losses).reduce((a, b) => add(a, b)));
    return optimizer.step();
  };
  if (isClassifier(model)) {
    const labels = zeros([batchSize], 'i32');
    const step = (...[x, y]: Tensor[]) => learn(classificationLosses(model, { images: x!, labels: y! }));
    return gpu.tune(step, [images, labels], options);
  }
  if (!isDetector(model)) {
    const labels = zeros([batchSize, cropSize, cropSize], 'i32');
    const step = (...[x, y]: Tensor[]) => learn(segmentationLosses(model, { images: x!, labels: y! }));
    return gpu.tune(step, [images, labels], options);
  }
  const batch = {
    images,
    boxes: zeros([batchSize, BOXES, 4]),
    labels: zeros([batchSize, BOXES], 'i32'),
    counts: zeros([batchSize], 'i32'),
    ignored: zeros([batchSize, BOXES, 4]),
    ...(needsSeed ? { seed: zeros([], 'i32') } : {}),
    ...(hasMasks ? { masks: zeros([batchSize, BOXES, cropSize, cropSize]) } : {}),
    ...(numStuff ? { semantic: zeros([batchSize, cropSize, cropSize], 'i32') } : {}),
  };
  const named = (inputs: readonly Tensor[]) =>
    Object.fromEntries(Object.keys(batch).map((name, i) => [name, inputs[i]!])) as unknown as typeof batch;
  const step = (...inputs: Tensor[]) => learn(detectionLosses(model, named(inputs)));
  return gpu.tune(step, Object.values(batch), options);
}

/**
 * Times the kernels that prediction on images of one size would run, and remembers the fastest ones (see `Gpu.tune`).
 *
 * @param gpu Where kernels are timed.
 * @param trained The model; only its `model` is read.
 * @param options Size of the input, whether to time known kernels again, and a progress callback.
 * @returns The kernels that were timed.
 */
export function tuneInference(
  gpu: Gpu,
  trained: Pick<TrainedModel, 'model'>,
  options: TuneInferenceOptions,
): Promise<Tuned[]> {
  expectOptions('tuneInference', options, ['size', 'again', 'progress']);
  expectArguments(
    'tuneInference',
    { gpu, trained, options },
    { gpu: GPU, trained: { model: 'object' }, options: { size: 'pair' } },
  );
  const { size, ...rest } = options;
  const [height, width] = size;
  const { model } = trained;
  const program = isDetector(model)
    ? detection(model, {})
    : isClassifier(model)
      ? classification(model)
      : segmentation(model);
  return gpu.tune(program, [zeros([1, height, width, 3])], rest);
}
