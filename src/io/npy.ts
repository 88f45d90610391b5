/**
 * NumPy's .npy files (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): `\x93NUMPY`, the version, the length of
 * the header, the header as a Python dictionary, then the elements of one array.
 */
import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { formatShape, numel, type Shape } from '../shape.ts';
import {
  FILE_DTYPES,
  type FileDType,
  type FileTensor,
  quote,
  tensorEntries,
  toFloat32,
} from './fileTensor.ts';

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] as const;
/** The elements begin at a multiple of this. */
const ALIGNMENT = 64;
/** More is no header of an array of numbers. NumPy itself refuses more than 10,000. */
const MAX_HEADER_BYTES = 65_536;

/** NumPy's letters of the types that there are here; it has no bf16. */
const DESCRIPTIONS: readonly (readonly [FileDType, string])[] = [
  ['f64', 'f8'],
  ['f32', 'f4'],
  ['f16', 'f2'],
  ['i64', 'i8'],
  ['i32', 'i4'],
  ['i16', 'i2'],
  ['i8', 'i1'],
  ['u64', 'u8'],
  ['u32', 'u4'],
  ['u16', 'u2'],
  ['u8', 'u1'],
  ['bool', 'b1'],
];

const AGAIN = 'copy it again, or write it again with numpy.save';

