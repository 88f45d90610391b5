import { cdist as cdistKernel } from '../../kernels/matrix/cdist.ts';
import { hammingDistance as hamming } from '../../kernels/matrix/hammingDistance.ts';
import * as kernels from '../../kernels/matrix/matmul.ts';
import { cdistStrategies } from '../../kernels/strategiesAlone.ts';
import { numel } from '../../shape.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, full, type Tensor } from '../tensor.ts';
import { channelSum, sum, sumTo } from './broadcast.ts';
import { conv2dBackwardWeight } from './conv.ts';
import { div, equal, mul, sub, where } from './elementwise.ts';
import { transposed } from './shape.ts';

export const linear: OperationOf<typeof kernels.linear> = defineOperation({
  kernel: kernels.linear,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.linearStrategies),
  gradient: ({ inputs: { x, weight }, grads: { y: g }, wants }) => {
    const [I, O] = weight.shape as [number, number];
    const rows = numel(x.shape.slice(0, -1));
    // The rows are the pixels of one image; without rows there is no image, since no kernel fits into an image without pixels.
    const images = rows === 0 ? [0, 1, 1] : [1, 1, rows];
    const image = (t: Tensor, channels: number) => t.reshape([...images, channels]);
    return {
      x: wants('x') ? apply(linear, { x: g, weight: transposed(weight) }).y : undefined,
      // As the filter gradient of a 1x1 convolution: it splits the sum over many rows.
      weight: wants('weight')
        ? apply(conv2dBackwardWeight, { x: image(x, I), dy: image(g, O) }, { kernelSize: 1 }).dw.reshape([
            I,
            O,
          ])
        : undefined,
      bias: wants('bias') ? channelSum(g) : undefined,
    };
  },
});

export const matmul: OperationOf<typeof kernels.matmul> = defineOperation({
  kernel: kernels.matmul,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.matmulStrategies),
  gradient: ({ inputs: { a, b }, grads: { y: g }, wants }) => ({
    a: wants('a') ? sumTo(apply(matmul, { a: g, b: transposed(b) }).y, a.shape) : undefined,
    b: wants('b') ? sumTo(apply(matmul, { a: transposed(a), b: g }).y, b.shape) : undefined,
  }),
});

export const hammingDistance = defineOperation({ kernel: hamming, gradient: null });

/** Σ w[n, m] (x[n] - others[m]) over m. */
function pull(x: Tensor, others: Tensor, w: Tensor): Tensor {
  const total = apply(sum, { x: w }, { dims: [1], keepdim: true }).y;
  return apply(sub, { a: apply(mul, { a: x, b: total }).y, b: apply(matmul, { a: w, b: others }).y }).y;
}

export const cdist: OperationOf<typeof cdistKernel> = defineOperation({
  kernel: cdistKernel,
  strategies: cdistStrategies,
  gradient: ({ inputs: { a, b }, outputs: { y }, grads: { y: g }, wants }) => {
    // Rows that are equal pull nothing, as in PyTorch.
    const none = full([], 0);
    const same = apply(equal, { a: y, b: none }).y;
    const w = apply(where, { condition: same, a: none, b: apply(div, { a: g, b: y }).y }).y;
    return {
      a: wants('a') ? pull(a, b, w) : undefined,
      b: wants('b') ? pull(b, a, transposed(w)) : undefined,
    };
  },
});
