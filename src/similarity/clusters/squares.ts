import type { Rows } from '../vectors.ts';

/** Some rows in float64, from which the loops below read: not copied where they are so already. */
export function doubles({ data, width }: Rows, start: number, rows: number): Float64Array {
  const part = data.subarray(start * width, (start + rows) * width);
  return part instanceof Float64Array ? part : new Float64Array(part);
}

/** Bytes up to which all rows are kept in float64. */
const MOST_BYTES = 2 ** 28;

/** The rows in float64, where they are not many: converting them again for each pass takes as long as what is done with them. */
export function heldDoubles(x: Rows): Rows {
  if (x.data instanceof Float64Array || 8 * x.data.length > MOST_BYTES) return x;
  return { ...x, data: new Float64Array(x.data) };
}

/** Whether distances of rows can be computed in f32: squares of values neither overflow nor are lost below its least number. */
export function fitsF32({ data }: Rows): boolean {
  let largest = 0;
  for (const value of data) largest = Math.max(largest, Math.abs(value));
  return largest === 0 || (largest > 1e-12 && largest < 1e16);
}

/** Chosen rows in float64. */
export function chosenDoubles({ data, width }: Rows, chosen: ArrayLike<number>): Float64Array {
  const rows = new Float64Array(chosen.length * width);
  for (let i = 0; i < chosen.length; i++) {
    rows.set(data.subarray(chosen[i]! * width, (chosen[i]! + 1) * width), i * width);
  }
  return rows;
}

/**
 * Squared Euclidean distances of all rows of a to all of b: [rows of a, rows of b], from differences. Four rows by two at a time:
 * each value that is loaded is used two or four times, which makes this three times as fast as pair by pair.
 */
export function squaredDistances(a: Float64Array, b: Float64Array, width: number): Float64Array {
  const rows = a.length / width;
  const columns = b.length / width;
  const out = new Float64Array(rows * columns);
  let i = 0;
  for (; i + 4 <= rows; i += 4) {
    let j = 0;
    for (; j + 2 <= columns; j += 2) {
      squares4x2(a, i * width, b, j * width, width, out, i * columns + j, columns);
    }
    for (; j < columns; j++) {
      for (let r = i; r < i + 4; r++) out[r * columns + j] = squares(a, r * width, b, j * width, width);
    }
  }
  for (; i < rows; i++) {
    for (let j = 0; j < columns; j++) out[i * columns + j] = squares(a, i * width, b, j * width, width);
  }
  return out;
}

/** The squared distance of two rows that begin at these places. */
export function squares(a: Float64Array, atA: number, b: Float64Array, atB: number, width: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) {
    const difference = a[atA + k]! - b[atB + k]!;
    sum += difference * difference;
  }
  return sum;
}

function squares4x2(
  a: Float64Array,
  atA: number,
  b: Float64Array,
  atB: number,
  width: number,
  out: Float64Array,
  at: number,
  stride: number,
): void {
  let s00 = 0;
  let s10 = 0;
  let s20 = 0;
  let s30 = 0;
  let s01 = 0;
  let s11 = 0;
  let s21 = 0;
  let s31 = 0;
  const a1 = atA + width;
  const a2 = a1 + width;
  const a3 = a2 + width;
  const b1 = atB + width;
  for (let k = 0; k < width; k++) {
    const p = a[atA + k]!;
    const q = a[a1 + k]!;
    const r = a[a2 + k]!;
    const s = a[a3 + k]!;
    const u = b[atB + k]!;
    const v = b[b1 + k]!;
    s00 += (p - u) * (p - u);
    s10 += (q - u) * (q - u);
    s20 += (r - u) * (r - u);
    s30 += (s - u) * (s - u);
    s01 += (p - v) * (p - v);
    s11 += (q - v) * (q - v);
    s21 += (r - v) * (r - v);
    s31 += (s - v) * (s - v);
  }
  out[at] = s00;
  out[at + 1] = s01;
  out[at + stride] = s10;
  out[at + stride + 1] = s11;
  out[at + 2 * stride] = s20;
  out[at + 2 * stride + 1] = s21;
  out[at + 3 * stride] = s30;
  out[at + 3 * stride + 1] = s31;
}
