/**
 * Data sets: annotation formats (COCO, Pascal VOC, YOLO, Labelme, masks), images, augmentation, and batches to train on.
 *
 * @module
 */

export type { Box, ImageSize, Point } from '../vision/boxes.ts';
export {
  type AnnotatedShape,
  type Annotation,
  type Extra,
  IGNORE_LABEL,
  type IgnoredRegion,
  type MaskPatch,
  type ObjectFlags,
} from './annotation.ts';
export { checkAugment, TRANSFORM_NAMES } from './augment/check.ts';
export { type Crop, type CropOptions, sampleCrop } from './augment/crop.ts';
export type { Effect } from './augment/effects.ts';
export type { Homography } from './augment/matrix.ts';
export { type ClassBatch, mixBatch, splitAugment } from './augment/mixing.ts';
export type {
  Around,
  Augment,
  Range,
  Transform,
  TransformName,
  TransformParameters,
} from './augment/parameters.ts';
export { type CropPointsOptions, cropPoints, type Keypoint } from './augment/points.ts';
export { AUGMENT_PRESETS, type AugmentPreset, CLASSIFY_PRESETS } from './augment/presets.ts';
export { cropImage } from './augment/resample.ts';
export {
  affine,
  blur,
  colorJitter,
  crop,
  cutMix,
  cutout,
  flip,
  grayscale,
  mixUp,
  mosaic,
  noise,
  perspective,
  randomResizedCrop,
  resize,
  rotate,
  rotate90,
  zoom,
} from './augment/transforms.ts';
export type { BatchMaker } from './batchMaker.ts';
export { type CsvRow, parseCsv } from './classify/csv.ts';
export {
  CLASS_FORMATS,
  type ClassDataset,
  type ClassFormat,
  type ClassReadOptions,
  type LabelledFile,
} from './classify/dataset.ts';
export { openClassDataset } from './classify/open.ts';
export type { ClassSample } from './classify/sample.ts';
export type { DetectBatch, SegmentBatch } from './collate.ts';
export { type TraceOptions, traceContours } from './contours.ts';
export {
  type CropBoxesOptions,
  type CroppedBox,
  cropBoxes,
  cropIgnored,
  cropLabels,
  cropMask,
  IGNORE_INDEX,
} from './cropTargets.ts';
export {
  type BatchOptions,
  BatchSource,
  type BatchState,
  classNames,
  type Sample,
} from './dataset.ts';
export { BadData, type DataFault, FAULT_KINDS, type FaultKind } from './faults.ts';
export {
  type CocoReferences,
  type CocoResult,
  formatCocoResults,
  readCocoResults,
} from './formats/coco/results.ts';
export {
  type AnnotatedImage,
  type DataFiles,
  type DataSink,
  type Dataset,
  type DatasetClass,
  type DatasetFormat,
  type DatasetWriter,
  type DecodedPng,
  type DecodePng,
  type DetectOptions,
  FORMAT_NAMES,
  type FolderEntry,
  type FormatName,
  type ImageInfo,
  type OpenFile,
  type ReadOptions,
  type WriteOptions,
} from './formats/format.ts';
export { detectFormat, FORMATS, openDataset } from './formats/index.ts';
export { type FormatLabelmeOptions, formatLabelme } from './formats/labelme/format.ts';
export { readLabelmeFile } from './formats/labelme/index.ts';
export {
  embeddedImage,
  type LabelmeDocument,
  type LabelmeShape,
  parseLabelme,
  toAnnotation,
} from './formats/labelme/labelme.ts';
export { isImageFile } from './formats/paths.ts';
export {
  type FloatImage,
  IMAGENET_MEAN,
  IMAGENET_STD,
  imageFromBytes,
  type Letterboxed,
  letterbox,
  resizeImage,
  unletterbox,
} from './image.ts';
export { decodeIndexedPng, encodeIndexedPng, type IndexedImage } from './indexedPng.ts';
export { cocoKeypoints, labelmePoints, type ObjectKeypoints, type PointsSample } from './keypoints.ts';
export { maskToPatch, type PixelMap, paintPatch, shapeToPatch } from './maskPatch.ts';
export { type MaskRegionsOptions, maskRegions } from './maskRegions.ts';
export type { Matte, MattingSample } from './matte.ts';
export { type AnnotatedObject, objectsOf, trainingAnnotation, trainingShapes } from './objects.ts';
export { type PadImagesOptions, padImages } from './padImages.ts';
export {
  type Components,
  connectedComponents,
  polygonArea,
  polygonBounds,
  rasterizePolygon,
} from './polygon.ts';
export { resizeShorterSide, shrinkSample } from './resize.ts';
export { serveBatches } from './serveBatches.ts';
export { kFold, type Split, type SplitOptions, splitByNames, trainTestSplit } from './split.ts';
export { scaleAnnotation } from './transform.ts';
export { type WorkerLike, WorkerPool, type WorkerPoolOptions } from './workers.ts';
