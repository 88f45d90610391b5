export {
  adjustedRandScore,
  type NormalizedMutualInfoOptions,
  normalizedMutualInfoScore,
} from './agreement.ts';
export type { CenteredClusters } from './centers.ts';
export {
  type ChooseKOptions,
  type ChosenK,
  type Criterion,
  chooseK,
  chooseKPlot,
  type TriedK,
} from './chooseK.ts';
export { elbow } from './elbow.ts';
export type { FirstCenters } from './firstCenters.ts';
export { type Gap, type GapOptions, gapStatistic } from './gapStatistic.ts';
export { KMeans, type KMeansOptions } from './kMeans.ts';
export { type FirstMedoids, KMedoids, type KMedoidsMethod, type KMedoidsOptions } from './kMedoids.ts';
export type { ClusterLabels } from './labels.ts';
export type { ClusterMetric } from './metrics.ts';
export { MiniBatchKMeans, type MiniBatchKMeansOptions } from './miniBatchKMeans.ts';
export {
  type SilhouetteOptions,
  type SilhouetteScoreOptions,
  silhouetteSamples,
  silhouetteScore,
  simplifiedSilhouetteSamples,
} from './silhouette.ts';
