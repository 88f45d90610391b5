/** The weights of a TensorFlow.js model from its files. */
import { DataError } from '../../errors.ts';
import { numel } from '../../shape.ts';
import { FILE_DTYPES, type FileDType, type FileTensor, plain, quote } from '../fileTensor.ts';
import type { TfjsGroup, TfjsType, TfjsWeight } from './manifest.ts';

const TYPES: Readonly<Record<TfjsType, FileDType>> = {
  float32: 'f32',
  float16: 'f16',
  int32: 'i32',
  uint16: 'u16',
  uint8: 'u8',
  bool: 'bool',
};

/** Reads a file by the path that the manifest gives it. */
export type ReadShard = (path: string) => Uint8Array | Promise<Uint8Array>;

const AGAIN = 'download the model again';

/** The values of a weight. Quantised ones are computed as TensorFlow.js does, in f64; float16 stays as it is. */
function tensorOf({ dtype, shape, quantization }: TfjsWeight, bytes: Uint8Array): FileTensor {
  const stored = TYPES[quantization?.dtype ?? (dtype as TfjsType)];
  // A copy, aligned to the elements.
  const data = new FILE_DTYPES[stored].array(new Uint8Array(bytes).buffer);
  if (!quantization || quantization.dtype === 'float16') return { dtype: stored, shape, data };
  const { scale, min } = quantization;
  const value = (i: number): number => Number(data[i]) * scale + min;
  const { length } = data;
  return dtype === 'int32'
    ? { dtype: 'i32', shape, data: Int32Array.from({ length }, (_, i) => Math.round(value(i))) }
    : { dtype: 'f32', shape, data: Float32Array.from({ length }, (_, i) => value(i)) };
}

/** The bytes of texts, each after its length as a u32: where they end. Undefined where they reach past the end. */
function endOfTexts(bytes: Uint8Array, start: number, count: number): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) return undefined;
    at += 4 + view.getUint32(at, true);
  }
  return at <= bytes.length ? at : undefined;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const out = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * Reads the weights of all groups, in the manifest's order and under its names. Sizes are compared before anything is allocated.
 *
 * @param read Reads a file by its path in the manifest.
 * @param source The model.json, for messages.
 * @throws DataError for files that are shorter or longer than their weights.
 */
export async function decodeGroups(
  groups: readonly TfjsGroup[],
  read: ReadShard,
  source: string,
): Promise<{ tensors: Map<string, FileTensor>; notes: string[] }> {
  const tensors = new Map<string, FileTensor>();
  const notes: string[] = [];
  for (const { paths, weights } of groups) {
    const parts: Uint8Array[] = [];
    for (const path of paths) parts.push(await read(path));
    const present = parts.reduce((total, { length }) => total + length, 0);
    const needed = weights.reduce((total, { byteLength }) => total + byteLength, 0);
    const hasTexts = weights.some(({ dtype }) => dtype === 'string');
    const fault = (takes: string): DataError =>
      new DataError(
        `${source}: ${paths.map(plain).join(', ') || 'a group without files'} ${paths.length > 1 ? 'have' : 'has'} ${present} bytes, its weights take ${takes}; ${AGAIN}`,
      );
    if (hasTexts ? present < needed : present !== needed)
      throw fault(hasTexts ? `more than ${needed}` : `${needed}`);
    const bytes = joined(parts);
    let at = 0;
    for (const weight of weights) {
      if (weight.dtype === 'string') {
        const end = endOfTexts(bytes, at, numel(weight.shape));
        if (end === undefined) throw fault('more');
        at = end;
        notes.push(`${quote(weight.name)} holds texts, and was left out`);
        continue;
      }
      const end = at + weight.byteLength;
      if (end > bytes.length) throw fault('more');
      tensors.set(weight.name, tensorOf(weight, bytes.subarray(at, end)));
      at = end;
    }
    if (at !== bytes.length) throw fault(`${at}`);
  }
  return { tensors, notes };
}
