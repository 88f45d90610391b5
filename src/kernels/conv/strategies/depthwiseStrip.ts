import { REGISTERS_OF_MOST } from '../../../device/caps.ts';
import type { Shape, TensorSpec } from '../../../shape.ts';
import convolution from '../../../wgsl/conv/depthwise_3x3.wgsl';
import filterShader from '../../../wgsl/conv/depthwise_3x3_filter.wgsl';
import transposedConvolution from '../../../wgsl/conv/depthwise_3x3_up.wgsl';
import biasSnippet from '../../../wgsl/conv/lib/depthwise_bias.wgsl';
import biasNone from '../../../wgsl/conv/lib/depthwise_bias_none.wgsl';
import columns1 from '../../../wgsl/conv/lib/depthwise_columns_1.wgsl';
import columns2 from '../../../wgsl/conv/lib/depthwise_columns_2.wgsl';
import stripSnippet from '../../../wgsl/conv/lib/depthwise_strip.wgsl';
import bandsSnippet from '../../../wgsl/lib/bands.wgsl';
import sumSplits from '../../../wgsl/matrix/sum_splits.wgsl';
import { type Dispatch, foldGrid, type KernelPlan, wgslType } from '../../dispatch.ts';
import { bandsOf, FILLED, lanesOf, laneType, laneValue } from '../../spatial.ts';
import { ONLY_IF_TIMED, type Strategy } from '../../strategy.ts';
import {
  type Conv2dAttrs,
  type Conv2dFilterProblem,
  type Conv2dProblem,
  isDepthwise,
  isDepthwiseFilter,
} from '../convProblem.ts';

/** 3x3 at stride 1 or 2, on both axes. */
const fits = (kernel: Shape, { stride, dilation }: Conv2dAttrs): boolean =>
  [kernel[0], kernel[1], ...dilation].join() === '3,3,1,1' && stride[0] === stride[1] && stride[0] <= 2;

/** Measured: 2 to 4 times as fast as `depthwise` on lavapipe, 3 to 7 times on SwiftShader; but of one column half is idle. */
const costOf = (result: TensorSpec): number => (result.shape[2]! > 1 ? 1 / 3 : ONLY_IF_TIMED);

/** Walks down two columns at a time. */
function dispatchOf({ caps, specs, outputs: { y }, attrs }: Conv2dProblem, transposed: boolean): Dispatch {
  const { x, bias } = specs;
  const { stride, padding } = attrs;
  const [images, OH, OW, C] = y.shape as [number, number, number, number];
  const lanes = lanesOf(C);
  const channels = C / lanes;
  const size = { channels, H: x.shape[1]!, W: x.shape[2]!, OH, OW };
  const common = {
    types: { T: laneType(lanes, wgslType(x.dtype)) },
    bind: { bias_values: 'bias' },
    epilogue: laneValue(lanes),
    channels: C,
  };
  const biased = bias ? biasSnippet : biasNone;
  if (transposed && stride[0] === 2) {
    // Pairs begin where y and its padding are twice as far as x.
    const count = (axis: 0 | 1) =>
      Math.floor(([OH, OW][axis]! - 1 + padding[axis]) / 2) - Math.floor(padding[axis] / 2) + 1;
    const [steps, pairs] = [count(0), count(1)];
    const { grid, ...bands } = bandsOf(caps, images, steps, pairs * channels);
    return {
      ...common,
      shader: transposedConvolution,
      snippets: [biased, bandsSnippet],
      constants: { LANES: lanes, WORKGROUP: 64 },
      params: { ...size, ...bands, PH: padding[0], PW: padding[1], images, pairs, steps },
      grid,
    };
  }
  const pairs = Math.ceil(OW / 2);
  const { grid, ...bands } = bandsOf(caps, images, OH, pairs * channels);
  // Of stride 1 a transposed convolution is one with the kernel turned around.
  const [first, sign] = transposed ? [8, -1] : [0, 1];
  return {
    ...common,
    shader: convolution,
    snippets: [biased, bandsSnippet, stripSnippet, stride[0] === 1 ? columns1 : columns2],
    constants: { LANES: lanes, STRIDE: stride[0], WORKGROUP: 64 },
    params: {
      ...size,
      ...bands,
      PH: transposed ? 2 - padding[0] : padding[0],
      PW: transposed ? 2 - padding[1] : padding[1],
      images,
      pairs,
      w_first: first * channels,
      w_row: sign * 3 * channels,
      w_tap: sign * channels,
    },
    grid,
  };
}

/** Adding more parts than this takes longer than more invocations save. */
const MOST_PARTS = 512;

/** Sums over bands of rows, two columns at a time, which are added in order. */
function filterPlan({ caps, specs: { x, dy }, attrs }: Conv2dFilterProblem): KernelPlan {
  const { stride, padding } = attrs;
  const [images, OH, OW, C] = dy.shape as [number, number, number, number];
  const lanes = lanesOf(C);
  const channels = C / lanes;
  const pairs = Math.ceil(OW / 2);
  const wanted = Math.ceil(FILLED[caps.family] / Math.max(pairs * channels, 1));
  const most = Math.max(Math.min(wanted, Math.floor(MOST_PARTS / pairs)), 1);
  // Bands of several images each, or several bands an image.
  const each = Math.max(Math.ceil(images / most), 1);
  const turns = Math.max(Math.ceil(images / each), 1);
  const rows = Math.max(Math.ceil(OH / Math.max(Math.floor(most / turns), 1)), Math.min(OH, 4));
  const segments = Math.ceil(OH / rows);
  const bands = turns * segments;
  const across = Math.ceil((pairs * channels) / 64);
  const [splits, total] = [bands * pairs, 9 * C];
  const products: Dispatch = {
    shader: filterShader,
    snippets: [bandsSnippet, stripSnippet, stride[0] === 1 ? columns1 : columns2],
    types: { T: laneType(lanes, wgslType(x.dtype)), V: laneValue(lanes) },
    constants: { STRIDE: stride[0], WORKGROUP: 64 },
    params: {
      channels,
      H: x.shape[1]!,
      W: x.shape[2]!,
      OH,
      OW,
      PH: padding[0],
      PW: padding[1],
      pairs,
      across,
      bands,
      images,
      each,
      segments,
      rows,
    },
    grid: foldGrid(across * bands * 64),
  };
  const add: Dispatch = {
    shader: sumSplits,
    types: { T: wgslType(dy.dtype) },
    params: { total, splits },
    bind: { y: 'dw' },
    grid: total,
  };
  return { dispatches: [products, add], scratch: { parts: splits * total * 4 } };
}

export const defineStrip = (transposed: boolean): Strategy<Conv2dProblem> => ({
  name: 'strip',
  possible: (problem) => isDepthwise(problem) && fits(problem.specs.weight.shape, problem.attrs),
  cost: ({ outputs }) => costOf(outputs.y),
  plan: (problem) => ({ dispatches: [dispatchOf(problem, transposed)] }),
});

/** With fewer, Apple's M1 spills. */
const FILTER_REGISTERS = 160;

/** The gradient to the filter. */
export const filterStrip: Strategy<Conv2dFilterProblem> = {
  name: 'strip',
  possible: (problem) =>
    isDepthwiseFilter(problem) &&
    fits(problem.attrs.kernelSize, problem.attrs) &&
    (problem.caps.registers ?? REGISTERS_OF_MOST) >= FILTER_REGISTERS,
  cost: ({ specs }) => costOf(specs.dy),
  plan: filterPlan,
};
