import * as v from 'valibot';
import { DataError } from '../errors.ts';
import { decodeWeights, type ModelMetadata } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import { RetinaNet, type RetinaNetConfig } from '../models/retinanet.ts';
import { UNet, type UNetConfig } from '../models/unet.ts';

/** Finding objects, or saying of every pixel what it shows. */
export type Task = 'detect' | 'segment';

/** How pictures of any size become the network's input. */
export interface Preprocessing {
  /** Pictures whose longer side is above this are shrunk to it. */
  readonly maxSide: number;
}

/** A model with all that is needed to use it. */
export interface TrainedModel {
  readonly task: Task;
  readonly model: RetinaNet | UNet;
  readonly classNames: readonly string[];
  readonly preprocessing: Preprocessing;
}

const count = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(max));
const three = v.tuple([v.number(), v.number(), v.number()]);
const common = {
  numClasses: count(10_000),
  width: count(4096),
  norm: v.picklist(['group', 'batch']),
  normalization: v.object({ mean: three, std: three }),
};
const depth = count(64);
const retinaNetSchema = v.object({
  ...common,
  depth: v.tuple([depth, depth, depth, depth]),
  pyramidWidth: count(4096),
  headDepth: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(16)),
  extraLevels: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4)),
});
const uNetSchema = v.object({ ...common, depth: count(8) });
const preprocessingSchema = v.object({ maxSide: count(65536) });

/** Builds an architecture by its name, with random weights. */
export function buildModel(task: Task, config: RetinaNetConfig | UNetConfig, seed: number): RetinaNet | UNet {
  return task === 'detect'
    ? new RetinaNet(config as RetinaNetConfig, seed)
    : new UNet(config as UNetConfig, seed);
}

export const architectureOf = (task: Task): string => (task === 'detect' ? 'retinanet' : 'unet');

/** What is saved beside the weights. */
export const metadataOf = ({ task, model, classNames, preprocessing }: TrainedModel): ModelMetadata => ({
  architecture: architectureOf(task),
  config: model.config,
  classNames,
  preprocessing,
});

/**
 * Builds the model that metadata describes and fills it. Throws DataError for metadata that describes none, and
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
  const task =
    metadata.architecture === 'retinanet'
      ? 'detect'
      : metadata.architecture === 'unet'
        ? 'segment'
        : undefined;
  if (!task) {
    throw new DataError(
      `${file}: architecture "${metadata.architecture}" is unknown; known are retinanet and unet`,
    );
  }
  const config = v.safeParse(task === 'detect' ? retinaNetSchema : uNetSchema, metadata.config);
  const preprocessing = v.safeParse(preprocessingSchema, metadata.preprocessing);
  const issue = config.issues?.[0] ?? preprocessing.issues?.[0];
  if (!config.success || !preprocessing.success) {
    const place = issue ? v.getDotPath(issue as v.BaseIssue<unknown>) : undefined;
    throw new DataError(
      `${file}: fovea.model${place ? ` ${place}` : ''}: ${issue?.message}; export the weights again`,
    );
  }
  const { classNames } = metadata;
  if (config.output.numClasses !== classNames.length) {
    throw new DataError(
      `${file}: ${classNames.length} class names for ${config.output.numClasses} classes; export the weights again`,
    );
  }
  const model = buildModel(task, config.output as RetinaNetConfig | UNetConfig, 0).eval();
  model.loadStateDict(weights, file);
  return { task, model, classNames, preprocessing: preprocessing.output };
}

/** A model from the bytes of its file. `name` is for messages. */
export function decodeModel(bytes: Uint8Array, name: string): TrainedModel {
  const { weights, metadata } = decodeWeights(bytes, name);
  return restoreModel(weights, metadata, name);
}
