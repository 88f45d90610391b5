import { expectArguments, SIZE } from '../arguments.ts';
import { DataError } from '../errors.ts';
import { expectOptions } from '../options.ts';
import type { Box, ImageSize } from '../vision/boxes.ts';
import { boxArea, clipBox } from '../vision/boxes.ts';
import type { Random } from '../vision/random.ts';
import type { FloatImage } from './image.ts';

/** How training crops are varied at random. */
export interface AugmentOptions {
  /** Output pixels per pixel of the image, drawn uniformly from [smallest, largest]. Default [1, 1]. */
  readonly scale?: readonly [smallest: number, largest: number];
  /** The only part of the image that is read, in pixels; rounded inwards to whole pixels. Default: the whole image. */
  readonly region?: Box;
  /** Probability of mirroring left and right, 0..1. Default 0.5. */
  readonly flipHorizontal?: number;
  /** Probability of mirroring top and bottom, 0..1. Default 0. */
  readonly flipVertical?: number;
  /** Rotates by 0, 90, 180 or 270 degrees, equally likely. Default false. */
  readonly rotate90?: boolean;
  /** Brightness is multiplied by a factor from [1 - brightness, 1 + brightness], as by torchvision's `ColorJitter`. Default 0. */
  readonly brightness?: number;
  /** Contrast is multiplied by a factor from [1 - contrast, 1 + contrast]. Default 0. */
  readonly contrast?: number;
  /** Saturation is multiplied by a factor from [1 - saturation, 1 + saturation]. Default 0. */
  readonly saturation?: number;
  /** Value of the pixels where a crop extends beyond the region, 0..1. Default 0.5, mid grey. */
  readonly fill?: number;
}

/** Options of `sampleCrop`. */
export interface CropOptions extends AugmentOptions {
  /** Height and width of the crop in pixels. */
  readonly size: readonly [height: number, width: number];
}

/** A crop: where each of its pixels comes from. Coordinates are continuous: the centre of pixel (0, 0) is (0.5, 0.5). */
export interface Crop {
  /** Height and width in pixels. */
  readonly size: readonly [height: number, width: number];
  /**
   * The affine map [a, b, c, d, e, f] from crop to image: point (u, v) of the crop is point (a u + b v + c, d u + e v + f)
   * of the image. Either a = e = 0 or b = d = 0.
   */
  readonly toImage: readonly [number, number, number, number, number, number];
  /** The only part of the image that is read, in whole pixels. */
  readonly region: Box;
  /** Value of the pixels outside of the region, 0..1. */
  readonly fill: number;
  /** Factor of the brightness; 1 changes nothing. */
  readonly brightness: number;
  /** Factor of the contrast; 1 changes nothing. */
  readonly contrast: number;
  /** Factor of the saturation; 1 changes nothing. */
  readonly saturation: number;
}

/** The names of `AugmentOptions`. */
export const AUGMENT_OPTIONS = Object.keys({
  ...{ scale: 0, rotate90: 0, flipHorizontal: 0, flipVertical: 0 },
  ...{ brightness: 0, contrast: 0, saturation: 0, fill: 0, region: 0 },
} satisfies Record<keyof AugmentOptions, 0>) as (keyof AugmentOptions)[];

/** Row k: a, b, d, e and the multiples of (height, width) in c, f that rotate an image by k * 90 degrees clockwise. */
const QUARTER_TURNS = [
  { a: 1, b: 0, d: 0, e: 1, c: [0, 0], f: [0, 0] },
  { a: 0, b: 1, d: -1, e: 0, c: [0, 0], f: [0, 1] },
  { a: -1, b: 0, d: 0, e: -1, c: [0, 1], f: [1, 0] },
  { a: 0, b: -1, d: 1, e: 0, c: [1, 0], f: [0, 0] },
] as const;

