import { type RgbPixels, unitOf } from './matte.ts';
import { BACKGROUND, FOREGROUND, type Trimap, UNKNOWN } from './trimap.ts';

/** The places of a pixel's neighbours from itself on, row by row: with those before it, the pixels that share a window of 3x3 with it. */
const OFFSETS: readonly (readonly [dy: number, dx: number])[] = [0, 1, 2].flatMap((dy) =>
  [-2, -1, 0, 1, 2].flatMap((dx) => (dy > 0 || dx >= 0 ? [[dy, dx] as const] : [])),
);
/** Entries of a row that are stored: the diagonal, and those after it. */
export const BAND = OFFSETS.length;

const slotOf = (dy: number, dx: number): number => OFFSETS.findIndex(([y, x]) => y === dy && x === dx);

/** The slot of the entry between two neighbours of a pixel, in the row of the first of them; -1 where they share no window. */
export const BETWEEN: readonly (readonly number[])[] = OFFSETS.map(([y, x]) =>
  OFFSETS.map(([v, u]) => slotOf(v - y, u - x)),
);

/** A symmetric system of equations for the unknown pixels, in their order. */
export interface BandSystem {
  /** Entries [n, BAND] of the diagonal and after it. */
  readonly values: Float64Array;
  /** The unknown pixel [n, BAND] that each belongs to; n for none. */
  readonly neighbours: Int32Array;
  readonly right: Float64Array;
  /** The place in the image of each unknown pixel. */
  readonly pixels: Int32Array;
}

/** The inverse of a symmetric matrix [a b c; b d e; c e f], as its six entries. */
function inverted(m: Float64Array): void {
  const [a, b, c, d, e, f] = m as unknown as [number, number, number, number, number, number];
  const [A, B, C] = [d * f - e * e, c * e - b * f, b * e - c * d];
  const scale = 1 / (a * A + b * B + c * C);
  m[0] = A * scale;
  m[1] = B * scale;
  m[2] = C * scale;
  m[3] = (a * f - c * c) * scale;
  m[4] = (b * c - a * e) * scale;
  m[5] = (a * d - b * b) * scale;
}

/**
 * The matting Laplacian (Levin et al. 2008, equation 12; windows of 3x3) of the unknown pixels of a trimap, with what the known ones
 * contribute on the right. A generator: it rests between rows.
 */
export function* mattingLaplacian(
  image: RgbPixels,
  trimap: Trimap,
  epsilon: number,
): Generator<void, BandSystem> {
  const { width, height } = image;
  const unit = unitOf(image);
  const numbers = new Int32Array(width * height).fill(-1);
  let n = 0;
  for (let i = 0; i < numbers.length; i++) if (trimap.data[i] === UNKNOWN) numbers[i] = n++;
  const pixels = new Int32Array(n);
  const neighbours = new Int32Array(n * BAND).fill(n);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const row = numbers[i]!;
      if (row < 0) continue;
      pixels[row] = i;
      OFFSETS.forEach(([dy, dx], slot) => {
        if (y + dy < height && x + dx >= 0 && x + dx < width) {
          const other = numbers[i + dy * width + dx]!;
          if (other >= 0) neighbours[row * BAND + slot] = other;
        }
      });
    }
    yield;
  }
  const values = new Float64Array(n * BAND);
  const right = new Float64Array(n);
  const steps = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => dy * width + dx));
  const slots = Int32Array.from({ length: 81 }, (_, k) => {
    const [i, j] = [Math.floor(k / 9), k % 9];
    return slotOf(Math.floor(j / 3) - Math.floor(i / 3), (j % 3) - (i % 3));
  });
  const centred = new Float64Array(27);
  const covariance = new Float64Array(6);
  const turned = new Float64Array(27);
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const centre = y * width + x;
      if (steps.every((step) => numbers[centre + step]! < 0)) continue;
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (const step of steps) sum += image.data[3 * (centre + step) + c]!;
        for (let k = 0; k < 9; k++) {
          centred[3 * k + c] = (image.data[3 * (centre + steps[k]!) + c]! - sum / 9) * unit;
        }
      }
      covariance.fill(0);
      for (let k = 0; k < 27; k += 3) {
        const [r, g, b] = [centred[k]!, centred[k + 1]!, centred[k + 2]!];
        covariance[0]! += r * r;
        covariance[1]! += r * g;
        covariance[2]! += r * b;
        covariance[3]! += g * g;
        covariance[4]! += g * b;
        covariance[5]! += b * b;
      }
      for (const diagonal of [0, 3, 5]) covariance[diagonal]! += epsilon;
      for (let k = 0; k < 6; k++) covariance[k]! /= 9;
      inverted(covariance);
      const [a, b, c, d, e, f] = covariance as unknown as [number, number, number, number, number, number];
      for (let k = 0; k < 27; k += 3) {
        const [red, green, blue] = [centred[k]!, centred[k + 1]!, centred[k + 2]!];
        turned[k] = a * red + b * green + c * blue;
        turned[k + 1] = b * red + d * green + e * blue;
        turned[k + 2] = c * red + e * green + f * blue;
      }
      for (let i = 0; i < 9; i++) {
        const row = numbers[centre + steps[i]!]!;
        if (row < 0) continue;
        for (let j = 0; j < 9; j++) {
          const place = centre + steps[j]!;
          const known = numbers[place]! < 0;
          if (!known && slots[9 * i + j]! < 0) continue;
          const likeness =
            turned[3 * i]! * centred[3 * j]! +
            turned[3 * i + 1]! * centred[3 * j + 1]! +
            turned[3 * i + 2]! * centred[3 * j + 2]!;
          const value = (i === j ? 1 : 0) - (1 + likeness) / 9;
          if (!known) values[row * BAND + slots[9 * i + j]!]! += value;
          else if (trimap.data[place] === FOREGROUND) right[row]! -= value;
        }
      }
    }
    yield;
  }
  return { values, neighbours, right, pixels };
}

/** Whether a trimap has both what is sure to be foreground and background. */
export function knowsBoth({ data }: Trimap): boolean {
  return data.includes(FOREGROUND) && data.includes(BACKGROUND);
}
