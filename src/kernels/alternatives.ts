import type { Caps } from '../device/caps.ts';
import { FoveaError } from '../errors.ts';
import type { Shape, TensorSpec } from '../shape.ts';
import type { NmsAttrs } from './boxes/nms.ts';
import { nmsSkippingPlan } from './boxes/strategies/nmsSkipping.ts';
import type { Conv2dAttrs, Conv2dBackwardWeightAttrs } from './conv/conv2d.ts';
import { problemOf } from './conv/convProblem.ts';
import type { ConvTranspose2dAttrs } from './conv/convTranspose2d.ts';
import { type DepthwiseProblem, isDepthwise } from './conv/depthwise.ts';
import { columnsPays, columnsPlan, columnsPossible } from './conv/strategies/convColumns.ts';
import {
  depthwise3x3Dispatch,
  depthwiseFilter3x3Plan,
  isDepthwise3x3,
} from './conv/strategies/depthwiseStrip.ts';
import { turnedFilterPays, turnedFilterPlan, turnedFilterPossible } from './conv/strategies/turnedFilter.ts';
import {
  type WinogradProblem,
  winogradPays,
  winogradPlan,
  winogradPossible,
} from './conv/strategies/winograd.ts';
import {
  winogradFilterPays,
  winogradFilterPlan,
  winogradFilterPossible,
} from './conv/strategies/winogradFilter.ts';
import { gpuAlternatives } from './gpuAlternatives.ts';
import type { Kernel, KernelPlan, Specs } from './kernel.ts';
import { gemmDispatch } from './matrix/strategies/gemm.ts';
import { flatVariant, narrowVariant } from './matrix/strategies/gemmSpecial.ts';
import type { OpName } from './ops.ts';

/** What a plan is for. */
export interface Purpose {
  /** Gradients are computed from it or with it, so that rounding matters more. */
  readonly training: boolean;
  /** The weights stay as they are from run to run: what is computed of them alone costs nothing. Default: false. */
  readonly fixedWeights?: boolean;
}

/** All there are, by name: `own` is the kernel's plan when it stands by itself. */
export const WAYS = [
  'own',
  'winograd2',
  'winograd4',
  'narrow',
  'flat',
  'columns',
  'turned',
  'strip',
  'skipping',
  'tile128x128',
  'tile128x64',
  'tile64x64',
  'tile32x32',
  'matrix128x128',
  'matrix64x64',
  'bitmask',
] as const;
export type WayName = (typeof WAYS)[number];

/** One way to compute an operation. */
export interface Way {
  /** What tuning remembers it by, and FOVEA_WAY forces it by. */
  readonly name: WayName;
  /** Whether it is the best there is, as far as is known before anything was timed. */
  readonly pays: boolean;
  plan(): KernelPlan;
}

/** The ways to compute an operation with these shapes, besides its own. */
export type Alternatives = (
  caps: Caps,
  specs: Specs,
  outputs: Specs,
  attrs: never,
  purpose: Purpose,
) => readonly Way[];

const isConv3x3 = (kernel: Shape, { stride, dilation, groups }: Conv2dAttrs): boolean =>
  groups === 1 && [...kernel.slice(0, 2), ...stride, ...dilation].join() === '3,3,1,1,1,1';

const when = (possible: boolean, way: () => Way): Way[] => (possible ? [way()] : []);

/** The larger tiles round more: not for gradients. */
function winograd(caps: Caps, problem: WinogradProblem, { training, fixedWeights = false }: Purpose): Way[] {
  const sizes = training ? ([2] as const) : ([4, 2] as const);
  return sizes
    .filter((results) => winogradPossible(caps, problem, results))
    .map((results) => ({
      name: `winograd${results}` as const,
      pays: winogradPays(caps, problem, results, fixedWeights),
      plan: () => winogradPlan(caps, problem, results),
    }));
}

/** With few channels on either side: kernels that leave no lanes idle. */
function special(
  caps: Caps,
  x: TensorSpec,
  weight: TensorSpec,
  y: TensorSpec,
  attrs: Conv2dAttrs,
  bias: boolean,
): Way[] {
  if (isDepthwise(attrs.groups, x.shape[3]!, y.shape[3]!)) return [];
  const [kh, kw] = weight.shape as [number, number];
  const problem = problemOf(x, [kh, kw], y, attrs);
  const variants = { narrow: narrowVariant(caps, problem), flat: flatVariant(caps, problem) };
  return (['narrow', 'flat'] as const).flatMap((name) => {
    const variant = variants[name];
    if (!variant) return [];
    return { name, pays: true, plan: () => ({ dispatches: [gemmDispatch(caps, problem, bias, variant)] }) };
  });
}

/** Where every channel has a filter of its own, of 3x3: two columns at a time. */
function strips(
  { groups, stride, padding, dilation }: Conv2dAttrs,
  x: TensorSpec,
  kernel: Shape,
  y: TensorSpec,
  plan: (problem: DepthwiseProblem) => KernelPlan,
): Way[] {
  const problem = { x, y, kernel: [kernel[0]!, kernel[1]!] as const, stride, padding, dilation };
  if (!isDepthwise(groups, x.shape[3]!, y.shape[3]!) || !isDepthwise3x3(problem)) return [];
  return [{ name: 'strip', pays: y.shape[2]! > 1, plan: () => plan(problem) }];
}

