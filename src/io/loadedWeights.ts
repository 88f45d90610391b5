import type { FileTensor } from './fileTensor.ts';
import type { Layout } from './layout.ts';
import type { OtherValue } from './torch/walk.ts';

/**
 * A format of weights. `sharded` is an index (`*.index.json`) with the files that it names, `tfjs` a model.json with its files. `darknet` has
 * one tensor, `values`, of all numbers in the order of the file: it names no layers. `onnx` is read by `readOnnxWeights`, the others by `loadWeights`.
 */
export type WeightsFormat =
  | 'safetensors'
  | 'sharded'
  | 'torch'
  | 'torch-legacy'
  | 'torchscript'
  | 'tfjs'
  | 'darknet'
  | 'onnx';

/** Weights of any format, as `loadStateDict` takes them. */
export interface LoadedWeights {
  /** What the file is. */
  readonly format: WeightsFormat;
  /** The file's name. */
  readonly source: string;
  /** The order of the weights' dimensions; undefined where the file does not say. */
  readonly layout: Layout | undefined;
  /** The tensors of the state dict by name, in the types that the file has. */
  readonly tensors: Map<string, FileTensor>;
  /** Everything else in the file by its full name: metadata, numbers, texts, the classes of objects. */
  readonly other: Map<string, OtherValue>;
  /** What was chosen, renamed or left out, one line each. */
  readonly notes: readonly string[];
}
