export * from './anchors.ts';
export * from './boxes.ts';
export * from './metrics.ts';
export * from './random.ts';
