import { zeros } from '../graph/tensor.ts';
import { AdamW } from '../nn/optimizers.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Tuned, TuneProgress } from '../plan/tuner.ts';
import { architectureOf } from './architectures.ts';
import { buildModel, type TrainedModel } from './modelFile.ts';
import type { TrainSettings } from './settings.ts';
import { detection, isDetector, segmentation, trainingStep } from './step.ts';

export interface TaskTuneOptions {
  /** Also what is known already. Default: false. */
  readonly again?: boolean;
  readonly progress?: TuneProgress;
}

/** Boxes an image: no operation with several ways to compute it depends on it. */
const BOXES = 8;

/**
 * Times the kernels that a training with these settings runs, and remembers the fastest (see `Gpu.tune`). Nothing is
 * trained.
 */
export function tuneTraining(
  gpu: Gpu,
  { model: name, config, batchSize, cropSize, seed, ...rates }: TrainSettings,
  options?: TaskTuneOptions,
): Promise<Tuned[]> {
  const { task, draws, masks } = architectureOf(name);
  const model = buildModel(name, config, seed);
  const images = zeros([batchSize, cropSize, cropSize, 3]);
  const objects = [
    zeros([batchSize, BOXES, 4]),
    zeros([batchSize, BOXES], 'i32'),
    zeros([batchSize], 'i32'),
    ...(draws ? [zeros([], 'i32')] : []),
    ...(masks ? [zeros([batchSize, BOXES, cropSize, cropSize])] : []),
  ];
  const targets = task === 'detect' ? objects : [zeros([batchSize, cropSize, cropSize], 'i32')];
  const optimizer = new AdamW(model.parameters(), rates);
  return gpu.tune(trainingStep(model, optimizer), [images, ...targets], options);
}

/** The same for images that the network gets in this size, in pixels: multiples of what the architecture takes. */
export function tuneInference(
  gpu: Gpu,
  { model }: Pick<TrainedModel, 'model'>,
  [height, width]: readonly [height: number, width: number],
  options?: TaskTuneOptions,
): Promise<Tuned[]> {
  const program = isDetector(model) ? detection(model, {}) : segmentation(model);
  return gpu.tune(program, [zeros([1, height, width, 3])], options);
}
