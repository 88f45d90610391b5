import { argmax as argmaxKernel } from '../../kernels/reduce/argmax.ts';
import * as cumulative from '../../kernels/reduce/cumulative.ts';
import { amax as amaxKernel, prod as prodKernel } from '../../kernels/reduce/reduce.ts';
import * as kernels from '../../kernels/reduce/softmax.ts';
import { numel } from '../../shape.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply } from '../tensor.ts';
import { expand, inF32, sum, withKeepdim } from './broadcast.ts';
import { div, equal, mul } from './elementwise.ts';
import { pad, permute } from './shape.ts';

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

export const cumsum: OperationOf<typeof cumulative.cumsum> = defineOperation({
  kernel: cumulative.cumsum,
  gradient: ({ attrs: { dim, reverse }, grads: { y: g } }) => ({
    x: apply(cumsum, { x: g }, { dim, reverse: !reverse }).y,
  }),
});

export const cumprodBackward = defineOperation({ kernel: cumulative.cumprodBackward, gradient: null });

// y is computed again in f32 where it was stored in halves, whose products leave their range soon.
export const cumprod: OperationOf<typeof cumulative.cumprod> = defineOperation({
  kernel: cumulative.cumprod,
  gradient: ({ inputs: { x }, outputs: { y }, attrs, grads: { y: g } }) => {
    const precise = y.dtype === 'f32' ? y : apply(cumprod, { x: inF32(x) }, attrs).y;
    return { x: apply(cumprodBackward, { x: inF32(x), y: precise, dy: inF32(g) }, attrs).dx };
  },
});

// Each element's gradient is the product of all others: of those before it and of those after it, which are running
// products. Dividing y by the element would give NaN at zeros.
export const prod = defineOperation({
  kernel: prodKernel,
  gradient: ({ inputs: { x }, attrs: { dims }, grads: { y: g } }) => {
    const kept = x.shape.flatMap((_, i) => (dims.includes(i) ? [] : [i]));
    const order = [...kept, ...dims];
    const moved = apply(permute, { x: inF32(x) }, { dims: order }).y;
    const rows = moved.reshape([numel(kept.map((i) => x.shape[i]!)), numel(dims.map((i) => x.shape[i]!))]);
    const [before, after] = [
      [1, -1],
      [-1, 1],
    ].map(([first, last], i) => {
      const others = apply(
        pad,
        { x: rows },
        {
          padding: [
            [0, 0],
            [first!, last!],
          ],
          value: 1,
        },
      ).y;
      return apply(cumprod, { x: others }, { dim: 1, reverse: i === 1 }).y;
    });
    const slope = apply(mul, { a: before!, b: after! }).y.reshape(moved.shape);
    const back = apply(permute, { x: slope }, { dims: order.map((_, i) => order.indexOf(i)) }).y;
    const full = apply(expand, { x: withKeepdim(x, inF32(g), dims) }, { shape: x.shape }).y;
    return { x: apply(mul, { a: back, b: full }).y };
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
