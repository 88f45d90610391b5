/**
 * TensorFlow.js: models that others trained, as modules that run and train here.
 *
 * @module
 */

export type { ReadShard } from '../io/tfjs/decode.ts';
export { type MissingOperation, UnsupportedError } from '../onnx/unsupported.ts';
export { loadTfjs, type TfjsOptions } from './load.ts';
export { TfjsModule, type TfjsPort } from './module.ts';
export type { Trained } from './weights.ts';
