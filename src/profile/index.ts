/**
 * What the dispatches of a program move and compute, and what they take: predicted for adapters that are not here, and
 * measured on the one that is.
 *
 * @module
 */

export { ADAPTER_CLASSES, type AdapterClass, type AdapterClassName } from './adapterClasses.ts';
export { measureAdapter } from './limits.ts';
export type { Phase } from './origins.ts';
export { type DispatchProfile, type MeasureOptions, type Profile, type Trace, trace } from './profile.ts';
export type { Bound, Prediction } from './roofline.ts';
export {
  type TraceImages,
  type TraceTrainingOptions,
  tracePrediction,
  traceTraining,
} from './traceModel.ts';
export type { Work } from './work.ts';
