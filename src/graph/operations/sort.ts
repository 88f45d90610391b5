import { sort as sortKernel } from '../../kernels/sort/sort.ts';
import { topk as topkKernel } from '../../kernels/sort/topk.ts';
import { defineOperation } from '../operation.ts';
import { gatheredGradient } from './indexing.ts';

export const sort = defineOperation({
  kernel: sortKernel,
  gradient: ({ inputs: { x }, outputs: { indices }, grads: { values: g } }) => ({
    x: gatheredGradient(x, indices, g, x.shape.length - 1),
  }),
});

export const topk = defineOperation({
  kernel: topkKernel,
  gradient: ({ inputs: { x }, outputs: { indices }, grads: { values: g } }) => ({
    x: gatheredGradient(x, indices, g, x.shape.length - 1),
  }),
});
