import { expectArguments } from '../arguments.ts';
import type { HostTensor } from '../data/batch.ts';
import { ShapeError, UsageError } from '../errors.ts';
import { formatShape } from '../shape.ts';

/** Rows of numbers: vectors of n items. */
export interface Vectors {
  /** Row by row. */
  readonly data: Float32Array;
  readonly rows: number;
  /** Values of a row. */
  readonly width: number;
}

/** Rows of numbers in the precision in which they were given: float64 stays so. */
export interface Rows {
  /** Row by row. */
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  /** Values of a row. */
  readonly width: number;
}

/** Squares of larger values, and their sums, may be beyond float64. */
const LARGEST = 1e150;

/**
 * The rows of a tensor [n, d]. Throws UsageError for what is no tensor or holds values that are not finite, or above 1e150, and ShapeError for
 * another rank or a number of values that is not n d.
 */
export function expectRows(call: string, name: string, given: HostTensor): Rows {
  const rows = shapedRows(call, name, given);
  expectFinite(call, name, rows);
  const { data, width } = rows;
  const large = data instanceof Float32Array ? -1 : data.findIndex((value) => Math.abs(value) > LARGEST);
  if (large < 0) return rows;
  throw new UsageError(
    `${call}: ${name} is ${data[large]} at row ${Math.floor(large / width)}, column ${large % width}, of which float64 has no square; scale the values down`,
  );
}

/** The rows of a tensor [n, d], as f32. Throws as `expectRows` does; also for values beyond f32, and a d that is not `wanted`. */
export function expectVectors(call: string, name: string, given: HostTensor, wanted?: number): Vectors {
  const { data, rows, width } = shapedRows(call, name, given, wanted);
  const vectors = { data: data instanceof Float32Array ? data : new Float32Array(data), rows, width };
  expectFinite(call, name, vectors);
  return vectors;
}

function shapedRows(call: string, name: string, given: HostTensor, wanted?: number): Rows {
  expectArguments(call, { [name]: given }, { [name]: { data: 'values', shape: 'values' } });
  const { data, shape } = given;
  const [rows = 0, width = 0] = shape;
  if (shape.length !== 2) {
    throw new ShapeError(`${call}: ${name} has shape ${formatShape(shape)}; give rows [n, d]`);
  }
  if (wanted !== undefined && width !== wanted) {
    throw new ShapeError(`${call}: rows of ${name} have ${width} values, those of the index ${wanted}`);
  }
  if (data instanceof Uint16Array) {
    throw new UsageError(`${call}: ${name} holds bits of halves; give a Float32Array`);
  }
  if (data.length !== rows * width) {
    throw new ShapeError(`${call}: ${name} has ${data.length} values for shape ${formatShape(shape)}`);
  }
  const floats = data instanceof Float32Array || data instanceof Float64Array;
  return { data: floats ? data : new Float64Array(data), rows, width };
}

function expectFinite(call: string, name: string, { data, width }: Rows): void {
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    throw new UsageError(
      `${call}: ${name} is ${data[i]} at row ${Math.floor(i / width)}, column ${i % width}; leave such rows out`,
    );
  }
}

/** Some of the rows, not copied. */
export const someRows = ({ data, width }: Vectors, start: number, rows: number): Vectors => ({
  data: data.subarray(start * width, (start + rows) * width),
  rows,
  width,
});
