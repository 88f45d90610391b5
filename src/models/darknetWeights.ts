import { DataError, StateDictError } from '../errors.ts';
import type { StateDict } from '../io/safetensors.ts';
import { formatShape, numel, type Shape, sameShape } from '../shape.ts';
import { DarknetConvLayer, type DarknetModule } from './darknetLayers.ts';

/** The header of a Darknet .weights file. */
export interface DarknetHeader {
  /** The version of the format, in three parts. */
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
  /** How many images the network was trained on. */
  readonly seen: number;
}

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
/** Three numbers, then `seen` in 32 bits, since version 0.2 in 64. */
const isWide = (major: number, minor: number): boolean =>
  major * 10 + minor >= 2 && major < 1000 && minor < 1000;

/** Every tensor in the order of the file. */
function entriesOf(modules: DarknetModules): Entry[] {
  return modules.flatMap((module, i) => {
    if (!(module instanceof DarknetConvLayer)) return [];
    const { conv, bn } = module;
    const vector = [module.section.filters];
    const before = bn ? ['bn.bias', 'bn.weight', 'bn.running_mean', 'bn.running_var'] : ['conv.bias'];
    return [
      ...before.map((name) => ({ name: `layers.${i}.${name}`, shape: vector })),
      { name: `layers.${i}.conv.weight`, shape: conv.weight.state.spec.shape },
    ];
  });
}

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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 16) {
    throw new DataError(
      `${name}: is not a .weights file: it has ${bytes.length} bytes, and the header alone takes 16; give the file that Darknet wrote`,
    );
  }
  const [major, minor, revision] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number];
  const wide = isWide(major, minor);
  const start = wide ? 20 : 16;
  const entries = entriesOf(modules);
  const expected = start + BYTES * valuesOf(entries);
  if (bytes.length !== expected) {
    throw new DataError(
      `${name}: has ${bytes.length} bytes, but these layers need ${expected}; use the .cfg that it was trained with${
        bytes.length < expected ? ', or say how many of the first layers it holds' : ''
      }`,
    );
  }
  const seen = wide ? Number(view.getBigUint64(12, true)) : view.getUint32(12, true);
  // A copy, since numbers lie at multiples of 4 bytes there; of the buffer, since Buffer.slice makes none.
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + expected));
  let at = 0;
  const weights: StateDict = new Map();
  for (const { name: key, shape } of entries) {
    const data = new Float32Array(numel(shape));
    reorder(values.subarray(at, at + data.length), data, shape);
    at += data.length;
    weights.set(key, { dtype: 'f32', shape, data });
  }
  return { header: { major, minor, revision, seen }, weights };
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
