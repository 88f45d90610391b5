import { ShapeError } from '../../errors.ts';
import { formatSpec, type Shape, type TensorSpec } from '../../shape.ts';
import convDirect from '../../wgsl/conv/lib/conv_direct.wgsl';
import type { Given } from '../description.ts';
import type { PyramidLevels } from '../levels.ts';
import type { GemmProblem, Product } from '../matrix/strategies/product.ts';
import { expectInteger, expectSize2, type Size2, size2 } from '../spatial.ts';
import type { Problem } from '../strategy.ts';

/** Attributes of `conv2d`. Stride, padding and dilation are (height, width), or one number for both axes. */
export interface Conv2dAttrs {
  /** Pixels from one window to the next. Default 1. */
  readonly stride: Size2;
  /** Zeros around x on each side. Default 0. */
  readonly padding: Size2;
  /** Pixels from one tap of the kernel to the next. Default 1. */
  readonly dilation: Size2;
  /** Channels are convolved in groups; must divide the channels of x and of y. Default 1. */
  readonly groups: number;
  /**
   * x is a feature pyramid: the pixels of these levels one after another, [N,1,P,C]. Each level is convolved by itself, all of
   * them in one dispatch, with stride 1 and the padding that keeps its size; groups must be 1. In programs only. Default: x is
   * images.
   */
  readonly levels?: PyramidLevels | undefined;
}

/** Attributes of `conv2dBackwardWeight`. */
export interface Conv2dBackwardWeightAttrs extends Conv2dAttrs {
  /** Height and width of the weight. */
  readonly kernelSize: Size2;
}

/** Attributes of `convTranspose2d`. */
export interface ConvTranspose2dAttrs extends Conv2dAttrs {
  /** Rows and columns added at the end. Default 0. */
  readonly outputPadding: Size2;
}

type ConvSpecs = { readonly x: TensorSpec; readonly weight: TensorSpec; readonly bias?: TensorSpec };
type ConvOutputs = { readonly y: TensorSpec };

export type Conv2dProblem = Problem<ConvSpecs, ConvOutputs, Conv2dAttrs>;
export type ConvTranspose2dProblem = Problem<ConvSpecs, ConvOutputs, ConvTranspose2dAttrs>;
export type Conv2dFilterProblem = Problem<
  { readonly x: TensorSpec; readonly dy: TensorSpec },
  { readonly dw: TensorSpec },
  Conv2dBackwardWeightAttrs
>;

export const conv2dAttrs = ({
  stride = 1,
  padding = 0,
  dilation = 1,
  groups = 1,
  levels,
}: Given<Conv2dAttrs>): Conv2dAttrs => ({
  stride: size2(stride),
  padding: size2(padding),
  dilation: size2(dilation),
  groups,
  levels,
});

export function checkAttrs(op: string, { stride, padding, dilation, groups }: Conv2dAttrs): void {
  expectSize2(op, 'stride', stride, 1);
  expectSize2(op, 'padding', padding, 0);
  expectSize2(op, 'dilation', dilation, 1);
  expectInteger(op, 'groups', groups, 1);
}

export function checkBias(op: string, bias: TensorSpec | undefined, channels: number): void {
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels)) {
    throw new ShapeError(`${op}: ${formatSpec('bias', bias)} must be [${channels}], one per output channel`);
  }
}

/** The implicit GEMM that computes a convolution from x to y; its filter gradient runs over the same pixels. */
export function gemmOf(x: TensorSpec, [KH, KW]: Size2, y: TensorSpec, attrs: Conv2dAttrs): GemmProblem {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const { groups, stride, padding, dilation } = attrs;
  const [IG, OG] = [C / groups, O / groups];
  return {
    M: N * OH * OW,
    H,
    W,
    OH,
    OW,
    C,
    IG,
    O,
    OG,
    KH,
    KW,
    SH: stride[0],
    SW: stride[1],
    PH: padding[0],
    PW: padding[1],
    DH: dilation[0],
    DW: dilation[1],
    w_tap: IG * O,
    w_i: O,
    w_c: 1,
    x_z: IG,
    w_z: OG,
    y_z: OG,
    RH: OH,
    RW: OW,
    UH: 1,
    UW: 1,
    tap_h: KW || 1,
    tap_w: 1,
    batch: groups,
    gather: convDirect,
    dtype: x.dtype,
  };
}

/** Whether a convolution is depthwise: one result channel per source channel, with a filter of its own. */
export const isDepthwise = ({
  specs: { x },
  outputs: { y },
  attrs: { groups, levels },
}: Conv2dProblem): boolean => !levels && groups === x.shape[3] && groups === y.shape[3];
export const isDepthwiseFilter = ({
  specs: { x, dy },
  attrs: { groups, levels },
}: Conv2dFilterProblem): boolean => !levels && groups === x.shape[3] && groups === dy.shape[3];

/** Whether a convolution is one that Winograd's algorithm computes. */
export const isConv3x3 = (kernel: Shape, { stride, dilation, groups }: Conv2dAttrs): boolean =>
  groups === 1 && [...kernel.slice(0, 2), ...stride, ...dilation].join() === '3,3,1,1,1,1';

/** The product that a convolution of images is, unless it is depthwise. */
export function convProduct(problem: Conv2dProblem): Product | undefined {
  if (isDepthwise(problem) || problem.attrs.levels) return undefined;
  const { caps, specs, outputs, attrs } = problem;
  const { x, weight, bias } = specs;
  return { caps, gemm: gemmOf(x, weight.shape as Shape & Size2, outputs.y, attrs), bias: bias !== undefined };
}

/** The product that the gradient to the filter of a convolution of images is, unless that is depthwise. */
export function filterProduct(problem: Conv2dFilterProblem): Product | undefined {
  if (isDepthwiseFilter(problem) || problem.attrs.levels) return undefined;
  const { caps, specs, attrs } = problem;
  return { caps, gemm: gemmOf(specs.x, attrs.kernelSize, specs.dy, attrs) };
}
