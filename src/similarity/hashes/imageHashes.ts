import { expectArguments } from '../../arguments.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
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

/** The hashes that `imageHashes` computes: `averageHash` and so on; `dHashVertical` is `differenceHash` with `vertical`. */
export const HASH_NAMES = ['aHash', 'dHash', 'dHashVertical', 'pHash', 'wHash'] as const;
/** The name of a hash. */
export type HashName = (typeof HASH_NAMES)[number];

/** Options of `imageHashes`. */
export interface ImageHashesOptions<Name extends HashName = HashName> {
  /** Which hashes. Default `aHash`, `dHash`, `pHash` and `wHash`. */
  readonly hashes?: readonly Name[];
  /** Each hash has hashSize x hashSize bits. Default 8. */
  readonly hashSize?: number;
}

/** What is left to do for an image of a size, by the name of the hash. */
const PLANS: Readonly<
  Record<HashName, (size: { readonly width: number; readonly height: number }, hashSize: number) => HashPlan>
> = {
  aHash: (_, hashSize) => averageHashPlan({ hashSize }),
  dHash: (_, hashSize) => differenceHashPlan({ hashSize }),
  dHashVertical: (_, hashSize) => differenceHashPlan({ hashSize, vertical: true }),
  pHash: (_, hashSize) => perceptualHashPlan({ hashSize }),
  wHash: (size, hashSize) => waveletHashPlan(size, { hashSize }),
};

/** The plans of the hashes that are asked for, for an image of a size. */
export function hashPlans<Name extends HashName>(
  call: string,
  options: ImageHashesOptions<Name>,
): (size: { readonly width: number; readonly height: number }) => readonly (readonly [Name, HashPlan])[] {
  const { hashes, hashSize } = withDefaults<ImageHashesOptions<HashName>, Required<ImageHashesOptions>>(
    call,
    options,
    { hashes: ['aHash', 'dHash', 'pHash', 'wHash'], hashSize: 8 },
  );
  expectArguments(call, { hashes }, { hashes: ['text'] });
  for (const name of hashes) expectOneOf(call, 'hashes', name, HASH_NAMES);
  return (size) => hashes.map((name) => [name as Name, PLANS[name](size, hashSize)]);
}

/**
 * Several hashes of one image, by their names; it is made grey once. See `averageHash`, `differenceHash`, `perceptualHash` and `waveletHash`,
 * whose errors it throws.
 */
export function imageHashes<Name extends HashName = 'aHash' | 'dHash' | 'pHash' | 'wHash'>(
  image: ByteImage,
  options: ImageHashesOptions<Name> = {},
): Record<Name, ImageHash> {
  const plans = hashPlans('imageHashes', options);
  const grey = greyOf('imageHashes', image);
  return Object.fromEntries(plans(grey).map(([name, plan]) => [name, hashGrey(grey, plan)])) as Record<
    Name,
    ImageHash
  >;
}
