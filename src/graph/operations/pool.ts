import * as average from '../../kernels/pool/avgPool2d.ts';
import * as max from '../../kernels/pool/maxPool2d.ts';
import { maxPool2dBackwardStrategies, maxPool2dStrategies } from '../../kernels/strategiesAlone.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply } from '../tensor.ts';
import { imageSize } from './image.ts';

// A mean over windows is linear in x, so that the backward operation is the transposed map, and the gradient of that is
// the pooling itself.
export const avgPool2d: OperationOf<typeof average.avgPool2d> = defineOperation({
  kernel: average.avgPool2d,
  strategies: average.avgPool2dStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(avgPool2dBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const avgPool2dBackward: OperationOf<typeof average.avgPool2dBackward> = defineOperation({
  kernel: average.avgPool2dBackward,
  strategies: average.avgPool2dStrategies.backward,
  gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
    dy: apply(avgPool2d, { x: g }, attrs).y,
  }),
});

export const adaptiveAvgPool2d: OperationOf<typeof average.adaptiveAvgPool2d> = defineOperation({
  kernel: average.adaptiveAvgPool2d,
  strategies: average.adaptiveAvgPool2dStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(adaptiveAvgPool2dBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const adaptiveAvgPool2dBackward: OperationOf<typeof average.adaptiveAvgPool2dBackward> =
  defineOperation({
    kernel: average.adaptiveAvgPool2dBackward,
    strategies: average.adaptiveAvgPool2dStrategies.backward,
    gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
      dy: apply(adaptiveAvgPool2d, { x: g }, attrs).y,
    }),
  });

export const maxPool2dBackward = defineOperation({
  kernel: max.maxPool2dBackward,
  strategies: maxPool2dBackwardStrategies,
  gradient: null,
});

export const maxPool2d = defineOperation({
  kernel: max.maxPool2d,
  strategies: maxPool2dStrategies,
  gradient: ({ inputs: { x }, outputs: { indices }, attrs, grads: { y: g } }) => ({
    x: apply(maxPool2dBackward, { dy: g, indices }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
