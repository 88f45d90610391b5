import { argmax as argmaxKernel } from '../../kernels/reduce/argmax.ts';
import { amax as amaxKernel } from '../../kernels/reduce/reduce.ts';
import * as kernels from '../../kernels/reduce/softmax.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply } from '../tensor.ts';
import { inF32, sum, withKeepdim } from './broadcast.ts';
import { div, equal, mul } from './elementwise.ts';

// Where several elements are the maximum they share the gradient equally, as in PyTorch.
export const amax = defineOperation({
  kernel: amaxKernel,
  gradient: ({ inputs: { x }, outputs: { y }, attrs: { dims }, grads: { y: g } }) => {
    const top = apply(equal, { a: x, b: withKeepdim(x, y, dims) }).y;
    const count = apply(sum, { x: top }, { dims, keepdim: true }).y;
    const share = apply(div, { a: withKeepdim(x, g, dims), b: count }).y;
    return { x: apply(mul, { a: top, b: share }).y };
  },
});

export const argmax = defineOperation({ kernel: argmaxKernel, gradient: null });

export const softmaxBackward = defineOperation({ kernel: kernels.softmaxBackward, gradient: null });
export const logSoftmaxBackward = defineOperation({ kernel: kernels.logSoftmaxBackward, gradient: null });

// The difference in y (g - sum(g y)) cancels where one class has nearly all, so y is computed again in f32 where it was
// stored in halves.
export const softmax: OperationOf<typeof kernels.softmax> = defineOperation({
  kernel: kernels.softmax,
  gradient: ({ inputs: { x }, outputs: { y }, grads: { y: dy } }) => {
    const precise = y.dtype === 'f32' ? y : apply(softmax, { x: inF32(x) }).y;
    return { x: apply(softmaxBackward, { dy, y: precise }).dx };
  },
});

export const logSoftmax: OperationOf<typeof kernels.logSoftmax> = defineOperation({
  kernel: kernels.logSoftmax,
  gradient: ({ inputs: { x }, outputs: { y }, grads: { y: dy } }) => {
    const precise = y.dtype === 'f32' ? y : apply(logSoftmax, { x: inF32(x) }).y;
    return { x: apply(logSoftmaxBackward, { dy, y: precise }).dx };
  },
});
