import { numel, type TensorSpec } from '../shape.ts';
import type { Alternatives } from './alternatives.ts';
import type { NmsAttrs } from './boxes/nms.ts';
import { nmsBitmaskPlan, nmsBitmaskPossible } from './boxes/strategies/nmsBitmask.ts';
import type { Conv2dAttrs, Conv2dBackwardWeightAttrs } from './conv/conv2d.ts';
import { problemOf } from './conv/convProblem.ts';
import { type ConvTranspose2dAttrs, transposedProduct } from './conv/convTranspose2d.ts';
import { isDepthwise } from './conv/depthwise.ts';
import { matrixProblem } from './matrix/strategies/gemm.ts';
import { gpuFilterWays, gpuWays } from './matrix/strategies/gemmGpu.ts';
import type { OpName } from './ops.ts';

const depthwise = ({ groups }: Conv2dAttrs, x: TensorSpec, y: TensorSpec): boolean =>
  isDepthwise(groups, x.shape[3]!, y.shape[3]!);

/** What GPUs compute with, the likeliest first; nothing for software adapters. */
export const gpuAlternatives: Partial<Record<OpName, Alternatives>> = {
  conv2d(caps, { x, weight, bias }, { y }, attrs: Conv2dAttrs) {
    if (depthwise(attrs, x!, y!)) return [];
    const [kh, kw] = weight!.shape as [number, number];
    return gpuWays(caps, problemOf(x!, [kh, kw], y!, attrs), bias !== undefined);
  },
  conv2d_backward_weight(caps, { x, dy }, _outputs, attrs: Conv2dBackwardWeightAttrs) {
    if (depthwise(attrs, x!, dy!)) return [];
    return gpuFilterWays(caps, problemOf(x!, attrs.kernelSize, dy!, attrs));
  },
  conv_transpose2d(caps, { x, weight, bias }, { y }, attrs: ConvTranspose2dAttrs) {
    if (depthwise(attrs, x!, y!)) return [];
    const { problem, ...surroundings } = transposedProduct(caps, x!, weight!, y!, attrs);
    return gpuWays(caps, problem, bias !== undefined, surroundings);
  },
  linear(caps, { x, weight, bias }) {
    const [I, O] = weight!.shape as [number, number];
    return gpuWays(caps, matrixProblem(numel(x!.shape.slice(0, -1)), I, O, x!.dtype), bias !== undefined);
  },
  matmul(caps, { a, b }, { y }) {
    const [M, N] = y!.shape.slice(-2) as [number, number];
    const K = a!.shape.at(-1)!;
    const [ofA, ofB, count] = [a!, b!, y!].map(({ shape }) => numel(shape.slice(0, -2))) as number[];
    const bind = { x: 'a', weight: 'b' };
    // One matrix b for all: the batch of a is only more rows.
    if (ofB === 1 && ofA === count) {
      return gpuWays(caps, matrixProblem(count! * M, K, N, a!.dtype), false, { bind });
    }
    // Other batches are written out first, which the kernel's own plan does.
    if (![1, count].includes(ofA) || ![1, count].includes(ofB)) return [];
    const batchStrides = [ofA === 1 ? 0 : M * K, ofB === 1 ? 0 : K * N, M * N] as const;
    const problem = { ...matrixProblem(M, K, N, a!.dtype, count), batchStrides };
    return gpuWays(caps, problem, false, { bind });
  },
  nms(caps, specs, outputs, attrs: NmsAttrs) {
    if (!nmsBitmaskPossible(caps, specs.boxes!)) return [];
    return [{ name: 'bitmask', pays: true, plan: () => nmsBitmaskPlan(caps, specs, outputs, attrs) }];
  },
};
