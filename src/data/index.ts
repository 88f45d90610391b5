export type { AnnotatedShape, Annotation, Box, MaskPatch, Point } from './annotation.ts';
export * from './augment.ts';
export * from './dataset.ts';
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
export * from './image.ts';
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
