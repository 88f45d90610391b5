export {
  type Checkpoint,
  loadCheckpoint,
  loadWeights,
  type ModelMetadata,
  saveCheckpoint,
  saveWeights,
  type WeightsFile,
} from './checkpoint.ts';
export { readFileBytes, writeFileAtomic } from './files.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  type SafetensorsFile,
  type StateDict,
  type TensorData,
} from './safetensors.ts';
