import type { Caps } from '../../device/caps.ts';
import { ShapeError } from '../../errors.ts';
import { byteLength, expectFloats, formatSpec, numel, type TensorSpec } from '../../shape.ts';
import convDirect from '../../wgsl/conv/lib/conv_direct.wgsl';
import convPhases from '../../wgsl/conv/lib/conv_phases.wgsl';
import transposeWeight from '../../wgsl/conv/transpose_weight.wgsl';
import { type Dispatch, defineKernel, type Given, wgslType } from '../kernel.ts';
import { type GemmProblem, gemmDispatch } from '../matrix/strategies/gemm.ts';
import { narrowVariant } from '../matrix/strategies/gemmSpecial.ts';
import { expectSize2, imageDims, type Size2, size2 } from '../spatial.ts';
import { type Conv2dAttrs, checkAttrs, checkBias, conv2dAttrs } from './convProblem.ts';
import { depthwiseDispatch, isDepthwise } from './depthwise.ts';

export const TRANSPOSED = 'transposed weight';

/**
 * The weight [kh,kw,OG,C] with its last two turned round and zeros up to a number of fours, or of `multiple`: the GEMM's
 * columns are neighbours in memory.
 */
export function transposedWeight(
  { shape, dtype }: TensorSpec,
  multiple = 4,
): { spec: TensorSpec; dispatch: Dispatch } {
  const [kh, kw, OG, C] = shape as [number, number, number, number];
  const blocks = (Math.ceil(OG / multiple) * multiple) / 4;
  const chunks = Math.ceil(C / 16);
  const total = kh * kw * chunks * blocks * 16;
  return {
    spec: { shape: [kh, kw, C, blocks * 4], dtype },
    dispatch: {
      shader: transposeWeight,
      types: { T: wgslType(dtype) },
      params: { total, channels: C, chunks, results: OG, blocks },
      bind: { y: TRANSPOSED },
      grid: total,
    },
  };
}

/** With so few rows the weight is read so seldom that turning it round costs more than it saves. */
const FEW_ROWS = 64;

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
const pair = <V>(of: (axis: 0 | 1) => V): readonly [V, V] => [of(0), of(1)];

/** The implicit GEMM from x to y over the weight [kh,kw,OG,C]. */
function problemOf(weight: TensorSpec, x: TensorSpec, y: TensorSpec, attrs: Conv2dAttrs): GemmProblem {
  const [kh, kw, OG] = weight.shape as [number, number, number];
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [, OH, OW, O] = y.shape as [number, number, number, number];
  const { groups, stride, padding, dilation } = attrs;
  const common = {
    source: [H, W],
    C,
    IG: C / groups,
    O,
    OG,
    kernel: [kh, kw],
    weightStrides: [OG * C, 1, C],
    batch: groups,
    batchStrides: [C / groups, C / groups, OG],
    dtype: x.dtype,
    stride: [1, 1],
  } as const;
  // Source pixel and result pixel go together, and taps go backwards: with stride 1 a convolution with both negated.
  if (stride[0] === 1 && stride[1] === 1) {
    return {
      ...common,
      M: N * OH * OW,
      result: [OH, OW],
      padding: pair((axis) => -padding[axis]),
      dilation: pair((axis) => -dilation[axis]),
      gather: convDirect,
    };
  }
  // Of the pixels of y only every stride-th uses the same taps: phases, each a convolution with stride 1.
  const shared = pair((axis) => gcd(stride[axis], dilation[axis]));
  const result = pair((axis) => Math.ceil([OH, OW][axis]! / stride[axis]));
  return {
    ...common,
    M: N * result[0] * result[1],
    result,
    padding,
    dilation: pair((axis) => -dilation[axis] / shared[axis]),
    gather: convPhases,
    phases: { result: [OH, OW], step: stride, taps: pair((axis) => stride[axis] / shared[axis]) },
  };
}

/**
 * The product that a transposed convolution is, what comes before it, and where its operands are then: the weight is
 * turned round first, where it is read often enough and fits.
 */
export function transposedProduct(
  caps: Caps,
  x: TensorSpec,
  weight: TensorSpec,
  y: TensorSpec,
  attrs: Conv2dAttrs,
): {
  problem: GemmProblem;
  before: Dispatch[];
  bind: Record<string, string>;
  scratch: Record<string, number>;
} {
  const problem = problemOf(weight, x, y, attrs);
  const { spec, dispatch } = transposedWeight(weight);
  const bytes = byteLength(spec);
  if (numel(y.shape.slice(0, 3)) <= FEW_ROWS || bytes > caps.maxBindingSize)
    return { problem, before: [], bind: {}, scratch: {} };
  const [, , C, columns] = spec.shape as [number, number, number, number];
  const [ofX, , ofY] = problem.batchStrides;
  return {
    problem: {
      ...problem,
      weightStrides: [C * columns, columns, 1],
      batchStrides: [ofX, problem.IG * columns, ofY],
    },
    before: [dispatch],
    bind: { weight: TRANSPOSED },
    scratch: { [TRANSPOSED]: bytes },
  };
}

export interface ConvTranspose2dAttrs extends Conv2dAttrs {
  /** Rows and columns added at the end. Default 0. */
  readonly outputPadding: Size2;
}

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
  dispatches(caps, { x, weight, bias }, { y }, attrs) {
    const [kh, kw] = weight.shape as [number, number];
    if (isDepthwise(attrs.groups, x.shape[3]!, y.shape[3]!)) {
      const problem = { ...attrs, x, y, kernel: [kh, kw] as const };
      return { dispatches: [depthwiseDispatch(problem, bias !== undefined, true)] };
    }
    const { problem, before, bind, scratch } = transposedProduct(caps, x, weight, y, attrs);
    const product = gemmDispatch(caps, problem, bias !== undefined, narrowVariant(caps, problem));
    return { dispatches: [...before, { ...product, bind: { ...product.bind, ...bind } }], scratch };
  },
});
