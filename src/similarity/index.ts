/**
 * What is alike: perceptual hashes, embeddings, exact search, clusters, and cut-outs, on the GPU where it pays.
 *
 * @module
 */

export * from './attention/index.ts';
export * from './audio/index.ts';
export * from './clusters/index.ts';
export type { DistanceBlock } from './cosines.ts';
export * from './cutout/index.ts';
export {
  type Metric,
  PairwiseDistances,
  type PairwiseOptions,
  pairwiseDistances,
} from './distances.ts';
export * from './embed/index.ts';
export { FlatIndex, type FlatIndexOptions } from './flatIndex.ts';
export * from './hashes/index.ts';
export * from './hypercolumns/index.ts';
export {
  type CreateIndexOptions,
  createIndex,
  type FileSearchOptions,
  type IndexFile,
  type IndexStorage,
  type OpenIndexOptions,
  openIndex,
} from './indexFile.ts';
export type { KNeighbors, KNeighborsOptions } from './kNeighbors.ts';
export { KNeighborsClassifier } from './kNeighborsClassifier.ts';
export { KNeighborsRegressor, type Targets } from './kNeighborsRegressor.ts';
export type { Id, IdFilter } from './names.ts';
export { type NearestOptions, nearest } from './nearest.ts';
export {
  type MmrOptions,
  maximalMarginalRelevance,
  type Preferences,
  type Recommendation,
  type RecommendOptions,
  recommend,
} from './recommend.ts';
export type { Neighbors } from './search.ts';
export type { SearchOptions, SearchResult } from './searchByName.ts';
