export * from './coco.ts';
export type { PrecisionRecall } from './common.ts';
export * from './confusion.ts';
export * from './curves.ts';
export * from './detection.ts';
export * from './panoptic.ts';
export * from './threshold.ts';
export * from './voc.ts';
