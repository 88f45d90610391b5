import { expectArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { Box, ImageSize } from '../../vision/boxes.ts';
import { cropPixels, expectImage, expectMatte, type Matte, type Region, type RgbPixels } from './matte.ts';
import type { MattingNetwork } from './mattingNetwork.ts';

/** Options of `matteInBoxes`. */
export interface BoxMatteOptions {
  /** What is added to each box on every side, as a share of its own. Default 0.1. */
  readonly padding?: number;
}

/** The whole pixels of a padded box that are inside of an image; undefined for none. */
function regionOf([x1, y1, x2, y2]: Box, padding: number, { width, height }: ImageSize): Region | undefined {
  const [across, down] = [(x2 - x1) * padding, (y2 - y1) * padding];
  const [x, y] = [Math.max(Math.floor(x1 - across), 0), Math.max(Math.floor(y1 - down), 0)];
  const [right, bottom] = [Math.min(Math.ceil(x2 + across), width), Math.min(Math.ceil(y2 + down), height)];
  return right > x && bottom > y ? { x, y, width: right - x, height: bottom - y } : undefined;
}

/**
 * Estimates the matte of the objects in boxes: a detector proposes, and a network refines each box by itself, at the size that it has for whole images. So
 * small objects get as fine a matte as large ones. Where boxes overlap, the largest alpha counts; outside of all, it is 0.
 *
 * @param image The image.
 * @param boxes (x1, y1, x2, y2) in pixels, such as those of `Detector.detect`.
 * @param network What estimates the matte of each part.
 * @param options How boxes are padded.
 * @throws UsageError for a padding below 0.
 */
export async function matteInBoxes(
  image: RgbPixels,
  boxes: readonly Box[],
  network: MattingNetwork,
  options: BoxMatteOptions = {},
): Promise<Matte> {
  const call = 'matteInBoxes';
  const { padding } = withDefaults(call, options, { padding: 0.1 });
  expectImage(call, 'image', image);
  expectArguments(call, { boxes, network }, { boxes: ['box'], network: { matte: 'function' } });
  if (!(padding >= 0 && padding < Infinity)) {
    throw new UsageError(`${call}: padding is ${padding}; give a share of at least 0`);
  }
  const wrong = boxes.findIndex((box) => box.some(Number.isNaN));
  if (wrong >= 0)
    throw new UsageError(`${call}: boxes[${wrong}] is [${boxes[wrong]!.join(', ')}]; give numbers`);
  const { width, height } = image;
  const data = new Float32Array(width * height);
  for (const box of boxes) {
    const region = regionOf(box, padding, image);
    if (!region) continue;
    const matte = await network.matte(cropPixels(image, region));
    expectMatte(call, 'the matte of the network', matte, region);
    for (let y = 0; y < region.height; y++) {
      const to = (region.y + y) * width + region.x;
      for (let x = 0; x < region.width; x++) {
        data[to + x] = Math.max(data[to + x]!, matte.data[y * region.width + x]!);
      }
    }
  }
  return { width, height, data };
}
