import { zeros } from '../graph/tensor.ts';
import type { RetinaNet } from '../models/retinanet.ts';
import type { UNet } from '../models/unet.ts';
import { AdamW } from '../nn/optimizers.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Tuned, TuneProgress } from '../plan/tuner.ts';
import { buildModel, type TrainedModel } from './modelFile.ts';
import type { TrainSettings } from './settings.ts';
import { detection, segmentation, trainingStep } from './step.ts';

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
  { task, config, batchSize, cropSize, seed, ...rates }: TrainSettings,
  options?: TaskTuneOptions,
): Promise<Tuned[]> {
  const model = buildModel(task, config, seed);
  const images = zeros([batchSize, cropSize, cropSize, 3]);
  const inputs =
    task === 'detect'
      ? [images, zeros([batchSize, BOXES, 4]), zeros([batchSize, BOXES], 'i32'), zeros([batchSize], 'i32')]
      : [images, zeros([batchSize, cropSize, cropSize], 'i32')];
  return gpu.tune(trainingStep(task, model, new AdamW(model.parameters(), rates)), inputs, options);
}

/** The same for pictures that the network gets in this size, in pixels of multiples of 32. */
export function tuneInference(
  gpu: Gpu,
  { task, model }: Pick<TrainedModel, 'task' | 'model'>,
  [height, width]: readonly [height: number, width: number],
  options?: TaskTuneOptions,
): Promise<Tuned[]> {
  const program = task === 'detect' ? detection(model as RetinaNet, {}) : segmentation(model as UNet);
  return gpu.tune(program, [zeros([1, height, width, 3])], options);
}
