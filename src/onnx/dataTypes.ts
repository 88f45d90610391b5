import type { DType } from '../shape.ts';
import { UnsupportedError } from './unsupported.ts';

/** ONNX's element types and their numbers (TensorProto.DataType). */
export const DATA_TYPES = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
} as const satisfies Readonly<Record<OnnxType, number>>;

/** An element type by ONNX's name. */
export type OnnxType =
  | 'float'
  | 'uint8'
  | 'int8'
  | 'uint16'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'string'
  | 'bool'
  | 'float16'
  | 'double'
  | 'uint32'
  | 'uint64'
  | 'complex64'
  | 'complex128'
  | 'bfloat16'
  | 'float8e4m3fn'
  | 'float8e4m3fnuz'
  | 'float8e5m2'
  | 'float8e5m2fnuz'
  | 'uint4'
  | 'int4'
  | 'float4e2m1';

const NAMES = new Map<number, OnnxType>(
  Object.entries(DATA_TYPES).map(([name, number]) => [number, name as OnnxType]),
);

/** The name of an element type. Throws UnsupportedError for a number that there is not. */
export function typeNamed(number: number, where: string): OnnxType {
  const name = NAMES.get(number);
  if (name) return name;
  throw new UnsupportedError(`${where}: element type ${number} is not one of ONNX's`);
}

const FLOATS: readonly OnnxType[] = ['float', 'float16', 'double', 'bfloat16'];
const INTEGERS: readonly OnnxType[] = [
  ...(['uint8', 'int8', 'uint16', 'int16', 'int32', 'int64', 'uint32', 'uint64', 'uint4', 'int4'] as const),
];

export const isFloatType = (type: OnnxType): boolean => FLOATS.includes(type);
export const isIntegerType = (type: OnnxType): boolean => INTEGERS.includes(type);

/** The least and the greatest value of an integer type; of the 64-bit ones, those of f64's exact range. */
export const RANGES: Partial<Record<OnnxType, readonly [number, number]>> = {
  uint4: [0, 15],
  int4: [-8, 7],
  uint8: [0, 255],
  int8: [-128, 127],
  uint16: [0, 65_535],
  int16: [-32_768, 32_767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

/**
 * The dtype that values of a type are computed in: f32 for floats of any width (halves and doubles are converted), i32 for
 * integers of any width and for bool. Throws UnsupportedError for strings, complex numbers and float8.
 */
export function dtypeOf(type: OnnxType, where: string): DType {
  if (isFloatType(type)) return 'f32';
  if (isIntegerType(type) || type === 'bool') return 'i32';
  throw new UnsupportedError(`${where}: tensors of ${type} are not supported`);
}
