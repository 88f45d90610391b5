/** What changes the colours of a crop: all of them on values in 0..1 [height, width, 3], in place. */
import type { Box } from '../../vision/boxes.ts';
import { Random } from '../../vision/random.ts';

/** A change of colours whose parameters are drawn. See the transforms of the same names. */
export type Effect =
  | {
      readonly name: 'colorJitter';
      /** Factors; 1 changes nothing. */
      readonly brightness: number;
      readonly contrast: number;
      readonly saturation: number;
      /** Turns of the circle of colours; 0 changes nothing. */
      readonly hue: number;
    }
  | { readonly name: 'grayscale' }
  | { readonly name: 'blur'; readonly sigma: number }
  | { readonly name: 'noise'; readonly sigma: number; readonly seed: number }
  | { readonly name: 'cutout'; readonly boxes: readonly Box[]; readonly fill: number };

type Size = readonly [height: number, width: number];

/** Applies the effects of a crop, in their order. */
export function applyEffects(data: Float32Array, size: Size, effects: readonly Effect[]): void {
  for (const effect of effects) {
    switch (effect.name) {
      case 'colorJitter':
        jitterColors(data, effect);
        break;
      case 'grayscale':
        toGrey(data);
        break;
      case 'blur':
        blurred(data, size, effect.sigma);
        break;
      case 'noise':
        addNoise(data, effect.sigma, effect.seed);
        break;
      case 'cutout':
        for (const box of effect.boxes) fillBox(data, size, box, effect.fill);
    }
  }
}

const clamp01 = (x: number): number => Math.min(Math.max(x, 0), 1);

/** ITU-R BT.601 luminance, the weights of Pillow and torchvision. */
const luminance = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

function jitterColors(
  data: Float32Array,
  { brightness, contrast, saturation, hue }: Extract<Effect, { name: 'colorJitter' }>,
): void {
  if (brightness !== 1 || contrast !== 1 || saturation !== 1) {
    let mean = 0;
    for (let i = 0; i < data.length; i += 3) {
      for (let k = i; k < i + 3; k++) data[k] = clamp01(data[k]! * brightness);
      mean += luminance(data[i]!, data[i + 1]!, data[i + 2]!);
    }
    const level = (mean / (data.length / 3)) * (1 - contrast);
    for (let i = 0; i < data.length; i += 3) {
      const r = clamp01(data[i]! * contrast + level);
      const g = clamp01(data[i + 1]! * contrast + level);
      const b = clamp01(data[i + 2]! * contrast + level);
      const grey = luminance(r, g, b) * (1 - saturation);
      data[i] = clamp01(r * saturation + grey);
      data[i + 1] = clamp01(g * saturation + grey);
      data[i + 2] = clamp01(b * saturation + grey);
    }
  }
  if (hue !== 0) turnHue(data, hue);
}

/** Source: the hexcone model, Smith 1978, as in Python's colorsys and torchvision. Six sextants of the circle, from red. */
function turnHue(data: Float32Array, turns: number): void {
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const most = Math.max(r, g, b);
    const chroma = most - Math.min(r, g, b);
    if (chroma === 0) continue;
    const sextant = most === r ? (g - b) / chroma : most === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
    const turned = sextant + 6 * turns + 12;
    // Channel n falls off with its distance from the hue: n is 5, 3, 1 for red, green, blue.
    for (let k = 0; k < 3; k++) {
      const at = (5 - 2 * k + turned) % 6;
      data[i + k] = most - chroma * clamp01(Math.min(at, 4 - at));
    }
  }
}

function toGrey(data: Float32Array): void {
  for (let i = 0; i < data.length; i += 3) {
    const grey = luminance(data[i]!, data[i + 1]!, data[i + 2]!);
    data[i] = grey;
    data[i + 1] = grey;
    data[i + 2] = grey;
  }
}

