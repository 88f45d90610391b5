import * as kernels from '../../kernels/conv/conv2d.ts';
import {
  type ConvTranspose2dAttrs,
  convTranspose2d as transposed,
} from '../../kernels/conv/convTranspose2d.ts';
import type { Shape } from '../../shape.ts';
import { defineOperation, type OperationOf } from '../operation.ts';
import { apply, type Tensor } from '../tensor.ts';
import { channelSum } from './broadcast.ts';
import { pad } from './shape.ts';

const sizeOf = ({ shape }: Tensor): [number, number] => [shape[0]!, shape[1]!];

/** What the transposed convolution must add to its output's size to arrive at this one. */
function outputPaddingOf(
  size: Shape,
  dy: Tensor,
  weight: Tensor,
  { stride, padding, dilation }: Omit<ConvTranspose2dAttrs, 'outputPadding'>,
): [number, number] {
  const along = (axis: 0 | 1) => {
    const extent = dilation[axis] * (weight.shape[axis]! - 1) + 1;
    const reached = (dy.shape[axis + 1]! - 1) * stride[axis] - 2 * padding[axis] + extent;
    return size[axis + 1]! - reached;
  };
  return [along(0), along(1)];
}

/** x with this many more rows and columns of zeros at the end; negative numbers crop. */
function extended(x: Tensor, [rows, columns]: readonly [number, number]): Tensor {
  if (rows === 0 && columns === 0) return x;
  const padding = [
    [0, 0],
    [0, rows],
    [0, columns],
    [0, 0],
  ] as const;
  return apply(pad, { x }, { padding, value: 0 }).y;
}

export const conv2dBackwardWeight: OperationOf<typeof kernels.conv2dBackwardWeight> = defineOperation({
  kernel: kernels.conv2dBackwardWeight,
  strategies: () =>
    import('../../kernels/strategies.ts').then((table) => table.conv2dBackwardWeightStrategies),
  // dw is linear in x and in dy: as for a convolution whose weight is what arrives.
  gradient: ({ inputs: { x, dy }, attrs: { kernelSize: _, ...attrs }, grads: { dw: weight }, wants }) => ({
    x: wants('x') ? gradientOfImage(x, dy, weight, attrs) : undefined,
    dy: wants('dy') ? apply(conv2d, { x, weight }, attrs).y : undefined,
  }),
});

/** d (conv2d of x · dy) / d x. */
const gradientOfImage = (
  x: Tensor,
  dy: Tensor,
  weight: Tensor,
  attrs: Omit<ConvTranspose2dAttrs, 'outputPadding'>,
): Tensor =>
  apply(
    convTranspose2d,
    { x: dy, weight },
    { ...attrs, outputPadding: outputPaddingOf(x.shape, dy, weight, attrs) },
  ).y;

export const conv2d: OperationOf<typeof kernels.conv2d> = defineOperation({
  kernel: kernels.conv2d,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.conv2dStrategies),
  gradient: ({ inputs: { x, weight }, attrs, grads: { y: g }, wants }) => ({
    x: wants('x') ? gradientOfImage(x, g, weight, attrs) : undefined,
    weight: wants('weight')
      ? apply(conv2dBackwardWeight, { x, dy: g }, { ...attrs, kernelSize: sizeOf(weight) }).dw
      : undefined,
    bias: wants('bias') ? channelSum(g) : undefined,
  }),
});

export const convTranspose2d: OperationOf<typeof transposed> = defineOperation({
  kernel: transposed,
  strategies: () => import('../../kernels/strategies.ts').then((table) => table.convTranspose2dStrategies),
  gradient: ({ inputs: { x, weight }, attrs, grads: { y: g }, wants }) => {
    const { outputPadding, ...conv } = attrs;
    const kernelSize = sizeOf(weight);
    // Whole strides of output padding: the convolution of g has rows there that x does not have.
    const rows = Math.floor(outputPadding[0] / attrs.stride[0]);
    const columns = Math.floor(outputPadding[1] / attrs.stride[1]);
    return {
      x: wants('x') ? extended(apply(conv2d, { x: g, weight }, conv).y, [-rows, -columns]) : undefined,
      weight: wants('weight')
        ? apply(conv2dBackwardWeight, { x: g, dy: extended(x, [rows, columns]) }, { ...conv, kernelSize }).dw
        : undefined,
      bias: wants('bias') ? channelSum(g) : undefined,
    };
  },
});
