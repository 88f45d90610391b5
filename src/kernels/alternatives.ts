import type { Caps } from '../device/caps.ts';
import type { TensorSpec } from '../shape.ts';
import type { Conv2dAttrs } from './conv2d.ts';
import type { ConvTranspose2dAttrs } from './convTranspose2d.ts';
import type { KernelPlan, Specs } from './kernel.ts';
import type { OpName } from './ops.ts';
import { type WinogradProblem, winogradPlan } from './winograd.ts';

/** What a plan is for. */
export interface Purpose {
  /** Gradients are computed from it or with it, so that rounding matters more. */
  readonly training: boolean;
  /** Wherever it is possible, and not only where it pays: for checks. */
  readonly always?: boolean;
}

type Alternative = (
  caps: Caps,
  specs: Specs,
  outputs: Specs,
  attrs: never,
  purpose: Purpose,
) => KernelPlan | undefined;

const isConv3x3 = (weight: TensorSpec, { stride, dilation, groups }: Conv2dAttrs): boolean =>
  groups === 1 && [...weight.shape.slice(0, 2), ...stride, ...dilation].join() === '3,3,1,1,1,1';

/** The larger tiles round more: not for gradients. */
const winograd = (
  caps: Caps,
  problem: WinogradProblem,
  { training, always }: Purpose,
): KernelPlan | undefined =>
  (training ? undefined : winogradPlan(caps, problem, 4, always)) ?? winogradPlan(caps, problem, 2, always);

/**
 * Faster ways of computing what a kernel computes, for programs only: an operation that is embedded by itself stays
 * small. Each says where it is possible and pays; elsewhere the kernel's own plan runs.
 */
export const alternatives: Partial<Record<OpName, Alternative>> = {
  conv2d(caps, { x, weight, bias }, { y }, attrs: Conv2dAttrs, purpose) {
    if (!isConv3x3(weight!, attrs)) return undefined;
    const problem = { x: x!, y: y!, padding: attrs.padding, bias: bias !== undefined, flipped: false };
    return winograd(caps, problem, purpose);
  },
  // Of stride 1 it is a convolution with the filter turned around.
  conv_transpose2d(caps, { x, weight, bias }, { y }, attrs: ConvTranspose2dAttrs, purpose) {
    const padding = [2 - attrs.padding[0], 2 - attrs.padding[1]] as const;
    if (!isConv3x3(weight!, attrs) || Math.min(...padding) < 0) return undefined;
    const problem = { x: x!, y: y!, padding, bias: bias !== undefined, flipped: true };
    return winograd(caps, problem, purpose);
  },
};
