/** TensorFlow.js's model.json, as far as weights go (https://www.tensorflow.org/js/guide/save_load): which weights are in which files. */
import { DataError } from '../../errors.ts';
import { parseJson } from '../../json.ts';
import { formatShape, numel, type Shape } from '../../shape.ts';
import { quote } from '../fileTensor.ts';

/** Bytes per element of each type that is read. */
const WIDTHS = { float32: 4, float16: 2, int32: 4, uint16: 2, uint8: 1, bool: 1 } as const;

/** An element type by TensorFlow.js's name. */
export type TfjsType = keyof typeof WIDTHS;

/** How floats or integers are stored in fewer bits: `value = stored * scale + min`; float16 has neither. */
export interface Quantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

/** One weight of a manifest. */
export interface TfjsWeight {
  readonly name: string;
  /** `string` weights have no fixed size, and are left out. */
  readonly dtype: TfjsType | 'string';
  readonly shape: Shape;
  readonly quantization: Quantization | undefined;
  /** Bytes in the files; 0 for strings. */
  readonly byteLength: number;
}

/** Weights that lie one after another in files that are read as one. */
export interface TfjsGroup {
  readonly paths: readonly string[];
  readonly weights: readonly TfjsWeight[];
}

/** A model.json, or a manifest by itself. */
export interface TfjsJson {
  /** `layers-model`, `graph-model`, or undefined for a manifest by itself and for files that do not say. */
  readonly format: string | undefined;
  /** The model; undefined for a manifest by itself. */
  readonly topology: unknown;
  /** The inputs and outputs of a graph model, where the file says. */
  readonly signature: unknown;
  readonly groups: readonly TfjsGroup[];
  /** Texts about the file: `generatedBy`, `convertedBy`. */
  readonly texts: ReadonlyMap<string, string>;
}

const AGAIN = 'convert or download the model again';

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined;

function quantizationOf(value: unknown, place: string): Quantization | undefined {
  if (value === undefined || value === null) return undefined;
  const { dtype, scale = 1, min = 0 } = isRecord(value) ? value : {};
  const isPlain = typeof scale === 'number' && typeof min === 'number';
  if ((dtype !== 'uint8' && dtype !== 'uint16' && dtype !== 'float16') || !isPlain) {
    throw new DataError(
      `${place}: quantization must have dtype uint8, uint16 or float16, scale and min; ${AGAIN}`,
    );
  }
  return { dtype, scale, min };
}

function weightOf(value: unknown, place: string): TfjsWeight {
  if (!isRecord(value) || typeof value.name !== 'string') {
    throw new DataError(`${place}: a weight has no name; ${AGAIN}`);
  }
  const { name, dtype, shape } = value;
  const where = `${place}: weight ${quote(name)}`;
  const isShape = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (!isShape(shape))
    throw new DataError(`${where}: shape is not a list of non-negative integers; ${AGAIN}`);
  if (dtype === 'string') return { name, dtype, shape, quantization: undefined, byteLength: 0 };
  const quantization = quantizationOf(own(value, 'quantization'), where);
  if (typeof dtype !== 'string' || !Object.hasOwn(WIDTHS, dtype)) {
    const found = typeof dtype === 'string' ? quote(dtype) : 'that is not a string';
    throw new DataError(
      `${where}: dtype ${found} cannot be read; convert it to one of ${Object.keys(WIDTHS).join(', ')}`,
    );
  }
  const type = dtype as TfjsType;
  if (quantization && type !== 'float32' && type !== 'int32') {
    throw new DataError(
      `${where}: ${type} is quantized as ${quantization.dtype}; only float32 and int32 are; ${AGAIN}`,
    );
  }
  const byteLength = numel(shape) * WIDTHS[quantization?.dtype ?? type];
  if (!Number.isSafeInteger(byteLength)) {
    throw new DataError(`${where}: shape ${formatShape(shape)} is too large; ${AGAIN}`);
  }
  return { name, dtype: type, shape, quantization, byteLength };
}

/** Whether a path leads to a file beside the manifest or below it: a manifest comes from elsewhere. */
const isBeside = (path: unknown): path is string =>
  typeof path === 'string' && path.split('/').every((part) => /^[\w@-][\w .@+-]*$/.test(part));

function groupsOf(manifest: unknown, source: string): TfjsGroup[] {
  if (!Array.isArray(manifest)) throw new DataError(`${source}: weightsManifest is no list; ${AGAIN}`);
  const names = new Set<string>();
  return manifest.map((group: unknown): TfjsGroup => {
    if (!isRecord(group) || !Array.isArray(group.paths) || !Array.isArray(group.weights)) {
      throw new DataError(`${source}: a group of weightsManifest lacks paths or weights; ${AGAIN}`);
    }
    const paths = group.paths.map((path: unknown) => {
      if (isBeside(path)) return path;
      throw new DataError(
        `${source}: weightsManifest: path ${typeof path === 'string' ? quote(path) : 'that is no text'} is no file beside it; ${AGAIN}`,
      );
    });
    const weights = group.weights.map((weight: unknown) => weightOf(weight, source));
    for (const { name } of weights) {
      if (names.has(name)) throw new DataError(`${source}: two weights are called ${quote(name)}; ${AGAIN}`);
      names.add(name);
    }
    return { paths, weights };
  });
}

/**
 * Checks a parsed model.json, or a manifest by itself (`weights_manifest.json`).
 *
 * @throws DataError, one line, for paths that lead elsewhere, types that are not read, and all that breaks the format.
 */
export function checkTfjs(json: unknown, source: string): TfjsJson {
  if (Array.isArray(json)) {
    return {
      format: undefined,
      topology: undefined,
      signature: undefined,
      groups: groupsOf(json, source),
      texts: new Map(),
    };
  }
  if (!isRecord(json) || !Object.hasOwn(json, 'weightsManifest')) {
    throw new DataError(
      `${source}: has no weightsManifest, so it is no model.json of TensorFlow.js; ${AGAIN}`,
    );
  }
  const texts = new Map<string, string>();
  for (const key of ['format', 'generatedBy', 'convertedBy']) {
    const text = own(json, key);
    if (typeof text === 'string') texts.set(key, text);
  }
  return {
    format: texts.get('format'),
    topology: own(json, 'modelTopology'),
    signature: own(json, 'signature') ?? userSignature(json),
    groups: groupsOf(json.weightsManifest, source),
    texts,
  };
}

/** Older converters put the signature there. */
const userSignature = (json: Record<string, unknown>): unknown =>
  isRecord(json.userDefinedMetadata) ? own(json.userDefinedMetadata, 'signature') : undefined;

/** Parses the text of a model.json; see `checkTfjs`. */
export const parseTfjs = (text: string, source: string): TfjsJson =>
  checkTfjs(parseJson(text, source, AGAIN), source);
