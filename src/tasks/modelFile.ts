import * as v from 'valibot';
import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { decodeCheckpoint, decodeWeights, isCheckpoint, type ModelMetadata } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import type { Module } from '../nn/module.ts';
import { numel } from '../shape.ts';
import type { TaskName } from './architecture.ts';
import { ARCHITECTURES, knownArchitecture, MODEL_NAMES, type ModelName } from './architectures.ts';
import { CONFIG_SCHEMAS } from './configSchemas.ts';
import { cropPreprocessing, type Preprocessing } from './preprocessing.ts';
import { readProgress } from './progress.ts';
import type { TaskModel } from './step.ts';
import { type TrainingRecord, trainingRecord } from './trainingRecord.ts';
import { recordIn } from './trainingSchemas.ts';

/** How a model that was trained with settings prepares images. */
export const preprocessingOf = ({
  model,
  maxSide,
  cropSize,
}: {
  readonly model: ModelName;
  readonly maxSide: number;
  readonly cropSize: number;
}): Preprocessing => (ARCHITECTURES[model].task === 'classify' ? cropPreprocessing(cropSize) : { maxSide });

/** A trained model, with everything needed to use it. */
export interface TrainedModel {
  /** The name of its architecture. */
  readonly name: ModelName;
  /** The model with its weights. */
  readonly model: TaskModel;
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** How images are prepared for it. */
  readonly preprocessing: Preprocessing;
  /** How it was trained. Default: unknown. */
  readonly training?: TrainingRecord;
}

/**
 * Returns the task of a trained model.
 *
 * @param trained The model, or its architecture's name as `name`.
 */
export const taskOf = (trained: Pick<TrainedModel, 'name'>): TaskName => {
  expectArguments('taskOf', { trained }, { trained: { name: 'text' } });
  const { name } = trained;
  return knownArchitecture('taskOf', name).task;
};

const side = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65536));
const preprocessingSchema = v.union([
  v.object({ maxSide: side }),
  v.object({ resize: v.literal('model') }),
  v.object({ minSide: side }),
  v.pipe(
    v.object({ resizeSize: side, cropSize: side }),
    v.check(({ resizeSize, cropSize }) => resizeSize >= cropSize, 'resizeSize is less than cropSize'),
  ),
  v.object({ size: v.tuple([side, side]), fit: v.picklist(['letterbox', 'stretch']) }),
]);

/** Checks the configuration and preprocessing of a model: returns them, or which field is wrong and how. */
export function checkDescription(
  name: ModelName,
  config: unknown,
  preprocessing: unknown,
): { readonly config: unknown; readonly preprocessing: Preprocessing } | { readonly problem: string } {
  const model = v.safeParse(CONFIG_SCHEMAS[name], config);
  const before = v.safeParse(preprocessingSchema, preprocessing);
  if (model.success && before.success) return { config: model.output, preprocessing: before.output };
  const issue = (model.issues?.[0] ?? before.issues?.[0]) as v.BaseIssue<unknown>;
  const place = v.getDotPath(issue);
  return { problem: `${place ? `${place}: ` : ''}${issue.message}` };
}

/** The number of values in the largest weight. It shows that a model is too large before any weights are drawn. */
export const largestWeight = (model: Module): number =>
  model.parameters().reduce((most, { state }) => Math.max(most, numel(state.spec.shape)), 0);

/**
 * Builds a model with random weights.
 *
 * @param name The architecture.
 * @param config Its configuration; see `architectureOf(name).defaultConfig`.
 * @param seed Same seed, same weights.
 */
export const buildModel = (name: ModelName, config: unknown, seed: number): TaskModel => {
  return knownArchitecture('buildModel', name).build(config, seed);
};

/**
 * Returns the metadata that `saveWeights` stores with the weights of a trained model, and from which `decodeModel`
 * rebuilds it.
 *
 * @param trained The model.
 */
export const metadataOf = (trained: TrainedModel): ModelMetadata => {
  expectArguments('metadataOf', { trained }, { trained: { name: 'text', model: 'object' } });
  const { name, model, classNames, preprocessing, training } = trained;
  return {
    architecture: name,
    config: model.config,
    classNames,
    preprocessing,
    ...(training ? { training } : {}),
  };
};

/**
 * Builds the model that metadata describes, and gives it the weights: their arrays are used, not copied. Throws DataError for
 * metadata that does not describe a model, and StateDictError for weights of another architecture.
 */
export function restoreModel(
  weights: StateDict,
  metadata: ModelMetadata | undefined,
  file: string,
): TrainedModel {
  if (!metadata) {
    throw new DataError(`${file}: it has no fovea.model metadata; use a file that "fovea train" wrote`);
  }
  if (!Object.hasOwn(ARCHITECTURES, metadata.architecture)) {
    throw new DataError(
      `${file}: architecture "${metadata.architecture}" is unknown, there are ${MODEL_NAMES.join(', ')}; use a file of a matching version`,
    );
  }
  const name = metadata.architecture as ModelName;
  const checked = checkDescription(name, metadata.config, metadata.preprocessing);
  if ('problem' in checked) {
    throw new DataError(`${file}: fovea.model: ${checked.problem}; export the weights again`);
  }
  const { config, preprocessing } = checked;
  const { classNames } = metadata;
  const classes = ARCHITECTURES[name].numClasses(config);
  if (classes !== classNames.length) {
    throw new DataError(
      `${file}: it has ${classNames.length} class names for ${classes} classes; export the weights again`,
    );
  }
  // Weights are drawn when they are first read, so none of these are.
  const model = buildModel(name, config, 0);
  model.eval();
  // Nobody else has these arrays.
  model.loadStateDict(weights, { source: file, copy: false });
  const training = recordIn(metadata.training);
  return { name, model, classNames, preprocessing, ...(training ? { training } : {}) };
}

/**
 * Decodes a model file that `fovea train` or `saveWeights` wrote, or a checkpoint of `train`.
 *
 * @param bytes The file.
 * @param name The file's name, for error messages.
 * @throws DataError for a file without a model's metadata, and a checkpoint that is damaged or not of `train`; StateDictError
 * for weights of another architecture.
 */
export function decodeModel(bytes: Uint8Array, name: string): TrainedModel {
  expectArguments('decodeModel', { bytes, name }, { bytes: 'bytes', name: 'text' });
  if (isCheckpoint(bytes)) {
    const { weights, progress } = decodeCheckpoint(bytes, name);
    const { settings, run, step, fit } = readProgress(progress, name);
    const { model: architecture, config, classNames } = settings;
    const { best } = fit as Pick<TrainingRecord, 'best'>;
    const training = run && trainingRecord(run, settings, { step, ...(best ? { best } : {}) });
    const preprocessing = preprocessingOf(settings);
    return restoreModel(weights, { architecture, config, classNames, preprocessing, training }, name);
  }
  const { weights, metadata } = decodeWeights(bytes, name);
  return restoreModel(weights, metadata, name);
}
