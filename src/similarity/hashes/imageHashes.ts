import { expectArguments } from '../../arguments.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { blockMeanHash } from './blockMean.ts';
import { type ByteImage, type GreyImage, greyOf } from './greyImage.ts';
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

/** An image, and the same in grey, which is made once. */
interface Seen {
  readonly image: ByteImage;
  readonly grey: GreyImage;
}

const ofGrey =
  (planOf: (grey: GreyImage, hashSize: number) => HashPlan) =>
  ({ grey }: Seen, hashSize: number): ImageHash =>
    hashGrey(grey, planOf(grey, hashSize));

const HASHES: Readonly<Record<HashName, (seen: Seen, hashSize: number) => ImageHash>> = {
  aHash: ofGrey((_, hashSize) => averageHashPlan({ hashSize })),
  dHash: ofGrey((_, hashSize) => differenceHashPlan({ hashSize })),
  dHashVertical: ofGrey((_, hashSize) => differenceHashPlan({ hashSize, vertical: true })),
  pHash: ofGrey((_, hashSize) => perceptualHashPlan({ hashSize })),
  wHash: ofGrey((size, hashSize) => waveletHashPlan(size, { hashSize })),
  blockMeanHash: ({ image }) => blockMeanHash(image),
  blockMeanHash1: ({ image }) => blockMeanHash(image, { mode: 1 }),
};

/**
 * Several hashes of one image, by their names; it is made grey once. See `averageHash`, `differenceHash`, `perceptualHash`, `waveletHash` and
 * `blockMeanHash`, whose errors it throws.
 */
export function imageHashes<Name extends HashName = 'aHash' | 'dHash' | 'pHash' | 'wHash'>(
  image: ByteImage,
  options: ImageHashesOptions<Name> = {},
): Record<Name, ImageHash> {
  const { hashes, hashSize } = withDefaults<ImageHashesOptions<HashName>, Required<ImageHashesOptions>>(
    'imageHashes',
    options,
    { hashes: ['aHash', 'dHash', 'pHash', 'wHash'], hashSize: 8 },
  );
  expectArguments('imageHashes', { hashes }, { hashes: ['text'] });
  for (const name of hashes) expectOneOf('imageHashes', 'hashes', name, HASH_NAMES);
  const seen: Seen = { image, grey: greyOf('imageHashes', image) };
  return Object.fromEntries(hashes.map((name) => [name, HASHES[name](seen, hashSize)])) as Record<
    Name,
    ImageHash
  >;
}
