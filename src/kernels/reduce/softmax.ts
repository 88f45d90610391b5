import type { Caps } from '../../device/caps.ts';
import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, sameShape, type TensorSpec } from '../../shape.ts';
import across1 from '../../wgsl/lib/across_1.wgsl';
import across4 from '../../wgsl/lib/across_4.wgsl';
import softmaxShader from '../../wgsl/reduce/softmax.wgsl';
import softmaxBackwardShader from '../../wgsl/reduce/softmax_backward.wgsl';
import { defineKernel, type KernelPlan, wgslType } from '../kernel.ts';
import { rowsOf } from '../rows.ts';
import { lanesOf, laneType, laneValue } from '../spatial.ts';

function infer(op: string, x: TensorSpec): { y: TensorSpec } {
  expectDType(op, 'x', x, 'f32', 'f16');
  if (x.shape.length === 0) throw new ShapeError(`${op}: x is a scalar; it needs a last dimension`);
  return { y: x };
}

/** How rows are dealt out, and their elements in lanes. */
function dealt(caps: Caps, x: TensorSpec) {
  const columns = x.shape.at(-1)!;
  const total = numel(x.shape) === 0 ? 0 : numel(x.shape) / columns;
  const lanes = lanesOf(columns);
  const width = columns / lanes;
  const { snippet, constants, grid } = rowsOf(caps, total, width);
  const X = laneType(lanes, wgslType(x.dtype));
  const snippets = [lanes === 4 ? across4 : across1, snippet];
  return { lanes, X, constants, dispatch: { snippets, params: { total, width }, grid } };
}

function plan(caps: Caps, log: boolean, x: TensorSpec): KernelPlan {
  const { lanes, X, constants, dispatch } = dealt(caps, x);
  return {
    dispatches: [
      {
        ...dispatch,
        shader: softmaxShader,
        types: { X, A: laneValue(lanes) },
        constants: { ...constants, LOG: log },
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
  dispatches: (caps, { x }) => plan(caps, false, x),
});

/** `y = x - log Σ exp(x)` over the last dimension, relative to the largest element. x, y: [..., C]. */
export const logSoftmax = defineKernel({
  name: 'log_softmax',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }, _attrs: object) => infer('log_softmax', x),
  dispatches: (caps, { x }) => plan(caps, true, x),
});

function inferBackward(op: string, dy: TensorSpec, y: TensorSpec): { dx: TensorSpec } {
  expectDType(op, 'y', y, 'f32');
  if (!sameShape(dy.shape, y.shape)) {
    throw new ShapeError(
      `${op}: ${formatSpec('dy', dy)} and ${formatSpec('y', y)} differ in shape; pass the y of the forward operation`,
    );
  }
  return { dx: infer(op, dy).y };
}

function planBackward(caps: Caps, log: boolean, dy: TensorSpec): KernelPlan {
  const { lanes, X, constants, dispatch } = dealt(caps, dy);
  const V = laneValue(lanes);
  return {
    dispatches: [
      {
        ...dispatch,
        shader: softmaxBackwardShader,
        types: { X, A: V },
        constants: { ...constants, LOG: log, LANES: lanes },
        epilogue: V,
      },
    ],
  };
}

/**
 * The gradient of softmax to x: `dx = y (dy - Σ dy y)` over the last dimension. dy: [..., C]; y: f32 [..., C], what
 * softmax gave, in f32 also of f16 since the difference cancels where one class has nearly all; dx like dy.
 */
export const softmaxBackward = defineKernel({
  name: 'softmax_backward',
  inputs: ['dy', 'y'],
  f32Inputs: ['y'],
  outputs: ['dx'],
  infer: ({ dy, y }, _attrs: object) => inferBackward('softmax_backward', dy, y),
  dispatches: (caps, { dy }) => planBackward(caps, false, dy),
});

/** The gradient of log_softmax to x: `dx = dy - exp(y) Σ dy`. Shapes and types as for softmax_backward. */
export const logSoftmaxBackward = defineKernel({
  name: 'log_softmax_backward',
  inputs: ['dy', 'y'],
  f32Inputs: ['y'],
  outputs: ['dx'],
  infer: ({ dy, y }, _attrs: object) => inferBackward('log_softmax_backward', dy, y),
  dispatches: (caps, { dy }) => planBackward(caps, true, dy),
});
