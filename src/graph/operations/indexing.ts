import * as kernels from '../../kernels/shape/gather.ts';
import * as scatterKernels from '../../kernels/shape/scatter.ts';
import type { DType, Shape } from '../../shape.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, full, type Tensor, tensor } from '../tensor.ts';
import { castTo, expand } from './broadcast.ts';
import { equal, mul } from './elementwise.ts';

const filled = (shape: Shape, value: number, dtype: DType): Tensor =>
  apply(expand, { x: full([], value, dtype) }, { shape }).y;

/** The gradient of elements that were gathered: each is added where it came from. */
export const gatheredGradient = (x: Tensor, index: Tensor, g: Tensor, dim: number): Tensor =>
  apply(scatterAdd, { x: filled(x.shape, 0, g.dtype), index, src: g }, { dim }).y;

export const gather: OperationOf<typeof kernels.gather> = defineOperation({
  kernel: kernels.gather,
  gradient: ({ inputs: { x, index }, attrs: { dim }, grads: { y: g } }) => ({
    x: gatheredGradient(x, index, g, dim),
  }),
});

export const scatterAdd: OperationOf<typeof scatterKernels.scatterAdd> = defineOperation({
  kernel: scatterKernels.scatterAdd,
  gradient: ({ inputs: { index }, attrs, grads: { y: g }, wants }) => ({
    x: g,
    ...(wants('src') ? { src: apply(gather, { x: g, index }, attrs).y } : {}),
  }),
});

/** 1 where an element of src is in the result of scatter, 0 where a later one of the same index is. */
function isLast(x: Tensor, index: Tensor, dim: number): Tensor {
  const count = index.shape[dim]!;
  const numbers = tensor(Int32Array.from({ length: count }, (_, m) => m)).reshape(
    index.shape.map((_, i) => (i === dim ? count : 1)),
  );
  const src = apply(expand, { x: numbers }, { shape: index.shape }).y;
  const last = apply(scatter, { x: filled(x.shape, -1, 'i32'), index, src }, { dim }).y;
  return apply(equal, { a: apply(gather, { x: last, index }, { dim }).y, b: src }).y;
}

export const scatter: OperationOf<typeof scatterKernels.scatter> = defineOperation({
  kernel: scatterKernels.scatter,
  gradient: ({ inputs: { x, index, src }, attrs, grads: { y: g }, wants }) => {
    const result: { x?: Tensor; src?: Tensor } = {};
    if (wants('x')) {
      result.x = apply(scatter, { x: g, index, src: filled(src.shape, 0, g.dtype) }, attrs).y;
    }
    if (wants('src')) {
      const last = castTo(isLast(x, index, attrs.dim), g.dtype);
      result.src = apply(mul, { a: apply(gather, { x: g, index }, attrs).y, b: last }).y;
    }
    return result;
  },
});
