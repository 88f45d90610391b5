/** One door to files of weights, whatever their format. Each reader is loaded when a file needs it. */

import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { parseJson } from '../json.ts';
import { expectOptions } from '../options.ts';
import { readFileBytes } from './files.ts';
import { type FileTensor, quote, tensorCount } from './fileTensor.ts';
import type { LoadedWeights } from './loadedWeights.ts';
import { isSafetensors, isTfjs, otherFormatOf } from './otherFormats.ts';
import type { OtherValue } from './torch/walk.ts';

/** How `loadWeights` reads. */
export interface LoadWeightsOptions {
  /** The file's name, for messages. Default: the path, the name of the File, or `weights`. */
  readonly name?: string;
  /** Which state dict of a PyTorch file to take, by its name there: `ema`. Default: see `loadWeights`. */
  readonly stateDict?: string;
  /** Reads another file of the same folder: the shards of an index, the files of a model.json. Default for a path: from the disk. */
  readonly read?: (name: string) => Promise<Uint8Array>;
}

/**
 * Loads a file of weights, and tells its format by its content: safetensors (also a checkpoint of `fovea train`, and an index with
 * its shards), PyTorch (see `readTorch`) or TensorFlow.js (a `model.json` with its files). Give the result to `model.loadStateDict`.
 * Darknet's .weights have numbers without names: a training starts from them (`defaultSettings`, `train`), and `YOLO.fromDarknet` takes
 * the file itself.
 *
 * A PyTorch file may hold several state dicts. The first of `ema`, `state_dict_ema`, `model_ema`, `ema_state_dict`, `state_dict`,
 * `model_state_dict`, `model`, `net`, `params` and `weights` is taken; or else the file itself, or the only one in it.
 * `module.` and `_orig_mod.` before every name are removed. `notes` say what was done. Archives that were compressed afterwards are
 * inflated, up to 8 times the size of the file and 64 MiB.
 *
 * @param file A path (in Node), the bytes, or a File of a browser.
 * @param options The name, the state dict to take, and how to read shards.
 * @throws DataError, one line, for what cannot be read, or holds no tensor: the file is named for what it is. UsageError for shards without `read`, and for options that cannot be used.
 */
export async function loadWeights(
  file: string | Uint8Array | ArrayBuffer | Blob,
  options: LoadWeightsOptions = {},
): Promise<LoadedWeights> {
  if (typeof file !== 'string' && Object(file) !== file) {
    throw new UsageError(`loadWeights: file is ${String(file)}; give a path, bytes or a File`);
  }
  expectOptions('loadWeights', options, ['name', 'stateDict', 'read']);
  expectArguments(
    'loadWeights',
    { options },
    { options: { 'name?': 'text', 'stateDict?': 'text', 'read?': 'function' } },
  );
  const loaded = await load(file, options);
  if (loaded.tensors.size > 0) return loaded;
  throw new DataError(`${loaded.source}: holds no tensor; give a file of weights`);
}

async function load(
  file: string | Uint8Array | ArrayBuffer | Blob,
  options: LoadWeightsOptions,
): Promise<LoadedWeights> {
  const name = options.name ?? nameOf(file);
  const bytes = await bytesOf(file);
  const read = options.read ?? (typeof file === 'string' ? besides(file) : undefined);
  const start = String.fromCharCode(...bytes.subarray(0, 4096));
  if (!isSafetensors(bytes) && /^\s*\{/.test(start) && start.includes('"weight_map"')) {
    return loadShards(bytes, name, read, options);
  }
  if (isTfjs(bytes)) {
    if (!read) throw needsFiles(name, 'files with weights');
    const { loadTfjsWeights } = await import('./tfjs/load.ts');
    return loadTfjsWeights(new TextDecoder().decode(bytes), name, read);
  }
  return loadOne(bytes, name, options);
}

const nameOf = (file: string | Uint8Array | ArrayBuffer | Blob): string => {
  if (typeof file === 'string') return file;
  return 'name' in file && typeof file.name === 'string' ? file.name : 'weights';
};

async function bytesOf(file: string | Uint8Array | ArrayBuffer | Blob): Promise<Uint8Array> {
  if (typeof file === 'string') return readFileBytes(file);
  if (file instanceof Uint8Array) return file;
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (file instanceof Blob) return new Uint8Array(await file.arrayBuffer());
  throw new UsageError('loadWeights: takes a path, a Uint8Array, an ArrayBuffer or a File');
}

const besides = (path: string) => (name: string) => readFileBytes(path.replace(/[^/\\]*$/, '') + name);

const isTorch = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x50 && bytes[1] === 0x4b) ||
  (bytes[0] === 0x80 && bytes[1]! <= 5) ||
  (bytes.length > 262 && String.fromCharCode(...bytes.subarray(257, 262)) === 'ustar');