/** A Gaussian of fewer pixels changes no value by as much as 8-bit images can say. */
const SHARP = 0.2;

function blurred(data: Float32Array, [height, width]: Size, sigma: number): void {
  if (sigma < SHARP) return;
  const reach = Math.ceil(3 * sigma);
  const taps = Array.from({ length: reach + 1 }, (_, k) => Math.exp(-((k / sigma) ** 2) / 2));
  const sum = taps.reduce((a, b) => a + 2 * b, -1);
  const weights = taps.map((tap) => tap / sum);
  // Sums of rows are taken one tap after the other: neighbouring values lie side by side in memory.
  const sums = new Float64Array(3 * width);
  const add = (from: Float32Array, a: number, b: number, weight: number): void => {
    for (let i = 0; i < sums.length; i++) sums[i]! += weight * (from[a + i]! + from[b + i]!);
  };
  const line = new Float32Array(3 * (width + 2 * reach));
  const columns = Int32Array.from({ length: width + 2 * reach }, (_, i) => 3 * mirrored(i - reach, width));
  for (let start = 0; start < data.length; start += sums.length) {
    columns.forEach((column, i) => {
      for (let k = 0; k < 3; k++) line[3 * i + k] = data[start + column + k]!;
    });
    for (let i = 0; i < sums.length; i++) sums[i] = weights[0]! * line[3 * reach + i]!;
    for (let k = 1; k <= reach; k++) add(line, 3 * (reach - k), 3 * (reach + k), weights[k]!);
    data.set(sums, start);
  }
  const before = data.slice();
  for (let y = 0; y < height; y++) {
    const row = (k: number): number => mirrored(y + k, height) * sums.length;
    for (let i = 0; i < sums.length; i++) sums[i] = weights[0]! * before[y * sums.length + i]!;
    for (let k = 1; k <= reach; k++) add(before, row(-k), row(k), weights[k]!);
    data.set(sums, y * sums.length);
  }
}

/** The place in 0..length-1 that mirroring at the first and the last place leads to. */
function mirrored(i: number, length: number): number {
  const period = 2 * (length - 1) || 1;
  const at = ((i % period) + period) % period;
  return at < length ? at : period - at;
}

/** Normal values by 16 random bits: 65,536 quantiles, at most 4.3 standard deviations. */
let normals: Float32Array | undefined;

function addNoise(data: Float32Array, sigma: number, seed: number): void {
  if (sigma === 0) return;
  normals ??= Float32Array.from({ length: 2 ** 16 }, (_, i) => normalQuantile((i + 0.5) / 2 ** 16));
  const random = new Random(seed);
  for (let i = 0; i < data.length; ) {
    let bits = random.uniform();
    for (let k = 0; k < 3 && i < data.length; k++, i++) {
      bits *= 2 ** 16;
      const place = Math.floor(bits);
      bits -= place;
      data[i] = clamp01(data[i]! + sigma * normals[place]!);
    }
  }
}

/** Source: Acklam 2003, an algorithm for computing the inverse normal cumulative distribution function; within 1.2e-9. */
function normalQuantile(p: number): number {
  if (p > 0.5) return -normalQuantile(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return (
      polynomial(
        [
          -7.784894002430293e-3, -0.3223964580411365, -2.400758277161838, -2.549732539343734,
          4.374664141464968, 2.938163982698783,
        ],
        q,
      ) / polynomial([7.784695709041462e-3, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1], q)
    );
  }
  const q = p - 0.5;
  const r = q * q;
  return (
    (q *
      polynomial(
        [
          -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716,
          2.506628277459239,
        ],
        r,
      )) /
    polynomial(
      [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
      r,
    )
  );
}

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);

function fillBox(data: Float32Array, [, width]: Size, [x1, y1, x2, y2]: Box, value: number): void {
  for (let y = y1; y < y2; y++) data.fill(value, 3 * (y * width + x1), 3 * (y * width + x2));
}