export interface CropGeometry {
  readonly size: readonly [height: number, width: number];
  /** Upper left corner of the window in the image. */
  readonly origin: readonly [x: number, y: number];
  readonly scale: number;
  /** Rotations by 90 degrees clockwise, applied before the flips. */
  readonly quarterTurns: 0 | 1 | 2 | 3;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

/** Computes `Crop.toImage` of the window at `origin` that fills the output after scaling, rotating and flipping. */
export function cropTransform(geometry: CropGeometry): Crop['toImage'] {
  const { origin, scale, quarterTurns, flipHorizontal, flipVertical } = geometry;
  const [h, w] = geometry.size;
  const turn = QUARTER_TURNS[quarterTurns];
  const [fu, u0] = flipHorizontal ? [-1, w] : [1, 0];
  const [fv, v0] = flipVertical ? [-1, h] : [1, 0];
  const c = turn.a * u0 + turn.b * v0 + turn.c[0] * h + turn.c[1] * w;
  const f = turn.d * u0 + turn.e * v0 + turn.f[0] * h + turn.f[1] * w;
  return [
    (turn.a * fu) / scale,
    (turn.b * fv) / scale,
    origin[0] + c / scale,
    (turn.d * fu) / scale,
    (turn.e * fv) / scale,
    origin[1] + f / scale,
  ];
}

/**
 * Draws a random crop: a scale, a rotation by quarter turns, flips, a window in the region, and colour factors.
 *
 * At scale 1 the window is at whole pixels, so that nothing is blurred. If the window is larger than the region along an
 * axis, the region lies anywhere within it and the rest is `fill`.
 *
 * @param image Width and height of the image.
 * @param options Size of the crop, and how crops are varied.
 * @param random Source of random numbers.
 * @throws DataError for a region without a whole pixel, and for options out of range.
 */
export function sampleCrop(image: ImageSize, options: CropOptions, random: Random): Crop {
  expectOptions('sampleCrop', options, ['size', ...AUGMENT_OPTIONS]);
  expectArguments(
    'sampleCrop',
    { image, options, random },
    { image: SIZE, options: { size: 'pair' }, random: 'object' },
  );
  const {
    size,
    scale: scales = [1, 1],
    flipHorizontal = 0.5,
    flipVertical = 0,
    rotate90 = false,
    fill = 0.5,
  } = options;
  if (!size.every((s) => Number.isInteger(s) && s > 0) || !(scales[0] > 0) || !(scales[1] >= scales[0])) {
    throw new DataError(
      `sampleCrop: size is [${size.join(', ')}], scale is [${scales.join(', ')}]; give a size in whole pixels, and a scale above 0 with the smaller number first`,
    );
  }
  const region = wholePixels(options.region ?? [0, 0, image.width, image.height], image);
  const scale = random.range(scales[0], scales[1]);
  const quarterTurns = (rotate90 ? random.integer(4) : 0) as 0 | 1 | 2 | 3;
  const [h, w] = quarterTurns % 2 === 0 ? size : [size[1], size[0]];
  const offset = (from: number, to: number, window: number): number => {
    const low = Math.min(from, to - window);
    const high = Math.max(from, to - window);
    // In an image larger than the window, the middle of the window is drawn uniformly and the window is then moved inside.
    // If its corner were drawn uniformly instead, pixels along the borders would hardly ever be seen.
    const middle = random.range(from, to) - window / 2;
    const start = window < to - from ? Math.min(Math.max(middle, low), high) : random.range(low, high);
    return scale === 1 ? Math.round(start) : start;
  };
  const origin = [offset(region[0], region[2], w / scale), offset(region[1], region[3], h / scale)] as const;
  const factor = (name: 'brightness' | 'contrast' | 'saturation'): number => {
    const strength = options[name] ?? 0;
    if (!(strength >= 0 && strength <= 1)) {
      throw new DataError(`sampleCrop: ${name} is ${strength}; give a number from 0 (no change) to 1`);
    }
    return random.range(1 - strength, 1 + strength);
  };
  return {
    size,
    region,
    fill,
    toImage: cropTransform({
      size,
      origin,
      scale,
      quarterTurns,
      flipHorizontal: random.uniform() < flipHorizontal,
      flipVertical: random.uniform() < flipVertical,
    }),
    brightness: factor('brightness'),
    contrast: factor('contrast'),
    saturation: factor('saturation'),
  };
}

function wholePixels(region: Box, image: ImageSize): Box {
  const [x1, y1, x2, y2] = clipBox(region, [0, 0, image.width, image.height]);
  const whole: Box = [Math.ceil(x1), Math.ceil(y1), Math.floor(x2), Math.floor(y2)];
  if (!(boxArea(whole) > 0)) {
    throw new DataError(
      `sampleCrop: region [${region.join(', ')}] contains no whole pixel of the ${image.width}x${image.height} image; give x1, y1, x2, y2 in pixels`,
    );
  }
  return whole;
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

/**
 * Cuts a crop out of an image.
 *
 * Interpolates bilinearly between the centres of pixels. The region's border pixels are repeated for half a pixel;
 * beyond that the result is `fill`. There is no filter before shrinking, so scales below about 0.5 alias. Colours,
 * padding included, are adjusted in this order: brightness, contrast (about the mean luminance of the crop), saturation
 * (about the luminance of the pixel), each clipped to 0..1.
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
      crop: { size: 'pair', region: 'box', toImage: 'values' },
    },
  );
  const own = out ?? new Float32Array(crop.size[0] * crop.size[1] * 3);
  const [height, width] = crop.size;
  const [a, b, c, d, e, f] = crop.toImage;
  const [x1, y1, x2, y2] = crop.region;
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
    for (let u = 0; u < width; u++) {
      const u0 = us.first[u]!;
      const u1 = us.second[u]!;
      const p = us.weight[u]!;
      for (let channel = 0; channel < 3; channel++, to++) {
        if (u0 < 0 || v0 < 0) {
          own[to] = crop.fill;
          continue;
        }
        const top = source[v0 + u0 + channel]! * (1 - p) + source[v0 + u1 + channel]! * p;
        const bottom = source[v1 + u0 + channel]! * (1 - p) + source[v1 + u1 + channel]! * p;
        own[to] = top * (1 - q) + bottom * q;
      }
    }
  }
  adjustColors(own, crop);
  return own;
}

const clamp01 = (x: number): number => Math.min(Math.max(x, 0), 1);

/** ITU-R BT.601 luminance, the weights of Pillow and torchvision. */
const luminance = (r: number, g: number, b: number): number => 0.299 * r + 0.587 * g + 0.114 * b;

function adjustColors(data: Float32Array, { brightness, contrast, saturation }: Crop): void {
  if (brightness === 1 && contrast === 1 && saturation === 1) return;
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
