import { expectArguments, GPU } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { apply, type Tensor, tensor } from '../../graph/tensor.ts';
import { withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import type { ImageSize } from '../../vision/boxes.ts';
import { foregroundStep } from './foregroundStep.ts';
import { expectImage, expectMatte, type Matte, type Region, type RgbPixels, unitOf } from './matte.ts';

/** Options of `estimateForeground`. The defaults are pymatting's. */
export interface ForegroundOptions {
  /** How much each neighbour counts where alpha is the same. Default 1e-5. */
  readonly regularization?: number;
  /** How much more it counts by the difference of the alphas. Default 1. */
  readonly gradientWeight?: number;
}

/** Colours of foreground and background, in a part of a level. */
interface Colors {
  readonly level: ImageSize;
  readonly part: Region;
  readonly values: Tensor;
}

/** Levels whose shorter side is at most this get more steps: colours come from afar there. */
const SMALL = 32;
const [SMALL_STEPS, STEPS] = [10, 2];

/** How much is computed at once. */
export interface TilePlan {
  /** The most pixels of a level that is computed as a whole. The device holds about 100 bytes for each. */
  readonly most: number;
  /** The side of the tiles of larger levels. */
  readonly side: number;
}

const TILES: TilePlan = { most: 2 ** 20, side: 1024 };

const stepsOf = ({ width, height }: ImageSize): number =>
  Math.min(width, height) <= SMALL ? SMALL_STEPS : STEPS;

/** The sizes of the levels: from one pixel to the image, both sides by the same powers. */
function levelsOf({ width, height }: ImageSize): ImageSize[] {
  const count = Math.ceil(Math.log2(Math.max(width, height)));
  const side = (length: number, level: number) => Math.round(length ** (level / Math.max(count, 1)));
  return Array.from({ length: count + 1 }, (_, level) =>
    level === count ? { width, height } : { width: side(width, level), height: side(height, level) },
  );
}

/** A region with a margin, inside of a level. */
function grown({ x, y, width, height }: Region, by: number, level: ImageSize): Region {
  const [left, top] = [Math.max(x - by, 0), Math.max(y - by, 0)];
  return {
    x: left,
    y: top,
    width: Math.min(x + width + by, level.width) - left,
    height: Math.min(y + height + by, level.height) - top,
  };
}

/** The pixels of a coarser level that a region, and the neighbours around it, are read from. */
function coarser(region: Region, level: ImageSize, coarse: ImageSize): Region {
  const { x, y, width, height } = grown(region, 1, level);
  const at = (place: number, side: 'width' | 'height') => Math.floor((place * coarse[side]) / level[side]);
  const [left, top] = [at(x, 'width'), at(y, 'height')];
  return {
    x: left,
    y: top,
    width: at(x + width - 1, 'width') - left + 1,
    height: at(y + height - 1, 'height') - top + 1,
  };
}

/** Red, green, blue and alpha of a region of a level: those of the nearest pixels of the image. */
function sampled(image: RgbPixels, matte: Matte, level: ImageSize, region: Region): Float32Array {
  const unit = unitOf(image);
  const data = new Float32Array(region.width * region.height * 4);
  const columns = Int32Array.from({ length: region.width }, (_, u) =>
    Math.floor(((region.x + u) * image.width) / level.width),
  );
  for (let v = 0, to = 0; v < region.height; v++) {
    const row = Math.floor(((region.y + v) * image.height) / level.height) * image.width;
    for (let u = 0; u < region.width; u++, to += 4) {
      const from = row + columns[u]!;
      for (let c = 0; c < 3; c++) data[to + c] = image.data[3 * from + c]! * unit;
      data[to + 3] = matte.data[from]!;
    }
  }
  return data;
}

/** The mean colours of what is surely foreground (alpha above 0.9) and background (below 0.1), as one pixel; black without any. */
function meanColors(image: RgbPixels, matte: Matte): Float32Array {
  const unit = unitOf(image);
  const sums = new Float64Array(6);
  const counts = [0, 0];
  for (let i = 0; i < matte.data.length; i++) {
    const alpha = matte.data[i]!;
    if (alpha >= 0.1 && alpha <= 0.9) continue;
    const first = alpha > 0.9 ? 0 : 3;
    for (let c = 0; c < 3; c++) sums[first + c]! += image.data[3 * i + c]! * unit;
    counts[first / 3]!++;
  }
  return Float32Array.from(sums, (sum, c) => sum / Math.max(counts[Math.floor(c / 3)]!, 1));
}

const partOf = ({ level, part }: Pick<Colors, 'level' | 'part'>) => ({
  left: part.x,
  top: part.y,
  ...level,
});

const whole = ({ width, height }: ImageSize): Region => ({ x: 0, y: 0, width, height });

/** A step for each of the `levels` in a region of the last one, from the colours of the level before them. Computed where it is read. */
function refine(
  image: RgbPixels,
  matte: Matte,
  options: Required<ForegroundOptions>,
  levels: readonly ImageSize[],
  region: Region,
  start: (region: Region) => Colors,
  before: ImageSize,
): Colors {
  const level = levels.at(-1);
  if (!level) return start(region);
  const steps = stepsOf(level);
  // Each step reads neighbours, so that one more pixel at the edge is wrong after it.
  const part = grown(region, steps, level);
  const coarse = levels.at(-2) ?? before;
  const needed = coarser(part, level, coarse);
  let colors = refine(image, matte, options, levels.slice(0, -1), needed, start, before);
  const pixels = tensor(sampled(image, matte, level, part), [part.height, part.width, 4]);
  for (let step = 0; step < steps; step++) {
    const attrs = { ...options, part: partOf({ level, part }), oldPart: partOf(colors) };
    colors = {
      level,
      part,
      values: apply(foregroundStep, { image: pixels, colors: colors.values }, attrs).y,
    };
  }
  return colors;
}

/** The colours of a region, of those of a whole level. */
function cutFrom(values: Float32Array, level: ImageSize, part: Region): Colors {
  const data = new Float32Array(part.width * part.height * 6);
  for (let row = 0; row < part.height; row++) {
    const start = ((part.y + row) * level.width + part.x) * 6;
    data.set(values.subarray(start, start + part.width * 6), row * part.width * 6);
  }
  return { level, part, values: tensor(data, [part.height, part.width, 6]) };
}

/**
 * Estimates the colours of the foreground: those F that, with some background B, make the image, I = a F + (1 - a) B, and change little where
 * alpha does not (Germer et al. 2020, "Fast multi-level foreground estimation"). From one pixel up, each level starts from the colours of the one before.
 *
 * Runs on the GPU. Images of more than a million pixels are computed in tiles, whose pixels are the same as without.
 *
 * @param gpu Where it runs.
 * @param image The image.
 * @param matte How much of each pixel is foreground.
 * @param options Weights of the neighbours.
 * @returns Bytes [height, width, 3]: the colour of the image where alpha is 1, the estimate elsewhere, also where alpha is 0.
 * @throws UsageError for weights that cannot be used; ShapeError for a matte of another size.
 */
export async function estimateForeground(
  gpu: Gpu,
  image: RgbPixels,
  matte: Matte,
  options: ForegroundOptions = {},
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  expectArguments('estimateForeground', { gpu }, { gpu: GPU });
  expectImage('estimateForeground', 'image', image);
  expectMatte('estimateForeground', 'matte', matte, image);
  const weights = withDefaults('estimateForeground', options, { regularization: 1e-5, gradientWeight: 1 });
  const { regularization, gradientWeight } = weights;
  if (!(regularization > 0 && regularization < Infinity)) {
    throw new UsageError(`estimateForeground: regularization is ${regularization}; give a number above 0`);
  }
  if (!(gradientWeight >= 0 && gradientWeight < Infinity)) {
    throw new UsageError(
      `estimateForeground: gradientWeight is ${gradientWeight}; give a number of at least 0`,
    );
  }
  return foregroundColors(gpu, image, matte, weights, TILES);
}

/** See `estimateForeground`. */
export async function foregroundColors(
  gpu: Gpu,
  image: RgbPixels,
  matte: Matte,
  weights: Required<ForegroundOptions>,
  { most, side }: TilePlan,
): Promise<Uint8ClampedArray<ArrayBuffer>> {
  const { width, height } = image;
  const levels = levelsOf(image);
  const fits = (level: ImageSize) => level.width * level.height <= most;
  const base = levels.findLastIndex(fits);
  const one = { width: 1, height: 1 };
  const start = { level: one, part: whole(one), values: tensor(meanColors(image, matte), [1, 1, 6]) };
  const coarse = levels.slice(0, base + 1);
  const small = refine(image, matte, weights, coarse, whole(levels[base]!), () => start, one);
  const bytes = new Uint8ClampedArray(width * height * 3);
  const fine = levels.slice(base + 1);
  const known = await gpu.read(small.values).then(([values]) => values as Float32Array);
  if (fine.length === 0) {
    write(bytes, image, matte, whole(image), small.part, known);
    return bytes;
  }
  const from = (part: Region) => cutFrom(known, levels[base]!, part);
  for (let y = 0; y < height; y += side) {
    for (let x = 0; x < width; x += side) {
      const tile = { x, y, width: Math.min(side, width - x), height: Math.min(side, height - y) };
      const { part, values } = refine(image, matte, weights, fine, tile, from, levels[base]!);
      const [colors] = await gpu.read(values);
      write(bytes, image, matte, tile, part, colors as Float32Array);
    }
  }
  return bytes;
}

/** Writes the foreground's colours of a tile, as bytes. */
function write(
  bytes: Uint8ClampedArray,
  image: RgbPixels,
  matte: Matte,
  tile: Region,
  part: Region,
  values: Float32Array,
): void {
  const factor = unitOf(image) * 255;
  for (let v = 0; v < tile.height; v++) {
    for (let u = 0; u < tile.width; u++) {
      const to = (tile.y + v) * image.width + tile.x + u;
      const from = (tile.y + v - part.y) * part.width + tile.x + u - part.x;
      // As bytes have it.
      const isWhole = matte.data[to]! * 255 >= 254.5;
      for (let c = 0; c < 3; c++) {
        bytes[3 * to + c] = isWhole ? image.data[3 * to + c]! * factor : values[6 * from + c]! * 255;
      }
    }
  }
}
