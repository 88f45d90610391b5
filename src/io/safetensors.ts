/**
 * The safetensors format (https://github.com/huggingface/safetensors#format): 8 bytes with the length of the header as
 * a little-endian u64, the header as JSON, then the tensors' bytes without gaps. Typed arrays are read and written in
 * the host's byte order, which is little-endian wherever WebGPU runs.
 */
import { expectArguments, expectTexts } from '../arguments.ts';
import { DataError, ShapeError, UsageError } from '../errors.ts';
import { findDuplicateKey, parseJson } from '../json.ts';
import { type DType, formatShape, numel, type Shape } from '../shape.ts';
import {
  expectFloat32,
  FILE_DTYPES,
  type FileData,
  type FileDType,
  type FileTensor,
  inFoveaLayout,
  inTorchLayout,
  quote,
  tensorEntries,
  toFloat32,
  type WeightOrder,
} from './fileTensor.ts';
import type { Layout } from './layout.ts';
import { otherFormat } from './otherFormats.ts';

/** The values of a tensor on the host. Uint16Array holds the bits of f16 values. */
export type TensorData = Float32Array | Int32Array | Uint32Array | Uint16Array;

/** A tensor on the host. `data.length` is the product of `shape`; f16 is stored as bits in a Uint16Array. */
export interface NamedTensor extends WeightOrder {
  /** The type of the elements. */
  readonly dtype: DType;
  /** The size of each dimension. */
  readonly shape: Shape;
  /** The elements in row-major order. */
  readonly data: TensorData;
}

/** Tensors by name, as in a state dict of PyTorch. */
export type StateDict = Map<string, NamedTensor>;

/** A safetensors file as it is. */
export interface SafetensorsContent {
  /** The tensors by name, in the types that the file has. */
  readonly tensors: Map<string, FileTensor>;
  /** Text metadata by key. */
  readonly metadata: Record<string, string>;
}

/** A decoded safetensors file. */
export interface SafetensorsFile {
  /** The tensors by name. */
  readonly tensors: StateDict;
  /** Text metadata by key. */
  readonly metadata: Record<string, string>;
}

const METADATA_KEY = '__metadata__';
const PREFIX_BYTES = 8;
/** The limit of the reference implementation (`MAX_HEADER_SIZE` in safetensors/src/tensor.rs). */
const MAX_HEADER_BYTES = 100_000_000;

/** The name of each dtype in a file. */
const NAMES: Readonly<Record<FileDType, string>> = {
  f64: 'F64',
  f32: 'F32',
  f16: 'F16',
  bf16: 'BF16',
  i64: 'I64',
  i32: 'I32',
  i16: 'I16',
  i8: 'I8',
  u64: 'U64',
  u32: 'U32',
  u16: 'U16',
  u8: 'U8',
  bool: 'BOOL',
};

/** All dtypes that can be read, by their names in a file. */
const DTYPES = new Map(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as FileDType]));

/** A tensor in a type that runs on the device. Throws an Error that says what is wrong. */
function forDevice(tensor: FileTensor): NamedTensor {
  const { dtype, data } = tensor;
  switch (dtype) {
    case 'f32':
    case 'f16':
    case 'i32':
    case 'u32':
      return { ...tensor, dtype, data: data as TensorData };
    case 'bf16':
    case 'f64':
      return { ...tensor, dtype: 'f32', data: toFloat32(tensor) };
    default:
      return { ...tensor, dtype: 'i32', data: toInt32(data) };
  }
}

function toInt32(values: FileData): Int32Array {
  const out = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    out[i] = Number(values[i]);
    if (Number(values[i]) !== out[i]) throw new Error(`element ${i} is ${values[i]}`);
  }
  return out;
}

