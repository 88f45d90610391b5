import type { ImageSize } from '../../vision/boxes.ts';
import { cropPixels, type Matte, type RgbPixels, unitOf } from './matte.ts';
import { resample } from './resample.ts';
import { byTiles } from './tiles.ts';

/** What estimates mattes: `openMatting` makes one of a file, and whatever has this method is another. */
export interface MattingNetwork {
  /** Estimates how much of each pixel is foreground. */
  matte(image: RgbPixels): Promise<Matte>;
}

/** How a network is run on images of any size. */
export interface NetworkPlan {
  /** The size in which it sees an image. */
  readonly sizeOf: (image: ImageSize) => ImageSize;
  /** The height and width of what it is given for an image of that size: a tile, which is padded where the image is smaller. */
  readonly tileOf: (size: ImageSize) => readonly [height: number, width: number];
  /** The number by which tiles overlap, as a share of their side. */
  readonly overlap: number;
  /** Whether images are brought to their size as rembg does it: by Pillow's Lanczos filter in bytes, and then as bright as can be. */
  readonly asRembg: boolean;
  /** Whether the scores of a whole image are stretched to 0..1. */
  readonly stretched: boolean;
  /** Runs the network on values [height, width, 3] in 0..1. Returns scores [height * width]. */
  readonly run: (values: Float32Array, size: ImageSize) => Promise<Float32Array>;
}

/** A network ready to run. */
export interface OpenedNetwork {
  readonly description: string;
  readonly plan: NetworkPlan;
  readonly dispose: () => void;
}

/** The grey that borders are filled with, as in training. */
const GREY = 0.5;

/** An image [height, width, 3] in the upper left corner of a grey one. */
function padded(values: Float32Array, { width, height }: ImageSize, [H, W]: readonly [number, number]) {
  if (width === W && height === H) return values;
  const data = new Float32Array(H * W * 3).fill(GREY);
  for (let y = 0; y < height; y++) data.set(values.subarray(y * width * 3, (y + 1) * width * 3), y * W * 3);
  return data;
}

/** Divides by the largest value, where there is light, as rembg's `normalize`. */
function brightened(values: Float32Array): Float32Array {
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  return most > 0 && most < 1 ? values.map((value) => value / most) : values;
}

/** Stretches scores so that the least is 0 and the most is 1. Scores that are all the same are clipped to 0..1. */
function stretch(scores: Float32Array): Float32Array {
  let [least, most] = [Infinity, -Infinity];
  for (const score of scores) {
    if (score < least) least = score;
    if (score > most) most = score;
  }
  const range = most - least;
  return scores.map((score) => (range > 0 ? (score - least) / range : Math.min(Math.max(score, 0), 1)));
}

/** Estimates the matte of an image by a network: in the size that it wants, in tiles where that is larger than one. */
export async function matteBy(plan: NetworkPlan, image: RgbPixels): Promise<Matte> {
  const { width, height } = image;
  const size = plan.sizeOf(image);
  const [H, W] = plan.tileOf(size);
  const small = resample(image.data, image, size, {
    filter: plan.asRembg ? 'lanczos' : 'bilinear',
    channels: 3,
    unit: unitOf(image),
    rounded: plan.asRembg,
  });
  const seen = { ...size, data: plan.asRembg ? brightened(small) : small };
  const tiling = { side: [H, W], overlap: Math.floor(Math.min(H, W) * plan.overlap) } as const;
  const scores = await byTiles(size, tiling, async (tile) => {
    const part = cropPixels(seen, tile).data as Float32Array;
    const values = await plan.run(padded(part, tile, [H, W]), { width: W, height: H });
    if (tile.width === W && tile.height === H) return values;
    const own = new Float32Array(tile.width * tile.height);
    for (let y = 0; y < tile.height; y++) {
      own.set(values.subarray(y * W, y * W + tile.width), y * tile.width);
    }
    return own;
  });
  const alpha = plan.stretched ? stretch(scores) : scores;
  const data = resample(alpha, size, image, { filter: plan.asRembg ? 'lanczos' : 'bilinear', channels: 1 });
  return { width, height, data };
}
