import { expectArguments } from '../../arguments.ts';
import type { Point } from '../../vision/boxes.ts';
import type { FloatImage } from '../image.ts';
import type { Crop } from './crop.ts';
import { applyEffects } from './effects.ts';
import { compose, isAxisAligned, mapPoint, scaling, showsRegion, translation } from './matrix.ts';

/**
 * Cuts a crop out of an image.
 *
 * Interpolates bilinearly between the centres of pixels, once. The region's border pixels are repeated for half a pixel; beyond that the
 * result is `fill`. Where the image is shrunk to less than half, the samples of a grid on each pixel are averaged. Then `effects` change
 * the colours, padding included, in their order.
 *
 * @param image The image to cut from.
 * @param crop Where the crop is; see `sampleCrop`.
 * @param out Receives the pixels. Default: a new array.
 * @returns Values in 0..1 [height, width, 3].
 */
export function cropImage(image: FloatImage, crop: Crop, out?: Float32Array): Float32Array {
  expectArguments(
    'cropImage',
    { image, crop },
    {
      image: { width: 'number', height: 'number', data: 'object' },
      crop: { size: 'pair', region: 'box', toImage: 'values', fill: 'number', effects: ['object'] },
    },
  );
  const own = out ?? new Float32Array(crop.size[0] * crop.size[1] * 3);
  resample(image, crop, own, crop.fill);
  applyEffects(own, crop.size, crop.effects);
  return own;
}

/**
 * Writes the pixels of an image into a crop, without effects.
 *
 * @param fill Value of the pixels outside of the image's region. Undefined: they are left as they are.
 */
export function resample(image: FloatImage, crop: Crop, out: Float32Array, fill: number | undefined): void {
  const samples = samplesPerPixel(crop);
  if (samples > 1) shrink(image, crop, out, fill, samples);
  else if (isAxisAligned(crop.toImage)) alongAxes(image, crop, out, fill);
  else anyhow(image, crop, out, fill);
}

/** A crop of more pixels than this of the image per pixel, along some direction, would alias. */
const MOST_PER_PIXEL = 2;
/** No crop takes more samples, along u and v each. */
const MOST_SAMPLES = 16;

/** How many samples along u, and as many along v, are averaged for a pixel of the crop: by the scale at its middle. */
function samplesPerPixel({ size: [height, width], toImage }: Crop): number {
  const at = (u: number, v: number): Point => mapPoint(toImage, [width / 2 + u, height / 2 + v]);
  const length = ([x1, y1]: Point, [x2, y2]: Point): number => Math.hypot(x2 - x1, y2 - y1);
  const pixels = Math.max(length(at(-0.5, 0), at(0.5, 0)), length(at(0, -0.5), at(0, 0.5)));
  // A scale of exactly 1/2 is not to tip over by a rounding error.
  const samples = Math.ceil(pixels / MOST_PER_PIXEL - 1e-6);
  return Math.min(Math.max(1, samples), MOST_SAMPLES);
}

/** Averages samples of a grid on each pixel: those that are in the region, where the middle of the pixel is in it. */
function shrink(
  image: FloatImage,
  crop: Crop,
  out: Float32Array,
  fill: number | undefined,
  samples: number,
): void {
  const [height, width] = crop.size;
  const isShown = showsRegion(crop);
  const rows = new Float32Array(samples * samples * width * 3);
  const stride = 3 * samples * width;
  for (let v = 0, to = 0; v < height; v++) {
    const toImage = compose(compose(crop.toImage, translation(0, v)), scaling(1 / samples, 1 / samples));
    const band: Crop = { ...crop, size: [samples, samples * width], toImage };
    if (isAxisAligned(toImage)) alongAxes(image, band, rows, Number.NaN);
    else anyhow(image, band, rows, Number.NaN);
    for (let u = 0; u < width; u++, to += 3) {
      let count = 0;
      let [r, g, b] = [0, 0, 0];
      for (let j = 0; j < samples; j++) {
        for (let k = 0, from = j * stride + 3 * samples * u; k < samples; k++, from += 3) {
          if (Number.isNaN(rows[from]!)) continue;
          count++;
          r += rows[from]!;
          g += rows[from + 1]!;
          b += rows[from + 2]!;
        }
      }
      const inside = count === samples * samples || (count > 0 && isShown(u + 0.5, v + 0.5));
      if (!inside && fill === undefined) continue;
      out[to] = inside ? r / count : fill!;
      out[to + 1] = inside ? g / count : fill!;
      out[to + 2] = inside ? b / count : fill!;
    }
  }
}

