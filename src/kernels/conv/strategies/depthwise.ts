import { numel, type Shape } from '../../../shape.ts';
import depthwiseShader from '../../../wgsl/conv/depthwise.wgsl';
import filterShader from '../../../wgsl/conv/depthwise_backward_weight.wgsl';
import biasSnippet from '../../../wgsl/conv/lib/depthwise_bias.wgsl';
import biasNone from '../../../wgsl/conv/lib/depthwise_bias_none.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import { type Dispatch, type KernelPlan, wgslType } from '../../dispatch.ts';
import { lanesOf, laneType, laneValue, type Size2 } from '../../spatial.ts';
import type { Strategy } from '../../strategy.ts';
import {
  type Conv2dFilterProblem,
  type Conv2dProblem,
  isDepthwise,
  isDepthwiseFilter,
} from '../convProblem.ts';

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** The walk along the width: with such steps a step of the result and one of the taps move x alike. */
function stepsOf(stride: number, dilation: number): { across: number; taps: number } {
  const common = gcd(stride, dilation);
  return { across: dilation / common, taps: stride / common };
}

/** Owners of four places each, `step` apart, among `size`. */
const blocksOf = (size: number, step: number): number => step * Math.ceil(Math.ceil(size / step) / 4);

/** y = depthwise convolution of x, or with `transposed` the transposed one, bound as x, weight, y and bias_values. */
function dispatchOf({ specs, outputs: { y }, attrs }: Conv2dProblem, transposed: boolean): Dispatch {
  const { x, weight, bias } = specs;
  const { stride, padding, dilation } = attrs;
  const kernel = weight.shape as Shape & Size2;
  const [n, OH, OW, C] = y.shape as [number, number, number, number];
  const lanes = lanesOf(C);
  const { across, taps } = stepsOf(stride[1], dilation[1]);
  // A transposed convolution's pixels use the same taps only where they are a multiple of the stride apart.
  const step = transposed ? across * stride[1] : across;
  const parts = blocksOf(OW, step);
  const total = numel([n, OH, parts, C / lanes]);
  // Backwards through the kernel, x moves forwards also for a transposed convolution.
  const start = (axis: 0 | 1) =>
    transposed ? dilation[axis] * (kernel[axis] - 1) - padding[axis] : padding[axis];
  const [tap, sign] = [C / lanes, transposed ? -1 : 1];
  return {
    shader: depthwiseShader,
    snippets: [bias ? biasSnippet : biasNone],
    types: { T: laneType(lanes, wgslType(x.dtype)) },
    constants: { LANES: lanes, DIV_H: transposed ? stride[0] : 1, DIV_W: transposed ? stride[1] : 1 },
    params: {
      total,
      channels: C / lanes,
      H: x.shape[1]!,
      W: x.shape[2]!,
      OH,
      OW,
      KH: kernel[0],
      KW: kernel[1],
      SH: transposed ? 1 : stride[0],
      SW: transposed ? 1 : stride[1],
      PH: start(0),
      PW: start(1),
      DH: dilation[0],
      DW: dilation[1],
      parts,
      out_step: step,
      tap_step: taps,
      roll: transposed ? across : across * stride[1],
      w_first: transposed ? (kernel[0] * kernel[1] - 1) * tap : 0,
      w_row: sign * kernel[1] * tap,
      w_tap: sign * tap,
    },
    bind: { bias_values: 'bias' },
    epilogue: laneValue(lanes),
    channels: C,
    grid: total,
  };
}

/** Below so many invocations an adapter is not filled. */
const FILLED = { subgroup: 1 << 11, tile: 1 << 15 };

/**
 * The gradient to the weight, bound as x, dy and dw: rows of dy are dealt out to parts that are added in order
 * afterwards.
 */
function filterPlan({ caps, specs: { x, dy }, attrs }: Conv2dFilterProblem): KernelPlan {
  const { kernelSize: kernel, stride, padding, dilation } = attrs;
  const [n, OH, OW, C] = dy.shape as [number, number, number, number];
  const lanes = lanesOf(C);
  const { across, taps } = stepsOf(stride[1], dilation[1]);
  const blocks = blocksOf(kernel[1], taps);
  const owners = (kernel[0] * blocks * C) / lanes;
  const rows = n * OH;
  const wanted = Math.max(1, Math.min(Math.ceil(FILLED[caps.family] / Math.max(owners, 1)), rows));
  const split = Math.max(1, Math.floor(rows / wanted));
  const splits = Math.max(1, Math.ceil(rows / split));
  const single = splits === 1 && dy.dtype === 'f32';
  const count = kernel[0] * kernel[1] * C;
  const dispatch: Dispatch = {
    shader: filterShader,
    types: { T: laneType(lanes, wgslType(x.dtype)), V: laneValue(lanes) },
    params: {
      total: owners * splits,
      channels: C / lanes,
      H: x.shape[1]!,
      W: x.shape[2]!,
      OH,
      OW,
      KH: kernel[0],
      KW: kernel[1],
      SH: stride[0],
      SW: stride[1],
      PH: padding[0],
      PW: padding[1],
      DH: dilation[0],
      DW: dilation[1],
      rows,
      split,
      blocks,
      out_step: across,
      tap_step: taps,
      roll: across * stride[1],
    },
    bind: { parts: single ? 'dw' : 'parts' },
    grid: owners * splits,
  };
  if (single) return { dispatches: [dispatch] };
  const add: Dispatch = {
    shader: sumSplits,
    types: { T: wgslType(dy.dtype) },
    params: { total: count, splits },
    bind: { y: 'dw' },
    grid: count,
  };
  return { dispatches: [dispatch, add], scratch: { parts: splits * count * 4 } };
}

/** Any kernel size, stride and dilation: an invocation owns four pixels of a row. */
export const defineDepthwise = (transposed: boolean): Strategy<Conv2dProblem> => ({
  name: 'depthwise',
  possible: isDepthwise,
  plan: (problem) => ({ dispatches: [dispatchOf(problem, transposed)] }),
});

/** The gradient to the filter. */
export const filterDepthwise: Strategy<Conv2dFilterProblem> = {
  name: 'depthwise',
  possible: isDepthwiseFilter,
  plan: filterPlan,
};
