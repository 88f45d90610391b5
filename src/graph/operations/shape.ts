import { concat as concatKernel } from '../../kernels/shape/concat.ts';
import * as gather from '../../kernels/shape/gatherRows.ts';
import { oneHot as oneHotKernel } from '../../kernels/shape/oneHot.ts';
import { rand as randKernel } from '../../kernels/shape/rand.ts';
import * as copy from '../../kernels/shape/stridedCopy.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';

export const permute: OperationOf<typeof copy.permute> = defineOperation({
  kernel: copy.permute,
  gradient: ({ attrs: { dims }, grads: { y: g } }) => ({
    x: apply(permute, { x: g }, { dims: dims.map((_, i) => dims.indexOf(i)) }).y,
  }),
});

/** The last two dimensions swapped. */
export function transposed(x: Tensor): Tensor {
  const rank = x.shape.length;
  const dims = x.shape.map((_, i) => (i === rank - 2 ? rank - 1 : i === rank - 1 ? rank - 2 : i));
  return apply(permute, { x }, { dims }).y;
}

export const sliceBackward = defineOperation({ kernel: copy.sliceBackward, gradient: null });

export const slice = defineOperation({
  kernel: copy.slice,
  gradient: ({ inputs: { x }, attrs: { starts, steps }, grads: { y: g } }) => ({
    x: apply(sliceBackward, { dy: g }, { starts, steps, inputShape: x.shape }).dx,
  }),
});

// Negative padding crops, so the gradient pads by the opposite amounts.
export const pad: OperationOf<typeof copy.pad> = defineOperation({
  kernel: copy.pad,
  gradient: ({ attrs: { padding }, grads: { y: g } }) => ({
    x: apply(pad, { x: g }, { padding: padding.map(([a, b]) => [-a, -b] as const), value: 0 }).y,
  }),
});

export const flip: OperationOf<typeof copy.flip> = defineOperation({
  kernel: copy.flip,
  gradient: ({ attrs, grads: { y: g } }) => ({ x: apply(flip, { x: g }, attrs).y }),
});

export const concat = defineOperation({
  kernel: concatKernel,
  gradient: ({ inputs, attrs: { dim }, grads: { y: g } }) => {
    let start = 0;
    const result: Record<string, Tensor> = {};
    for (const [name, input] of Object.entries(inputs)) {
      const starts = input.shape.map((_, i) => (i === dim ? start : 0));
      const steps = input.shape.map(() => 1);
      result[name] = apply(slice, { x: g }, { starts, steps, sizes: input.shape }).y;
      start += input.shape[dim]!;
    }
    return result;
  },
});

export const gatherRowsBackward = defineOperation({ kernel: gather.gatherRowsBackward, gradient: null });

export const gatherRows = defineOperation({
  kernel: gather.gatherRows,
  gradient: ({ inputs: { x, index }, attrs: { batchDims }, grads: { y: g } }) => ({
    x: apply(gatherRowsBackward, { dy: g, index }, { batchDims, rows: x.shape[batchDims]! }).dx,
  }),
});

export const oneHot = defineOperation({ kernel: oneHotKernel, gradient: null });
export const rand = defineOperation({ kernel: randKernel, gradient: null });