/** The two pixels that each output position interpolates along one axis; `first` is -1 outside of the region. */
function taps(count: number, slope: number, start: number, from: number, to: number, stride: number) {
  const first = new Int32Array(count);
  const second = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const position = slope * (i + 0.5) + start;
    const lower = Math.floor(position - 0.5);
    first[i] = position >= from && position < to ? Math.max(lower, from) * stride : -1;
    second[i] = Math.min(lower + 1, to - 1) * stride;
    weight[i] = position - 0.5 - lower;
  }
  return { first, second, weight };
}

/** For maps that take boxes to boxes: rows and columns are read at the same places throughout. */
function alongAxes(
  image: FloatImage,
  { size: [height, width], toImage: [a, b, c, d, e, f], region: [x1, y1, x2, y2] }: Crop,
  out: Float32Array,
  fill: number | undefined,
): void {
  const turned = a === 0;
  const alongX = (count: number, slope: number) => taps(count, slope, c, x1, x2, 3);
  const alongY = (count: number, slope: number) => taps(count, slope, f, y1, y2, 3 * image.width);
  const us = turned ? alongY(width, d) : alongX(width, a);
  const vs = turned ? alongX(height, b) : alongY(height, e);
  const source = image.data;
  for (let v = 0, to = 0; v < height; v++) {
    const v0 = vs.first[v]!;
    const v1 = vs.second[v]!;
    const q = vs.weight[v]!;
    for (let u = 0; u < width; u++, to += 3) {
      const u0 = us.first[u]!;
      const u1 = us.second[u]!;
      const p = us.weight[u]!;
      if (u0 < 0 || v0 < 0) {
        if (fill === undefined) continue;
        out[to] = fill;
        out[to + 1] = fill;
        out[to + 2] = fill;
        continue;
      }
      for (let channel = 0; channel < 3; channel++) {
        const above = source[v0 + u0 + channel]! * (1 - p) + source[v0 + u1 + channel]! * p;
        const below = source[v1 + u0 + channel]! * (1 - p) + source[v1 + u1 + channel]! * p;
        out[to + channel] = above * (1 - q) + below * q;
      }
    }
  }
}

/** For all other maps. */
function anyhow(
  image: FloatImage,
  { size: [height, width], toImage: [a, b, c, d, e, f, g, h, i], region: [x1, y1, x2, y2] }: Crop,
  out: Float32Array,
  fill: number | undefined,
): void {
  const source = image.data;
  const stride = 3 * image.width;
  const affine = g === 0 && h === 0;
  for (let v = 0, to = 0; v < height; v++) {
    const rowX = b * (v + 0.5) + c;
    const rowY = e * (v + 0.5) + f;
    const rowW = h * (v + 0.5) + i;
    for (let u = 0; u < width; u++, to += 3) {
      const w = affine ? 1 : g * (u + 0.5) + rowW;
      const x = affine ? a * (u + 0.5) + rowX : (a * (u + 0.5) + rowX) / w;
      const y = affine ? d * (u + 0.5) + rowY : (d * (u + 0.5) + rowY) / w;
      if (!(x >= x1 && x < x2 && y >= y1 && y < y2 && w > 0)) {
        if (fill === undefined) continue;
        out[to] = fill;
        out[to + 1] = fill;
        out[to + 2] = fill;
        continue;
      }
      // One more than the pixel to the left of x, or above y. Positions are not negative, so this rounds down.
      const column = (x + 0.5) | 0;
      const row = (y + 0.5) | 0;
      const p = x + 0.5 - column;
      const q = y + 0.5 - row;
      const above = (row > y1 ? row - 1 : y1) * stride;
      const below = (row < y2 ? row : y2 - 1) * stride;
      const before = 3 * (column > x1 ? column - 1 : x1);
      const behind = 3 * (column < x2 ? column : x2 - 1);
      const s = above + before;
      const t = above + behind;
      const m = below + before;
      const n = below + behind;
      const ws = (1 - p) * (1 - q);
      const wt = p * (1 - q);
      const wm = (1 - p) * q;
      const wn = p * q;
      out[to] = source[s]! * ws + source[t]! * wt + source[m]! * wm + source[n]! * wn;
      out[to + 1] = source[s + 1]! * ws + source[t + 1]! * wt + source[m + 1]! * wm + source[n + 1]! * wn;
      out[to + 2] = source[s + 2]! * ws + source[t + 2]! * wt + source[m + 2]! * wm + source[n + 2]! * wn;
    }
  }
}
