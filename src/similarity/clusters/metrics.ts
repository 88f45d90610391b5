import { ShapeError, UsageError } from '../../errors.ts';
import { expectOneOf } from '../../options.ts';
import { boxIou } from '../../vision/boxes.ts';
import { PARALLEL } from '../cosines.ts';
import { squaredDistances } from './squares.ts';

/**
 * How far apart two items are, by scikit-learn's names:
 *
 * - `euclidean`: sqrt(Σ (x - y)²)
 * - `sqeuclidean`: Σ (x - y)²
 * - `cosine`: 1 - Σ x y / (|x| |y|). A row of zeros is at distance 1 from all others
 * - `manhattan`: Σ |x - y|
 * - `iou`: 1 - IoU of boxes; rows are (x1, y1, x2, y2)
 * - `precomputed`: x is the matrix of distances itself, [n, n], symmetric and 0 on the diagonal
 * - a function of two rows. It must not depend on their order, nor be negative
 *
 * An item is at distance 0 from itself.
 */
export type ClusterMetric =
  | 'euclidean'
  | 'sqeuclidean'
  | 'cosine'
  | 'manhattan'
  | 'iou'
  | 'precomputed'
  | ((a: Float64Array, b: Float64Array) => number);

/** Distances of all rows of a to all of b, in float64: [rows of a, rows of b]. */
export type Between = (a: Float64Array, b: Float64Array, width: number) => Float64Array;

const NAMED: Readonly<Record<Exclude<ClusterMetric & string, 'precomputed'>, Between>> = {
  euclidean: (a, b, width) => squaredDistances(a, b, width).map(Math.sqrt),
  sqeuclidean: squaredDistances,
  cosine,
  manhattan: ofPairs((a, b) => {
    let sum = 0;
    for (let k = 0; k < a.length; k++) sum += Math.abs(a[k]! - b[k]!);
    return sum;
  }),
  iou: ofPairs((a, b) => 1 - boxIou(a as never, b as never)),
};

/** Throws UsageError for what is no metric. */
export function expectMetric(call: string, metric: ClusterMetric): void {
  if (typeof metric === 'function') return;
  expectOneOf(call, 'metric', metric, [...(Object.keys(NAMED) as (keyof typeof NAMED)[]), 'precomputed']);
}

/** The distances of a metric of rows. Throws ShapeError for boxes that do not have four values. */
export function betweenOf(
  call: string,
  metric: Exclude<ClusterMetric, 'precomputed'>,
  width: number,
): Between {
  if (metric === 'iou' && width !== 4) {
    throw new ShapeError(
      `${call}: rows of x have ${width} values; for metric "iou" give boxes (x1, y1, x2, y2)`,
    );
  }
  if (typeof metric === 'string') return NAMED[metric];
  return ofPairs((a, b) => {
    const distance = metric(a, b);
    if (distance >= 0 && distance < Infinity) return distance;
    throw new UsageError(
      `${call}: metric gave ${distance} for two rows; it must give a number of at least 0`,
    );
  });
}

function ofPairs(distance: (a: Float64Array, b: Float64Array) => number): Between {
  return (a, b, width) => {
    const rowsOf = (data: Float64Array) =>
      Array.from({ length: data.length / width }, (_, row) => data.subarray(row * width, (row + 1) * width));
    const [rows, others] = [rowsOf(a), rowsOf(b)];
    const out = new Float64Array(rows.length * others.length);
    for (let i = 0, at = 0; i < rows.length; i++) {
      for (let j = 0; j < others.length; j++, at++) out[at] = distance(rows[i]!, others[j]!);
    }
    return out;
  };
}

/** Half the squared distance on the unit sphere, which keeps the digits of rows that are nearly parallel. */
function cosine(a: Float64Array, b: Float64Array, width: number): Float64Array {
  const [ofA, ofB] = [directions(a, width), directions(b, width)];
  const out = squaredDistances(ofA.units, ofB.units, width);
  const columns = ofB.isZero.length;
  for (let i = 0, at = 0; i < ofA.isZero.length; i++) {
    for (let j = 0; j < columns; j++, at++) {
      const distance = out[at]! / 2;
      out[at] = ofA.isZero[i] || ofB.isZero[j] ? 1 : distance < PARALLEL ? 0 : distance;
    }
  }
  return out;
}

/** Rows of length 1, and which have no direction. */
function directions(
  data: Float64Array,
  width: number,
): { readonly units: Float64Array; readonly isZero: readonly boolean[] } {
  const units = new Float64Array(data.length);
  const isZero = Array.from({ length: data.length / width }, (_, row) => {
    let sum = 0;
    for (let k = row * width; k < (row + 1) * width; k++) sum += data[k]! * data[k]!;
    if (sum === 0) return true;
    const length = Math.sqrt(sum);
    for (let k = row * width; k < (row + 1) * width; k++) units[k] = data[k]! / length;
    return false;
  });
  return { units, isZero };
}
