export { type FeatureMap, Hypercolumns } from './columns.ts';
export { HypercolumnExtractor, type HypercolumnOptions, hypercolumns } from './extractor.ts';
export { type FitPixelsOptions, fitPixelClassifier } from './fitPixels.ts';
export { PixelClassifier, type PixelClassifierConfig, type PixelLabels } from './pixelClassifier.ts';
export type { PixelSample } from './pixelRows.ts';
