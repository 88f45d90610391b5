import * as filters from '../../kernels/image/imageFilters.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply } from '../tensor.ts';
import { imageSize } from './image.ts';

// As in image.ts, each backward operation is the transposed map. In a file of their own: few networks have them.
export const pyrDown: OperationOf<typeof filters.pyrDown> = defineOperation({
  kernel: filters.pyrDown,
  strategies: filters.pyrDownStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(pyrDownBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const pyrDownBackward: OperationOf<typeof filters.pyrDownBackward> = defineOperation({
  kernel: filters.pyrDownBackward,
  strategies: filters.pyrDownStrategies.backward,
  gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
    dy: apply(pyrDown, { x: g }, attrs).y,
  }),
});

export const pyrUp: OperationOf<typeof filters.pyrUp> = defineOperation({
  kernel: filters.pyrUp,
  strategies: filters.pyrUpStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(pyrUpBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const pyrUpBackward: OperationOf<typeof filters.pyrUpBackward> = defineOperation({
  kernel: filters.pyrUpBackward,
  strategies: filters.pyrUpStrategies.backward,
  gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
    dy: apply(pyrUp, { x: g }, attrs).y,
  }),
});

export const gaussianBlur: OperationOf<typeof filters.gaussianBlur> = defineOperation({
  kernel: filters.gaussianBlur,
  strategies: filters.gaussianBlurStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(gaussianBlurBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const gaussianBlurBackward: OperationOf<typeof filters.gaussianBlurBackward> = defineOperation({
  kernel: filters.gaussianBlurBackward,
  strategies: filters.gaussianBlurStrategies.backward,
  gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
    dy: apply(gaussianBlur, { x: g }, attrs).y,
  }),
});
