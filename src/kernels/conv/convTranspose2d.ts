import { ShapeError } from '../../errors.ts';
import { expectFloats, formatSpec } from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import { expectSize2, imageDims, size2 } from '../spatial.ts';
import { convTranspose2dAlone } from '../strategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import { type ConvTranspose2dAttrs, checkAttrs, checkBias, conv2dAttrs } from './convProblem.ts';

export type { ConvTranspose2dAttrs };

/**
 * Transposed convolution, the gradient of conv2d to its input: every pixel of x adds `x[n,h,w,i] * weight[kh,kw,o,i]` to
 * `y[n, h*sh - ph + kh*dh, w*sw - pw + kw*dw, o]`; then the bias. x: [N,H,W,I]; weight: [kh,kw,O/groups,I] (the
 * weight of the convolution that it transposes); bias: [O]; y: [N,OH,OW,O] with
 * OH = (H - 1) sh - 2 ph + dh (kh - 1) + outputPadding + 1. outputPadding must be below the stride or the
 * dilation.
 */
export const convTranspose2d = defineKernel({
  name: 'conv_transpose2d',
  inputs: ['x', 'weight'],
  optional: ['bias'],
  outputs: ['y'],
  attributes: ({ outputPadding = 0, ...conv }: Given<ConvTranspose2dAttrs>): ConvTranspose2dAttrs => ({
    ...conv2dAttrs(conv),
    outputPadding: size2(outputPadding),
  }),
  infer({ x, weight, bias }, attrs: ConvTranspose2dAttrs) {
    const op = 'conv_transpose2d';
    checkAttrs(op, attrs);
    expectSize2(op, 'outputPadding', attrs.outputPadding, 0);
    const [N, H, W, C] = imageDims(op, 'x', x);
    expectFloats(op, { x, weight, bias });
    const { stride, padding, dilation, outputPadding, groups } = attrs;
    if (weight.shape.length !== 4 || weight.shape[3] !== C || C % groups !== 0) {
      throw new ShapeError(
        `${op}: ${formatSpec('weight', weight)} must be [kh,kw,O/groups,${C}] for ${formatSpec('x', x)}, groups ${groups}`,
      );
    }
    const [OH, OW] = [0, 1].map((axis) => {
      if (outputPadding[axis]! >= Math.max(stride[axis]!, dilation[axis]!)) {
        throw new ShapeError(
          `${op}: outputPadding ${outputPadding[axis]} must be below stride ${stride[axis]} or dilation ${dilation[axis]}; pad y instead`,
        );
      }
      const extent = dilation[axis]! * (weight.shape[axis]! - 1);
      const size =
        ([H, W][axis]! - 1) * stride[axis]! - 2 * padding[axis]! + extent + outputPadding[axis]! + 1;
      if (size < 1)
        throw new ShapeError(`${op}: padding ${padding[axis]} leaves an output of ${size} pixels`);
      return size;
    }) as [number, number];
    const O = weight.shape[2]! * groups;
    checkBias(op, bias, O);
    return { y: { shape: [N, OH, OW, O], dtype: x.dtype } };
  },
  dispatches: (...given) => planAlone(convTranspose2dAlone, ...given),
});
