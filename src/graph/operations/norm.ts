import * as batch from '../../kernels/norm/batchNorm.ts';
import * as group from '../../kernels/norm/groupNorm.ts';
import * as local from '../../kernels/norm/localResponseNorm.ts';
import { defineOperation } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';

/** The gradients of a normalisation by its inputs. */
const byInput = ({ dx, dweight, dbias }: Record<'dx' | 'dweight' | 'dbias', Tensor>) => ({
  x: dx,
  weight: dweight,
  bias: dbias,
});

export const batchNormBackward = defineOperation({
  kernel: batch.batchNormBackward,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.batchNormBackwardStrategies),
  gradient: null,
});

export const batchNorm = defineOperation({
  kernel: batch.batchNorm,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.batchNormStrategies),
  gradient: ({ inputs: { x, weight }, outputs: { mean, invstd }, grads: { y: dy } }) =>
    byInput(apply(batchNormBackward, { dy, x, weight, mean, invstd })),
});

export const groupNormBackward = defineOperation({
  kernel: group.groupNormBackward,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.groupNormBackwardStrategies),
  gradient: null,
});

export const groupNorm = defineOperation({
  kernel: group.groupNorm,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.groupNormStrategies),
  gradient: ({ inputs: { x, weight }, outputs: { mean, invstd }, grads: { y: dy }, attrs }) => {
    const { numGroups, levels } = attrs;
    return byInput(apply(groupNormBackward, { dy, x, weight, mean, invstd }, { numGroups, levels }));
  },
});

export const localResponseNormBackward = defineOperation({
  kernel: local.localResponseNormBackward,
  gradient: null,
});

export const localResponseNorm = defineOperation({
  kernel: local.localResponseNorm,
  gradient: ({ inputs: { x }, attrs, grads: { y: dy } }) => ({
    x: apply(localResponseNormBackward, { dy, x }, attrs).dx,
  }),
});
