import { expectArguments } from '../../arguments.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { blockMeanHash } from './blockMean.ts';
import { type ByteImage, greyOf } from './greyImage.ts';
import {
  averageHashPlan,
  differenceHashPlan,
  type HashPlan,
  hashGrey,
  perceptualHashPlan,
  waveletHashPlan,
} from './hashes.ts';
import type { ImageHash } from './imageHash.ts';

/**
 * The hashes that `imageHashes` computes: `averageHash` and so on; `dHashVertical` is `differenceHash` with `vertical`, `blockMeanHash1` is
 * `blockMeanHash` with `mode` 1.
 */
export const HASH_NAMES = [
  'aHash',
  'dHash',
  'dHashVertical',
  'pHash',
  'wHash',
  'blockMeanHash',
  'blockMeanHash1',
] as const;
/** The name of a hash. */
export type HashName = (typeof HASH_NAMES)[number];

/** Options of `imageHashes`. */
export interface ImageHashesOptions<Name extends HashName = HashName> {
  /** Which hashes. Default `aHash`, `dHash`, `pHash` and `wHash`. */
  readonly hashes?: readonly Name[];
  /** Each hash has hashSize x hashSize bits; block mean hashes have 256 and 961 always. Default 8. */
  readonly hashSize?: number;
}

/** What is left to do for an image of a size, by the name of the hash. */
const PLANS: Partial<Readonly<Record<HashName, (size: ImageSides, hashSize: number) => HashPlan>>> = {
  aHash: (_, hashSize) => averageHashPlan({ hashSize }),
  dHash: (_, hashSize) => differenceHashPlan({ hashSize }),
  dHashVertical: (_, hashSize) => differenceHashPlan({ hashSize, vertical: true }),
  pHash: (_, hashSize) => perceptualHashPlan({ hashSize }),
  wHash: (size, hashSize) => waveletHashPlan(size, { hashSize }),
};

interface ImageSides {
  readonly width: number;
  readonly height: number;
}

/** The plan of a hash for images of a size; undefined for block mean hashes, which are made of the image in its colours. */
export const hashPlan = (name: HashName, size: ImageSides, hashSize: number): HashPlan | undefined =>
  PLANS[name]?.(size, hashSize);

/** A hash without a plan, of the image in its colours: a block mean hash. */
export const unplannedHash = (name: HashName, image: ByteImage): ImageHash =>
  blockMeanHash(image, { mode: name === 'blockMeanHash' ? 0 : 1 });

/** The names and the size of the hashes, with their defaults. */
export function hashOptions(
  call: string,
  options: ImageHashesOptions,
): { readonly hashes: readonly HashName[]; readonly hashSize: number } {
  const { hashes, hashSize } = withDefaults<ImageHashesOptions, Required<ImageHashesOptions>>(call, options, {
    hashes: ['aHash', 'dHash', 'pHash', 'wHash'],
    hashSize: 8,
  });
  expectArguments(call, { hashes }, { hashes: ['text'] });
  for (const name of hashes) expectOneOf(call, 'hashes', name, HASH_NAMES);
  return { hashes, hashSize };
}

/** Hashes of an image by their names; it is made grey once. */
export function hashesOf(
  call: string,
  image: ByteImage,
  { hashes, hashSize }: { readonly hashes: readonly HashName[]; readonly hashSize: number },
): Record<string, ImageHash> {
  const grey = greyOf(call, image);
  return Object.fromEntries(
    hashes.map((name) => {
      const plan = hashPlan(name, grey, hashSize);
      return [name, plan ? hashGrey(grey, plan) : unplannedHash(name, image)];
    }),
  );
}

/**
 * Several hashes of one image, by their names; it is made grey once. See `averageHash`, `differenceHash`, `perceptualHash`, `waveletHash` and
 * `blockMeanHash`, whose errors it throws. `hashImages` does the same for many images.
 */
export function imageHashes<Name extends HashName = 'aHash' | 'dHash' | 'pHash' | 'wHash'>(
  image: ByteImage,
  options: ImageHashesOptions<Name> = {},
): Record<Name, ImageHash> {
  return hashesOf('imageHashes', image, hashOptions('imageHashes', options)) as Record<Name, ImageHash>;
}
