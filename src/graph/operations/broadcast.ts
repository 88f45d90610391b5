// Broadcasting and what undoes it. `expand` and `sum` are each other's gradients, so they share a file; nearly every other
// gradient is built on them.
import * as kernels from '../../kernels/elementwise/cast.ts';
import { indexMode } from '../../kernels/elementwise/fused.ts';
import { sum as sumKernel } from '../../kernels/reduce/reduce.ts';
import { expand as expandKernel } from '../../kernels/shape/stridedCopy.ts';
import type { DType, Shape } from '../../shape.ts';
import { defineOperation } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';

// Between floats the gradient goes back as it is (`backward` casts it to the input's dtype); integers have none.
export const cast = defineOperation({
  kernel: kernels.cast,
  gradient: ({ grads: { y: g } }) => ({ x: g }),
});

export const expand = defineOperation({
  kernel: expandKernel,
  gradient: ({ inputs: { x }, grads: { y: g } }) => ({ x: sumTo(g, x.shape) }),
});

export const sum = defineOperation({
  kernel: sumKernel,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(expand, { x: withKeepdim(x, g, attrs.dims) }, { shape: x.shape }).y,
  }),
});

/** A reduced tensor with the dimensions that were reduced, of size 1. */
export const withKeepdim = (x: Tensor, reduced: Tensor, dims: readonly number[]): Tensor =>
  reduced.reshape(x.shape.map((size, i) => (dims.includes(i) ? 1 : size)));

/** The sum of a gradient over the dimensions that broadcasting added or stretched. */
export function sumTo(g: Tensor, shape: Shape): Tensor {
  const lead = g.shape.length - shape.length;
  const dims = g.shape.flatMap((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? [i] : []));
  if (dims.length === 0) return g.reshape(shape);
  return apply(sum, { x: g }, { dims, keepdim: false }).y.reshape(shape);
}

/** The sum over all dimensions but the last: the gradient of a bias. */
export const channelSum = (g: Tensor): Tensor =>
  apply(sum, { x: g }, { dims: g.shape.slice(0, -1).map((_, i) => i), keepdim: false }).y;

/**
 * What a gradient was expanded from, as that of a sum is, where an operation on it and these others can read that instead:
 * the expanded tensor need not be written then, and what is computed from it alone is computed once.
 */
export function beforeExpand(g: Tensor, others: readonly Tensor[]): Tensor {
  if (g.origin.kind !== 'op' || g.origin.node.operation.kernel.name !== expandKernel.name) return g;
  const x = g.origin.node.inputs.x!;
  const reads = indexMode(x.shape, g.shape) !== undefined && others.every(({ dtype }) => dtype === g.dtype);
  return reads ? x : g;
}

/** A tensor in another dtype; itself where it has that dtype. */
export const castTo = (x: Tensor, dtype: DType): Tensor =>
  x.dtype === dtype ? x : apply(cast, { x }, { dtype }).y;

/** Floats in f32, for what f16 would overflow or round too much on the way. */
export const inF32 = (x: Tensor): Tensor => castTo(x, 'f32');
