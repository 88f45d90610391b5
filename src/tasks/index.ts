export * from './evaluate.ts';
export * from './infer.ts';
export * from './modelFile.ts';
export * from './settings.ts';
export * from './train.ts';
export * from './tune.ts';
