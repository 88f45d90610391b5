import { ShapeError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { cosineTransform } from './cosine.ts';
import { type ByteImage, type GreyImage, greyOf } from './greyImage.ts';
import { haarLowPass } from './haar.ts';
import { ImageHash } from './imageHash.ts';
import { resizeLanczos } from './lanczos.ts';

/** Options of `averageHash`. */
export interface HashOptions {
  /** The hash has hashSize x hashSize bits. Default 8. */
  readonly hashSize?: number;
}

/** Options of `differenceHash`. */
export interface DifferenceHashOptions extends HashOptions {
  /** Whether each pixel is compared with the one above it (ImageHash's `dhash_vertical`). Default false: with the one to its left. */
  readonly vertical?: boolean;
}

/** Options of `perceptualHash`. */
export interface PerceptualHashOptions extends HashOptions {
  /** The image is resized to hashSize x highfreqFactor pixels a side, so that the hash has the lowest 1 / highfreqFactor of all frequencies. Default 4. */
  readonly highfreqFactor?: number;
}

/** Options of `waveletHash`. */
export interface WaveletHashOptions extends HashOptions {
  /** The side to which the image is resized, a power of 2. Default: the largest that is no longer than the shorter side, and at least hashSize. */
  readonly imageScale?: number;
  /** Whether the mean of the image is taken away before, by Haar's wavelet. Default true. */
  readonly removeMaxHaarLl?: boolean;
}

const MOST_SIDE = 2 ** 13;

function expectSize(call: string, hashSize: number): void {
  if (Number.isInteger(hashSize) && hashSize >= 2 && hashSize <= 256) return;
  throw new ShapeError(`${call}: hashSize is ${hashSize}; give a whole number from 2 to 256`);
}

/** The largest power of 2 that is no more than a whole number. */
const powerOfTwo = (value: number): number => 2 ** (31 - Math.clz32(value));
const isPowerOfTwo = (value: number): boolean => value >= 1 && powerOfTwo(value) === value;

/** The number in the middle of all, or between the two in the middle. */
function medianOf(values: Float64Array): number {
  const sorted = values.toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

const above = (values: Float64Array, limit: number): ImageHash =>
  ImageHash.fromBits(Array.from(values, (value) => value > limit));

/** What a hash is made of: the size to which the image is resized, and what is made of its pixels. */
export interface HashPlan {
  readonly width: number;
  readonly height: number;
  finish(pixels: Uint8Array): ImageHash;
}

export function averageHashPlan(options: HashOptions = {}): HashPlan {
  const { hashSize } = withDefaults('averageHash', options, { hashSize: 8 });
  expectSize('averageHash', hashSize);
  return {
    width: hashSize,
    height: hashSize,
    finish(pixels) {
      const sum = pixels.reduce((a, b) => a + b, 0);
      return ImageHash.fromBits(Array.from(pixels, (value) => value * pixels.length > sum));
    },
  };
}

export function differenceHashPlan(options: DifferenceHashOptions = {}): HashPlan {
  const { hashSize, vertical } = withDefaults('differenceHash', options, { hashSize: 8, vertical: false });
  expectSize('differenceHash', hashSize);
  const [width, height] = vertical ? [hashSize, hashSize + 1] : [hashSize + 1, hashSize];
  const step = vertical ? width : 1;
  return {
    width,
    height,
    finish: (pixels) =>
      ImageHash.fromBits(
        Array.from({ length: hashSize * hashSize }, (_, i) => {
          const at = Math.floor(i / hashSize) * width + (i % hashSize);
          return pixels[at + step]! > pixels[at]!;
        }),
      ),
  };
}

export function perceptualHashPlan(options: PerceptualHashOptions = {}): HashPlan {
  const { hashSize, highfreqFactor } = withDefaults('perceptualHash', options, {
    hashSize: 8,
    highfreqFactor: 4,
  });
  expectSize('perceptualHash', hashSize);
  const side = hashSize * highfreqFactor;
  if (!(Number.isInteger(highfreqFactor) && highfreqFactor >= 1 && side <= MOST_SIDE)) {
    throw new ShapeError(
      `perceptualHash: highfreqFactor is ${highfreqFactor}; give a whole number from 1 to ${Math.floor(MOST_SIDE / hashSize)}, so that the image has at most ${MOST_SIDE} pixels a side`,
    );
  }
  const transform = cosineTransform(side);
  return {
    width: side,
    height: side,
    finish(pixels) {
      const columns = new Float64Array(hashSize * side);
      const column = new Float64Array(side);
      for (let x = 0; x < side; x++) {
        for (let y = 0; y < side; y++) column[y] = pixels[y * side + x]!;
        transform(column);
        for (let y = 0; y < hashSize; y++) columns[y * side + x] = column[y]!;
      }
      const low = new Float64Array(hashSize * hashSize);
      for (let y = 0; y < hashSize; y++) {
        const row = columns.subarray(y * side, (y + 1) * side);
        transform(row);
        low.set(row.subarray(0, hashSize), y * hashSize);
      }
      return above(low, medianOf(low));
    },
  };
}

/** The plan depends on the image: by default it is resized to a side of its own. */
export function waveletHashPlan(
  { width, height }: { readonly width: number; readonly height: number },
  options: WaveletHashOptions = {},
): HashPlan {
  const { hashSize, imageScale, removeMaxHaarLl } = withDefaults('waveletHash', options, {
    hashSize: 8,
    imageScale: undefined,
    removeMaxHaarLl: true,
  });
  expectSize('waveletHash', hashSize);
  if (!isPowerOfTwo(hashSize)) {
    throw new ShapeError(`waveletHash: hashSize is ${hashSize}; give a power of 2`);
  }
  const side = imageScale ?? Math.max(hashSize, powerOfTwo(Math.min(width, height)));
  if (!(isPowerOfTwo(side) && side >= hashSize && (imageScale === undefined || side <= MOST_SIDE))) {
    throw new ShapeError(
      `waveletHash: imageScale is ${side} with a hashSize of ${hashSize}; give a power of 2 from ${hashSize} to ${MOST_SIDE}`,
    );
  }
  return {
    width: side,
    height: side,
    finish(pixels) {
      const values = new Float64Array(pixels.length);
      for (let i = 0; i < pixels.length; i++) values[i] = pixels[i]! / 255;
      const low = haarLowPass(values, side, { to: hashSize, removeMean: removeMaxHaarLl });
      return above(low, medianOf(low));
    },
  };
}

/** The hash of an image in grey. */
export const hashGrey = (grey: GreyImage, { width, height, finish }: HashPlan): ImageHash =>
  finish(resizeLanczos(grey, width, height).data);

/**
 * The average hash (aHash): the image is made grey and resized to hashSize x hashSize pixels; a bit is 1 where a pixel is above the mean. Bit
 * for bit ImageHash's `average_hash`.
 *
 * All hashes are made of Pillow's grey values, resized by Lanczos' filter as Pillow does it, in 8 bits. Alpha is
 * dropped. Source: N. Krawetz, Looks Like It, 2011.
 *
 * @throws ShapeError for a length that does not fit the size, and for a hashSize that is no whole number from 2 to 256. UsageError for an unknown option.
 */
export function averageHash(image: ByteImage, options: HashOptions = {}): ImageHash {
  const plan = averageHashPlan(options);
  return hashGrey(greyOf('averageHash', image), plan);
}

/**
 * The difference hash (dHash): a bit is 1 where a pixel of the image, grey and of hashSize + 1 x hashSize pixels, is lighter than the one to its
 * left; with `vertical`, than the one above it. Bit for bit ImageHash's `dhash` and `dhash_vertical`. Source: N. Krawetz, Kind of Like
 * That, 2013. Errors as of `averageHash`.
 */
export function differenceHash(image: ByteImage, options: DifferenceHashOptions = {}): ImageHash {
  const plan = differenceHashPlan(options);
  return hashGrey(greyOf('differenceHash', image), plan);
}

/**
 * The perceptual hash (pHash): of the cosine transform (DCT-II, in float64) of the image, grey and of hashSize x highfreqFactor pixels a
 * side, the hashSize x hashSize lowest frequencies; a bit is 1 where one is above their median. The first bit is that of the mean. Bit for bit
 * ImageHash's `phash`, also where frequencies are zero, if hashSize x highfreqFactor has no other prime factors than 2, 3 and 5. Source: N.
 * Krawetz, Looks Like It, 2011.
 *
 * @throws ShapeError as `averageHash`, and for a highfreqFactor that is no whole number of at least 1, or makes more than 8192 pixels a side.
 */
export function perceptualHash(image: ByteImage, options: PerceptualHashOptions = {}): ImageHash {
  const plan = perceptualHashPlan(options);
  return hashGrey(greyOf('perceptualHash', image), plan);
}

/**
 * The wavelet hash (wHash): Haar's wavelet (in float64) halves the image, grey and of imageScale pixels a side, down to hashSize x hashSize
 * low-pass values; a bit is 1 where one is above their median. Bit for bit ImageHash's `whash` with its mode haar. Source: D. Petrov, Wavelet
 * image hash in Python, 2016.
 *
 * @throws ShapeError as `averageHash`, for a hashSize that is no power of 2, and for an imageScale that is none, or less than hashSize.
 */
export function waveletHash(image: ByteImage, options: WaveletHashOptions = {}): ImageHash {
  const grey = greyOf('waveletHash', image);
  return hashGrey(grey, waveletHashPlan(grey, options));
}
