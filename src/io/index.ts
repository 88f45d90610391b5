/**
 * Files of weights: safetensors, PyTorch's files, and the weights and checkpoints that training writes.
 *
 * @module
 */

export { cacheFolder } from '../cacheFolder.ts';
export { parseJson, type TextPlace } from '../json.ts';
export {
  type Checkpoint,
  decodeWeights,
  encodeCheckpoint,
  encodeWeights,
  loadCheckpoint,
  type ModelMetadata,
  saveCheckpoint,
  saveWeights,
  type WeightsFile,
} from './checkpoint.ts';
export { type FileStorage, fileStorage } from './fileStorage.ts';
export { type FileContent, readFileBytes, writeFileAtomic } from './files.ts';
export type { FileData, FileDType, FileTensor, WeightOrder } from './fileTensor.ts';
export type { LoadedWeights, WeightsFormat } from './loadedWeights.ts';
export { type LoadWeightsOptions, loadWeights } from './loadWeights.ts';
export { decodeNpy, encodeNpy, isNpy, npyFloats } from './npy.ts';
export { type OtherFormat, otherFormatOf } from './otherFormats.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  readSafetensors,
  type SafetensorsContent,
  type SafetensorsFile,
  type StateDict,
  type TensorData,
} from './safetensors.ts';
export { readTorch, type TorchFile } from './torch/read.ts';
export type { OpaqueRecord, OtherValue } from './torch/walk.ts';
export { writeTorch } from './torch/write.ts';
