export {
  type Architecture,
  architectureOf,
  DEFAULT_MODEL,
  MODEL_NAMES,
  type ModelName,
  type Task,
  type Wish,
} from './architectures.ts';
export * from './evaluate.ts';
export * from './infer.ts';
export * from './modelFile.ts';
export * from './settings.ts';
export * from './train.ts';
export * from './tune.ts';
