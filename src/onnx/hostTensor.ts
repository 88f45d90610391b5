import { fromBinary } from '@bufbuild/protobuf';
import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { fromBfloat16, fromHalf } from '../half.ts';
import type { FileData, FileDType, FileTensor } from '../io/fileTensor.ts';
import { formatShape, numel, type Shape } from '../shape.ts';
import { isFloatType, type OnnxType, typeNamed } from './dataTypes.ts';
import { type TensorProto, TensorProtoSchema } from './onnx_pb.ts';
import { UnsupportedError } from './unsupported.ts';

/** The values of a tensor that are known before anything runs, in row-major order. */
export interface HostTensor {
  /** The type that the model gives it. */
  readonly type: OnnxType;
  readonly shape: Shape;
  /**
   * Floats as Float32Array (doubles: Float64Array), integers of up to 32 bits and bool as Int32Array, others as Float64Array,
   * exact up to 2^53.
   */
  readonly data: HostValues;
}

/** Values of a HostTensor. */
export type HostValues = Float32Array | Float64Array | Int32Array;

/** Reads bytes of tensors that lie in other files: `location` as the model writes it. */
export type ExternalData = (location: string) => Uint8Array | undefined;

/** The types of tensors that are read, by the arrays that hold their values as the file has them. */
const RAW = {
  float: { dtype: 'f32', array: Float32Array },
  uint8: { dtype: 'u8', array: Uint8Array },
  int8: { dtype: 'i8', array: Int8Array },
  uint16: { dtype: 'u16', array: Uint16Array },
  int16: { dtype: 'i16', array: Int16Array },
  int32: { dtype: 'i32', array: Int32Array },
  int64: { dtype: 'i64', array: BigInt64Array },
  bool: { dtype: 'bool', array: Uint8Array },
  float16: { dtype: 'f16', array: Uint16Array },
  double: { dtype: 'f64', array: Float64Array },
  uint32: { dtype: 'u32', array: Uint32Array },
  uint64: { dtype: 'u64', array: BigUint64Array },
  bfloat16: { dtype: 'bf16', array: Uint16Array },
} as const satisfies Partial<Record<OnnxType, { dtype: FileDType; array: unknown }>>;

type RawType = keyof typeof RAW;
const hasRaw = (type: OnnxType): type is RawType => type in RAW;

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reads raw_data, which is little-endian and may begin at any byte. */
function fromRaw(type: RawType, bytes: Uint8Array): FileData {
  // A copy, aligned. (slice() of a Buffer is none.)
  const aligned = new Uint8Array(bytes);
  const { array } = RAW[type];
  const width = array.BYTES_PER_ELEMENT;
  if (!littleEndian) for (let i = 0; i < aligned.length; i += width) aligned.subarray(i, i + width).reverse();
  return new array(aligned.buffer);
}

/** The values of the typed field that holds those of a type. */
function fromField(type: RawType, proto: TensorProto): FileData {
  if (type === 'float') return Float32Array.from(proto.floatData);
  if (type === 'double') return Float64Array.from(proto.doubleData);
  if (type === 'int64') return BigInt64Array.from(proto.int64Data);
  if (type === 'uint64') return BigUint64Array.from(proto.uint64Data);
  if (type === 'uint32') return Uint32Array.from(proto.uint64Data, Number);
  return RAW[type].array.from(proto.int32Data);
}

