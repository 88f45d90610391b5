import { sort as sortKernel } from '../../kernels/sort/sort.ts';
import { topk as topkKernel } from '../../kernels/sort/topk.ts';
import { numel } from '../../shape.ts';
import { defineOperation } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';
import { gatherRowsBackward } from './shape.ts';

/** Sorted values are rows gathered by their indices; every leading row is a batch of its own. */
function gatheredGradient(x: Tensor, indices: Tensor, g: Tensor): Tensor {
  const rows = numel(x.shape.slice(0, -1));
  const k = indices.shape.at(-1)!;
  const dy = g.reshape([rows, k, 1]);
  const index = indices.reshape([rows, k]);
  const options = { batchDims: 1, rows: x.shape.at(-1)! } as const;
  return apply(gatherRowsBackward, { dy, index }, options).dx.reshape(x.shape);
}

export const sort = defineOperation({
  kernel: sortKernel,
  gradient: ({ inputs: { x }, outputs: { indices }, grads: { values: g } }) => ({
    x: gatheredGradient(x, indices, g),
  }),
});

export const topk = defineOperation({
  kernel: topkKernel,
  gradient: ({ inputs: { x }, outputs: { indices }, grads: { values: g } }) => ({
    x: gatheredGradient(x, indices, g),
  }),
});
