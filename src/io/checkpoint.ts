/**
 * Weights and training checkpoints, each one safetensors file. Weights are stored under the model's own keys, so that
 * any safetensors reader can load them. A checkpoint holds `model.<key>` and `optimizer.<key>` in one file, so that an
 * interrupted save never pairs the weights of one step with the optimizer of another. A checkpoint also holds a SHA-256
 * checksum of the whole file.
 */
import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { hasBuiltins, readFileBytes, sha256, writeFileAtomic } from './files.ts';
import { decodeSafetensors, encodeSafetensors, type StateDict } from './safetensors.ts';

const MODEL_PREFIX = 'model.';
const OPTIMIZER_PREFIX = 'optimizer.';
const PROGRESS_KEY = 'fovea.progress';
const MODEL_KEY = 'fovea.model';
const FORMAT_KEY = 'fovea.format';
const FORMAT = '1';
const CHECKSUM_KEY = 'fovea.checksum';

// Metadata is written first and sorted by key, so every checkpoint begins with its checksum.
const CHECKSUM_MARK = new TextEncoder().encode(`{"__metadata__":{"${CHECKSUM_KEY}":"`);
const MARK_START = 8;
const CHECKSUM_START = MARK_START + CHECKSUM_MARK.length;
const CHECKSUM_CHARS = 64;

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
  /** How the model was trained; plain JSON data. Default: unknown. */
  readonly training?: unknown;
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

/** The SHA-256 of a checkpoint, in hexadecimal, with zeros in the place of the checksum itself. */
const checksumOf = (bytes: Uint8Array): string =>
  sha256(
    bytes.subarray(0, CHECKSUM_START),
    '0'.repeat(CHECKSUM_CHARS),
    bytes.subarray(CHECKSUM_START + CHECKSUM_CHARS),
  );

/** The same in Node and in browsers, where hashing is asynchronous. */
async function checksumAnywhere(bytes: Uint8Array): Promise<string> {
  if (hasBuiltins()) return checksumOf(bytes);
  const zeroed = new Uint8Array(bytes);
  zeroed.fill('0'.charCodeAt(0), CHECKSUM_START, CHECKSUM_START + CHECKSUM_CHARS);
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', zeroed));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const storedChecksum = (bytes: Uint8Array): string =>
  new TextDecoder().decode(bytes.subarray(CHECKSUM_START, CHECKSUM_START + CHECKSUM_CHARS));

const damaged = (name: string): DataError =>
  new DataError(
    `${name}: the checkpoint is damaged: its content does not match its checksum; use a copy of it, or train again (--force)`,
  );

/** Tells whether a file begins as a checkpoint does. */
export const isCheckpoint = (bytes: Uint8Array): boolean =>
  bytes.length >= CHECKSUM_START + CHECKSUM_CHARS &&
  CHECKSUM_MARK.every((byte, i) => bytes[MARK_START + i] === byte);

/**
 * Saves a checkpoint in one step: an interrupted save leaves the previous file unchanged. Node only.
 *
 * @param path The file.
 * @param checkpoint Weights, optimizer and progress. `progress` must be plain JSON data.
 * @throws DataError for numbers that are not finite, typed arrays and other values that JSON cannot express, and if the
 * file cannot be written (see `writeFileAtomic`).
 */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  expectArguments(
    'saveCheckpoint',
    { path, checkpoint },
    { path: 'text', checkpoint: { weights: 'map', optimizer: 'map' } },
  );
  await writeFileAtomic(path, await encoded(checkpoint, path));
}

/**
 * Encodes a checkpoint as `saveCheckpoint` writes it: for browsers, and for stores of your own. `loadCheckpoint` takes it.
 *
 * @param checkpoint Weights, optimizer and progress. `progress` must be plain JSON data.
 * @param name What messages call it. Default `checkpoint`.
 * @throws DataError for numbers that are not finite, typed arrays and other values that JSON cannot express.
 */
export async function encodeCheckpoint(checkpoint: Checkpoint, name = 'checkpoint'): Promise<Uint8Array> {
  expectArguments(
    'encodeCheckpoint',
    { checkpoint, name },
    { checkpoint: { weights: 'map', optimizer: 'map' }, name: 'text' },
  );
  return encoded(checkpoint, name);
}

async function encoded(checkpoint: Checkpoint, name: string): Promise<Uint8Array> {
  const tensors: StateDict = new Map();
  for (const [key, tensor] of checkpoint.weights) tensors.set(MODEL_PREFIX + key, tensor);
  for (const [key, tensor] of checkpoint.optimizer) tensors.set(OPTIMIZER_PREFIX + key, tensor);
  const bytes = encodeSafetensors(tensors, {
    [CHECKSUM_KEY]: '0'.repeat(CHECKSUM_CHARS),
    [FORMAT_KEY]: FORMAT,
    [PROGRESS_KEY]: strictStringify(name, PROGRESS_KEY, checkpoint.progress),
  });
  bytes.set(new TextEncoder().encode(await checksumAnywhere(bytes)), CHECKSUM_START);
  return bytes;
}

