import { shownValue } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import type { ByteImage } from './greyImage.ts';
import { ImageHash } from './imageHash.ts';
import { colorsOf, greyAt, resizeLinearExact } from './opencv.ts';

/** Options of `blockMeanHash`. */
export interface BlockMeanHashOptions {
  /** 0: 16 x 16 blocks side by side, 256 bits. 1: 31 x 31 blocks, of which each covers half of the next, 961 bits. Default 0. */
  readonly mode?: 0 | 1;
}

/** The side to which the image is resized, and that of a block. */
const SIDE = 256;
const BLOCK = 16;

/**
 * The block mean hash: the image is resized to 256 x 256 pixels and made grey; a bit is 1 where the mean of a block of 16 x 16 is no less than
 * the mean of all. Bit for bit OpenCV's `img_hash.blockMeanHash` (4.x) of the same image, there in the order blue, green, red: bits row by row,
 * the first one the highest of the text here, and the lowest of OpenCV's first byte. Alpha is dropped. Source: B. Yang, F. Gu and X. Niu, Block mean
 * value based image perceptual hashing, 2006.
 *
 * @throws ShapeError for a length that does not fit the size. UsageError for an unknown option or mode.
 */
export function blockMeanHash(image: ByteImage, options: BlockMeanHashOptions = {}): ImageHash {
  const { mode } = withDefaults('blockMeanHash', options, { mode: 0 });
  if (mode !== 0 && mode !== 1) {
    throw new UsageError(`blockMeanHash: mode is ${shownValue(mode)}; give 0 or 1`);
  }
  const colors = colorsOf('blockMeanHash', image);
  const resized = resizeLinearExact(image, colors, SIDE);
  const grey = colors.channels === 1 ? resized : new Uint8Array(SIDE * SIDE);
  if (colors.channels === 3) for (let i = 0; i < grey.length; i++) grey[i] = greyAt(resized, 3 * i);
  const total = grey.reduce((a, b) => a + b, 0);
  const step = mode === 0 ? BLOCK : BLOCK / 2;
  const bits: boolean[] = [];
  for (let top = 0; top <= SIDE - BLOCK; top += step) {
    for (let left = 0; left <= SIDE - BLOCK; left += step) {
      let sum = 0;
      for (let y = top; y < top + BLOCK; y++) {
        for (let x = left; x < left + BLOCK; x++) sum += grey[y * SIDE + x]!;
      }
      // Means are compared as sums: as many blocks as that side by side are the image.
      bits.push(sum * (SIDE / BLOCK) ** 2 >= total);
    }
  }
  return ImageHash.fromBits(bits);
}
