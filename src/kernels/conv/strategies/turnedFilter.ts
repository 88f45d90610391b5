import type { Caps } from '../../../device/caps.ts';
import { numel, type TensorSpec } from '../../../shape.ts';
import sumTurned from '../../../wgsl/conv/sum_turned.wgsl';
import { type KernelPlan, wgslType } from '../../kernel.ts';
import { filterPlan, variantOf } from '../../matrix/strategies/gemm.ts';
import type { Conv2dBackwardWeightAttrs } from '../conv2d.ts';
import { problemOf } from '../convProblem.ts';

/** The filter gradient [kh,kw,C,O] of a convolution from x [N,H,W,C] to y, whose gradient is dy. */
export interface TurnedFilterProblem {
  readonly x: TensorSpec;
  readonly dy: TensorSpec;
  readonly attrs: Conv2dBackwardWeightAttrs;
}

export function turnedFilterPossible({ x, dy, attrs: { stride, groups } }: TurnedFilterProblem): boolean {
  return groups === 1 && stride[0] === 1 && stride[1] === 1 && numel(x.shape) > 0 && numel(dy.shape) > 0;
}

/** How much of its blocks a matrix fills. */
function filled(caps: Caps, rows: number, columns: number): number {
  const block = variantOf(caps, columns);
  const blocks = Math.ceil(rows / block.rows) * Math.ceil(columns / block.columns);
  return (rows * columns) / (blocks * block.rows * block.columns);
}

/** Measured on lavapipe and SwiftShader: with few result channels. */
export function turnedFilterPays(caps: Caps, { x, dy, attrs: { kernelSize } }: TurnedFilterProblem): boolean {
  const taps = kernelSize[0] * kernelSize[1];
  const [C, O] = [x.shape[3]!, dy.shape[3]!];
  return caps.family === 'subgroup' && filled(caps, taps * O, C) > 1.5 * filled(caps, taps * C, O);
}

/**
 * The filter gradient with x and dy in each other's place: for each pixel of x, what of dy its taps reach. Rows are taps
 * and result channels, columns source channels, so that few result channels leave no lanes idle.
 */
export function turnedFilterPlan(caps: Caps, { x, dy, attrs }: TurnedFilterProblem): KernelPlan {
  const { kernelSize, padding, dilation } = attrs;
  const [product] = filterPlan(
    caps,
    problemOf(dy, kernelSize, x, {
      ...attrs,
      padding: [-padding[0], -padding[1]],
      dilation: [-dilation[0], -dilation[1]],
    }),
  ).dispatches;
  const [channels, results] = [x.shape[3]!, dy.shape[3]!];
  const total = kernelSize[0] * kernelSize[1] * channels * results;
  const splits = product!.params!.splits!;
  return {
    dispatches: [
      { ...product!, bind: { x: 'dy', dy: 'x', parts: 'parts' } },
      {
        shader: sumTurned,
        types: { T: wgslType(x.dtype) },
        params: { total, splits, channels, results },
        grid: total,
      },
    ],
    scratch: { parts: splits * total * 4 },
  };
}
