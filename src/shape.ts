import { ShapeError } from './errors.ts';

/** Element types of tensors. Images of u8 are unpacked to f32 on the way in. */
export type DType = 'f32' | 'f16' | 'i32' | 'u32';
/** The size of each dimension of a tensor; `[]` for a scalar. */
export type Shape = readonly number[];

/** What is known about a tensor before anything runs. */
export interface TensorSpec {
  /** The size of each dimension. */
  readonly shape: Shape;
  /** The type of the elements. */
  readonly dtype: DType;
}

/** Values on the host. A Uint16Array holds the bits of f16 values (half.ts). */
export type HostArray = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array;

export const isFloat = (dtype: DType): boolean => dtype === 'f32' || dtype === 'f16';

export const bytesPerElement = (dtype: DType): number => (dtype === 'f16' ? 2 : 4);

/** The number of elements; 1 for a scalar's `[]`. */
export const numel = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

export const byteLength = (spec: TensorSpec): number => numel(spec.shape) * bytesPerElement(spec.dtype);

/** Throws unless every size is a whole number of 0 or more. */
export function expectShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(`${op}: shape [${shape}] must be whole numbers of 0 or more`);
  }
}

/** Throws unless an attribute is a list. */
export function expectList(op: string, name: string, list: unknown): void {
  if (!Array.isArray(list)) throw new ShapeError(`${op}: ${name} is ${String(list)}; give a list`);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, i) => size === b[i]);

export const formatShape = (shape: Shape): string => `[${shape.join(',')}]`;

/** `x [1,64,64,32] f32`, for messages. */
export const formatSpec = (name: string, spec: TensorSpec): string =>
  `${name} ${formatShape(spec.shape)}${spec.dtype === 'f32' ? '' : ` ${spec.dtype}`}`;

/** NumPy's broadcasting of two shapes. Throws ShapeError where sizes differ and neither is 1. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const p = a[i - rank + a.length] ?? 1;
    const q = b[i - rank + b.length] ?? 1;
    if (p !== q && p !== 1 && q !== 1) {
      throw new ShapeError(
        `${op}: shapes ${formatShape(a)} and ${formatShape(b)} do not broadcast: sizes ${p} and ${q} differ and neither is 1`,
      );
    }
    out[i] = p === 1 ? q : p;
  }
  return out;
}

/** A dimension counted from the end where negative, checked against the rank. */
export function normalizeDim(op: string, dim: number, rank: number): number {
  if (typeof dim !== 'number') {
    const given = typeof dim === 'object' ? 'an object' : String(dim);
    throw new ShapeError(`${op}: dim is ${given}; give a number by itself: -1, not { dim: -1 }`);
  }
  if (rank === 0) throw new ShapeError(`${op}: dim ${dim} of a tensor of shape [], which has no dimensions`);
  if (!Number.isInteger(dim) || dim < -rank || dim >= rank) {
    throw new ShapeError(`${op}: dim ${dim} is out of range for rank ${rank}; use ${-rank} to ${rank - 1}`);
  }
  return dim < 0 ? dim + rank : dim;
}

/** One number for both axes, or (height, width), as PyTorch takes kernel sizes, strides and paddings. */
export type Pair = number | readonly [number, number];
export const pair = (value: Pair): [number, number] =>
  Array.isArray(value) ? [value[0], value[1]] : [value as number, value as number];

/** Throws unless the spec has this rank (and dtype). */
export function expectRank(op: string, name: string, spec: TensorSpec, rank: number, layout: string): void {
  if (spec.shape.length !== rank) {
    throw new ShapeError(`${op}: ${name} must be ${layout}, got ${formatSpec(name, spec)}`);
  }
}

/** Throws unless all are floats, and of one type: a kernel reads the bits as its first input's type says. */
export function expectFloats(op: string, specs: Readonly<Record<string, TensorSpec | undefined>>): void {
  const given = Object.entries(specs).flatMap(([name, spec]) => (spec ? [[name, spec] as const] : []));
  const dtype = given[0]?.[1].dtype;
  for (const [name, spec] of given) {
    expectDType(op, name, spec, 'f32', 'f16');
    if (spec.dtype === dtype) continue;
    throw new ShapeError(
      `${op}: ${given.map(([n, s]) => `${formatSpec(n, s)}${s.dtype === 'f32' ? ' f32' : ''}`).join(', ')} must have one dtype; cast one of them`,
    );
  }
}

/** Throws unless the value is a number (NaN is none) from least to most. */
export function expectNumber(
  op: string,
  name: string,
  value: number,
  least = Number.NEGATIVE_INFINITY,
  most = Number.POSITIVE_INFINITY,
): void {
  if (typeof value === 'number' && value >= least && value <= most) return;
  throw new ShapeError(`${op}: ${name} must be a number from ${least} to ${most}, got ${value}`);
}

export function expectDType(op: string, name: string, spec: TensorSpec, ...allowed: DType[]): void {
  if (!allowed.includes(spec.dtype)) {
    throw new ShapeError(`${op}: ${name} must be ${allowed.join(' or ')}, got ${formatSpec(name, spec)}`);
  }
}

/** The shape of a view of a tensor: `shape`, in which one dimension may be -1. Throws ShapeError where it has other elements. */
export function shapeOfView(from: Shape, shape: Shape): number[] {
  if (!Array.isArray(shape)) {
    throw new ShapeError(`reshape: shape is ${shape}; give a list of sizes, such as [${numel(from)}]`);
  }
  const given: Shape = shape;
  const size = numel(from);
  const known = numel(given.filter((part) => part !== -1));
  const full = given.map((part) => (part === -1 ? size / known : part));
  const whole = full.every((part) => Number.isInteger(part) && part >= 0);
  if (!whole || numel(full) !== size || given.filter((part) => part === -1).length > 1) {
    throw new ShapeError(
      `reshape: ${formatShape(from)} has ${size} elements, ${formatShape(given)} does not`,
    );
  }
  return full;
}
