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
