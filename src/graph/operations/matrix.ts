import { cdist as cdistKernel } from '../../kernels/matrix/cdist.ts';
import { hammingDistance as hamming } from '../../kernels/matrix/hammingDistance.ts';
import * as kernels from '../../kernels/matrix/matmul.ts';
import { numel } from '../../shape.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, full, type Tensor } from '../tensor.ts';
import { channelSum, sum, sumTo } from './broadcast.ts';
import { conv2dBackwardWeight } from './conv.ts';
import { div, equal, mul, sign, sub, where } from './elementwise.ts';
import { concat, slice, transposed } from './shape.ts';

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

/** Elements of differences that are in memory at a time. */
const DIFFERENCES = 2 ** 22;

/** Σ w[n, m] sign(x[n] - others[m]) over m, for some rows at a time. */
function pullBySigns(x: Tensor, others: Tensor, w: Tensor): Tensor {
  const [N, D] = x.shape as [number, number];
  const M = others.shape[0]!;
  const step = Math.max(1, Math.floor(DIFFERENCES / Math.max(1, M * D)));
  const parts: Tensor[] = [];
  const rowsOf = (from: Tensor, start: number, rows: number, shape: readonly number[]) => {
    const sizes = [rows, from.shape[1]!];
    return apply(slice, { x: from }, { starts: [start, 0], steps: [1, 1], sizes }).y.reshape(shape);
  };
  for (let start = 0; start < Math.max(1, N); start += step) {
    const rows = Math.min(step, N - start);
    const a = rowsOf(x, start, rows, [rows, 1, D]);
    const signs = apply(sign, { x: apply(sub, { a, b: others.reshape([1, M, D]) }).y }).y;
    const weighed = apply(mul, { a: signs, b: rowsOf(w, start, rows, [rows, M, 1]) }).y;
    parts.push(apply(sum, { x: weighed }, { dims: [1], keepdim: false }).y);
  }
  if (parts.length === 1) return parts[0]!;
  return apply(concat, Object.fromEntries(parts.map((part, i) => [`x${i}`, part])), { dim: 0 }).y;
}

export const cdist: OperationOf<typeof cdistKernel> = defineOperation({
  kernel: cdistKernel,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.cdistStrategies),
  gradient: ({ inputs: { a, b }, outputs: { y }, attrs: { p = 2 }, grads: { y: g }, wants }) => {
    if (p === 1) {
      return {
        a: wants('a') ? pullBySigns(a, b, g) : undefined,
        b: wants('b') ? pullBySigns(b, a, transposed(g)) : undefined,
      };
    }
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
