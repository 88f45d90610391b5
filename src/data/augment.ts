import { DataError } from '../errors.ts';
import type { Box } from '../vision/boxes.ts';
import { boxArea, clipBox } from '../vision/boxes.ts';
import type { Random } from '../vision/random.ts';
import type { FloatImage } from './image.ts';

export interface AugmentOptions {
  /** Output pixels for one pixel of the image, uniform in [smallest, largest]. Default [1, 1]. */
  readonly scale?: readonly [number, number];
  /** Only these pixels of the image are ever read (rounded inwards to whole ones). Default: all. */
  readonly region?: Box;
  /** Probabilities. Default 0.5 and 0. */
  readonly flipHorizontal?: number;
  readonly flipVertical?: number;
  /** Turn by 0, 1, 2 or 3 quarters, equally likely. Default false. */
  readonly rotate90?: boolean;
  /** Colour factors, uniform in [1 - strength, 1 + strength], as torchvision's `ColorJitter`. Default 0. */
  readonly brightness?: number;
  readonly contrast?: number;
  readonly saturation?: number;
  /** Where the crop reaches past the region. Default mid grey, 0.5. */
  readonly fill?: number;
}

/** Where each pixel of a crop comes from. Coordinates are continuous: pixel (0, 0) has its centre at (0.5, 0.5). */
export interface Crop {
  /** (height, width) of the output. */
  readonly size: readonly [number, number];
  /** [a, b, c, d, e, f]: output (u, v) is the image's (a u + b v + c, d u + e v + f); a = e = 0 or b = d = 0. */
  readonly toImage: readonly [number, number, number, number, number, number];
  /** Whole pixels of the image: no other is read. */
  readonly region: Box;
  readonly fill: number;
  /** Factors; 1 changes nothing. */
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
}

/** Row k: a, b, d, e and the shares of (height, width) in c, f that turn an image by k quarters clockwise. */
const QUARTER_TURNS = [
  { a: 1, b: 0, d: 0, e: 1, c: [0, 0], f: [0, 0] },
  { a: 0, b: 1, d: -1, e: 0, c: [0, 0], f: [0, 1] },
  { a: -1, b: 0, d: 0, e: -1, c: [0, 1], f: [1, 0] },
  { a: 0, b: -1, d: 1, e: 0, c: [1, 0], f: [0, 0] },
] as const;

export interface CropGeometry {
  readonly size: readonly [number, number];
  /** Upper left corner of the window in the image. */
  readonly origin: readonly [x: number, y: number];
  readonly scale: number;
  /** Clockwise quarters, then flips. */
  readonly quarterTurns: 0 | 1 | 2 | 3;
  readonly flipHorizontal: boolean;
  readonly flipVertical: boolean;
}

/** `Crop.toImage` of the window at `origin` that, scaled, turned and flipped, fills the output. */
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
 * Draws one crop of `size` (height, width): a scale, a quarter turn, flips, a window anywhere in the region
 * (at whole pixels where the scale is 1, so that nothing is blurred), and colour factors. Where the window
 * is larger than the region along an axis, the region lies anywhere within it and the rest is `fill`.
 * Throws DataError for an empty region and for options out of range.
 */
export function sampleCrop(
  image: { readonly width: number; readonly height: number },
  size: readonly [number, number],
  options: AugmentOptions,
  random: Random,
): Crop {
  const {
    scale: scales = [1, 1],
    flipHorizontal = 0.5,
    flipVertical = 0,
    rotate90 = false,
    fill = 0.5,
  } = options;
  if (!size.every((s) => Number.isInteger(s) && s > 0) || !(scales[0] > 0) || !(scales[1] >= scales[0])) {
    throw new DataError(
      `sampleCrop: size ${size.join('x')} with scale ${scales.join(' to ')}; give whole pixels, and a smallest scale above 0 first`,
    );
  }
  const region = wholePixels(options.region ?? [0, 0, image.width, image.height], image);
  const scale = random.range(scales[0], scales[1]);
  const quarterTurns = (rotate90 ? random.integer(4) : 0) as 0 | 1 | 2 | 3;
  const [h, w] = quarterTurns % 2 === 0 ? size : [size[1], size[0]];
  const offset = (from: number, to: number, window: number): number => {
    const low = Math.min(from, to - window);
    const high = Math.max(from, to - window);
    // An image larger than the window: the window's middle falls anywhere, and it is then moved inside. With its
    // corner drawn evenly instead, what lies along the borders would hardly ever be seen.
    const middle = random.range(from, to) - window / 2;
    const start = window < to - from ? Math.min(Math.max(middle, low), high) : random.range(low, high);
    return scale === 1 ? Math.round(start) : start;
  };
  const origin = [offset(region[0], region[2], w / scale), offset(region[1], region[3], h / scale)] as const;
  const factor = (name: 'brightness' | 'contrast' | 'saturation'): number => {
    const strength = options[name] ?? 0;
    if (!(strength >= 0 && strength <= 1)) {
      throw new DataError(`sampleCrop: ${name} ${strength} is not a strength; give 0 (none) to 1`);
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

function wholePixels(region: Box, image: { readonly width: number; readonly height: number }): Box {
  const [x1, y1, x2, y2] = clipBox(region, [0, 0, image.width, image.height]);
  const whole: Box = [Math.ceil(x1), Math.ceil(y1), Math.floor(x2), Math.floor(y2)];
  if (!(boxArea(whole) > 0)) {
    throw new DataError(
      `sampleCrop: region [${region.join(', ')}] holds no whole pixel of the ${image.width}x${image.height} image; give it as x1, y1, x2, y2 in pixels`,
    );
  }
  return whole;
}

/** The two pixels that each output position along one axis mixes; `first` is -1 outside the region. */
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
 * Writes the crop into `out`, [height, width, 3] of its size: bilinear at pixel centres, pixels past the
 * region's border repeated for the half pixel where both taps are needed, `fill` where the centre is outside.
 * No filter before shrinking: below a scale of about 0.5 it aliases. Colours follow, padding included:
 * brightness, contrast (about the crop's mean luminance), saturation (about a pixel's), each clipped to 0..1.
 */
export function cropImage(image: FloatImage, crop: Crop, out: Float32Array): void {
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
          out[to] = crop.fill;
          continue;
        }
        const top = source[v0 + u0 + channel]! * (1 - p) + source[v0 + u1 + channel]! * p;
        const bottom = source[v1 + u0 + channel]! * (1 - p) + source[v1 + u1 + channel]! * p;
        out[to] = top * (1 - q) + bottom * q;
      }
    }
  }
  adjustColors(out, crop);
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
