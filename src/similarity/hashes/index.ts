export { BkTree } from './bkTree.ts';
export { type BlockMeanHashOptions, blockMeanHash } from './blockMean.ts';
export { colorMomentDistance, colorMomentHash } from './colorMoments.ts';
export { type DuplicateGroupsOptions, duplicateGroups, nearPairs } from './duplicateGroups.ts';
export type { ByteImage } from './greyImage.ts';
export { HammingIndex } from './hammingIndex.ts';
export type { HashNeighbors, HashPairs } from './hammingResults.ts';
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
export { type HashImagesOptions, hashImages } from './hashImages.ts';
export { ImageHash } from './imageHash.ts';
export {
  HASH_NAMES,
  type HashName,
  type ImageHashesOptions,
  imageHashes,
} from './imageHashes.ts';
export { type Hashes, type PackedHashes, packHashes } from './packedHashes.ts';
