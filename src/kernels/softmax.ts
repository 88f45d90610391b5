import { ShapeError } from '../errors.ts';
import { expectDType, numel, type TensorSpec } from '../shape.ts';
import across1 from '../wgsl/lib/across_1.wgsl';
import across4 from '../wgsl/lib/across_4.wgsl';
import softmaxShader from '../wgsl/softmax.wgsl';
import { defineKernel, type KernelPlan, wgslType } from './kernel.ts';

function infer(op: string, x: TensorSpec): { y: TensorSpec } {
  expectDType(op, 'x', x, 'f32', 'f16');
  if (x.shape.length === 0) throw new ShapeError(`${op}: x is a scalar; it needs a last dimension`);
  return { y: x };
}

function plan(log: boolean, x: TensorSpec): KernelPlan {
  const columns = x.shape.at(-1)!;
  const total = numel(x.shape) === 0 ? 0 : numel(x.shape) / columns;
  const width = columns % 4 === 0 ? 4 : 1;
  const T = wgslType(x.dtype);
  return {
    dispatches: [
      {
        shader: softmaxShader,
        snippets: [width === 4 ? across4 : across1],
        types: width === 4 ? { X: `vec4<${T}>`, A: 'vec4f' } : { X: T, A: 'f32' },
        constants: { LOG: log },
        params: { total, width: columns / width },
        grid: total,
      },
    ],
  };
}

/**
 * `y = exp(x) / Σ exp(x)` over the last dimension, computed relative to the largest element so that nothing
 * overflows. x, y: [..., C]. An element -inf gives 0; a row of nothing but -inf, or with a NaN, gives NaN.
 */
export const softmax = defineKernel({
  name: 'softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _attrs: object) => infer('softmax', x),
  dispatches: (_caps, { x }) => plan(false, x),
});

/** `y = x - log Σ exp(x)` over the last dimension, relative to the largest element. x, y: [..., C]. */
export const logSoftmax = defineKernel({
  name: 'log_softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _attrs: object) => infer('log_softmax', x),
  dispatches: (_caps, { x }) => plan(true, x),
});
