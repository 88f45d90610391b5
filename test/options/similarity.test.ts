import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { ReLU } from '../../src/nn/activations.ts';
import { Sequential } from '../../src/nn/containers.ts';
import * as similarity from '../../src/similarity/index.ts';

/** Options with one that nothing has; of any type, as JavaScript passes them. */
const mistake = { paddding: 1 } as never;
const gpu = { device: { caps: {} } } as never;
const rows = { data: new Float32Array(2), shape: [1, 2] };
const rgb = { width: 2, height: 2, data: new Float32Array(12) };
const map = { width: 2, height: 2, data: new Float32Array(4) };
const hashes = [similarity.ImageHash.fromHex('00ff')];
const image = { width: 2, height: 2, data: new Uint8Array(4) };
const storage = { size: () => {}, read: () => {}, append: () => {} } as never;

const attention = {
  layers: [{ name: 'a', heads: 1, tokens: 2, weights: new Float32Array(4) }],
  rows: 1,
  columns: 1,
};
const net = new Sequential(new ReLU());

/** Everything of fovea/similarity that takes options, called with one that it does not have. */
const calls: Readonly<Record<string, () => unknown>> = {
  PairwiseDistances: () => new similarity.PairwiseDistances(gpu, mistake),
  pairwiseDistances: () => similarity.pairwiseDistances(gpu, rows, rows, mistake),
  nearest: () => similarity.nearest(gpu, rows, rows, 1, mistake),
  FlatIndex: () => new similarity.FlatIndex(gpu, 2, mistake),
  createIndex: () => similarity.createIndex(storage, mistake),
  openIndex: () => similarity.openIndex(storage, mistake),
  KNeighborsClassifier: () => new similarity.KNeighborsClassifier(gpu, mistake),
  KNeighborsRegressor: () => new similarity.KNeighborsRegressor(gpu, mistake),
  KMeans: () => new similarity.KMeans(mistake),
  MiniBatchKMeans: () => new similarity.MiniBatchKMeans(mistake),
  KMedoids: () => new similarity.KMedoids(mistake),
  chooseK: () => similarity.chooseK(rows, mistake),
  gapStatistic: () => similarity.gapStatistic(rows, mistake),
  silhouetteSamples: () => similarity.silhouetteSamples(rows, [0], mistake),
  silhouetteScore: () => similarity.silhouetteScore(rows, [0], mistake),
  simplifiedSilhouetteSamples: () => similarity.simplifiedSilhouetteSamples(rows, rows, [0], mistake),
  normalizedMutualInfoScore: () => similarity.normalizedMutualInfoScore([0], [0], mistake),
  maximalMarginalRelevance: () => similarity.maximalMarginalRelevance(rows, [0, 1], mistake),
  recommend: () => similarity.recommend(rows, {}, mistake),
  averageHash: () => similarity.averageHash(image, mistake),
  differenceHash: () => similarity.differenceHash(image, mistake),
  perceptualHash: () => similarity.perceptualHash(image, mistake),
  waveletHash: () => similarity.waveletHash(image, mistake),
  blockMeanHash: () => similarity.blockMeanHash(image, mistake),
  openMatting: () => similarity.openMatting(gpu, Uint8Array.of(), mistake),
  matteInBoxes: () => similarity.matteInBoxes(rgb, [], { matte: async () => map }, mistake),
  estimateMatte: () => similarity.estimateMatte(rgb, { matte: async () => map }, mistake),
  cutOut: () => similarity.cutOut(gpu, rgb, { matte: async () => map }, mistake),
  trimapOf: () => similarity.trimapOf(map, mistake),
  closedFormMatte: () => similarity.closedFormMatte(rgb, map as never, mistake),
  estimateForeground: () => similarity.estimateForeground(gpu, rgb, map, mistake),
  createEmbedder: () => similarity.createEmbedder(gpu, {} as never, mistake),
  openEmbedder: () => similarity.openEmbedder(gpu, new Uint8Array(), mistake),
  poolFrames: () => similarity.poolFrames(rows, 'mean', mistake),
  MelSpectrogram: () => new similarity.MelSpectrogram(gpu, mistake),
  melImages: () => similarity.melImages({ settings: {}, compute: () => 0 } as never, rows.data, mistake),
  amplitudeToDB: () => similarity.amplitudeToDB(rows, mistake),
  attentionMaps: () => similarity.attentionMaps(attention, mistake),
  attentionRollout: () => similarity.attentionRollout(attention, mistake),
  HypercolumnExtractor: () =>
    new similarity.HypercolumnExtractor(gpu, net, { layers: ['0'], paddding: 1 } as never),
  hypercolumns: () =>
    similarity.hypercolumns(gpu, net, rgb as never, { layers: ['0'], paddding: 1 } as never),
  fitPixelClassifier: () => similarity.fitPixelClassifier(gpu, [], { numClasses: 2, paddding: 1 } as never),
  PixelClassifier: () =>
    new similarity.PixelClassifier({ channels: [1], numClasses: 2, paddding: 1 } as never),
  nearPairs: () => similarity.nearPairs(hashes, mistake),
  duplicateGroups: () => similarity.duplicateGroups(hashes, mistake),
  BkTree: () => new similarity.BkTree(16).search(hashes[0]!, mistake),
  HammingIndex: () => similarity.HammingIndex.prototype.search(hashes, mistake),
  hashImages: () => similarity.hashImages([image], mistake),
  imageHashes: () => similarity.imageHashes(image, mistake),
};

/** What takes no options. */
const WITHOUT = [
  'attentionWeights',
  'Hypercolumns',
  'hzToMel',
  'melToHz',
  'resample',
  'decodeWav',
  'isWav',
  'toMono',
  'framesAt',
  'adjustedRandScore',
  'chooseKPlot',
  'elbow',
  'ImageHash',
  'composite',
  'postProcessMask',
  'packHashes',
  'colorMomentHash',
  'colorMomentDistance',
];

describe('an option that does not exist is refused', () => {
  it.each(Object.entries(calls))('%s', async (_name, call) => {
    const error = await Promise.resolve()
      .then(call)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/^[\w.]+: takes \[.*\], got \[.*paddding.*\]/);
  });

  it('by everything of fovea/similarity that is called', () => {
    const called = Object.entries(similarity).filter(([, value]) => typeof value === 'function');
    const unknown = called
      .map(([name]) => name)
      .filter((name) => !(name in calls) && !WITHOUT.includes(name));
    expect(unknown).toEqual([]);
  });
});
