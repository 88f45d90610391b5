import { someRows, type Vectors } from './vectors.ts';

/** Distances of some rows of x to some rows of y. */
export interface DistanceBlock {
  /** The first row of x. */
  readonly row: number;
  /** How many rows of x. */
  readonly rows: number;
  /** The first row of y. */
  readonly column: number;
  /** How many rows of y. */
  readonly columns: number;
  /** [rows, columns], row by row. It is the caller's to keep. */
  readonly distances: Float32Array<ArrayBuffer>;
}

/** Below that a distance is rounding of float64: that of parallel vectors, which are at distance 0. */
export const PARALLEL = 2 ** -102;

/**
 * Cosine distances on the GPU: half the squared distance of points on the unit sphere, which keeps the digits of vectors that
 * are nearly parallel, where 1 - cosine has none left. The points are taken from their mean before they are rounded to f32, so
 * that vectors in a narrow beam keep theirs too.
 */
export class Cosines {
  readonly x: Vectors;
  readonly y: Vectors;
  /** 1 / length of each row; 0 of a row of zeros. */
  readonly #ofX: Float64Array;
  readonly #ofY: Float64Array;
  readonly #mean: Float64Array;
  /** Below that rounding may matter: distances are computed anew. */
  readonly #near: number;

  constructor(x: Vectors, y: Vectors) {
    this.x = x;
    this.y = y;
    this.#ofX = inverseLengths(x);
    this.#ofY = x === y ? this.#ofX : inverseLengths(y);
    const mean = new Float64Array(x.width);
    for (let row = 0, at = 0; row < x.rows; row++) {
      for (let i = 0; i < x.width; i++, at++) mean[i]! += x.data[at]! * this.#ofX[row]!;
    }
    for (let i = 0; i < x.width; i++) mean[i]! /= x.rows;
    this.#mean = mean;
    // A point is off by 2^-24 of its length at most: 1e-5 of a squared distance that is 6e-4 of the squared length.
    const farthest = Math.max(this.#farthest(x, this.#ofX), this.#farthest(y, this.#ofY));
    this.#near = Math.max(3e-4 * farthest, PARALLEL);
  }

  /** Rows of x as points. */
  fromX(start: number, rows: number): Vectors {
    return this.#points(someRows(this.x, start, rows), this.#ofX.subarray(start));
  }

  /** Rows of y as points. */
  fromY(start: number, rows: number): Vectors {
    return this.#points(someRows(this.y, start, rows), this.#ofY.subarray(start));
  }

  /** Computes what the GPU cannot: distances of rows of zeros, and those that are very small. */
  mend({ row, rows, column, columns, distances }: DistanceBlock): void {
    const same = this.x === this.y;
    for (let i = row, at = 0; i < row + rows; i++) {
      for (let j = column; j < column + columns; j++, at++) {
        const distance = distances[at]!;
        if (this.#ofX[i] === 0 || this.#ofY[j] === 0) distances[at] = same && i === j ? 0 : 1;
        else if (distance !== 0 && distance < this.#near) distances[at] = this.#exact(i, j);
      }
    }
  }

  #exact(i: number, j: number): number {
    const [x, y, width] = [this.x.data, this.y.data, this.x.width];
    const [ofX, ofY] = [this.#ofX[i]!, this.#ofY[j]!];
    let sum = 0;
    for (let k = 0; k < width; k++) sum += (x[i * width + k]! * ofX - y[j * width + k]! * ofY) ** 2;
    return sum / 2 < PARALLEL ? 0 : sum / 2;
  }

  #points({ data, rows, width }: Vectors, scales: Float64Array): Vectors {
    const points = new Float32Array(data.length);
    for (let row = 0, at = 0; row < rows; row++) {
      const scale = scales[row]!;
      for (let i = 0; i < width; i++, at++) points[at] = data[at]! * scale - this.#mean[i]!;
    }
    return { data: points, rows, width };
  }

  /** The largest squared distance from the mean. */
  #farthest({ data, rows, width }: Vectors, scales: Float64Array): number {
    let most = 0;
    for (let row = 0, at = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < width; i++, at++) sum += (data[at]! * scales[row]! - this.#mean[i]!) ** 2;
      most = Math.max(most, sum);
    }
    return most;
  }
}

function inverseLengths({ data, rows, width }: Vectors): Float64Array {
  const scales = new Float64Array(rows);
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < width; i++, at++) sum += data[at]! ** 2;
    scales[row] = sum === 0 ? 0 : 1 / Math.sqrt(sum);
  }
  return scales;
}
