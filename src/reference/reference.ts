import type { Kernel } from '../kernels/kernel.ts';
import type { DType, Shape, TensorSpec } from '../shape.ts';

/** Values on the CPU: floats in float64, whatever their dtype on the GPU. */
export type RefArray = Float64Array | Int32Array | Uint32Array;

/** A tensor on the CPU, as references take it. */
export interface RefTensor {
  /** The size of each dimension. */
  readonly shape: Shape;
  /** The dtype that it has on the GPU. */
  readonly dtype: DType;
  /** The elements in row-major order. */
  readonly data: RefArray;
}

/** A reference's inputs by name: `I`, and `O` where they are given. */
export type RefInputs<I extends string, O extends string> = { readonly [K in I]: RefTensor } & {
  readonly [K in O]?: RefTensor;
};

/**
 * The plain meaning of one operation: loops over typed arrays. `outputs` are the specs that the kernel's
 * shape rule gave; the result holds one array for each. (A method, so that one for particular names and attributes is
 * assignable to one for any.)
 */
export type Reference<
  I extends string = string,
  O extends string = string,
  Y extends string = string,
  A extends object = object,
> = {
  /** Computes the outputs by name. */
  reference(
    inputs: RefInputs<I, O>,
    attrs: A,
    outputs: { readonly [K in Y]: TensorSpec },
  ): { readonly [K in Y]: RefArray };
}['reference'];

/** The reference of a kernel. */
export type KernelReference<K> =
  K extends Kernel<infer I, infer O, infer Y, infer A, infer _> ? Reference<I, O, Y, A> : never;

/** A zeroed array for a spec. */
export function refArray(spec: TensorSpec): RefArray {
  const length = spec.shape.reduce((product, size) => product * size, 1);
  if (spec.dtype === 'i32') return new Int32Array(length);
  if (spec.dtype === 'u32') return new Uint32Array(length);
  return new Float64Array(length);
}
