/** Tensors as files hold them: in any of the types that PyTorch and safetensors store, without a loss. */
import { expectArguments } from '../arguments.ts';
import { DataError, ShapeError, UsageError } from '../errors.ts';
import { fromBfloat16, fromHalf } from '../half.ts';
import { expectOneOf } from '../options.ts';
import { formatShape, numel, type Shape } from '../shape.ts';
import { expectLayout, type Layout, type TorchLayout, toTorch } from './layout.ts';

/** The type of the elements of a tensor in a file. `bool` is one byte per element, 0 or 1. */
export type FileDType =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'i64'
  | 'i32'
  | 'i16'
  | 'i8'
  | 'u64'
  | 'u32'
  | 'u16'
  | 'u8'
  | 'bool';

/** The values of a tensor in a file. A Uint16Array holds the bits of f16 and bf16 values, a Uint8Array bool ones. */
export type FileData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | BigUint64Array
  | Uint32Array
  | Uint8Array;

/** The order of a weight's dimensions: Fovea's and PyTorch's shapes can be the same while the values are not. */
export interface WeightOrder {
  /** Whose order it is. Default: unknown, or the same in both. */
  readonly layout?: Layout;
  /** For a weight in Fovea's order: how PyTorch stores it. Default: unknown. */
  readonly torch?: TorchLayout;
}

/** A tensor as a file holds it. `data.length` is the product of `shape`. */
export interface FileTensor extends WeightOrder {
  /** The type of the elements. */
  readonly dtype: FileDType;
  /** The size of each dimension; `[]` for a scalar. */
  readonly shape: Shape;
  /** The elements in row-major order. */
  readonly data: FileData;
}

interface Stored {
  /** Bytes per element. */
  readonly size: number;
  readonly array: {
    readonly name: string;
    new (buffer: ArrayBuffer): FileData;
  };
}

/** How the elements of each type are stored. */
export const FILE_DTYPES: Readonly<Record<FileDType, Stored>> = {
  f64: { size: 8, array: Float64Array },
  f32: { size: 4, array: Float32Array },
  f16: { size: 2, array: Uint16Array },
  bf16: { size: 2, array: Uint16Array },
  i64: { size: 8, array: BigInt64Array },
  i32: { size: 4, array: Int32Array },
  i16: { size: 2, array: Int16Array },
  i8: { size: 1, array: Int8Array },
  u64: { size: 8, array: BigUint64Array },
  u32: { size: 4, array: Uint32Array },
  u16: { size: 2, array: Uint16Array },
  u8: { size: 1, array: Uint8Array },
  bool: { size: 1, array: Uint8Array },
};

/** Throws ShapeError for a dtype that files do not have. */
export const expectFileDType = (call: string, dtype: FileDType): void =>
  expectOneOf(call, 'dtype', dtype, Object.keys(FILE_DTYPES) as FileDType[], ShapeError);

/** The values of a tensor as f32: f16 and bf16 are exact; f64 and large integers are rounded to the nearest. */
export function toFloat32({ dtype, data }: Pick<FileTensor, 'dtype' | 'data'>): Float32Array {
  if (dtype === 'bf16') return fromBfloat16(data as Uint16Array);
  if (dtype === 'f16') return fromHalf(data as Uint16Array);
  const out = new Float32Array(data.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
  return out;
}

/**
 * Throws DataError where a number of a tensor is finite, but infinite as f32.
 *
 * @param place The file and the tensor, for the message.
 */
export function expectFloat32(place: string, { dtype, data }: Pick<FileTensor, 'dtype' | 'data'>): void {
  if (dtype !== 'f64') return;
  const at = (data as Float64Array).findIndex(
    (value) => Number.isFinite(value) && !Number.isFinite(Math.fround(value)),
  );
  if (at < 0) return;
  throw new DataError(
    `${place}: element ${at} is ${data[at]}, out of the range of f32; give a smaller number or Infinity`,
  );
}

const MAX_QUOTED_NAME = 80;

/** Quotes a name from a file so that it fits into one line of a message. */
export function quote(name: string): string {
  return JSON.stringify(name.length > MAX_QUOTED_NAME ? `${name.slice(0, MAX_QUOTED_NAME)}…` : name);
}

/** A name from a file as it is, if it is made of letters, digits, dots and hyphens; or else quoted. */
export const plain = (name: string): string => (/^[\w.-]{1,80}$/.test(name) ? name : quote(name));

/** `1 tensor`, `2 tensors`. */
export const tensorCount = (count: number): string => `${count} tensor${count === 1 ? '' : 's'}`;

/**
 * The entries of tensors by name, for a function that writes them. Throws in its name and that of its argument: UsageError for what
 * are none, ShapeError where data does not match its dtype or shape.
 */
export function tensorEntries(
  call: string,
  argument: string,
  tensors: Readonly<Record<string, FileTensor>> | ReadonlyMap<string, FileTensor>,
): [string, FileTensor][] {
  expectArguments(call, { [argument]: tensors }, { [argument]: 'object' });
  const entries: [string, FileTensor][] = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  for (const [name, entry] of entries) {
    expectArguments(call, { [name]: entry }, { [name]: { dtype: 'text', shape: 'values', data: 'object' } });
    const { dtype, shape, data, layout } = entry;
    const op = `${call}: tensor ${quote(name)}`;
    expectLayout(op, layout);
    expectFileDType(op, dtype);
    const { array } = FILE_DTYPES[dtype];
    if (!(data instanceof array)) {
      throw new ShapeError(`${op}: ${dtype} takes a ${array.name}, got a ${data.constructor.name}`);
    }
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || numel(shape) !== data.length) {
      throw new ShapeError(
        `${op}: shape ${formatShape(shape)} does not hold the ${data.length} elements given`,
      );
    }
  }
  return entries;
}

/** Tensors of a file in Fovea's layout, marked as such where they have dimensions to order. */
export const inFoveaLayout = (tensors: ReadonlyMap<string, FileTensor>): Map<string, FileTensor> =>
  new Map(
    [...tensors].map(([name, tensor]) => [
      name,
      tensor.shape.length < 2 ? tensor : { ...tensor, layout: 'fovea' },
    ]),
  );

/** A tensor for a file of PyTorch's. Throws UsageError for one in Fovea's order whose order there is not known. */
export function inTorchLayout(call: string, name: string, tensor: FileTensor): FileTensor {
  const { dtype, data, layout, torch } = tensor;
  if (layout !== 'fovea') return tensor;
  if (torch && data instanceof Float32Array && numel(torch.shape) === data.length) {
    return { dtype, shape: torch.shape, data: toTorch(data, torch), layout: 'pytorch' };
  }
  throw new UsageError(
    `${call}: tensor ${quote(name)} is in Fovea’s layout, a file of PyTorch’s is not; load it into its model, and write model.stateDict(download, { layout: 'pytorch' })`,
  );
}
