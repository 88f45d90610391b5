import type { Caps } from '../device/caps.ts';
import type { TensorSpec } from '../shape.ts';
import type { Conv2dAttrs } from './conv2d.ts';
import { problemOf } from './convProblem.ts';
import type { ConvTranspose2dAttrs } from './convTranspose2d.ts';
import { isDepthwise } from './depthwise.ts';
import { gemmDispatch } from './gemm.ts';
import { flatVariant, narrowVariant } from './gemmSpecial.ts';
import type { Kernel, KernelPlan, Specs } from './kernel.ts';
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

/** With few channels on either side: kernels that leave no lanes idle. */
function special(
  caps: Caps,
  x: TensorSpec,
  weight: TensorSpec,
  y: TensorSpec,
  attrs: Conv2dAttrs,
  bias: boolean,
): KernelPlan | undefined {
  if (isDepthwise(attrs.groups, x.shape[3]!, y.shape[3]!)) return undefined;
  const [kh, kw] = weight.shape as [number, number];
  const problem = problemOf(x, [kh, kw], y, attrs);
  const variant = narrowVariant(caps, problem) ?? flatVariant(caps, problem);
  return variant && { dispatches: [gemmDispatch(caps, problem, bias, variant)] };
}

/**
 * Faster ways of computing what a kernel computes, for programs only: an operation that is embedded by itself stays
 * small. Each says where it is possible and pays; elsewhere the kernel's own plan runs.
 */
export const alternatives: Partial<Record<OpName, Alternative>> = {
  conv2d(caps, { x, weight, bias }, { y }, attrs: Conv2dAttrs, purpose) {
    const problem = { x: x!, y: y!, padding: attrs.padding, bias: bias !== undefined, flipped: false };
    const plan = isConv3x3(weight!, attrs) ? winograd(caps, problem, purpose) : undefined;
    return plan ?? special(caps, x!, weight!, y!, attrs, bias !== undefined);
  },
  // Of stride 1 it is a convolution with the filter turned around.
  conv_transpose2d(caps, { x, weight, bias }, { y }, attrs: ConvTranspose2dAttrs, purpose) {
    const padding = [2 - attrs.padding[0], 2 - attrs.padding[1]] as const;
    if (!isConv3x3(weight!, attrs) || Math.min(...padding) < 0) return undefined;
    const problem = { x: x!, y: y!, padding, bias: bias !== undefined, flipped: true };
    return winograd(caps, problem, purpose);
  },
};

/** The kernel with its alternative for these shapes as its plan, where there is one. */
export function alternativeKernel(
  kernel: Kernel,
  caps: Caps,
  specs: Specs,
  attrs: never,
  purpose: Purpose,
): Kernel | undefined {
  const alternative = alternatives[kernel.name as OpName];
  const plan = alternative?.(caps, specs, kernel.infer(specs, attrs), attrs, purpose);
  return plan && { ...kernel, dispatches: () => plan };
}
