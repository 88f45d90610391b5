/**
 * What is alike: perceptual hashes, embeddings, exact search, clusters, and cut-outs, on the GPU where it pays.
 *
 * @module
 */

export type { DistanceBlock } from './cosines.ts';
export * from './cutout/index.ts';
export {
  type Metric,
  PairwiseDistances,
  type PairwiseOptions,
  pairwiseDistances,
} from './distances.ts';
export * from './hashes/index.ts';
export {
  type MmrOptions,
  maximalMarginalRelevance,
  type Preferences,
  type Recommendation,
  type RecommendOptions,
  recommend,
} from './recommend.ts';
