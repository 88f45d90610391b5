/**
 * ONNX: models that others trained, as modules that run and train here.
 *
 * @module
 */

export { isOnnx } from '../io/otherFormats.ts';
export type { OnnxType } from './dataTypes.ts';
export { type Exported, type ExportOptions, exportOnnx } from './export/exportOnnx.ts';
export type { InputSpec, Outcome } from './export/record.ts';
export type { OnnxPort } from './graph.ts';
export { decodeOnnxTensor, type ExternalData, type HostTensor, type HostValues } from './hostTensor.ts';
export { loadOnnx, OnnxModule, type OnnxOptions } from './module.ts';
export { type MissingOperation, UnsupportedError } from './unsupported.ts';
export { type OnnxWeightsOptions, readOnnxWeights } from './weights.ts';