/** Values of a file as they are computed with. */
function hostValues(type: RawType, data: FileData): HostValues {
  if (type === 'float16') return fromHalf(data as Uint16Array);
  if (type === 'bfloat16') return fromBfloat16(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (data instanceof Float32Array || data instanceof Float64Array || data instanceof Int32Array) return data;
  return data instanceof Uint32Array ? new Float64Array(data) : new Int32Array(data);
}

/** Zeros in the array that values of a type are kept in. */
export function emptyValues(type: OnnxType, count: number): HostValues {
  if (type === 'double') return new Float64Array(count);
  if (isFloatType(type)) return new Float32Array(count);
  return ['int64', 'uint64', 'uint32'].includes(type) ? new Float64Array(count) : new Int32Array(count);
}

/** The bytes of a tensor that lies in another file. */
function externalBytes(proto: TensorProto, where: string, external: ExternalData | undefined): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location') ?? '';
  const bytes = external?.(location);
  if (!bytes) {
    throw new DataError(
      `${where}: its values are in another file, ${JSON.stringify(location)}; give that file’s bytes as externalData`,
    );
  }
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? bytes.length - offset);
  const end = offset + length;
  if (![offset, length].every(Number.isSafeInteger) || offset < 0 || length < 0 || end > bytes.length) {
    throw new DataError(
      `${where}: bytes ${offset} to ${end} of ${JSON.stringify(location)}, which has ${bytes.length}; the file is cut off, or another model’s`,
    );
  }
  return bytes.subarray(offset, end);
}

/** A tensor as a model's file has it. Its size is checked against the bytes that are there before anything is allocated. */
function readTensor(proto: TensorProto, external?: ExternalData) {
  const where = `tensor ${JSON.stringify(proto.name)}`;
  const type = typeNamed(proto.dataType, where);
  if (!hasRaw(type)) throw new UnsupportedError(`${where}: tensors of ${type} are not supported`);
  const { dtype, array } = RAW[type];
  const shape = proto.dims.map(Number);
  const count = numel(shape);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !Number.isSafeInteger(count)) {
    throw new DataError(`${where}: shape ${formatShape(shape)} is none; the file is damaged`);
  }
  const raw = proto.dataLocation === 1 ? externalBytes(proto, where, external) : proto.rawData;
  if (raw.length > 0 || proto.dataLocation === 1) {
    const bytes = count * array.BYTES_PER_ELEMENT;
    if (raw.length === bytes) return { type, dtype, shape, data: fromRaw(type, raw) };
    throw new DataError(
      `${where}: ${raw.length} bytes for shape ${formatShape(shape)} of ${type}, which has ${bytes}; the file is damaged`,
    );
  }
  const data = fromField(type, proto);
  if (data.length === count) return { type, dtype, shape, data };
  throw new DataError(`${where}: ${data.length} values for shape ${formatShape(shape)}; the file is damaged`);
}

/**
 * Decodes a tensor of a model.
 *
 * @throws DataError where shape and values do not fit, and UnsupportedError for types that are not computed with.
 */
export function decodeTensor(proto: TensorProto, external?: ExternalData): HostTensor {
  const { type, shape, data } = readTensor(proto, external);
  return { type, shape, data: hostValues(type, data) };
}

/** A tensor in the type and with the values that the file has. Throws as `decodeTensor`. */
export function fileTensor(proto: TensorProto, external?: ExternalData): FileTensor {
  const { dtype, shape, data } = readTensor(proto, external);
  return { dtype, shape, data };
}

/**
 * Reads a tensor that is a file of its own (a TensorProto, `input_0.pb`), as ONNX's backend tests and others store inputs and
 * outputs.
 *
 * @throws DataError where the bytes are none, and UnsupportedError for types that are not computed with.
 */
export function decodeOnnxTensor(bytes: Uint8Array): HostTensor {
  expectArguments('decodeOnnxTensor', { bytes }, { bytes: 'bytes' });
  let proto: TensorProto;
  try {
    proto = fromBinary(TensorProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw new DataError(`no tensor of ONNX, or a damaged one (${(error as Error).message})`, {
      cause: error,
    });
  }
  return decodeTensor(proto);
}

/** A list of integers of the model as a tensor of one dimension. */
export const int64Tensor = (values: readonly number[]): HostTensor => ({
  type: 'int64',
  shape: [values.length],
  data: Float64Array.from(values),
});
