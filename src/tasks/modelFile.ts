import * as v from 'valibot';
import { DataError } from '../errors.ts';
import { decodeWeights, type ModelMetadata } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import type { Module } from '../nn/module.ts';
import { numel } from '../shape.ts';
import { ARCHITECTURES, MODEL_NAMES, type ModelName, type Task } from './architectures.ts';
import type { DetectionModel, SegmentationModel } from './step.ts';

/** How images of any size become the network's input. */
export interface Preprocessing {
  /** Images whose longer side is above this are shrunk to it. */
  readonly maxSide: number;
}

/** A model with all that is needed to use it. */
export interface TrainedModel {
  readonly name: ModelName;
  readonly model: DetectionModel | SegmentationModel;
  readonly classNames: readonly string[];
  readonly preprocessing: Preprocessing;
}

export const taskOf = ({ name }: Pick<TrainedModel, 'name'>): Task => ARCHITECTURES[name].task;

const preprocessingSchema = v.object({
  maxSide: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65536)),
});

/** What shapes a model, checked; or which field is wrong and how. */
export function checkDescription(
  name: ModelName,
  config: unknown,
  preprocessing: unknown,
): { readonly config: unknown; readonly preprocessing: Preprocessing } | { readonly problem: string } {
  const model = v.safeParse(ARCHITECTURES[name].schema, config);
  const before = v.safeParse(preprocessingSchema, preprocessing);
  if (model.success && before.success) return { config: model.output, preprocessing: before.output };
  const issue = (model.issues?.[0] ?? before.issues?.[0]) as v.BaseIssue<unknown>;
  const place = v.getDotPath(issue);
  return { problem: `${place ? `${place}: ` : ''}${issue.message}` };
}

/** Values in the largest weight: what tells, before any are drawn, a model that is too large. */
export const largestWeight = (model: Module): number =>
  model.parameters().reduce((most, { state }) => Math.max(most, numel(state.spec.shape)), 0);

/** Builds an architecture by its name, with random weights. */
export const buildModel = (
  name: ModelName,
  config: unknown,
  seed: number,
): DetectionModel | SegmentationModel => ARCHITECTURES[name].build(config, seed);

/** What is saved beside the weights. */
export const metadataOf = ({ name, model, classNames, preprocessing }: TrainedModel): ModelMetadata => ({
  architecture: name,
  config: model.config,
  classNames,
  preprocessing,
});

/**
 * Builds the model that metadata describes and gives it the weights, arrays and all. Throws DataError for metadata that describes none, and
 * StateDictError for weights of another architecture.
 */
export function restoreModel(
  weights: StateDict,
  metadata: ModelMetadata | undefined,
  file: string,
): TrainedModel {
  if (!metadata) {
    throw new DataError(`${file}: has no fovea.model metadata; use a file that "fovea train" wrote`);
  }
  if (!Object.hasOwn(ARCHITECTURES, metadata.architecture)) {
    throw new DataError(
      `${file}: architecture "${metadata.architecture}" is unknown; known are ${MODEL_NAMES.join(', ')}`,
    );
  }
  const name = metadata.architecture as ModelName;
  const checked = checkDescription(name, metadata.config, metadata.preprocessing);
  if ('problem' in checked) {
    throw new DataError(`${file}: fovea.model: ${checked.problem}; export the weights again`);
  }
  const { config, preprocessing } = checked;
  const { classNames } = metadata;
  const classes = ARCHITECTURES[name].classes(config);
  if (classes !== classNames.length) {
    throw new DataError(
      `${file}: ${classNames.length} class names for ${classes} classes; export the weights again`,
    );
  }
  // Weights are drawn when they are asked for: of these none ever are.
  const model = buildModel(name, config, 0);
  model.eval();
  // Decoded for this model alone.
  model.loadStateDict(weights, file, { copy: false });
  return { name, model, classNames, preprocessing };
}

/** A model from the bytes of its file. `name` is for messages. */
export function decodeModel(bytes: Uint8Array, name: string): TrainedModel {
  const { weights, metadata } = decodeWeights(bytes, name);
  return restoreModel(weights, metadata, name);
}
