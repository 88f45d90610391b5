/**
 * Weights and training checkpoints, each one safetensors file. Weights are stored under the model's own keys, so that
 * any safetensors reader can load them. A checkpoint holds `model.<key>` and `optimizer.<key>` in one file, so that an
 * interrupted save never pairs the weights of one step with the optimizer of another.
 */
import { DataError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { readFileBytes, writeFileAtomic } from './files.ts';
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile, type StateDict } from './safetensors.ts';

const MODEL_PREFIX = 'model.';
const OPTIMIZER_PREFIX = 'optimizer.';
const PROGRESS_KEY = 'fovea.progress';
const MODEL_KEY = 'fovea.model';

/** Everything needed to resume a training. */
export interface Checkpoint {
  /** The weights of the model. */
  readonly weights: StateDict;
  /** The state of the optimizer. */
  readonly optimizer: StateDict;
  /** Step, epoch, the state of the random generator and so on; plain JSON data. */
  readonly progress: unknown;
}

/** The metadata that is needed, in addition to the weights, to build a model and prepare its inputs. */
export interface ModelMetadata {
  /** The model's name in `fovea/models`. */
  readonly architecture: string;
  /** The arguments that the model was built with; plain JSON data. */
  readonly config: unknown;
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** How images are prepared for the model (size, mean, deviation); plain JSON data. */
  readonly preprocessing: unknown;
}

/** A decoded file of weights. */
export interface WeightsFile {
  /** The weights by name. */
  readonly weights: StateDict;
  /** The metadata of the model; undefined for a file written by another program. */
  readonly metadata: ModelMetadata | undefined;
}

/**
 * Converts to JSON. JSON.stringify silently drops or changes values that JSON cannot express; those throw here, since
 * state that changes when it is read back must not be saved.
 */
function strictStringify(path: string, key: string, value: unknown): string {
  const reject = (where: string, what: string): never => {
    const place = where === '' ? key : `${key} at "${where}"`;
    throw new DataError(`${path}: ${place}: ${what} cannot be stored as JSON; save plain data instead`);
  };
  const text = JSON.stringify(value, (where, part: unknown) => {
    if (typeof part === 'number' && !Number.isFinite(part)) reject(where, `the number ${part}`);
    if (typeof part === 'bigint') reject(where, 'a bigint');
    if (ArrayBuffer.isView(part)) reject(where, 'a typed array');
    if (part instanceof Map || part instanceof Set) reject(where, 'a Map or Set');
    return part;
  });
  return text ?? reject('', `a value of type ${typeof value}`);
}

/**
 * Saves a checkpoint in one step: an interrupted save leaves the previous file unchanged. Node only.
 *
 * @param path The file.
 * @param checkpoint Weights, optimizer and progress. `progress` must be plain JSON data.
 * @throws DataError for numbers that are not finite, typed arrays and other values that JSON cannot express, and if the
 * file cannot be written (see `writeFileAtomic`).
 */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  const tensors: StateDict = new Map();
  for (const [key, tensor] of checkpoint.weights) tensors.set(MODEL_PREFIX + key, tensor);
  for (const [key, tensor] of checkpoint.optimizer) tensors.set(OPTIMIZER_PREFIX + key, tensor);
  const progress = strictStringify(path, PROGRESS_KEY, checkpoint.progress);
  await writeFileAtomic(path, encodeSafetensors(tensors, { [PROGRESS_KEY]: progress }));
}

/**
 * Loads a checkpoint. Throws DataError for files that `saveCheckpoint` did not write, files of weights included. Node
 * only.
 */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  const file = await readSafetensors(path);
  const text = file.metadata[PROGRESS_KEY];
  if (text === undefined) {
    throw new DataError(
      `${path}: no ${PROGRESS_KEY} in its metadata, so it is not a checkpoint; load it as weights, or resume from a file that training saved`,
    );
  }
  const weights: StateDict = new Map();
  const optimizer: StateDict = new Map();
  for (const [name, tensor] of file.tensors) {
    if (name.startsWith(MODEL_PREFIX)) weights.set(name.slice(MODEL_PREFIX.length), tensor);
    else if (name.startsWith(OPTIMIZER_PREFIX)) optimizer.set(name.slice(OPTIMIZER_PREFIX.length), tensor);
    else {
      throw new DataError(
        `${path}: tensor ${JSON.stringify(name)} is neither ${MODEL_PREFIX}* nor ${OPTIMIZER_PREFIX}*; use a checkpoint that training saved`,
      );
    }
  }
  const progress = parseJson(text, `${path}: ${PROGRESS_KEY}`, 'use a checkpoint that training saved');
  return { weights, optimizer, progress };
}

/** Saves a model's weights and metadata in one step. Node only. Throws DataError as `saveCheckpoint` does. */
export async function saveWeights(path: string, weights: StateDict, metadata: ModelMetadata): Promise<void> {
  const description = strictStringify(path, MODEL_KEY, metadata);
  await writeFileAtomic(path, encodeSafetensors(weights, { [MODEL_KEY]: description }));
}

/**
 * Decodes a file of weights: one that `saveWeights` wrote, or any other safetensors file, whose `metadata` is then
 * undefined.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError for a checkpoint, and for broken metadata.
 */
export function decodeWeights(bytes: Uint8Array, name: string): WeightsFile {
  const file = decodeSafetensors(bytes, name);
  if (file.metadata[PROGRESS_KEY] !== undefined) {
    throw new DataError(`${name}: is a training checkpoint; resume from it, or export its weights first`);
  }
  const text = file.metadata[MODEL_KEY];
  if (text === undefined) return { weights: file.tensors, metadata: undefined };
  const metadata = parseJson(text, `${name}: ${MODEL_KEY}`, 'export the weights again');
  if (!isModelMetadata(metadata)) {
    throw new DataError(
      `${name}: ${MODEL_KEY}: needs architecture, config, classNames and preprocessing; export the weights again`,
    );
  }
  return { weights: file.tensors, metadata };
}

/** Reads and decodes a file of weights; see `decodeWeights`. Node only. */
export async function loadWeights(path: string): Promise<WeightsFile> {
  return decodeWeights(await readFileBytes(path), path);
}

async function readSafetensors(path: string): Promise<SafetensorsFile> {
  return decodeSafetensors(await readFileBytes(path), path);
}

function isModelMetadata(value: unknown): value is ModelMetadata {
  if (typeof value !== 'object' || value === null) return false;
  const { architecture, classNames } = value as Partial<ModelMetadata>;
  return (
    typeof architecture === 'string' &&
    'config' in value &&
    'preprocessing' in value &&
    Array.isArray(classNames) &&
    classNames.every((name) => typeof name === 'string')
  );
}
