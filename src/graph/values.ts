import { ShapeError } from '../errors.ts';
import { type DType, formatShape, type HostArray, isFloat } from '../shape.ts';

/** Numbers, or lists of them in lists of any depth: the rows of a matrix, the matrices of a batch. */
export type NestedNumbers = number | readonly NestedNumbers[];

const RANGES = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;
const DTYPES: readonly DType[] = ['f32', 'f16', 'i32', 'u32'];

/** Throws ShapeError for a dtype that there is not. */
export function expectDTypeName(op: string, dtype: DType | undefined): void {
  if (dtype === undefined || DTYPES.includes(dtype)) return;
  throw new ShapeError(`${op}: no dtype "${dtype}"; choose ${DTYPES.join(', ')}`);
}

/** The least number that each type of floats rounds to infinity. */
const INFINITE = { f32: 2 ** 128 - 2 ** 103, f16: 65520 } as const;

/**
 * Throws ShapeError unless the dtype holds all of these numbers: integers neither fractions nor what is out of their range,
 * floats no finite number that would be infinite.
 */
export function expectHeld(op: string, values: ArrayLike<number>, dtype: DType): void {
  if (isFloat(dtype)) {
    if (values instanceof (dtype === 'f32' ? Float32Array : Uint16Array)) return;
    const limit = INFINITE[dtype === 'f32' ? 'f32' : 'f16'];
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Math.abs(value) < limit || !Number.isFinite(value)) continue;
      throw new ShapeError(
        `${op}: ${value} is out of the range of ${dtype}; give a smaller number or Infinity`,
      );
    }
    return;
  }
  if (dtype === 'i32' ? values instanceof Int32Array : values instanceof Uint32Array) return;
  const [least, most] = RANGES[dtype === 'i32' ? 'i32' : 'u32'];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isInteger(value) && value >= least && value <= most) continue;
    throw new ShapeError(
      `${op}: ${value} is no ${dtype}; use whole numbers from ${least} to ${most}, or dtype f32`,
    );
  }
}

/** How deep lists of values may be: no tensor has as many dimensions. */
const MAX_DEPTH = 64;

const isNumbers = (data: unknown): data is HostArray =>
  ArrayBuffer.isView(data) && !(data instanceof DataView) && typeof (data as HostArray)[0] !== 'bigint';

/** Values in row-major order, and the shape that their nesting gives: of a number [], of an array its length. */
export function flatten(
  op: string,
  data: HostArray | NestedNumbers,
): { values: HostArray | number[]; shape: number[] } {
  if (isNumbers(data)) return { values: data, shape: [data.length] };
  const values: number[] = [];
  const shape: number[] = [];
  const visit = (value: unknown, depth: number): void => {
    // A list that holds itself, for one, has no end.
    if (depth > MAX_DEPTH)
      throw new ShapeError(`${op}: lists in lists more than ${MAX_DEPTH} deep; give fewer`);
    if (typeof value === 'number' || !Array.isArray(value)) {
      if (typeof value !== 'number') {
        throw new ShapeError(
          `${op}: ${String(value)} is no number; give numbers, arrays of them, or a typed array`,
        );
      }
      if (depth < shape.length) throw ragged(op, shape, depth, 'a number');
      values.push(value);
      return;
    }
    // The first list of each depth says how long all of that depth are; below numbers there are no lists.
    if (shape[depth] === undefined && values.length === 0) shape[depth] = value.length;
    if (shape[depth] !== value.length) throw ragged(op, shape, depth, `a list of ${value.length}`);
    for (const item of value) visit(item, depth + 1);
  };
  visit(data, 0);
  return { values, shape };
}

const ragged = (op: string, shape: readonly number[], depth: number, found: string): ShapeError =>
  new ShapeError(
    `${op}: ${found} at depth ${depth} of lists that begin with shape ${formatShape(shape)}; give rows of one length`,
  );
