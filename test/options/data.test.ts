import { describe, expect, it } from 'vitest';
import * as data from '../../src/data/index.ts';
import { UsageError } from '../../src/errors.ts';
import * as graph from '../../src/graph/index.ts';
import * as fovea from '../../src/index.ts';
import * as vision from '../../src/vision/index.ts';

/** Options with one that nothing has; of any type, as JavaScript passes them. */
const mistake = { paddding: 1 } as never;
const none = undefined as never;
const rle = vision.rleEncode(Uint8Array.of(1), { width: 1, height: 1 });
const image = { width: 1, height: 1, channels: 3, data: new Float32Array(3) } as const;
const files = { kind: () => none, list: () => none, bytes: () => none } as never;
const annotation = { width: 1, height: 1, shapes: [] };
const transformNames: readonly string[] = data.TRANSFORM_NAMES;
const crop = data.sampleCrop(image, { size: [1, 1] }, new vision.Random(0));

/** Everything of fovea/vision, fovea/data and of Fovea's tasks that takes options, called with one that it does not have. */
const calls: Readonly<Record<string, () => unknown>> = {
  clusterBoxSizes: () => vision.clusterBoxSizes([[1, 1]], 1, mistake),
  fitAnchors: () => vision.fitAnchors([[1, 1]], vision.ANCHOR_LAYOUTS.retinanet, mistake),
  sampleBoxSizes: () => vision.sampleBoxSizes([[1, 1]], mistake),
  generateAnchors: () => vision.generateAnchors(mistake),
  kMedoids: () => vision.kMedoids(new Float64Array(1), mistake),
  CocoEvaluator: () => new vision.CocoEvaluator(mistake),
  ConfusionMatrix: () => new vision.ConfusionMatrix(2).add([], [], mistake),
  detectionErrors: () => vision.detectionErrors([], mistake),
  detectionConfusion: () => vision.detectionConfusion([], mistake),
  evaluateDetections: () => vision.evaluateDetections([], mistake),
  PanopticQuality: () => new vision.PanopticQuality(mistake),
  rocCurve: () => vision.rocCurve([1], [1], mistake),
  rleIou: () => vision.rleIou(rle, rle, mistake),
  rleMerge: () => vision.rleMerge([rle], mistake),

  BatchSource: () => new data.BatchSource([], mistake),
  sampleCrop: () => data.sampleCrop(image, mistake, new vision.Random(0)),
  ...Object.fromEntries(
    Object.entries(data).flatMap(([name, make]) =>
      typeof make === 'function' && transformNames.includes(name)
        ? [[name, () => Reflect.apply(make, undefined, [mistake])]]
        : [],
    ),
  ),
  cropPoints: () => data.cropPoints([], crop, mistake),
  mixBatch: () => data.mixBatch(none, mistake, new vision.Random(0)),
  cropBoxes: () => data.cropBoxes([], crop, mistake),
  cropIgnored: () => data.cropIgnored({}, crop, mistake),
  detectFormat: () => data.detectFormat(none, '', mistake),
  readCocoResults: () => data.readCocoResults(none, '', { images: new Map(), classes: [] }, mistake).next(),
  openDataset: () => data.openDataset(none, '', mistake),
  formatLabelme: () => data.formatLabelme(annotation, mistake),
  readLabelmeFile: () => data.readLabelmeFile(none, '', mistake),
  toAnnotation: () => data.toAnnotation(none, '', mistake),
  letterbox: () => data.letterbox(image, [1, 1], mistake),
  trainingAnnotation: () => data.trainingAnnotation(annotation, mistake),
  traceContours: () => data.traceContours(Uint8Array.of(1), image, mistake),
  maskRegions: () => data.maskRegions(Uint8Array.of(1), image, mistake),
  trainTestSplit: () => data.trainTestSplit([1, 2], 0.5, mistake),
  kFold: () => data.kFold([1, 2], 2, 0, mistake),
  openClassDataset: () => data.openClassDataset(files, '', mistake),
  padImages: () => data.padImages([image], mistake),
  WorkerPool: () => new data.WorkerPool(() => none, mistake),

  defaultSettings: () => fovea.defaultSettings('unet', [], mistake),
  train: () => fovea.train(none, [], fovea.defaultSettings('unet', []), mistake),
  learnerOf: () => fovea.learnerOf(none, [], fovea.defaultSettings('unet', []), mistake),
  fromDarknet: () => fovea.fromDarknet(none, mistake),
  evaluateDetector: () => fovea.evaluateDetector(none, [], mistake),
  evaluateClassifier: () => fovea.evaluateClassifier(none, [], mistake),
  evaluateSegmenter: () => fovea.evaluateSegmenter(none, [], mistake),
  DetectionEvaluator: () => new fovea.DetectionEvaluator(mistake),
  SegmentationEvaluator: () => new fovea.SegmentationEvaluator(mistake),
  ClassificationEvaluator: () => new fovea.ClassificationEvaluator(mistake),
  detectForEvaluation: () => fovea.detectForEvaluation(none, image, mistake),
  tuneTraining: () => fovea.tuneTraining(none, none, mistake),
  tuneInference: () => fovea.tuneInference(none, none, mistake),
  Detector: () => new fovea.Detector(none, none, mistake),
  Classifier: () => new fovea.Classifier(none, none, mistake),
  Segmenter: () => new fovea.Segmenter(none, none, mistake),
};