/** Compares by UTF-16 code units, so that the order does not depend on a locale. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const LAYOUT_KEY = 'fovea.layout';

/** The order of dimensions that the metadata of a file tell: those of `fovea train` have Fovea's, those of safetensors.torch PyTorch's. */
export function layoutIn(metadata: Readonly<Record<string, string>>): Layout | undefined {
  const said = metadata[LAYOUT_KEY];
  if (said === 'fovea' || said === 'pytorch') return said;
  if (metadata['fovea.model'] !== undefined || metadata['fovea.progress'] !== undefined) return 'fovea';
  return metadata.format === 'pt' ? 'pytorch' : undefined;
}

/** Tensors in one order of dimensions, with metadata that tell it. Throws UsageError where they have both. */
function inOneLayout(
  entries: readonly (readonly [string, FileTensor])[],
  metadata: Readonly<Record<string, string>>,
): { entries: (readonly [string, FileTensor])[]; metadata: Readonly<Record<string, string>> } {
  const told = layoutIn(metadata);
  const ordered = entries.map(
    ([name, tensor]) =>
      [name, told === 'pytorch' ? inTorchLayout('encodeSafetensors', name, tensor) : tensor] as const,
  );
  const first = ordered.find(([, { layout }]) => layout)?.[1].layout;
  const layout = told ?? first;
  const other = ordered.find(([, tensor]) => tensor.layout && tensor.layout !== layout);
  if (other) {
    const place = told
      ? 'the metadata tell Fovea’s'
      : `others are in ${first === 'fovea' ? 'Fovea' : 'PyTorch'}’s`;
    throw new UsageError(
      `encodeSafetensors: tensor ${quote(other[0])} is in ${other[1].layout === 'fovea' ? 'Fovea' : 'PyTorch'}’s layout, ${place}; take all from stateDict with one layout`,
    );
  }
  if (told || !first) return { entries: ordered, metadata };
  return {
    entries: ordered,
    metadata: { ...(first === 'pytorch' ? { format: 'pt' } : {}), [LAYOUT_KEY]: first, ...metadata },
  };
}

/**
 * Encodes a safetensors file. The same tensors and metadata give the same bytes, in whatever order they are given:
 * metadata is sorted by key; tensors are sorted by element size, larger first, then by name. The header is padded with
 * spaces to a multiple of 8, so that every tensor is aligned to its elements.
 *
 * Weights of `model.stateDict` stay in their layout, and the metadata get `fovea.layout` to tell it. With `format: 'pt'`, as
 * safetensors.torch.save_file writes it, they are written in PyTorch's: [O,I,kh,kw] for [kh,kw,I,O].
 *
 * @param tensors The tensors by name.
 * @param metadata Text by key. Default: none.
 * @throws ShapeError if a tensor's data does not match its dtype or shape, or its name is `__metadata__`; UsageError for metadata that is
 * no text, for weights of which some are in Fovea's layout and some in PyTorch's, and with `format: 'pt'` for weights in Fovea's layout
 * that were read from a file or converted, since only their model knows PyTorch's.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, FileTensor>> | ReadonlyMap<string, FileTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  expectTexts('encodeSafetensors', 'metadata', metadata);
  const { entries, metadata: texts } = inOneLayout(
    tensorEntries('encodeSafetensors', 'tensors', tensors),
    metadata,
  );
  if (entries.some(([name]) => name === METADATA_KEY)) {
    throw new ShapeError(
      `encodeSafetensors: tensor ${quote(METADATA_KEY)}: the format reserves this name; give the tensor another`,
    );
  }
  entries.sort(
    ([nameA, a], [nameB, b]) => FILE_DTYPES[b.dtype].size - FILE_DTYPES[a.dtype].size || byName(nameA, nameB),
  );

  const fields: string[] = [];
  const pairs = Object.entries(texts).sort(([a], [b]) => byName(a, b));
  if (pairs.length > 0) {
    const members = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    fields.push(`"${METADATA_KEY}":{${members.join(',')}}`);
  }
  let dataBytes = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    const info = {
      dtype: NAMES[dtype],
      shape,
      data_offsets: [dataBytes, dataBytes + data.byteLength],
    };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(info)}`);
    dataBytes += data.byteLength;
  }

  const header = new TextEncoder().encode(`{${fields.join(',')}}`);
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const out = new Uint8Array(PREFIX_BYTES + headerBytes + dataBytes);
  new DataView(out.buffer).setBigUint64(0, BigInt(headerBytes), true);
  out.set(header, PREFIX_BYTES);
  out.fill(0x20, PREFIX_BYTES + header.length, PREFIX_BYTES + headerBytes);
  let offset = PREFIX_BYTES + headerBytes;
  for (const [, { data }] of entries) {
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return out;
}

/** A tensor's entry in the header, checked by itself and against the size of the file. */
interface Entry {
  readonly name: string;
  readonly shape: number[];
  readonly dtype: FileDType;
  readonly begin: number;
  readonly end: number;
}

