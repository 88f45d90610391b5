import { ShapeError } from '../../errors.ts';
import { stridesOf } from '../../shape.ts';
import {
  type FileData,
  type FileDType,
  type FileTensor,
  inTorchLayout,
  quote,
  tensorEntries,
} from '../fileTensor.ts';
import { writeZip } from './zipWriter.ts';

/** torch's classes of storages. Unsigned integers of more than 8 bits have none. */
const STORAGES: Readonly<Record<FileDType, string | undefined>> = {
  f64: 'DoubleStorage',
  f32: 'FloatStorage',
  f16: 'HalfStorage',
  bf16: 'BFloat16Storage',
  i64: 'LongStorage',
  i32: 'IntStorage',
  i16: 'ShortStorage',
  i8: 'CharStorage',
  u8: 'ByteStorage',
  bool: 'BoolStorage',
  u64: undefined,
  u32: undefined,
  u16: undefined,
};

/** A pickle of protocol 2, byte by byte. */
class Pickler {
  readonly #parts: number[] = [0x80, 2];

  /** Opcodes and operands as they are. */
  add(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  text(text: string): this {
    const bytes = new TextEncoder().encode(text);
    this.add(0x58, ...u32(bytes.length));
    return this.add(...bytes);
  }

  global(module: string, name: string): this {
    return this.add(0x63, ...new TextEncoder().encode(`${module}\n${name}\n`));
  }

  integer(value: number): this {
    if (value < 2 ** 31) return this.add(0x4a, ...u32(value));
    // LONG1: 8 bytes in two's complement.
    return this.add(0x8a, 8, ...u32(value % 2 ** 32), ...u32(Math.floor(value / 2 ** 32)));
  }

  tuple(values: readonly number[]): this {
    this.add(0x28);
    for (const value of values) this.integer(value);
    return this.add(0x74);
  }

  /** `collections.OrderedDict()` */
  orderedDict(): this {
    return this.global('collections', 'OrderedDict').add(0x29, 0x52);
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.add(0x2e).#parts);
  }
}

const u32 = (value: number): number[] => [
  value & 255,
  (value >>> 8) & 255,
  (value >>> 16) & 255,
  (value >>> 24) & 255,
];

/** `torch._utils._rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
function addTensor(pickle: Pickler, { dtype, shape, data }: FileTensor, key: string): void {
  pickle.global('torch._utils', '_rebuild_tensor_v2').add(0x28);
  pickle.add(0x28).text('storage').global('torch', STORAGES[dtype]!).text(key).text('cpu');
  pickle.integer(data.length).add(0x74, 0x51);
  pickle.integer(0).tuple(shape).tuple(stridesOf(shape)).add(0x89).orderedDict().add(0x74, 0x52);
}

/** Throws ShapeError for a dtype that torch's classes of storages do not have. */
function expectStorage(name: string, dtype: FileDType): void {
  if (STORAGES[dtype] !== undefined) return;
  throw new ShapeError(
    `writeTorch: tensor ${quote(name)}: torch cannot hold ${dtype} in this format; convert it to i64, or write safetensors`,
  );
}

/**
 * Writes a state dict as `torch.save` does: a zip archive with an ordered dict of tensors on the CPU, which PyTorch 1.6 and later
 * read with `torch.load(file, weights_only=True)`. The same tensors give the same bytes. Names that hold one array share it there,
 * too. Weights of `await model.stateDict((state) => gpu.download(state))` are written in PyTorch's layouts: [O,I,kh,kw] for [kh,kw,I,O].
 *
 * @param stateDict The tensors by name, in the order in which they are written.
 * @throws ShapeError if a tensor's data does not match its dtype or shape, and for u16, u32 and u64, which older versions of PyTorch do
 * not have; UsageError for weights in Fovea's layout that were read from a file or converted, since only their model knows PyTorch's,
 * and over 4 GiB.
 */
export function writeTorch(
  stateDict: Readonly<Record<string, FileTensor>> | ReadonlyMap<string, FileTensor>,
): Uint8Array<ArrayBuffer> {
  const tensors = tensorEntries('writeTorch', 'stateDict', stateDict);
  const keys = new Map<FileData, string>();
  const pickle = new Pickler().orderedDict().add(0x28);
  for (const [name, given] of tensors) {
    expectStorage(name, given.dtype);
    const tensor = inTorchLayout('writeTorch', name, given);
    const key = keys.get(tensor.data) ?? String(keys.size);
    keys.set(tensor.data, key);
    addTensor(pickle.text(name), tensor, key);
  }
  const text = (value: string) => new TextEncoder().encode(value);
  const entries = new Map([['archive/data.pkl', pickle.add(0x75).finish()]]);
  entries.set('archive/byteorder', text('little'));
  for (const [{ buffer, byteOffset, byteLength }, key] of keys) {
    entries.set(`archive/data/${key}`, new Uint8Array(buffer, byteOffset, byteLength));
  }
  entries.set('archive/version', text('3\n'));
  return writeZip(entries);
}
