import type { Caps } from '../../device/caps.ts';
import type { TensorSpec } from '../../shape.ts';

/** An input position and its weight. */
export type Tap = readonly [index: number, weight: number];

/** How one axis is resampled: the number of outputs, and the inputs that each is a weighted sum of. */
export interface ResampleAxis {
  readonly size: number;
  /** Positions may repeat: their weights add up. Order does not matter. */
  readonly taps: (output: number) => readonly Tap[];
}

/** Runs of neighbouring inputs: output o is the sum of weights[begin[o] + a] * input[first[o] + a]. */
export interface Windows {
  readonly size: number;
  readonly first: Uint32Array;
  /** size + 1 offsets into weights. */
  readonly begin: Uint32Array;
  readonly weights: readonly number[];
}

/**
 * Taps as windows. Every axis that is used here reads neighbours, and so does its transpose; a position
 * inside a window that no tap names gets weight 0, so any other axis is right too, only slower.
 */
export function windowsOf(size: number, taps: (output: number) => readonly Tap[]): Windows {
  const first = new Uint32Array(size);
  const begin = new Uint32Array(size + 1);
  const weights: number[] = [];
  for (let o = 0; o < size; o++) {
    const used = taps(o).filter(([, weight]) => weight !== 0);
    const low = used.reduce((least, [index]) => Math.min(least, index), Number.POSITIVE_INFINITY);
    const high = used.reduce((most, [index]) => Math.max(most, index), -1);
    const row = new Array<number>(Math.max(high - low + 1, 0)).fill(0);
    for (const [index, weight] of used) row[index - low]! += weight;
    first[o] = used.length > 0 ? low : 0;
    weights.push(...row);
    begin[o + 1] = weights.length;
  }
  return { size, first, begin, weights };
}

/** The windows of the transposed axis: for each of the `inputs` positions, the outputs that it goes into. */
export function transposed(axis: ResampleAxis, inputs: number): Windows {
  const columns: Tap[][] = Array.from({ length: inputs }, () => []);
  for (let o = 0; o < axis.size; o++) {
    for (const [index, weight] of axis.taps(o)) columns[index]!.push([o, weight]);
  }
  return windowsOf(inputs, (index) => columns[index]!);
}

/** A resampling along both axes, from one tensor of images to another. */
export interface ResampleProblem {
  readonly caps: Caps;
  /** The input's name and spec, [N,H,W,C]. */
  readonly from: readonly [name: string, spec: TensorSpec];
  /** The output's name and spec, [N,OH,OW,C]. */
  readonly to: readonly [name: string, spec: TensorSpec];
  readonly rows: Windows;
  readonly columns: Windows;
}

export type Dims = readonly [n: number, h: number, w: number, c: number];
export const dimsOf = ({ shape }: TensorSpec): Dims => shape as unknown as Dims;
