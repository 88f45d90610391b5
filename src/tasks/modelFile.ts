import * as v from 'valibot';
import { DataError, StateDictError } from '../errors.ts';
import { decodeWeights, type ModelMetadata } from '../io/checkpoint.ts';
import type { StateDict } from '../io/safetensors.ts';
import { RetinaNet, type RetinaNetConfig } from '../models/retinanet.ts';
import { UNet, type UNetConfig } from '../models/unet.ts';
import { numel } from '../shape.ts';

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
// Label maps are bytes: 0 is the background, and 255 counts for nothing.
const uNetSchema = v.object({ ...common, numClasses: count(254), depth: count(8) });
const preprocessingSchema = v.object({ maxSide: count(65536) });

/** What shapes a model, checked; or which field is wrong and how. */
export function checkDescription(
  task: Task,
  config: unknown,
  preprocessing: unknown,
):
  | { readonly config: RetinaNetConfig | UNetConfig; readonly preprocessing: Preprocessing }
  | { readonly problem: string } {
  const model = v.safeParse(task === 'detect' ? retinaNetSchema : uNetSchema, config);
  const before = v.safeParse(preprocessingSchema, preprocessing);
  if (model.success && before.success) {
    return { config: model.output as RetinaNetConfig | UNetConfig, preprocessing: before.output };
  }
  const issue = (model.issues?.[0] ?? before.issues?.[0]) as v.BaseIssue<unknown>;
  const place = v.getDotPath(issue);
  return { problem: `${place ? `${place}: ` : ''}${issue.message}` };
}

/** Values in the largest weight: what tells, before anything is allocated, a model that is too large. */
export function largestWeight(task: Task, config: RetinaNetConfig | UNetConfig): number {
  if (task === 'segment') return 9 * (config.width * 2 ** (config as UNetConfig).depth) ** 2;
  return 9 * Math.max(8 * config.width, (config as RetinaNetConfig).pyramidWidth) ** 2;
}

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
  const checked = checkDescription(task, metadata.config, metadata.preprocessing);
  if ('problem' in checked) {
    throw new DataError(`${file}: fovea.model: ${checked.problem}; export the weights again`);
  }
  const { config, preprocessing } = checked;
  const { classNames } = metadata;
  if (config.numClasses !== classNames.length) {
    throw new DataError(
      `${file}: ${classNames.length} class names for ${config.numClasses} classes; export the weights again`,
    );
  }
  const held = Math.max(0, ...[...weights.values()].map(({ shape }) => numel(shape)));
  // What is small can be built, and loadStateDict then lists the keys.
  if (largestWeight(task, config) > Math.max(held, 2 ** 22)) {
    throw new StateDictError(
      `${file}: the largest tensor has ${held} values, a ${metadata.architecture} of width ${config.width} has one of ${largestWeight(task, config)}; export the weights again`,
    );
  }
  const model = buildModel(task, config, 0).eval();
  // Decoded for this model alone.
  model.loadStateDict(weights, file, { copy: false });
  return { task, model, classNames, preprocessing };
}

/** A model from the bytes of its file. `name` is for messages. */
export function decodeModel(bytes: Uint8Array, name: string): TrainedModel {
  const { weights, metadata } = decodeWeights(bytes, name);
  return restoreModel(weights, metadata, name);
}
