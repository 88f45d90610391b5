export type { AnnotatedShape, Annotation, Box, MaskPatch, ObjectFlags, Point } from './annotation.ts';
export * from './augment.ts';
export * from './cropTargets.ts';
export * from './dataset.ts';
export {
  type CocoReferences,
  type CocoResult,
  formatCocoResults,
  readCocoResults,
} from './formats/coco/results.ts';
export * from './formats/format.ts';
export { detectFormat, FORMATS, openDataset } from './formats/index.ts';
export {
  type DecodedPng,
  type DecodePng,
  embeddedImage,
  type FormatLabelmeOptions,
  formatLabelme,
  type LabelmeDocument,
  type LabelmeShape,
  parseLabelme,
  toAnnotation,
} from './formats/labelme/labelme.ts';
export { isImageFile } from './formats/paths.ts';
export * from './image.ts';
export { decodeIndexedPng, encodeIndexedPng, type IndexedImage } from './indexedPng.ts';
export * from './maskPatch.ts';
export * from './objects.ts';
export {
  type Components,
  connectedComponents,
  polygonArea,
  polygonBounds,
  rasterizePolygon,
  traceContours,
} from './polygon.ts';
export * from './resize.ts';
