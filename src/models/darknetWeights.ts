import { DataError, StateDictError } from '../errors.ts';
import { type DarknetHeader, darknetValues, isWide, readDarknetHeader } from '../io/darknet.ts';
import type { StateDict } from '../io/safetensors.ts';
import { formatShape, numel, type Shape, sameShape } from '../shape.ts';
import { DarknetConvLayer, type DarknetModule } from './darknetLayers.ts';

export interface DarknetWeights {
  readonly header: DarknetHeader;
  readonly weights: StateDict;
}

/** The modules of the layers that a file contains, which may be only the first ones. */
export type DarknetModules = readonly (DarknetModule | undefined)[];

interface Entry {
  readonly name: string;
  /** The model's shape: [kh,kw,I,O] for a convolution, which is [O,I,kh,kw] in the file. */
  readonly shape: Shape;
}

const BYTES = 4;

/** The tensors of a layer in the order of the file. */
function layerEntries(module: DarknetModule | undefined, i: number): Entry[] {
  if (!(module instanceof DarknetConvLayer)) return [];
  const { conv, bn } = module;
  const vector = [module.section.filters];
  const before = bn ? ['bn.bias', 'bn.weight', 'bn.running_mean', 'bn.running_var'] : ['conv.bias'];
  return [
    ...before.map((name) => ({ name: `layers.${i}.${name}`, shape: vector })),
    { name: `layers.${i}.conv.weight`, shape: conv.weight.state.spec.shape },
  ];
}

const entriesOf = (modules: DarknetModules): Entry[] => modules.flatMap(layerEntries);

const valuesOf = (entries: readonly Entry[]): number =>
  entries.reduce((total, { shape }) => total + numel(shape), 0);

/** [O,I,kh,kw], as the file has it, to [kh,kw,I,O], as the model has it; or back. Vectors stay as they are. */
function reorder(source: Float32Array, target: Float32Array, shape: Shape, back = false): void {
  if (shape.length === 1) {
    target.set(source);
    return;
  }
  const [kh, kw, I, O] = shape as [number, number, number, number];
  const pixels = kh * kw;
  let file = 0;
  for (let o = 0; o < O; o++) {
    for (let i = 0; i < I; i++) {
      for (let at = 0; at < pixels; at++, file++) {
        const own = (at * I + i) * O + o;
        if (back) target[file] = source[own]!;
        else target[own] = source[file]!;
      }
    }
  }
}

/**
 * Decodes a Darknet .weights file: the header, then for each convolution biases, with batch norm also scales, means and
 * variances, and weights.
 *
 * @throws DataError for a file of another size than these layers need.
 */
export function decodeDarknetWeights(
  bytes: Uint8Array,
  modules: DarknetModules,
  name = 'weights',
): DarknetWeights {
  const { header, start } = readDarknetHeader(bytes, name);
  const entries = entriesOf(modules);
  const expected = start + BYTES * valuesOf(entries);
  if (bytes.length !== expected) {
    throw new DataError(
      `${name}: has ${bytes.length} bytes, but these layers need ${expected}; use the .cfg that it was trained with${
        bytes.length < expected ? ', or say how many of the first layers it holds' : ''
      }`,
    );
  }
  return { header, weights: namedValues(darknetValues(bytes, start, expected), modules) };
}

/** The number of values that a file has for each layer. */
export const darknetCounts = (modules: DarknetModules): number[] =>
  modules.map((module, i) => valuesOf(layerEntries(module, i)));

/** Names the values of these layers, of which there must be as many as they take, and orders them as the model does. */
export function namedValues(values: Float32Array, modules: DarknetModules): StateDict {
  let at = 0;
  const weights: StateDict = new Map();
  for (const { name: key, shape } of entriesOf(modules)) {
    const data = new Float32Array(numel(shape));
    reorder(values.subarray(at, at + data.length), data, shape);
    at += data.length;
    weights.set(key, { dtype: 'f32', shape, data });
  }
  return weights;
}

/**
 * Encodes a Darknet .weights file; decoding it gives the same bits. Throws StateDictError if a tensor of these layers
 * is missing or has another shape.
 */
export function encodeDarknetWeights(
  { header, weights }: { readonly header?: Partial<DarknetHeader>; readonly weights: StateDict },
  modules: DarknetModules,
): Uint8Array<ArrayBuffer> {
  const { major = 0, minor = 2, revision = 5, seen = 0 } = header ?? {};
  const entries = entriesOf(modules);
  for (const { name, shape } of entries) {
    const given = weights.get(name);
    if (given && given.dtype === 'f32' && sameShape(given.shape, shape)) continue;
    throw new StateDictError(
      `encodeDarknetWeights: ${name} is ${given ? `${given.dtype} ${formatShape(given.shape)}` : 'missing'}, but the network has f32 ${formatShape(shape)}; give the weights of this network`,
    );
  }
  const wide = isWide(major, minor);
  const start = wide ? 20 : 16;
  const bytes = new Uint8Array(start + BYTES * valuesOf(entries));
  const view = new DataView(bytes.buffer);
  [major, minor, revision].forEach((value, i) => {
    view.setInt32(i * BYTES, value, true);
  });
  if (wide) view.setBigUint64(12, BigInt(seen), true);
  else view.setUint32(12, seen, true);
  const values = new Float32Array(valuesOf(entries));
  let at = 0;
  for (const { name, shape } of entries) {
    const place = values.subarray(at, at + numel(shape));
    reorder(weights.get(name)!.data as Float32Array, place, shape, true);
    at += place.length;
  }
  bytes.set(new Uint8Array(values.buffer), start);
  return bytes;
}