/**
 * Decodes a safetensors file for use on the device. Tensors are copied into new arrays, in the order of their bytes.
 *
 * F32, F16 (as bits), I32 and U32 stay as they are; BF16 and F64 become f32; other integers and BOOL become i32. `readSafetensors`
 * keeps all types.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError as `readSafetensors` does, and for numbers outside of the range of i32 or f32.
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): SafetensorsFile {
  expectArguments('decodeSafetensors', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const { tensors: given, metadata } = readSafetensors(bytes, name);
  const tensors: StateDict = new Map();
  for (const [key, tensor] of given) {
    expectFloat32(`${name}: tensor ${quote(key)}`, tensor);
    try {
      tensors.set(key, forDevice(tensor));
    } catch (cause) {
      throw new DataError(
        `${name}: tensor ${quote(key)}: ${(cause as Error).message}, which ${NAMES[tensor.dtype]} read as i32 cannot hold; write it with smaller values`,
        { cause },
      );
    }
  }
  return { tensors, metadata };
}

/**
 * Reads a safetensors file without changing a value: all types but float8. Tensors are copied into new arrays, in the order of
 * their bytes. The header and all offsets are checked against the size of the file before anything is allocated.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError, one line that begins with `name` and gives the place and the fix: for any file that breaks the format (offsets
 * that overlap, leave bytes out or reach past the end), and other dtypes. Files of other formats (a Git LFS pointer, a web page, a
 * PyTorch or ONNX file) are named for what they are.
 */