/** Tells whether bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  expectArguments('isNpy', { bytes }, { bytes: 'bytes' });
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/** The descriptions of a shape: `()`, `(3,)`, `(2, 3)`. */
const tuple = (shape: Shape): string => (shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`);

/**
 * Encodes a .npy file (version 1.0), little-endian and row by row, as `numpy.save` writes it.
 *
 * @param tensor The type, the shape and the elements. Without `dtype`, that of a Float32Array is f32, of an Int32Array i32, and so on;
 * a Uint16Array is u16, not f16.
 * @throws ShapeError where the data does not match its dtype or shape; UsageError for bf16, which NumPy does not have.
 */
export function encodeNpy(
  tensor: Omit<FileTensor, 'dtype'> & { readonly dtype?: FileDType },
): Uint8Array<ArrayBuffer> {
  expectArguments('encodeNpy', { tensor }, { tensor: { data: 'values', shape: 'values' } });
  const dtype = tensor.dtype ?? typeOf(tensor.data);
  const [[, { data, shape }]] = tensorEntries('encodeNpy', 'tensor', { tensor: { ...tensor, dtype } }) as [
    [string, FileTensor],
  ];
  const description = DESCRIPTIONS.find(([known]) => known === dtype)?.[1];
  if (description === undefined) {
    throw new UsageError(`encodeNpy: NumPy has no ${dtype}; convert the values to f32`);
  }
  const order = FILE_DTYPES[dtype].size === 1 ? '|' : '<';
  const text = `{'descr': '${order}${description}', 'fortran_order': False, 'shape': ${tuple(shape)}, }`;
  // Magic, version and length take ten bytes; a line break ends the header.
  const whole = Math.ceil((10 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const out = new Uint8Array(whole + data.byteLength);
  out.set([...MAGIC, 1, 0]);
  new DataView(out.buffer).setUint16(8, whole - 10, true);
  out.set(new TextEncoder().encode(`${text.padEnd(whole - 11)}\n`), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), whole);
  return out;
}

/** The type of the elements of a typed array. A Uint16Array holds whole numbers where nothing is said, and a Uint8Array too. */
function typeOf(data: FileTensor['data']): FileDType {
  const found = DESCRIPTIONS.find(
    ([dtype]) => dtype !== 'f16' && dtype !== 'bool' && data instanceof FILE_DTYPES[dtype].array,
  );
  if (found) return found[0];
  throw new UsageError(`encodeNpy: data is ${Object(data).constructor.name}; give a typed array`);
}

/** What the header says. */
interface Header {
  readonly dtype: FileDType;
  readonly bigEndian: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** Reads the header's text. Nothing in it is evaluated. */
function parseHeader(text: string, name: string): Header {
  const fault = (problem: string, fix = AGAIN) => new DataError(`${name}: ${problem}; ${fix}`);
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  const descr = /(?:^|,)\s*(['"])descr\1\s*:\s*(?:(['"])(.{1,40}?)\2|(\[))/s.exec(body ?? '');
  const fortran = /(?:^|,)\s*(['"])fortran_order\1\s*:\s*(True|False)/.exec(body ?? '');
  const sizes = /(?:^|,)\s*(['"])shape\1\s*:\s*\(([\d\s,L]*)\)/.exec(body ?? '');
  if (!descr || !fortran || !sizes) throw fault(`its header is ${quote(text.trim())}, not one of an array`);
  const described = descr[3] ?? 'a record of several fields';
  const [, order, letters] = /^([<>|=]?)([a-zA-Z]\d*)$/.exec(described) ?? [];
  const dtype = DESCRIPTIONS.find(([, known]) => known === letters)?.[0];
  if (!dtype) {
    const why = described.includes('O') ? 'Python objects, which are not read' : 'of another type';
    throw fault(
      `its elements are ${quote(described)}, ${why}`,
      'convert the array to numbers, as with .astype(numpy.float32)',
    );
  }
  const shape = sizes[2]!
    .split(',')
    .map((size) => size.trim().replace(/L$/, ''))
    .filter((size) => size !== '')
    .map(Number);
  return { dtype, bigEndian: order === '>', fortran: fortran[2] === 'True', shape };
}

/** The elements of an array that is stored column by column, row by row. */
function byRows(data: FileTensor['data'], shape: Shape): FileTensor['data'] {
  const out = data.slice() as typeof data;
  const strides = shape.map((_, i) => numel(shape.slice(0, i)));
  const index = shape.map(() => 0);
  for (let to = 0, from = 0; to < out.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/**
 * Decodes a .npy file of numbers or bools, of any byte order, by rows or columns. Nothing in it is run: arrays of Python objects are
 * refused.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @returns The elements row by row, in the type that the file has: f16 as bits, i64 and u64 as BigInts. `npyFloats` gives f32.
 * @throws DataError, one line that begins with `name`, for any other file, elements of other types, and a length that does not fit the
 * shape.
 */
export function decodeNpy(bytes: Uint8Array, name: string): FileTensor {
  expectArguments('decodeNpy', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const fault = (problem: string) => new DataError(`${name}: ${problem}; ${AGAIN}`);
  if (!isNpy(bytes) || bytes.length < 10) throw fault('is no .npy file');
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3) throw fault(`has version ${major}.${minor} of the format; 1 to 3 are known`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : bytes.length < 12 ? 0 : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES || start + length > bytes.length) {
    throw fault(`its header has ${length} bytes, and the file has ${bytes.length} in all`);
  }
  const header = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(
    bytes.subarray(start, start + length),
  );
  const { dtype, bigEndian, fortran, shape } = parseHeader(header, name);
  const { size, array } = FILE_DTYPES[dtype];
  const wanted = numel(shape) * size;
  const there = bytes.length - start - length;
  if (wanted !== there) {
    throw fault(`its shape ${formatShape(shape)} of ${dtype} takes ${wanted} bytes, and ${there} are there`);
  }
  // A copy, so that elements of any size are aligned.
  const copy = new Uint8Array(wanted);
  copy.set(bytes.subarray(start + length));
  if (bigEndian) for (let at = 0; at < wanted; at += size) copy.subarray(at, at + size).reverse();
  const data = new array(copy.buffer);
  return { dtype, shape, data: fortran && shape.length > 1 ? byRows(data, shape) : data };
}

/**
 * Decodes a .npy file as f32: other types are converted, f64 and large integers rounded to the nearest.
 *
 * @param bytes The content of the file.
 * @param name The file's name, for messages.
 * @throws DataError as `decodeNpy` does.
 */
export function npyFloats(
  bytes: Uint8Array,
  name: string,
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  expectArguments('npyFloats', { bytes, name }, { bytes: 'bytes', name: 'text' });
  const tensor = decodeNpy(bytes, name);
  const { data, shape } = tensor;
  return { data: data instanceof Float32Array ? data : toFloat32(tensor), shape };
}
