import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, sameShape, type TensorSpec } from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import {
  expectGradient,
  expectSize2,
  imageDims,
  pixelDims,
  poolOutputSize,
  type Size2,
  size2,
} from '../spatial.ts';
import { maxPool2dBackwardStrategies, maxPool2dStrategies } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import type { MaxPool2dAttrs, MaxPool2dBackwardAttrs } from './maxPoolProblem.ts';

export type { MaxPool2dAttrs, MaxPool2dBackwardAttrs };

const maxPool2dAttrs = ({
  kernelSize,
  stride = kernelSize,
  padding = 0,
  dilation = 1,
  ceilMode = false,
}: Given<MaxPool2dAttrs, 'kernelSize'>): MaxPool2dAttrs => ({
  kernelSize: size2(kernelSize),
  stride: size2(stride),
  padding: size2(padding),
  dilation: size2(dilation),
  ceilMode,
});

function outputSize(op: string, input: Size2, attrs: MaxPool2dAttrs): Size2 {
  const { kernelSize, stride, padding, dilation, ceilMode } = attrs;
  expectSize2(op, 'kernelSize', kernelSize, 1);
  expectSize2(op, 'stride', stride, 1);
  expectSize2(op, 'padding', padding, 0);
  expectSize2(op, 'dilation', dilation, 1);
  const size = (k: 0 | 1) =>
    poolOutputSize(op, input[k], {
      kernel: kernelSize[k],
      stride: stride[k],
      padding: padding[k],
      dilation: dilation[k],
      ceil: ceilMode,
    });
  return [size(0), size(1)];
}

/**
 * Maxima of sliding windows, as `torch.nn.functional.max_pool2d` with `return_indices`. x: [N,H,W,C];
 * y: [N,OH,OW,C] with `OH = floor((H + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1`
 * (ceilMode: rounded up, less a window that would begin past the input and its left padding); indices: i32
 * [N,OH,OW,C], the maximum's `h * W + w`. Padding is no candidate. The first of equal maxima wins, and the last
 * NaN over everything; -0 equals +0. A window with no pixel at all (dilation can step over a small image)
 * gives -inf and index -1. Throws ShapeError for a padding over half of the kernel, and where no window fits.
 */
export const maxPool2d = defineKernel({
  name: 'max_pool2d',
  inputs: ['x'],
  outputs: ['y', 'indices'],
  attributes: maxPool2dAttrs,
  infer({ x }, attrs: MaxPool2dAttrs) {
    const [n, h, w, c] = pixelDims('max_pool2d', 'x', x);
    const shape = [n, ...outputSize('max_pool2d', [h, w], attrs), c];
    const indices: TensorSpec = { shape, dtype: 'i32' };
    return { y: { shape, dtype: x.dtype }, indices };
  },
  dispatches: (...given) => planAlone(maxPool2dStrategies, ...given),
});

/**
 * The gradient of max_pool2d to x: each dy goes to the pixel that its index names. dy: [N,OH,OW,C];
 * indices: i32 [N,OH,OW,C] from the forward operation; dx: [N,H,W,C]. An index outside its own window
 * (-1) adds nothing.
 */
export const maxPool2dBackward = defineKernel({
  name: 'max_pool2d_backward',
  inputs: ['dy', 'indices'],
  outputs: ['dx'],
  attributes: ({
    inputSize,
    ...pool
  }: Given<MaxPool2dBackwardAttrs, 'kernelSize' | 'inputSize'>): MaxPool2dBackwardAttrs => ({
    ...maxPool2dAttrs(pool),
    inputSize: size2(inputSize),
  }),
  infer({ dy, indices }, attrs: MaxPool2dBackwardAttrs) {
    const op = 'max_pool2d_backward';
    expectSize2(op, 'inputSize', attrs.inputSize, 1);
    const [n, , , c] = imageDims(op, 'dy', dy);
    expectGradient(op, dy, [n, ...outputSize(op, attrs.inputSize, attrs), c]);
    expectDType(op, 'indices', indices, 'i32');
    if (!sameShape(dy.shape, indices.shape)) {
      throw new ShapeError(
        `${op}: ${formatSpec('dy', dy)} and ${formatSpec('indices', indices)} differ in shape; pass the indices of the same max_pool2d`,
      );
    }
    return { dx: { shape: [n, ...attrs.inputSize, c], dtype: dy.dtype } };
  },
  dispatches: (...given) => planAlone(maxPool2dBackwardStrategies, ...given),
});
