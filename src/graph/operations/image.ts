import * as filters from '../../kernels/image/imageFilters.ts';
import * as resize from '../../kernels/image/interpolate.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';

/** Height and width of x [N,H,W,C]. */
export const imageSize = ({ shape }: Tensor): [number, number] => [shape[1]!, shape[2]!];

// Resampling is linear in x: each backward operation is the transposed map, and the gradient of that is the resampling.
export const interpolate: OperationOf<typeof resize.interpolate> = defineOperation({
  kernel: resize.interpolate,
  strategies: resize.interpolateStrategies.forward,
  gradient: ({ inputs: { x }, attrs, grads: { y: g } }) => ({
    x: apply(interpolateBackward, { dy: g }, { ...attrs, inputSize: imageSize(x) }).dx,
  }),
});
export const interpolateBackward: OperationOf<typeof resize.interpolateBackward> = defineOperation({
  kernel: resize.interpolateBackward,
  strategies: resize.interpolateStrategies.backward,
  gradient: ({ attrs: { inputSize: _, ...attrs }, grads: { dx: g } }) => ({
    dy: apply(interpolate, { x: g }, attrs).y,
  }),
});

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
