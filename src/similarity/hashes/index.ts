export type { ByteImage } from './greyImage.ts';
export {
  averageHash,
  type DifferenceHashOptions,
  differenceHash,
  type HashOptions,
  type PerceptualHashOptions,
  perceptualHash,
  type WaveletHashOptions,
  waveletHash,
} from './hashes.ts';
export { ImageHash } from './imageHash.ts';
export {
  HASH_NAMES,
  type HashName,
  type ImageHashesOptions,
  imageHashes,
} from './imageHashes.ts';
