/**
 * Data sets: annotation formats (COCO, Pascal VOC, YOLO, Labelme, masks), images, augmentation, and batches to train on.
 *
 * @module
 */

export type { Box, ImageSize, Point } from '../vision/boxes.ts';
export {
  type AnnotatedShape,
  type Annotation,
  IGNORE_LABEL,
  type IgnoredRegion,
  type MaskPatch,
  type ObjectFlags,
} from './annotation.ts';
export { type AugmentOptions, type Crop, type CropOptions, cropImage, sampleCrop } from './augment.ts';
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
  type DetectBatch,
  type Sample,
  type SegmentBatch,
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
export { maskToPatch, type PixelMap, paintPatch, shapeToPatch } from './maskPatch.ts';
export { type AnnotatedObject, objectsOf, trainingAnnotation, trainingShapes } from './objects.ts';
export {
  type Components,
  connectedComponents,
  polygonArea,
  polygonBounds,
  rasterizePolygon,
} from './polygon.ts';
export { shrinkSample } from './resize.ts';
export { scaleAnnotation } from './transform.ts';
