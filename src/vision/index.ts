export * from './anchorFit.ts';
export * from './anchors.ts';
export * from './boxes.ts';
export * from './kMedoids.ts';
export * from './metrics/index.ts';
export * from './random.ts';
export * from './rle.ts';
