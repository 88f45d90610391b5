import { ShapeError } from '../../errors.ts';
import { expectFloats, formatSpec } from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import { expectSize2, imageDims, type Size2, size2 } from '../spatial.ts';
import { conv2dAlone, conv2dBackwardWeightAlone } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import {
  type Conv2dAttrs,
  type Conv2dBackwardWeightAttrs,
  checkAttrs,
  checkBias,
  conv2dAttrs,
} from './convProblem.ts';

export type { Conv2dAttrs, Conv2dBackwardWeightAttrs };

/** floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, on each axis. */
function outputSize(op: string, size: Size2, kernel: Size2, attrs: Conv2dAttrs): [number, number] {
  return [0, 1].map((axis) => {
    const extent = attrs.dilation[axis]! * (kernel[axis]! - 1) + 1;
    const out = Math.floor((size[axis]! + 2 * attrs.padding[axis]! - extent) / attrs.stride[axis]!) + 1;
    if (out < 1) {
      throw new ShapeError(
        `${op}: a kernel of ${kernel[axis]} with dilation ${attrs.dilation[axis]} does not fit into ${size[axis]} pixels with padding ${attrs.padding[axis]}; pad more`,
      );
    }
    return out;
  }) as [number, number];
}

/**
 * Convolution (cross-correlation, as PyTorch's conv2d):
 * `y[n,oh,ow,o] = bias[o] + sum over kh, kw, i of x[n, oh*sh - ph + kh*dh, ow*sw - pw + kw*dw, i] * weight[kh,kw,i,o]`,
 * x being zero outside. x: [N,H,W,I]; weight: [kh,kw,I/groups,O]; bias: [O]; y: [N,OH,OW,O].
 * Groups split the channels of x and y into equal runs. Throws ShapeError where channels, groups or sizes do not fit.
 */
export const conv2d = defineKernel({
  name: 'conv2d',
  inputs: ['x', 'weight'],
  optional: ['bias'],
  outputs: ['y'],
  attributes: conv2dAttrs,
  infer({ x, weight, bias }, attrs: Conv2dAttrs) {
    checkAttrs('conv2d', attrs);
    const [N, H, W, C] = imageDims('conv2d', 'x', x);
    expectFloats('conv2d', { x, weight, bias });
    if (weight.shape.length !== 4) {
      throw new ShapeError(`conv2d: ${formatSpec('weight', weight)} must be [kh,kw,I/groups,O]`);
    }
    const [kh, kw, IG, O] = weight.shape as [number, number, number, number];
    if (IG * attrs.groups !== C || O % attrs.groups !== 0) {
      throw new ShapeError(
        `conv2d: weight has ${IG} input channels and ${O} output channels, x has ${C} channels (${formatSpec('x', x)}, ${formatSpec('weight', weight)}, groups ${attrs.groups})`,
      );
    }
    checkBias('conv2d', bias, O);
    const [OH, OW] = outputSize('conv2d', [H, W], [kh, kw], attrs);
    return { y: { shape: [N, OH, OW, O], dtype: x.dtype } };
  },
  dispatches: (...given) => planAlone(conv2dAlone, ...given),
});

/**
 * The gradient of conv2d to its weight: `dw[kh,kw,i,o] = sum over n, oh, ow of x[…] * dy[n,oh,ow,o]`.
 * x: [N,H,W,I]; dy: [N,OH,OW,O]; dw: [kh,kw,I/groups,O]. Parts of the sum are added in a fixed order.
 */
export const conv2dBackwardWeight = defineKernel({
  name: 'conv2d_backward_weight',
  inputs: ['x', 'dy'],
  outputs: ['dw'],
  attributes: ({
    kernelSize,
    ...conv
  }: Given<Conv2dBackwardWeightAttrs, 'kernelSize'>): Conv2dBackwardWeightAttrs => ({
    ...conv2dAttrs(conv),
    kernelSize: size2(kernelSize),
  }),
  infer({ x, dy }, attrs: Conv2dBackwardWeightAttrs) {
    const op = 'conv2d_backward_weight';
    checkAttrs(op, attrs);
    expectSize2(op, 'kernelSize', attrs.kernelSize, 1);
    const [N, H, W, C] = imageDims(op, 'x', x);
    expectFloats(op, { x, dy });
    const O = dy.shape[3] ?? 0;
    const [OH, OW] = outputSize(op, [H, W], attrs.kernelSize, attrs);
    if (dy.shape.length !== 4 || dy.shape[0] !== N || dy.shape[1] !== OH || dy.shape[2] !== OW) {
      throw new ShapeError(
        `${op}: ${formatSpec('dy', dy)} must be [${N},${OH},${OW},O] for ${formatSpec('x', x)}`,
      );
    }
    if (C % attrs.groups !== 0 || O % attrs.groups !== 0) {
      throw new ShapeError(`${op}: groups ${attrs.groups} must divide ${C} and ${O} channels`);
    }
    return { dw: { shape: [...attrs.kernelSize, C / attrs.groups, O], dtype: x.dtype } };
  },
  dispatches: (...given) => planAlone(conv2dBackwardWeightAlone, ...given),
});
