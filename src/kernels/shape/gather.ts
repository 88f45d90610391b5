import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, type Shape, type TensorSpec } from '../../shape.ts';
import gatherShader from '../../wgsl/shape/gather.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';

/** Attributes of `gather`. */
export interface GatherAttrs {
  /** Counted from the front. */
  readonly dim: number;
}

/** Throws unless index has x's sizes but for dim, where it may have any. */
export function expectIndex(op: string, x: TensorSpec, index: TensorSpec, dim: number): void {
  expectDType(op, 'index', index, 'i32');
  if (!Number.isInteger(dim) || dim < 0 || dim >= x.shape.length) {
    throw new ShapeError(
      `${op}: dim ${dim} must be a whole number from 0 to ${x.shape.length - 1}, a dimension of ${formatSpec('x', x)}`,
    );
  }
  const fits =
    x.shape.length === index.shape.length && x.shape.every((size, i) => i === dim || size === index.shape[i]);
  if (fits) return;
  throw new ShapeError(
    `${op}: ${formatSpec('index', index)} must have the sizes of ${formatSpec('x', x)} but for dim ${dim}`,
  );
}

/** A shape around a dimension: sizes before it, of it, and after it. */
export const around = (shape: Shape, dim: number): { outer: number; size: number; inner: number } => ({
  outer: numel(shape.slice(0, dim)),
  size: shape[dim]!,
  inner: numel(shape.slice(dim + 1)),
});

/**
 * Elements along a dimension by number: `y[a, m, b] = x[a, index[a, m, b], b]` (torch.gather). x: any shape of rank 1 or
 * more, any dtype; index: i32, of x's sizes but for dim; y: index's shape, x's dtype. A number outside of 0..n-1, where n
 * is x's size along dim, gives 0 (PyTorch throws). Throws ShapeError where sizes do not fit.
 */
export const gather = defineKernel({
  name: 'gather',
  inputs: ['x', 'index'],
  outputs: ['y'],
  attributes: ['dim'],
  infer({ x, index }, { dim }: GatherAttrs) {
    expectIndex('gather', x, index, dim);
    return { y: { shape: index.shape, dtype: x.dtype } };
  },
  dispatches(_caps, { x, index }, { y }, { dim }) {
    const { size: n, inner } = around(x.shape, dim);
    const total = numel(y.shape);
    const params = { total, n, count: index.shape[dim]!, inner };
    return {
      dispatches: [{ shader: gatherShader, types: { T: wgslType(x.dtype) }, params, grid: total }],
    };
  },
});
