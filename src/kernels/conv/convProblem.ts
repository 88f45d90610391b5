import { ShapeError } from '../../errors.ts';
import { formatSpec, type TensorSpec } from '../../shape.ts';
import convDirect from '../../wgsl/conv/lib/conv_direct.wgsl';
import type { Given } from '../kernel.ts';
import type { GemmProblem } from '../matrix/strategies/gemm.ts';
import { expectInteger, expectSize2, type Size2, size2 } from '../spatial.ts';

export interface Conv2dAttrs {
  /** Default 1. */
  readonly stride: Size2;
  /** Zeros around x on each side. Default 0. */
  readonly padding: Size2;
  /** Default 1. */
  readonly dilation: Size2;
  /** Default 1. */
  readonly groups: number;
}

export const conv2dAttrs = ({
  stride = 1,
  padding = 0,
  dilation = 1,
  groups = 1,
}: Given<Conv2dAttrs>): Conv2dAttrs => ({
  stride: size2(stride),
  padding: size2(padding),
  dilation: size2(dilation),
  groups,
});

export function checkAttrs(op: string, { stride, padding, dilation, groups }: Conv2dAttrs): void {
  expectSize2(op, 'stride', stride, 1);
  expectSize2(op, 'padding', padding, 0);
  expectSize2(op, 'dilation', dilation, 1);
  expectInteger(op, 'groups', groups, 1);
}

export function checkBias(op: string, bias: TensorSpec | undefined, channels: number): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels)) {
    throw new ShapeError(
      `${op}: ${formatSpec('bias', bias)} must be [${channels}], one value an output channel`,
    );
  }
}

/** The implicit GEMM that computes a convolution from x to y; its filter gradient runs over the same pixels. */
export function problemOf(x: TensorSpec, kernel: Size2, y: TensorSpec, attrs: Conv2dAttrs): GemmProblem {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const { groups, stride, padding, dilation } = attrs;
  const [IG, OG] = [C / groups, O / groups];
  return {
    M: N * OH * OW,
    source: [H, W],
    result: [OH, OW],
    C,
    IG,
    O,
    OG,
    kernel,
    stride,
    padding,
    dilation,
    weightStrides: [IG * O, O, 1],
    batch: groups,
    batchStrides: [IG, OG, OG],
    gather: convDirect,
    dtype: x.dtype,
  };
}
