import { expectArguments, GPU } from '../arguments.ts';
import { expectOptions } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import type { Tuned, TuneProgress } from '../plan/tuner.ts';
import { buildModel, type TrainedModel } from './modelFile.ts';
import { predictionProgram, trainingProgram } from './programs.ts';
import { expectRecipe } from './recipe.ts';
import type { TrainSettings } from './settings.ts';

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
  const size = [cropSize, cropSize] as const;
  const { fn, inputs } = trainingProgram(buildModel(name, config, seed), settings, { batchSize, size });
  return gpu.tune(fn, inputs, options);
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
  const { fn, inputs } = predictionProgram(trained.model, { batchSize: 1, size });
  return gpu.tune(fn, inputs, rest);
}