export function readSafetensors(bytes: Uint8Array, name: string): SafetensorsContent {
  expectArguments('readSafetensors', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const header = readHeader(bytes, name);
  const data = bytes.subarray(header.dataStart);
  const metadata = readMetadata(header.fields[METADATA_KEY], name);
  const entries = Object.entries(header.fields)
    .filter(([key]) => key !== METADATA_KEY)
    .map(([key, value]) => readEntry(key, value, data.length, name));
  checkCoverage(entries, data.length, name);

  const tensors = new Map<string, FileTensor>();
  for (const { name: key, shape, dtype, begin, end } of entries) {
    // Not bytes.slice(): Node's Buffer answers that with a view of the same memory.
    const copy = new Uint8Array(end - begin);
    copy.set(data.subarray(begin, end));
    tensors.set(key, { dtype, shape, data: new FILE_DTYPES[dtype].array(copy.buffer) });
  }
  return { tensors: layoutIn(metadata) === 'fovea' ? inFoveaLayout(tensors) : tensors, metadata };
}

const FETCH_AGAIN = 'it is cut short or no safetensors file, so copy or download it again';
const WRITE_AGAIN = 'write the file again with a safetensors library';

function readHeader(bytes: Uint8Array, name: string): { fields: Record<string, unknown>; dataStart: number } {
  const other = otherFormat(bytes);
  if (other) throw new DataError(`${name}: ${other}`);
  if (bytes.length < PREFIX_BYTES) {
    throw new DataError(
      `${name}: the file has ${bytes.length} bytes, fewer than the ${PREFIX_BYTES} of the header length; ${FETCH_AGAIN}`,
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  // As a BigInt up to the check: a lying length can be over 2^53.
  const claimed = view.getBigUint64(0, true);
  if (claimed > BigInt(bytes.length - PREFIX_BYTES)) {
    throw new DataError(
      `${name}: header length (bytes 0 to 7) says ${claimed} bytes, the file has ${bytes.length - PREFIX_BYTES} after it; ${FETCH_AGAIN}`,
    );
  }
  if (claimed > BigInt(MAX_HEADER_BYTES)) {
    throw new DataError(
      `${name}: header length (bytes 0 to 7) says ${claimed} bytes, the format allows ${MAX_HEADER_BYTES}; ${WRITE_AGAIN}`,
    );
  }
  const dataStart = PREFIX_BYTES + Number(claimed);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(PREFIX_BYTES, dataStart));
  } catch (cause) {
    throw new DataError(`${name}: header: not UTF-8 text; ${FETCH_AGAIN}`, { cause });
  }
  const fields = parseJson(text, `${name}: header`, FETCH_AGAIN);
  if (!isRecord(fields)) throw new DataError(`${name}: header: not a JSON object; ${WRITE_AGAIN}`);
  const twice = findDuplicateKey(text);
  if (twice !== undefined) {
    throw new DataError(
      `${name}: header: the key ${quote(twice)} occurs twice in one object; ${WRITE_AGAIN}`,
    );
  }
  return { fields, dataStart };
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function readMetadata(value: unknown, name: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    throw new DataError(`${name}: ${METADATA_KEY}: not an object of strings; ${WRITE_AGAIN}`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') {
      throw new DataError(`${name}: ${METADATA_KEY}[${quote(key)}]: not a string; ${WRITE_AGAIN}`);
    }
  }
  return value as Record<string, string>;
}

function readEntry(key: string, value: unknown, dataBytes: number, name: string): Entry {
  const fault = (problem: string, fix = WRITE_AGAIN) =>
    new DataError(`${name}: tensor ${quote(key)}: ${problem}; ${fix}`);

  if (!isRecord(value)) throw fault('its entry is not an object');
  const { dtype: type, shape, data_offsets: offsets } = value;
  const dtype = typeof type === 'string' ? DTYPES.get(type) : undefined;
  if (dtype === undefined) {
    const known = [...DTYPES.keys()].join(', ');
    throw fault(
      `dtype ${typeof type === 'string' ? quote(type) : 'that is not a string'} cannot be read`,
      `convert it to one of ${known}`,
    );
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    throw fault('shape is not a list of non-negative integers');
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fault('data_offsets is not a pair of non-negative integers');
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) throw fault(`data_offsets [${begin}, ${end}] end before they begin`);
  if (end > dataBytes) {
    throw fault(
      `data_offsets [${begin}, ${end}] reach past the ${dataBytes} bytes of data in the file`,
      FETCH_AGAIN,
    );
  }
  // Exact where it matters: a product too large to be exact is far over any `end - begin`.
  const needed = numel(shape) * FILE_DTYPES[dtype].size;
  if (needed !== end - begin) {
    throw fault(
      `shape ${formatShape(shape)} of ${NAMES[dtype]} takes ${needed} bytes, data_offsets give ${end - begin}`,
    );
  }
  return { name: key, shape, dtype, begin, end };
}

/** Sorts the entries by offset, and throws unless they cover the data exactly once. */
function checkCoverage(entries: Entry[], dataBytes: number, name: string): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  let previous = '';
  for (const { name: key, begin, end } of entries) {
    if (begin < covered) {
      throw new DataError(`${name}: tensors ${quote(previous)} and ${quote(key)} overlap; ${WRITE_AGAIN}`);
    }
    if (begin > covered) {
      throw new DataError(
        `${name}: data bytes ${covered} to ${begin}, before tensor ${quote(key)}, belong to no tensor; ${WRITE_AGAIN}`,
      );
    }
    covered = end;
    previous = key;
  }
  if (covered !== dataBytes) {
    throw new DataError(
      `${name}: the last ${dataBytes - covered} bytes of data belong to no tensor; ${WRITE_AGAIN}`,
    );
  }
}