/** What takes no options, hands them to Detector or Segmenter, or has its test in gpu.test.ts. */
const WITHOUT = [
  ...[
    'Random',
    'cacheFolder',
    'anchorFit',
    'anchorsOf',
    'auc',
    'averagePrecisionScore',
    'boxArea',
    'boxIou',
    'boxesFromMask',
  ],
  ...['chooseThreshold', 'clipBox', 'distanceMatrix', 'evaluateVoc', 'precisionRecallCurve', 'rocAucScore'],
  ...['rleArea', 'rleDecode', 'rleEncode', 'rleFromBox', 'rleFromPolygon', 'rleFromString', 'rleToBox'],
  ...[
    'rleToString',
    'BadData',
    'classNames',
    'checkAugment',
    'connectedComponents',
    'cropImage',
    'cropLabels',
    'cropMask',
  ],
  ...[
    'decodeIndexedPng',
    'embeddedImage',
    'encodeIndexedPng',
    'formatCocoResults',
    'imageFromBytes',
    'splitAugment',
  ],
  ...[
    'isImageFile',
    'maskToPatch',
    'objectsOf',
    'paintPatch',
    'parseCsv',
    'parseLabelme',
    'polygonArea',
    'polygonBounds',
  ],
  ...['rasterizePolygon', 'resizeImage', 'scaleAnnotation', 'shapeToPatch', 'shrinkSample'],
  ...[
    'trainingShapes',
    'unletterbox',
    'architectureOf',
    'labelMap',
    'buildModel',
    'decodeModel',
    'metadataOf',
  ],
  ...['cocoKeypoints', 'labelmePoints', 'resizeShorterSide', 'serveBatches', 'splitByNames'],
  ...['cropPreprocessing', 'classifierArchitecture', 'loadClassifier'],
  ...['describeStart', 'architectureIn', 'configFromWeights', 'classificationReport'],
  ...['taskOf', 'readProgress', 'loadDetector', 'loadSegmenter', 'Device', 'Gpu', 'borrowGpu', 'openGpu'],
  ...['fromTexture', 'fromVideoFrame', 'GpuImage'],
];

describe('an option that does not exist is refused', () => {
  it.each(Object.entries(calls))('%s', async (_name, call) => {
    const error = await Promise.resolve()
      .then(call)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/^[\w.]+: takes \[.*\], got \[.*paddding.*\]/);
  });

  it('by everything of fovea/vision, fovea/data and fovea that is called', () => {
    // Functions on tensors have a table of their own: operations.test.ts.
    const own = Object.entries(fovea).filter(([name]) => !(name in graph));
    const called = Object.entries({ ...vision, ...data, ...Object.fromEntries(own) }).filter(
      ([, value]) => typeof value === 'function' && !(value.prototype instanceof Error),
    );
    const unknown = called
      .map(([name]) => name)
      .filter((name) => !(name in calls) && !WITHOUT.includes(name));
    expect(unknown).toEqual([]);
  });

  it('in settings, in parts of options, by methods, and the name that is meant is told', async () => {
    const settings = { ...fovea.defaultSettings('unet', []), learningRat: 1 };
    await expect(fovea.train(none, [], settings)).rejects.toThrow('train: settings: takes [');
    expect(() => fovea.defaultSettings('unet', [], { batchsize: 1 } as never)).toThrow(
      'did you mean batchSize?',
    );
    await expect(data.openDataset(none, '', { skipbad: true } as never)).rejects.toThrow(
      'did you mean skipBad?',
    );
    const batches = { task: 'detect', batchSize: 1, size: [8, 8], classNames: [], seed: 0 } as const;
    expect(() => new data.BatchSource([], { ...batches, augment: [{ name: 'rotat' }] as never })).toThrow(
      'did you mean rotate?',
    );
    const evaluator = new vision.CocoEvaluator({ classes: ['a'] });
    expect(() => evaluator.precisionRecall({ iouThrs: 0.5 } as never)).toThrow('did you mean iouThr?');
  });
});