/**
 * Loads a checkpoint.
 *
 * @param file A path (in Node), the bytes, or a Blob or File of a browser.
 * @param name What messages call it. Default: the path, the name of the File, or `checkpoint`.
 * @throws DataError for a damaged file (any bit that differs from what was saved), another version of the format, and files
 * that `saveCheckpoint` did not write, files of weights included. UsageError for anything else than a path, bytes or a Blob.
 */
export async function loadCheckpoint(file: string | Uint8Array | Blob, name?: string): Promise<Checkpoint> {
  expectArguments('loadCheckpoint', { options: { name } }, { options: { 'name?': 'text' } });
  if (typeof file === 'string') return decodeCheckpoint(await readFileBytes(file), name ?? file);
  const own =
    Object(file) === file && 'name' in file && typeof file.name === 'string' ? file.name : undefined;
  const called = name ?? own ?? 'checkpoint';
  let bytes: Uint8Array;
  if (file instanceof Uint8Array) bytes = file;
  else if (typeof Blob !== 'undefined' && file instanceof Blob)
    bytes = new Uint8Array(await file.arrayBuffer());
  else throw new UsageError(`loadCheckpoint: file is ${String(file)}; give a path, bytes or a Blob`);
  if (isCheckpoint(bytes) && storedChecksum(bytes) !== (await checksumAnywhere(bytes))) throw damaged(called);
  return decodeCheckpoint(bytes, called);
}

/** Decodes a checkpoint; see `loadCheckpoint`. In a browser, where there is no synchronous SHA-256, the checksum is not compared. */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  if (isCheckpoint(bytes) && hasBuiltins() && storedChecksum(bytes) !== checksumOf(bytes))
    throw damaged(name);
  const file = decodeSafetensors(bytes, name);
  const text = file.metadata[PROGRESS_KEY];
  if (text === undefined) {
    throw new DataError(
      `${name}: no ${PROGRESS_KEY} in its metadata, so it is not a checkpoint; load it as weights, or resume from a file that training saved`,
    );
  }
  const format = file.metadata[FORMAT_KEY];
  if (!isCheckpoint(bytes) || format !== FORMAT) {
    const found =
      format === undefined || format === FORMAT ? 'has no checksum' : `has format ${JSON.stringify(format)}`;
    throw new DataError(
      `${name}: the checkpoint ${found}, this version of Fovea reads format ${FORMAT} with a checksum; train again (--force), or with the version that wrote it`,
    );
  }
  const weights: StateDict = new Map();
  const optimizer: StateDict = new Map();
  for (const [key, tensor] of file.tensors) {
    if (key.startsWith(MODEL_PREFIX)) weights.set(key.slice(MODEL_PREFIX.length), tensor);
    else if (key.startsWith(OPTIMIZER_PREFIX)) optimizer.set(key.slice(OPTIMIZER_PREFIX.length), tensor);
    else {
      throw new DataError(
        `${name}: tensor ${JSON.stringify(key)} is neither ${MODEL_PREFIX}* nor ${OPTIMIZER_PREFIX}*; use a checkpoint that training saved`,
      );
    }
  }
  const progress = parseJson(text, `${name}: ${PROGRESS_KEY}`, 'use a checkpoint that training saved');
  return { weights, optimizer, progress };
}

/** Saves a model's weights and metadata in one step. Node only. Throws DataError as `saveCheckpoint` does. */
export async function saveWeights(path: string, weights: StateDict, metadata: ModelMetadata): Promise<void> {
  expectArguments(
    'saveWeights',
    { path, weights, metadata },
    { path: 'text', weights: 'map', metadata: { architecture: 'text' } },
  );
  await writeFileAtomic(path, withMetadata(weights, metadata, path));
}

/**
 * Encodes a model's weights and metadata as `saveWeights` writes them: for browsers, and for stores of your own. `decodeModel` and `loadWeights` take
 * them.
 *
 * @param weights The weights by name.
 * @param metadata What `metadataOf` returns.
 * @throws DataError for metadata that JSON cannot express.
 */
export function encodeWeights(weights: StateDict, metadata: ModelMetadata): Uint8Array {
  expectArguments(
    'encodeWeights',
    { weights, metadata },
    { weights: 'map', metadata: { architecture: 'text' } },
  );
  return withMetadata(weights, metadata, 'encodeWeights');
}

const withMetadata = (weights: StateDict, metadata: ModelMetadata, name: string): Uint8Array =>
  encodeSafetensors(weights, { [MODEL_KEY]: strictStringify(name, MODEL_KEY, metadata) });

/**
 * Decodes a file of weights: one that `saveWeights` wrote, or any other safetensors file, whose `metadata` is then
 * undefined.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError for a checkpoint, and for broken metadata.
 */
export function decodeWeights(bytes: Uint8Array, name: string): WeightsFile {
  expectArguments('decodeWeights', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const file = decodeSafetensors(bytes, name);
  if (file.metadata[PROGRESS_KEY] !== undefined) {
    throw new DataError(
      `${name}: is a training checkpoint; load it with loadCheckpoint or decodeModel, or resume from it`,
    );
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
