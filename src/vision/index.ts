/**
 * Computer vision on the CPU: boxes, anchors, masks as run lengths, metrics, clusters, and seeded random numbers.
 *
 * @module
 */

export {
  ANCHOR_LAYOUTS,
  type AnchorFit,
  type AnchorLayout,
  type AnchorModel,
  anchorFit,
  anchorsOf,
  type BoxSize,
  clusterBoxSizes,
  fitAnchors,
  sampleBoxSizes,
} from './anchorFit.ts';
export { type AnchorOptions, type Anchors, generateAnchors } from './anchors.ts';
export { type Box, boxArea, boxesFromMask, boxIou, clipBox, type ImageSize, type Point } from './boxes.ts';
export { distanceMatrix, type KMedoids, type KMedoidsOptions, kMedoids } from './kMedoids.ts';
export {
  type ClassificationReport,
  type ClassificationScores,
  classificationReport,
} from './metrics/classification.ts';
export {
  COCO_THRESHOLDS,
  CocoEvaluator,
  type CocoOptions,
} from './metrics/coco.ts';
export type { ClassLabel, CocoGroundTruth, CocoImage, CocoPrediction, IouType } from './metrics/cocoImage.ts';
export type { CocoClassSummary, CocoEval, CocoSummary } from './metrics/cocoSummary.ts';
export type { PrecisionRecall } from './metrics/common.ts';
export { ConfusionMatrix, type DetectionConfusionOptions, detectionConfusion } from './metrics/confusion.ts';
export {
  auc,
  averagePrecisionScore,
  type PrecisionRecallCurve,
  precisionRecallCurve,
  type RocCurve,
  rocAucScore,
  rocCurve,
} from './metrics/curves.ts';
export {
  type DetectionClassResult,
  type DetectionImage,
  type DetectionOptions,
  type DetectionResult,
  evaluateDetections,
} from './metrics/detection.ts';
export {
  type DetectionError,
  type DetectionErrorCounts,
  type DetectionErrorOptions,
  type DetectionErrors,
  type DetectionErrorType,
  detectionErrors,
  type ImageDetectionErrors,
} from './metrics/detectionErrors.ts';
export {
  type PanopticClassResult,
  type PanopticMap,
  PanopticQuality,
  type PanopticResult,
  type PanopticScores,
  type PanopticSegment,
} from './metrics/panoptic.ts';
export { type ChosenThreshold, chooseThreshold, type ThresholdGoal } from './metrics/threshold.ts';
export { evaluateVoc, type VocClassResult, type VocImage, type VocResult } from './metrics/voc.ts';
export { Random, type RandomState } from './random.ts';
export {
  type Rle,
  rleArea,
  rleDecode,
  rleEncode,
  rleFromBox,
  rleFromPolygon,
  rleIou,
  rleMerge,
  rleToBox,
} from './rle.ts';
export { rleFromString, rleToString } from './rleText.ts';