async function loadOne(
  bytes: Uint8Array,
  source: string,
  { stateDict }: LoadWeightsOptions,
): Promise<LoadedWeights> {
  if (!isSafetensors(bytes) && isTorch(bytes)) {
    const { loadTorch } = await import('./torch/load.ts');
    return loadTorch(bytes, source, stateDict);
  }
  if (otherFormatOf(bytes) === 'darknet') {
    const { loadDarknetValues } = await import('./darknet.ts');
    return loadDarknetValues(bytes, source);
  }
  const { layoutIn, readSafetensors } = await import('./safetensors.ts');
  const { tensors, metadata } = readSafetensors(bytes, source);
  const other = new Map<string, OtherValue>(Object.entries(metadata));
  if (metadata['fovea.progress'] === undefined) {
    const layout = layoutIn(metadata);
    return { format: 'safetensors', source, layout, tensors, other, notes: [] };
  }
  const { decodeCheckpoint } = await import('./checkpoint.ts');
  const { weights, optimizer } = decodeCheckpoint(bytes, source);
  const notes = [
    `is a checkpoint of a training: its model was taken, ${tensorCount(optimizer.size)} of the optimizer left out`,
  ];
  return { format: 'safetensors', source, layout: 'fovea', tensors: weights, other, notes };
}

/** The files that an index names, each with the tensors that are in it. */
function shardsOf(bytes: Uint8Array, source: string): Map<string, string[]> {
  const fix = 'download the index again';
  const index = parseJson(new TextDecoder().decode(bytes), source, fix) as { weight_map?: unknown };
  const shards = new Map<string, string[]>();
  const map = index.weight_map;
  if (typeof map !== 'object' || map === null || Array.isArray(map)) {
    throw new DataError(`${source}: weight_map is no object; ${fix}`);
  }
  for (const [tensor, shard] of Object.entries(map)) {
    // Files of the same folder only: an index comes from elsewhere.
    if (typeof shard !== 'string' || !/^[\w-][\w .+-]*$/.test(shard)) {
      throw new DataError(
        `${source}: weight_map: tensor ${quote(tensor)} is in ${typeof shard === 'string' ? quote(shard) : 'no text'}, which is no name of a file beside it; ${fix}`,
      );
    }
    shards.set(shard, [...(shards.get(shard) ?? []), tensor]);
  }
  return shards;
}

const needsFiles = (source: string, what: string): UsageError =>
  new UsageError(
    `loadWeights: ${source} names ${what}; give their path, or the option read, which reads one by its name`,
  );

async function loadShards(
  bytes: Uint8Array,
  source: string,
  read: ((name: string) => Promise<Uint8Array>) | undefined,
  options: LoadWeightsOptions,
): Promise<LoadedWeights> {
  const shards = shardsOf(bytes, source);
  if (!read) throw needsFiles(source, `${shards.size} files with weights`);
  const tensors = new Map<string, FileTensor>();
  const other = new Map<string, OtherValue>();
  const notes = [`${shards.size} files`];
  let layout: LoadedWeights['layout'];
  for (const [shard, names] of shards) {
    const place = source.replace(/[^/\\]*$/, '') + shard;
    const part = await loadOne(await read(shard), place, options);
    layout ??= part.layout;
    for (const name of names) {
      const tensor = part.tensors.get(name);
      if (!tensor) {
        throw new DataError(
          `${place}: tensor ${quote(name)} is missing, which ${source} says is there; download both again`,
        );
      }
      tensors.set(name, tensor);
    }
    const extra = part.tensors.size - names.length;
    if (extra > 0) notes.push(`${shard}: ${tensorCount(extra)} that the index does not name left out`);
  }
  return { format: 'sharded', source, layout, tensors, other, notes };
}
