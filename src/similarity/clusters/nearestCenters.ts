import type { HostTensor } from '../../data/batch.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { PairwiseDistances } from '../distances.ts';
import type { Rows } from '../vectors.ts';
import { chosenDoubles, doubles, fitsF32, squaredDistances, squares } from './squares.ts';

/** Rows that are in float64 at a time. */
const BLOCK = 512;

/** Calls back with some rows at a time, in float64. */
export function forBlocks(x: Rows, visit: (block: Float64Array, start: number, rows: number) => void): void {
  for (let start = 0; start < x.rows; start += BLOCK) {
    const rows = Math.min(BLOCK, x.rows - start);
    visit(doubles(x, start, rows), start, rows);
  }
}

/** The squared distance of each row to the center of its label. */
export function ownSquares(x: Rows, centers: Float64Array, labels: Int32Array): Float64Array {
  const own = new Float64Array(x.rows);
  forBlocks(x, (block, start, rows) => {
    for (let i = 0; i < rows; i++) {
      own[start + i] = squares(block, i * x.width, centers, labels[start + i]! * x.width, x.width);
    }
  });
  return own;
}

/** Finds the nearest center of each row: by Euclidean distance in float64, ties to the first. */
export interface NearestCenters {
  /** @param centers [k, width]. */
  of(centers: Float64Array): Promise<Int32Array>;
  dispose(): void;
}

/** On the GPU where there is one: with the same labels. */
export const nearestCenters = (x: Rows, gpu: Gpu | undefined): NearestCenters =>
  gpu && fitsF32(x) ? new OnGpu(x, gpu) : { of: async (centers) => onCpu(x, centers), dispose() {} };

function onCpu(x: Rows, centers: Float64Array): Int32Array {
  const labels = new Int32Array(x.rows);
  forBlocks(x, (block, start) =>
    labels.set(leastOf(squaredDistances(block, centers, x.width), centers.length / x.width), start),
  );
  return labels;
}

/** The index of the least value of each row of k; ties go to the first. */
function leastOf(values: Float64Array, k: number): Int32Array {
  const least = new Int32Array(values.length / k);
  for (let row = 0, at = 0; row < least.length; row++, at += k) {
    let best = 0;
    for (let j = 1; j < k; j++) if (values[at + j]! < values[at + best]!) best = j;
    least[row] = best;
  }
  return least;
}

/** Half a unit in the last place of 1 in f32. */
const ROUNDING = 2 ** -24;
/** Below that squares of f32 are 0. */
const UNDERFLOW = 1e-18;

/**
 * Distances are computed on the GPU in f32. Where the two least are so close that rounding could have changed their order, all
 * distances of the row are computed again in float64.
 */
class OnGpu implements NearestCenters {
  readonly #x: Rows;
  readonly #tensor: HostTensor;
  readonly #lengths: Float64Array;
  readonly #pairs: PairwiseDistances;

  constructor(x: Rows, gpu: Gpu) {
    this.#x = x;
    this.#tensor = singles(x.data, x.width);
    this.#lengths = lengthsOf(x);
    this.#pairs = new PairwiseDistances(gpu);
  }

  async of(centers: Float64Array): Promise<Int32Array> {
    const x = this.#x;
    const k = centers.length / x.width;
    const others = { data: centers, rows: k, width: x.width };
    if (!fitsF32(others)) return onCpu(x, centers);
    const longest = Math.max(...lengthsOf(others));
    const labels = new Int32Array(x.rows);
    const unsure: number[] = [];
    for await (const { row, rows, distances } of this.#pairs.rows(this.#tensor, singles(centers, x.width))) {
      for (let i = 0, at = 0; i < rows; i++, at += k) {
        let [label, first, second] = [0, Infinity, Infinity];
        for (let j = 0; j < k; j++) {
          const distance = distances[at + j]!;
          if (distance < first) {
            second = first;
            first = distance;
            label = j;
          } else if (distance < second) second = distance;
        }
        labels[row + i] = label;
        // Rounding of the values to f32, and of a sum of squares in order.
        const ofValues = 2 * (this.#lengths[row + i]! + longest);
        const ofSums = (x.width / 2 + 8) * (first + second);
        if (second - first <= ROUNDING * (ofValues + ofSums) + UNDERFLOW) unsure.push(row + i);
      }
    }
    for (let start = 0; start < unsure.length; start += BLOCK) {
      const some = unsure.slice(start, start + BLOCK);
      const sure = leastOf(squaredDistances(chosenDoubles(x, some), centers, x.width), k);
      for (const [i, item] of some.entries()) labels[item] = sure[i]!;
    }
    return labels;
  }

  dispose(): void {
    this.#pairs.dispose();
  }
}

const singles = (data: Float32Array | Float64Array, width: number): HostTensor => ({
  data: data instanceof Float32Array ? data : new Float32Array(data),
  shape: [data.length / width, width],
});

function lengthsOf(x: Rows): Float64Array {
  const lengths = new Float64Array(x.rows);
  const origin = new Float64Array(x.width);
  forBlocks(x, (block, start, rows) => {
    for (let i = 0; i < rows; i++)
      lengths[start + i] = Math.sqrt(squares(block, i * x.width, origin, 0, x.width));
  });
  return lengths;
}
