// Pillow's resize((width, height), LANCZOS) of 8-bit images, to the bit (libImaging/Resample.c, Pillow 2.7 and later).
import type { GreyImage } from './greyImage.ts';

/** The bits behind the point of a weight: 8 of 32 are the pixel, 2 are room for sums of weights that pass 1. */
export const PRECISION_BITS = 32 - 8 - 2;

const SUPPORT = 3;

function sinc(x: number): number {
  if (x === 0) return 1;
  return Math.sin(x * Math.PI) / (x * Math.PI);
}

const lanczos = (x: number): number => (-SUPPORT <= x && x < SUPPORT ? sinc(x) * sinc(x / SUPPORT) : 0);

/** Which pixels of a row each pixel of the resized row is made of. */
export interface Weights {
  /** The first pixel, [size]. */
  readonly first: Int32Array;
  /** How many there are, [size]. */
  readonly count: Int32Array;
  /** [size, stride]: the weights with `PRECISION_BITS` behind the point. */
  readonly weights: Int32Array;
  readonly stride: number;
}

/** The weights for a row of `from` pixels that becomes one of `to`. */
export function lanczosWeights(from: number, to: number): Weights {
  const scale = from / to;
  // Widened when shrinking, so that every pixel counts.
  const filterScale = Math.max(scale, 1);
  const support = SUPPORT * filterScale;
  const stride = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * stride);
  const row = new Float64Array(stride);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const length = Math.min(from, Math.trunc(centre + support + 0.5)) - start;
    let sum = 0;
    for (let x = 0; x < length; x++) {
      // Pillow multiplies by the reciprocal.
      row[x] = lanczos((x + start - centre + 0.5) * (1 / filterScale));
      sum += row[x]!;
    }
    for (let x = 0; x < length; x++) {
      const weight = (sum === 0 ? row[x]! : row[x]! / sum) * 2 ** PRECISION_BITS;
      weights[i * stride + x] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    first[i] = start;
    count[i] = length;
  }
  return { first, count, weights, stride };
}

const HALF = 1 << (PRECISION_BITS - 1);

const clipped = (sum: number): number => {
  const value = sum >> PRECISION_BITS;
  return value < 0 ? 0 : value > 255 ? 255 : value;
};

function resizeRows({ width, height, data }: GreyImage, to: number): GreyImage {
  const { first, count, weights, stride } = lanczosWeights(width, to);
  const resized = new Uint8Array(to * height);
  const last = height - 1;
  // Four rows at a time share the weights: twice as fast. The last row is computed again where there are fewer.
  for (let y = 0; y < height; y += 4) {
    const [y1, y2, y3] = [Math.min(y + 1, last), Math.min(y + 2, last), Math.min(y + 3, last)];
    for (let x = 0; x < to; x++) {
      const end = x * stride + count[x]!;
      let from = y * width + first[x]!;
      let from1 = y1 * width + first[x]!;
      let from2 = y2 * width + first[x]!;
      let from3 = y3 * width + first[x]!;
      let sum = HALF;
      let sum1 = HALF;
      let sum2 = HALF;
      let sum3 = HALF;
      for (let k = x * stride; k < end; k++) {
        const weight = weights[k]!;
        sum = (sum + Math.imul(data[from++]!, weight)) | 0;
        sum1 = (sum1 + Math.imul(data[from1++]!, weight)) | 0;
        sum2 = (sum2 + Math.imul(data[from2++]!, weight)) | 0;
        sum3 = (sum3 + Math.imul(data[from3++]!, weight)) | 0;
      }
      resized[y * to + x] = clipped(sum);
      resized[y1 * to + x] = clipped(sum1);
      resized[y2 * to + x] = clipped(sum2);
      resized[y3 * to + x] = clipped(sum3);
    }
  }
  return { width: to, height, data: resized };
}

function resizeColumns({ width, height, data }: GreyImage, to: number): GreyImage {
  const { first, count, weights, stride } = lanczosWeights(height, to);
  const resized = new Uint8Array(width * to);
  const sums = new Int32Array(width);
  for (let y = 0; y < to; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]!; k++) {
      const weight = weights[y * stride + k]!;
      const from = (first[y]! + k) * width;
      for (let x = 0; x < width; x++) sums[x] = sums[x]! + Math.imul(data[from + x]!, weight);
    }
    for (let x = 0; x < width; x++) resized[y * width + x] = clipped(sums[x]!);
  }
  return { width, height: to, data: resized };
}

/**
 * Resizes by Lanczos' filter (a = 3), rows first and then columns, each rounded to bytes; a side that keeps its length has no pass.
 * Weights are computed in float64 and rounded to 22 bits, sums are whole numbers: the same bits everywhere.
 */
export function resizeLanczos(image: GreyImage, width: number, height: number): GreyImage {
  const rows = image.width === width ? image : resizeRows(image, width);
  return rows.height === height ? rows : resizeColumns(rows, height);
}
