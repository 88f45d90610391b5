import type { Caps } from '../device/caps.ts';
import { DataError, DeviceLimitError, ShapeError, UsageError } from '../errors.ts';
import type { LoadedWeights } from '../io/loadedWeights.ts';
import { checkTensor } from '../kernels/kernel.ts';
import { architectureOf } from './architectures.ts';
import { buildModel, checkDescription, largestWeight } from './modelFile.ts';
import type { TrainSettings } from './settings.ts';
import { nameOfWeights, type StartReport, startFrom } from './startWeights.ts';
import type { TaskModel } from './step.ts';

/** Loads the weights that the settings name. Throws UsageError where others or none are given. */
export function loadStart(
  model: TaskModel,
  { model: name, weights: wanted }: TrainSettings,
  weights: LoadedWeights | undefined,
): StartReport | undefined {
  const given = weights && nameOfWeights(weights);
  if (given !== wanted) {
    throw new UsageError(
      `train: the settings start from ${wanted ?? 'random weights'}, the option weights is ${given ?? 'left out'}; give defaultSettings and train the same weights`,
    );
  }
  return weights && startFrom(model, name, weights);
}

/** Builds the model. Throws for impossible settings, or those impossible on this device, before weights are drawn. */
export function checkedModel(settings: TrainSettings, caps: Caps): TaskModel {
  const { model: name, config, maxSide, cropSize, batchSize, steps, seed, skipBatches = [] } = settings;
  const checked = checkDescription(name, config, { maxSide });
  if ('problem' in checked) throw new DataError(`train: ${checked.problem}; change this setting`);
  for (const [setting, value] of Object.entries({ cropSize, batchSize, steps })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new DataError(`train: ${setting} is ${value}; give an integer of at least 1`);
    }
  }
  const unknown = skipBatches.find((batch) => !Number.isInteger(batch) || batch < 1 || batch > steps);
  if (unknown !== undefined) {
    throw new DataError(`train: skipBatches has ${unknown}; give numbers of batches from 1 to ${steps}`);
  }
  const multiple = architectureOf(name).sizeMultiple(config);
  if (cropSize % multiple !== 0) {
    throw new ShapeError(`train: cropSize is ${cropSize}; ${name} needs a multiple of ${multiple}`);
  }
  const images = { shape: [batchSize, cropSize, cropSize, 3], dtype: 'f32' } as const;
  checkTensor('train', 'images', images, caps);
  const model = buildModel(name, config, seed);
  const bytes = 4 * largestWeight(model);
  if (bytes > caps.maxBindingSize) {
    throw new DeviceLimitError(
      `train: the largest weight of this ${name} has ${bytes} bytes, the device binds at most ${caps.maxBindingSize}; use a smaller width`,
    );
  }
  return model;
}
