import { expectMatte, type Matte } from './matte.ts';

/** The weights of OpenCV's Gaussian filter of 5 pixels and sigma 2. */
const GAUSSIAN = (() => {
  const weights = [-2, -1, 0, 1, 2].map((k) => Math.exp(-(k * k) / 8));
  const total = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / total);
})();

/** The least or most of a pixel and its four neighbours; beyond the border there is nothing. */
function overCross(
  data: Float32Array,
  width: number,
  height: number,
  choose: (a: number, b: number) => number,
): Float32Array {
  const result = new Float32Array(data.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      let value = data[i]!;
      if (x > 0) value = choose(value, data[i - 1]!);
      if (x < width - 1) value = choose(value, data[i + 1]!);
      if (y > 0) value = choose(value, data[i - width]!);
      if (y < height - 1) value = choose(value, data[i + width]!);
      result[i] = value;
    }
  }
  return result;
}

/** The place that stands for one outside: OpenCV's BORDER_REFLECT_101. */
function reflected(place: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * length - 2;
  const folded = ((place % period) + period) % period;
  return folded < length ? folded : period - folded;
}

/** Smooths along one axis. */
function smooth(data: Float32Array, count: number, length: number, step: number, next: number): Float32Array {
  const result = new Float32Array(data.length);
  for (let line = 0; line < count; line++) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < 5; k++) {
        sum += GAUSSIAN[k]! * data[line * next + reflected(i + k - 2, length) * step]!;
      }
      result[line * next + i * step] = sum;
    }
  }
  return result;
}

/**
 * Makes a smooth mask of 0 and 1 of a matte, as rembg's `--post-process-mask`: opened by a cross of 3x3 pixels, which takes out specks,
 * blurred (Gaussian, 5x5, sigma 2, borders reflected), and cut at 127 of 255.
 *
 * @param matte The matte.
 */
export function postProcessMask(matte: Matte): Matte {
  expectMatte('postProcessMask', 'matte', matte);
  const { width, height, data } = matte;
  const opened = overCross(overCross(data, width, height, Math.min), width, height, Math.max);
  const rows = smooth(opened, height, width, 1, width);
  const blurred = smooth(rows, width, height, width, 1);
  return { width, height, data: blurred.map((value) => (value * 255 < 126.5 ? 0 : 1)) };
}
