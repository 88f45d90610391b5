/** Mutated files for the readers of weights. A reader must read what is left of them or throw a FoveaError, in bounded time and memory. */
import { readFileSync } from 'node:fs';
import { FoveaError } from '../../src/errors.ts';
import { encodeSafetensors, loadWeights, readTorch } from '../../src/io/index.ts';
import { readZip } from '../../src/io/torch/zip.ts';
import { writeZip } from '../../src/io/torch/zipWriter.ts';
import { numel } from '../../src/shape.ts';
import type { Random } from '../../src/vision/random.ts';

/** One small, valid file for each reader; `folder` holds those that test/fixtures/torch_files.py writes. */
export function seedFiles(folder: string): Readonly<Record<string, Uint8Array>> {
  const files = ['tensors.pth', 'checkpoint.pth', 'module.pth', 'protocol5.pth', 'scripted.pt', 'legacy.pth'];
  const tensors = {
    a: { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
    b: { dtype: 'bf16', shape: [3], data: Uint16Array.of(1, 2, 3) },
    c: { dtype: 'i64', shape: [], data: BigInt64Array.of(5n) },
  } as const;
  return {
    ...Object.fromEntries(files.map((name) => [name, new Uint8Array(readFileSync(`${folder}/${name}`))])),
    safetensors: encodeSafetensors(tensors, { note: 'x' }),
    tfjs: new TextEncoder().encode(
      JSON.stringify({ modelTopology: {}, weightsManifest: [{ paths: ['a'], weights }] }),
    ),
  };
}

const weights = [
  { name: 'kernel', dtype: 'float32', shape: [2, 2] },
  { name: 'q', dtype: 'float32', shape: [4], quantization: { dtype: 'uint8', scale: 0.1, min: -1 } },
];
/** What the file of the weights of `tfjs` holds. */
const shard = new Uint8Array(20);

/** Formats that only the door to all reads. */
export const readByDoor = (name: string): boolean => name === 'safetensors' || name === 'tfjs';

/** Pieces of pickles that ask for much, or for what is not there. */
const PIECES: readonly (readonly number[])[] = [
  [0x8e, 255, 255, 255, 255, 255, 255, 255, 127],
  [0x8b, 255, 255, 255, 127],
  [0x58, 255, 255, 255, 255],
  [0x72, 255, 255, 255, 255],
  [0x4a, 255, 255, 255, 127],
  [0x4a, 255, 255, 255, 255],
  [0x8a, 8, 255, 255, 255, 255, 255, 255, 255, 127],
  [...Buffer.from('cposix\nsystem\n')],
  [...Buffer.from('c__builtin__\nlist\n')],
  [...Buffer.from('ccollections\nOrderedDict\n')],
  [0x29, 0x52],
  [0x68, 0],
  [0x28, 0x74],
  [0x7d, 0x62],
];
const OPCODES = [
  ...Buffer.from('().0123}]adegbhijlopqrstuNQRX'),
  0x81,
  0x85,
  0x86,
  0x87,
  0x8f,
  0x90,
  0x93,
  0x94,
];

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.integer(bytes.length + 1);
  const splice = (end: number, piece: Uint8Array | readonly number[]): Uint8Array => {
    const rest = bytes.subarray(end);
    const out = new Uint8Array(at + piece.length + rest.length);
    out.set(bytes.subarray(0, at));
    out.set(piece, at);
    out.set(rest, at + piece.length);
    return out;
  };
  const length = 1 + random.integer(random.integer(4) === 0 ? 1000 : 8);
  switch (random.integer(8)) {
    case 0:
    case 1: {
      const changed = bytes.slice();
      if (changed.length > 0) changed[at % changed.length]! ^= 1 << random.integer(8);
      return changed;
    }
    case 2:
      return bytes.slice(0, at);
    case 3:
      return splice(at + length, []);
    case 4:
      return splice(at, bytes.subarray(random.integer(bytes.length + 1)).subarray(0, length));
    case 5:
      return splice(
        at,
        new Uint8Array(random.integer(20_000)).fill(OPCODES[random.integer(OPCODES.length)]!),
      );
    case 6: {
      const piece = PIECES[random.integer(PIECES.length)]!;
      return splice(random.integer(2) === 0 ? at : at + piece.length, piece);
    }
    default:
      return splice(at + 1, [OPCODES[random.integer(OPCODES.length)]!]);
  }
}

/** Changes a file; of every other archive an entry, mostly the pickle, so that the archive itself stays whole. */
export function mutateFile(bytes: Uint8Array, random: Random): Uint8Array {
  let out = bytes;
  for (let times = 1 + random.integer(3); times > 0; times--) {
    if (out[0] !== 0x50 || random.integer(4) === 0) out = mutateBytes(out, random);
    else out = mutateEntry(out, random);
  }
  return out;
}

function mutateEntry(bytes: Uint8Array, random: Random): Uint8Array {
  const entries = new Map<string, Uint8Array>();
  try {
    const zip = readZip(bytes, 'x');
    for (const name of zip.names) {
      // TorchScript's code is compressed.
      if (!/\/code\//.test(name)) entries.set(name, zip.get(name)!);
    }
  } catch {
    return mutateBytes(bytes, random);
  }
  const names = [...entries.keys()];
  const pickle = names.find((name) => name.endsWith('data.pkl'));
  const name = pickle !== undefined && random.integer(4) > 0 ? pickle : names[random.integer(names.length)];
  if (name === undefined) return bytes;
  if (random.integer(30) === 0) entries.delete(name);
  else entries.set(name, mutateBytes(entries.get(name)!, random));
  return writeZip(entries);
}

/** Reads a file, by the reader for it or through the door to all. Returns `read`, or the name of the FoveaError. Throws any other error. */
export async function readFile(bytes: Uint8Array, byDoor: boolean): Promise<string> {
  try {
    const { tensors } = byDoor ? await loadWeights(bytes, { read: async () => shard }) : readTorch(bytes);
    for (const [name, { shape, data }] of tensors) {
      if (numel(shape) !== data.length) throw new Error(`${name} has ${data.length} values for [${shape}]`);
    }
    return 'read';
  } catch (error) {
    if (error instanceof FoveaError && !/[\r\n]/.test(error.message)) return error.name;
    throw error;
  }
}
