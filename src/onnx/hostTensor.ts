import { fromBinary } from '@bufbuild/protobuf';
import { expectArguments } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { fromBfloat16, fromHalf } from '../half.ts';
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

/** The types that are computed with, by the arrays that hold their raw data. */
const RAW = {
  float: Float32Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  bool: Uint8Array,
  float16: Uint16Array,
  double: Float64Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bfloat16: Uint16Array,
} as const;

const hasRaw = (type: OnnxType): type is keyof typeof RAW => type in RAW;

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Reads raw_data, which is little-endian and may begin at any byte. */
function fromRaw(type: keyof typeof RAW, bytes: Uint8Array): HostValues {
  // A copy, aligned. (slice() of a Buffer is none.)
  const aligned = new Uint8Array(bytes);
  const { BYTES_PER_ELEMENT: width } = RAW[type];
  if (!littleEndian) for (let i = 0; i < aligned.length; i += width) aligned.subarray(i, i + width).reverse();
  const raw = new RAW[type](aligned.buffer);
  if (type === 'float16') return fromHalf(raw as Uint16Array);
  if (type === 'bfloat16') return fromBfloat16(raw as Uint16Array);
  if (raw instanceof BigInt64Array || raw instanceof BigUint64Array) return Float64Array.from(raw, Number);
  if (raw instanceof Float32Array || raw instanceof Float64Array || raw instanceof Int32Array) return raw;
  return raw instanceof Uint32Array ? new Float64Array(raw) : new Int32Array(raw);
}

/** Zeros in the array that values of a type are kept in. */
export function emptyValues(type: OnnxType, count: number): HostValues {
  if (type === 'double') return new Float64Array(count);
  if (isFloatType(type)) return new Float32Array(count);
  return ['int64', 'uint64', 'uint32'].includes(type) ? new Float64Array(count) : new Int32Array(count);
}

/** The typed field that holds a type's values, and how they are read from it. */
function fromField(type: OnnxType, proto: TensorProto): ArrayLike<number> {
  if (type === 'float') return proto.floatData;
  if (type === 'double') return proto.doubleData;
  if (type === 'int64') return proto.int64Data.map(Number);
  if (type === 'uint64' || type === 'uint32') return proto.uint64Data.map(Number);
  if (type === 'float16') return fromHalf(Uint16Array.from(proto.int32Data));
  if (type === 'bfloat16') return fromBfloat16(Uint16Array.from(proto.int32Data));
  return proto.int32Data;
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

/**
 * Decodes a tensor of a model. Its size is checked against the bytes that are there before anything is allocated.
 *
 * @throws DataError where shape and values do not fit, and UnsupportedError for types that are not computed with.
 */
export function decodeTensor(proto: TensorProto, external?: ExternalData): HostTensor {
  const where = `tensor ${JSON.stringify(proto.name)}`;
  const type = typeNamed(proto.dataType, where);
  if (!hasRaw(type)) throw new UnsupportedError(`${where}: tensors of ${type} are not supported`);
  const { BYTES_PER_ELEMENT: width } = RAW[type];
  const shape = proto.dims.map(Number);
  const count = numel(shape);
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0) || !Number.isSafeInteger(count)) {
    throw new DataError(`${where}: shape ${formatShape(shape)} is none; the file is damaged`);
  }
  const raw = proto.dataLocation === 1 ? externalBytes(proto, where, external) : proto.rawData;
  if (raw.length > 0 || proto.dataLocation === 1) {
    if (raw.length === count * width) return { type, shape, data: fromRaw(type, raw) };
    throw new DataError(
      `${where}: ${raw.length} bytes for shape ${formatShape(shape)} of ${type}, which has ${count * width}; the file is damaged`,
    );
  }
  const field = fromField(type, proto);
  if (field.length !== count) {
    throw new DataError(
      `${where}: ${field.length} values for shape ${formatShape(shape)}; the file is damaged`,
    );
  }
  const data = emptyValues(type, count);
  data.set(field);
  return { type, shape, data };
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
