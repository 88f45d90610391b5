import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { readFileBytes } from '../io/files.ts';
import { decodeGroups, type ReadShard } from '../io/tfjs/decode.ts';
import { checkTfjs, isRecord, parseTfjs, type TfjsGroup, type TfjsJson } from '../io/tfjs/manifest.ts';
import { withDefaults } from '../options.ts';
import { graphNetwork } from './graph/network.ts';
import { layersNetwork } from './layers/network.ts';
import { TfjsModule } from './module.ts';
import { type Trained, Weights } from './weights.ts';

/** Options of `loadTfjs`. */
export interface TfjsOptions {
  /**
   * Whether a weight is trained; one that is not is a buffer. `trainable` is what the model says: false in a layer whose configuration
   * says `trainable: false`. Default: what the model says.
   */
  readonly trained?: Trained;
  /** The name of model.json, for messages. Default: the path, or `model.json`. */
  readonly name?: string;
}

/** The bytes of all files, one after another, as they are read for the groups of a manifest. */
function fromBytes(bytes: Uint8Array, groups: readonly TfjsGroup[]): ReadShard {
  // Whoever has all bytes at once has no files: each group is read as one.
  const sizes = groups.map(({ weights }) => weights.reduce((total, { byteLength }) => total + byteLength, 0));
  let [group, start] = [0, 0];
  return () => {
    const end = group === groups.length - 1 ? bytes.length : start + sizes[group]!;
    const part = bytes.subarray(start, end);
    group++;
    start = end;
    return part;
  };
}

function parsed(model: string | Uint8Array | object, text: Uint8Array | undefined, name: string): TfjsJson {
  const bytes = text ?? (model instanceof Uint8Array ? model : undefined);
  return bytes ? parseTfjs(new TextDecoder().decode(bytes), name) : checkTfjs(model, name);
}

/**
 * Loads a model of TensorFlow.js as a module that runs and trains: a layers model (Keras' layers, channels last), or a graph model of
 * the operations of vision. Weights that are quantised are decoded.
 *
 * @param model The path of model.json (in Node), its bytes, or its parsed content.
 * @param weights Reads a file by the path that model.json gives it, or the bytes of all of them, one after another. Default for a path: files
 * beside it.
 * @throws DataError, one line, for damaged files; UnsupportedError that lists all layers or operations that are missing, with the names
 * of their nodes, control flow among them, and for data_format channels_first; UsageError without `weights` where `model` is no path.
 */
export async function loadTfjs(
  model: string | Uint8Array | object,
  weights?: Uint8Array | ReadShard,
  options: TfjsOptions = {},
): Promise<TfjsModule> {
  const path = typeof model === 'string' ? model : undefined;
  const { trained, name } = withDefaults('loadTfjs', options, {
    trained: (_name, _shape, trainable) => trainable,
    name: path ?? 'model.json',
  });
  expectArguments('loadTfjs', { trained, name }, { trained: 'function', name: 'text' });
  if (path === undefined && (typeof model !== 'object' || model === null || weights === undefined)) {
    throw new UsageError(
      'loadTfjs: takes the path of model.json, or its bytes or content with what reads the files of weights',
    );
  }
  const json = parsed(model, path === undefined ? undefined : await readFileBytes(path), name);
  const { topology, signature, format } = json;
  if (topology === undefined || topology === null) {
    throw new DataError(
      `${name}: has no modelTopology, so it is no model; read its weights with loadWeights`,
    );
  }
  const isBytes = weights instanceof Uint8Array;
  const groups = isBytes ? json.groups.map((group) => ({ ...group, paths: ['the weights'] })) : json.groups;
  const folder = (path ?? '').replace(/[^/\\]*$/, '');
  const read = isBytes
    ? fromBytes(weights, groups)
    : (weights ?? ((file: string) => readFileBytes(folder + file)));
  const { tensors } = await decodeGroups(groups, read, name);
  const own = new Weights(tensors, trained);
  const isGraph =
    format === 'graph-model' || (format === undefined && isRecord(topology) && 'node' in topology);
  return isGraph
    ? new TfjsModule('graph-model', graphNetwork(topology, signature, own))
    : new TfjsModule('layers-model', layersNetwork(topology, own));
}
