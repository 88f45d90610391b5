import * as kernels from '../../kernels/losses/crossEntropy.ts';
import { defineOperation } from '../operation.ts';
import { apply } from '../tensor.ts';
import { beforeExpand } from './broadcast.ts';

export const crossEntropyBackward = defineOperation({ kernel: kernels.crossEntropyBackward, gradient: null });

export const crossEntropy = defineOperation({
  kernel: kernels.crossEntropy,
  gradient: ({ inputs: { x, target, weight }, outputs: { stats }, attrs, grads: { loss } }) => {
    const narrow = beforeExpand(loss, []);
    const dy = narrow.size === 1 ? narrow : loss;
    return { x: apply(crossEntropyBackward, { x, target, stats, dy, weight }, attrs).dx };
  },
});
