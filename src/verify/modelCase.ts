import { DataError } from '../errors.ts';
import { concat } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import type { StateDict } from '../io/safetensors.ts';

/** One case: the parts of its folder. */
export interface ModelCase {
  /** The name of the case, for messages. */
  readonly name: string;
  /** `model.json`: the builder of torchvision, its arguments, and what is computed. */
  readonly description: string;
  /** The state dict under the names of torchvision. */
  readonly weights: StateDict;
  /** Images, and targets for training, by name. */
  readonly inputs: StateDict;
  /** What torchvision computes, by name. */
  readonly expected: StateDict;
}

/** A case without what builds its model. */
export type Parts = Omit<ModelCase, 'description'>;

/** Reads tensors of a file by name. */
export const reader =
  (modelCase: Parts, file: 'inputs' | 'expected') =>
  (name: string): Tensor => {
    const found = modelCase[file].get(name);
    if (found) return tensor(found.data, found.shape);
    throw new DataError(`${modelCase.name}: ${file}.safetensors has no ${name}; make the case again`);
  };

/** Images [H,W,3] of one size as a batch [N,H,W,3]. */
export const batchOf = (images: readonly Tensor[]): Tensor =>
  concat(
    images.map((image) => image.reshape([1, ...image.shape])),
    0,
  );
