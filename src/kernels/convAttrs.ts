import { ShapeError } from '../errors.ts';
import { formatSpec, type TensorSpec } from '../shape.ts';
import type { Given } from './kernel.ts';
import { expectInteger, expectSize2, type Size2, size2 } from './spatial.ts';

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