/**
 * Other ways to compute what a kernel computes, the likeliest first, for programs only: an operation that is embedded
 * by itself stays small. Each stands where it is possible; one that pays runs unless tuning has found a faster one.
 */
export const alternatives: Partial<Record<OpName, Alternatives>> = {
  conv2d(caps, { x, weight, bias }, { y }, attrs: Conv2dAttrs, purpose) {
    const problem = { x: x!, y: y!, padding: attrs.padding, bias: bias !== undefined, flipped: false };
    return [
      ...(isConv3x3(weight!.shape, attrs) ? winograd(caps, problem, purpose) : []),
      ...special(caps, x!, weight!, y!, attrs, bias !== undefined),
      ...strips(attrs, x!, weight!.shape, y!, (depthwise) => ({
        dispatches: [depthwise3x3Dispatch(caps, depthwise, bias !== undefined, false)],
      })),
    ];
  },
  conv2d_backward_weight(caps, { x, dy }, _outputs, attrs: Conv2dBackwardWeightAttrs) {
    const problem = { x: x!, dy: dy!, padding: attrs.padding };
    const turned = { x: x!, dy: dy!, attrs };
    const tiles = isConv3x3(attrs.kernelSize, attrs) && winogradFilterPossible(caps, problem);
    return [
      ...when(tiles, () => ({
        name: 'winograd2',
        pays: winogradFilterPays(caps, problem),
        plan: () => winogradFilterPlan(caps, problem),
      })),
      ...when(turnedFilterPossible(turned), () => ({
        name: 'turned',
        pays: turnedFilterPays(caps, turned),
        plan: () => turnedFilterPlan(caps, turned),
      })),
      ...strips(attrs, x!, attrs.kernelSize, dy!, (strip) => depthwiseFilter3x3Plan(caps, strip)),
    ];
  },
  // Of stride 1 it is a convolution with the filter turned around.
  conv_transpose2d(caps, { x, weight, bias }, { y }, attrs: ConvTranspose2dAttrs, purpose) {
    const padding = [2 - attrs.padding[0], 2 - attrs.padding[1]] as const;
    const problem = { x: x!, y: y!, bias: bias !== undefined };
    const turned = isConv3x3(weight!.shape, attrs) && Math.min(...padding) >= 0;
    const few = { ...problem, weight: weight!, attrs };
    return [
      ...(turned ? winograd(caps, { ...problem, padding, flipped: true }, purpose) : []),
      ...when(columnsPossible(caps, few), () => ({
        name: 'columns',
        pays: columnsPays(caps, few),
        plan: () => columnsPlan(caps, few),
      })),
      ...strips(attrs, x!, weight!.shape, y!, (strip) => ({
        dispatches: [depthwise3x3Dispatch(caps, strip, bias !== undefined, true)],
      })),
    ];
  },
  nms: (caps, inputs, outputs, attrs: NmsAttrs) => [
    {
      name: 'skipping',
      pays: caps.family === 'subgroup',
      plan: () => nmsSkippingPlan(caps, inputs as never, outputs as never, attrs),
    },
  ],
};

/** Every way to compute an operation: its alternatives, then `own`, the kernel's plan. */
export function waysOf(
  kernel: Kernel,
  caps: Caps,
  specs: Specs,
  outputs: Specs,
  attrs: never,
  purpose: Purpose,
): readonly Way[] {
  const others = [alternatives, gpuAlternatives].flatMap(
    (table) => table[kernel.name as OpName]?.(caps, specs, outputs, attrs, purpose) ?? [],
  );
  const own: Way = { name: 'own', pays: true, plan: () => kernel.dispatches(caps, specs, outputs, attrs) };
  return [...others, own];
}

/** The way of that name where there is one; else the one that is taken to be the fastest. */
export const choose = (ways: readonly Way[], name?: WayName): Way =>
  ways.find((way) => way.name === name) ?? ways.find(({ pays }) => pays)!;

/** A kernel for each way but its own to compute it with these shapes, by the way's name. */
export function alternativeKernels(
  kernel: Kernel,
  caps: Caps,
  specs: Specs,
  attrs: never,
  purpose: Purpose,
): Map<WayName, Kernel> {
  const ways = waysOf(kernel, caps, specs, kernel.infer(specs, attrs), attrs, purpose);
  return new Map(ways.slice(0, -1).map(({ name, plan }) => [name, { ...kernel, dispatches: () => plan() }]));
}

/** Throws FoveaError for a name that no way has. */
export function expectWay(doing: string, name: string): WayName {
  const known = WAYS.find((way) => way === name);
  if (known) return known;
  throw new FoveaError(`${doing}: there is no way "${name}" to compute anything; choose ${WAYS.join(', ')}`);
}
