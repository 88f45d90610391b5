// Images as OpenCV 4 resizes and converts them, to the bit (modules/imgproc: resize.cpp, color_*.cpp), for the hashes of its img_hash module.
import { type ByteImage, channelsOf } from './greyImage.ts';

/** Red, green and blue bytes, [height, width, 3]. */
export interface RgbBytes {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The channels that a hash looks at: alpha is dropped, as OpenCV does it. [height, width, channels] of 1 (grey) or 3 (RGB). */
export function colorsOf(
  call: string,
  image: ByteImage,
): { readonly channels: 1 | 3; readonly data: Uint8Array } {
  const all = channelsOf(call, image);
  const channels = all < 3 ? 1 : 3;
  const { width, height, data } = image;
  if (all === channels) return { channels, data: new Uint8Array(data.buffer, data.byteOffset, data.length) };
  const kept = new Uint8Array(width * height * channels);
  for (let i = 0, from = 0; i < kept.length; from += all) {
    for (let c = 0; c < channels; c++) kept[i++] = data[from + c]!;
  }
  return { channels, data: kept };
}

/** The whole number nearest to a value, and of two the even one. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Two pixels for each of `to`, and their weights in 1 / 256. */
function linearWeights(from: number, to: number) {
  const scale = 1 / (to / from);
  const first = new Int32Array(to);
  const second = new Int32Array(to);
  const weight = new Int32Array(to);
  for (let i = 0; i < to; i++) {
    const at = scale * (i + 0.5) - 0.5;
    const whole = Math.floor(at);
    const inside = whole >= 0 && whole < from - 1;
    first[i] = Math.max(0, Math.min(from - 1, whole));
    second[i] = inside ? whole + 1 : first[i]!;
    weight[i] = inside ? roundHalfEven((at - whole) * 256) : 0;
  }
  return { first, second, weight };
}

/** OpenCV's resize with INTER_LINEAR_EXACT: [height, width, channels] to [to, to, channels], by whole numbers. */
export function resizeLinearExact(
  { width, height }: { readonly width: number; readonly height: number },
  { data, channels }: { readonly data: Uint8Array; readonly channels: number },
  to: number,
): Uint8Array {
  const across = linearWeights(width, to);
  const down = linearWeights(height, to);
  const resized = new Uint8Array(to * to * channels);
  for (let y = 0, place = 0; y < to; y++) {
    const [above, below, low] = [down.first[y]! * width, down.second[y]! * width, down.weight[y]!];
    for (let x = 0; x < to; x++) {
      const [left, right, share] = [across.first[x]!, across.second[x]!, across.weight[x]!];
      for (let c = 0; c < channels; c++) {
        const value = (row: number, column: number): number => data[(row + column) * channels + c]!;
        const top = (256 - share) * value(above, left) + share * value(above, right);
        const bottom = (256 - share) * value(below, left) + share * value(below, right);
        resized[place++] = ((256 - low) * top + low * bottom + 0x8000) >> 16;
      }
    }
  }
  return resized;
}

/** The bits behind the point of a cubic weight. */
const CUBIC_BITS = 11;
const f = Math.fround;
const ROUNDING = 1.5 * 2 ** 23;

/** The weights of the four pixels around a place that is `x` behind the second of them, with a = -0.75, in f32. */
function cubicAt(x: number): [number, number, number, number] {
  const a = -0.75;
  const far = (d: number): number => f(f(f(f(f(f(a * d) - 5 * a) * d) + 8 * a) * d) - 4 * a);
  const near = (d: number): number => f(f(f(f(f((a + 2) * d) - (a + 3)) * d) * d) + 1);
  const [first, second, third] = [far(f(x + 1)), near(x), near(f(1 - x))];
  return [first, second, third, f(f(f(1 - first) - second) - third)];
}

/** Four pixels for each of `to`, those outside being the last ones, and their weights. [to, 4] each. */
function cubicWeights(from: number, to: number) {
  const scale = 1 / (to / from);
  const pixels = new Int32Array(to * 4);
  const weights = new Int32Array(to * 4);
  for (let i = 0; i < to; i++) {
    const at = f((i + 0.5) * scale - 0.5);
    const whole = Math.floor(at);
    cubicAt(f(at - whole)).forEach((weight, k) => {
      pixels[4 * i + k] = Math.max(0, Math.min(from - 1, whole - 1 + k));
      weights[4 * i + k] = roundHalfEven(f(weight * 2 ** CUBIC_BITS));
    });
  }
  return { pixels, weights };
}

/**
 * OpenCV's resize with INTER_CUBIC of RGB bytes, to [to, to, 3]: rows by whole numbers, columns in f32, as its vector code does it where no
 * product and sum are fused.
 */
export function resizeCubic({ width, height, data }: RgbBytes, to: number): RgbBytes {
  const across = cubicWeights(width, to);
  const down = cubicWeights(height, to);
  const rows = new Map<number, Float32Array>();
  const rowOf = (y: number): Float32Array => {
    let row = rows.get(y);
    if (row) return row;
    row = new Float32Array(to * 3);
    const { pixels, weights } = across;
    for (let x = 0, place = 0; x < to; x++) {
      const k = 4 * x;
      const [p, q, r, s] = [pixels[k]!, pixels[k + 1]!, pixels[k + 2]!, pixels[k + 3]!];
      const from = 3 * y * width;
      for (let c = from; c < from + 3; c++) {
        row[place++] =
          weights[k]! * data[c + 3 * p]! +
          weights[k + 1]! * data[c + 3 * q]! +
          weights[k + 2]! * data[c + 3 * r]! +
          weights[k + 3]! * data[c + 3 * s]!;
      }
    }
    // Rows are needed in their order, four at a time.
    rows.delete(y - 4);
    rows.set(y, row);
    return row;
  };
  const resized = new Uint8Array(to * to * 3);
  const scale = 2 ** (-2 * CUBIC_BITS);
  for (let y = 0; y < to; y++) {
    const [a, b, c, d] = [0, 1, 2, 3].map((k) => rowOf(down.pixels[4 * y + k]!)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [p, q, r, s] = [0, 1, 2, 3].map((k) => down.weights[4 * y + k]! * scale) as [
      number,
      number,
      number,
      number,
    ];
    for (let i = 0, place = y * to * 3; i < to * 3; i++, place++) {
      const value = f(f(a[i]! * p) + f(f(b[i]! * q) + f(f(c[i]! * r) + f(d[i]! * s))));
      // Of so large a number an f32 has no fraction, and ties went to the even one.
      const whole = f(value + ROUNDING) - ROUNDING;
      resized[place] = whole < 0 ? 0 : whole > 255 ? 255 : whole;
    }
  }
  return { width: to, height: to, data: resized };
}

/** OpenCV's GaussianBlur of 3 x 3 (1 2 1 each way, sixteenths, rounded half up), mirrored at the border without repeating it. */
export function blur3({ width, height, data }: RgbBytes): RgbBytes {
  const length = width * 3;
  const blurred = new Uint8Array(data.length);
  const rows = new Int32Array(data.length);
  const mirrored = (i: number, size: number): number =>
    i < 0 ? Math.min(1, size - 1) : i < size ? i : Math.max(0, size - 2);
  const left = Int32Array.from({ length: width }, (_, x) => 3 * mirrored(x - 1, width));
  const right = Int32Array.from({ length: width }, (_, x) => 3 * mirrored(x + 1, width));
  for (let y = 0, place = 0; y < height; y++) {
    const row = y * length;
    for (let x = 0; x < width; x++) {
      const [a, b] = [row + left[x]!, row + right[x]!];
      for (let c = 0; c < 3; c++, place++) rows[place] = data[a + c]! + 2 * data[place]! + data[b + c]!;
    }
  }
  for (let y = 0, place = 0; y < height; y++) {
    const [above, below] = [mirrored(y - 1, height) * length, mirrored(y + 1, height) * length];
    for (let i = 0; i < length; i++, place++) {
      blurred[place] = (rows[above + i]! + 2 * rows[place]! + rows[below + i]! + 8) >> 4;
    }
  }
  return { width, height, data: blurred };
}

/** OpenCV's grey (BGR2GRAY): weights of 15 bits. */
export const greyAt = (rgb: Uint8Array, i: number): number =>
  (rgb[i]! * 9798 + rgb[i + 1]! * 19235 + rgb[i + 2]! * 3735 + 0x4000) >> 15;

const byte = (value: number): number => (value < 0 ? 0 : value > 255 ? 255 : value);

/** OpenCV's YCrCb (BGR2YCrCb), three planes. */
export function yCrCbOf({ width, height, data }: RgbBytes): Uint8Array[] {
  const size = width * height;
  const [ys, crs, cbs] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)];
  for (let i = 0; i < size; i++) {
    const r = data[3 * i]!;
    const g = data[3 * i + 1]!;
    const b = data[3 * i + 2]!;
    const y = (r * 4899 + g * 9617 + b * 1868 + 0x2000) >> 14;
    ys[i] = y;
    crs[i] = byte(((r - y) * 11682 + (128 << 14) + 0x2000) >> 14);
    cbs[i] = byte(((b - y) * 9241 + (128 << 14) + 0x2000) >> 14);
  }
  return [ys, crs, cbs];
}

const SATURATIONS = Int32Array.from({ length: 256 }, (_, v) =>
  v === 0 ? 0 : roundHalfEven((255 << 12) / v),
);
const HUES = Int32Array.from({ length: 256 }, (_, v) => (v === 0 ? 0 : roundHalfEven((180 << 12) / (6 * v))));

/** OpenCV's HSV (BGR2HSV), three planes; hue from 0 to 179. */
export function hsvOf({ width, height, data }: RgbBytes): Uint8Array[] {
  const size = width * height;
  const [hues, saturations, values] = [new Uint8Array(size), new Uint8Array(size), new Uint8Array(size)];
  for (let i = 0; i < size; i++) {
    const r = data[3 * i]!;
    const g = data[3 * i + 1]!;
    const b = data[3 * i + 2]!;
    const value = Math.max(r, g, b);
    const range = value - Math.min(r, g, b);
    const sixth = value === r ? g - b : value === g ? b - r + 2 * range : r - g + 4 * range;
    const hue = (sixth * HUES[range]! + 0x800) >> 12;
    hues[i] = hue < 0 ? hue + 180 : hue;
    saturations[i] = (range * SATURATIONS[value]! + 0x800) >> 12;
    values[i] = value;
  }
  return [hues, saturations, values];
}
