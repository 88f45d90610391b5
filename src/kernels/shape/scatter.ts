import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, isFloat, numel, sameShape, type TensorSpec } from '../../shape.ts';
import scatterShader from '../../wgsl/shape/scatter.wgsl';
import scatterKeysShader from '../../wgsl/shape/scatter_keys.wgsl';
import scatterSortedShader from '../../wgsl/shape/scatter_sorted.wgsl';
import { defineKernel, type KernelPlan, wgslType } from '../kernel.ts';
import { orderByKeys } from '../sort/order.ts';
import { around, expectIndex, type GatherAttrs } from './gather.ts';

/** Attributes of `scatter` and `scatterAdd`. */
export type ScatterAttrs = GatherAttrs;

/**
 * Up to so many indices of a row, or elements of a row of y, each element of y looks at all indices; beyond, the indices
 * are sorted first, which costs more dispatches and reads each index about log2(count) times in all.
 */
const WALKED = 64;
const FEW_PLACES = 8;

function planScatter(add: boolean, x: TensorSpec, index: TensorSpec, dim: number): KernelPlan {
  const { outer, size: n, inner } = around(x.shape, dim);
  const count = index.shape[dim]!;
  const total = numel(x.shape);
  if (total === 0) return { dispatches: [] };
  const common = {
    types: { T: wgslType(x.dtype), A: wgslType(isFloat(x.dtype) ? 'f32' : x.dtype) },
    constants: { ADD: add },
    params: { total, n, count, inner },
    grid: total,
  };
  if (count <= WALKED || n <= FEW_PLACES) return { dispatches: [{ ...common, shader: scatterShader }] };
  const rows = outer * inner;
  const { dispatches, scratch } = orderByKeys(rows, count, 32 - Math.clz32(n));
  const keys = {
    shader: scatterKeysShader,
    params: { total: rows * count, n, count, inner },
    grid: rows * count,
  };
  return { dispatches: [keys, ...dispatches, { ...common, shader: scatterSortedShader }], scratch };
}

function inferScatter(op: string, specs: Record<'x' | 'index' | 'src', TensorSpec>, dim: number) {
  const { x, index, src } = specs;
  expectIndex(op, x, index, dim);
  if (src.dtype !== x.dtype || !sameShape(src.shape, index.shape)) {
    throw new ShapeError(
      `${op}: ${formatSpec('src', src)} must have the shape of ${formatSpec('index', index)} and the dtype of ${formatSpec('x', x)}`,
    );
  }
  return { y: x };
}

/**
 * x with elements of src put in along a dimension: `y[a, index[a, m, b], b] = src[a, m, b]` (torch.scatter). x: any shape
 * of rank 1 or more, any dtype; index: i32, of x's sizes but for dim; src: index's shape, x's dtype; y: as x. Of equal
 * indices the last one counts (PyTorch leaves that open); an index outside of 0..n-1, where n is x's size along dim, puts
 * nothing in (PyTorch throws). The same on every run. Throws ShapeError where sizes or dtypes do not fit.
 */
export const scatter = defineKernel({
  name: 'scatter',
  inputs: ['x', 'index', 'src'],
  outputs: ['y'],
  attributes: ['dim'],
  infer: (specs, { dim }: ScatterAttrs) => inferScatter('scatter', specs, dim),
  dispatches: (_caps, { x, index }, _outputs, { dim }) => planScatter(false, x, index, dim),
});

/**
 * x with elements of src added along a dimension: `y[a, index[a, m, b], b] += src[a, m, b]` (torch.scatter_add), as
 * `scatter` but that all of equal indices count. f32, f16 or i32, which wraps around; floats are added in float32, x first
 * and then in the order of the indices, without atomics.
 */
export const scatterAdd = defineKernel({
  name: 'scatter_add',
  inputs: ['x', 'index', 'src'],
  outputs: ['y'],
  attributes: ['dim'],
  infer(specs, { dim }: ScatterAttrs) {
    expectDType('scatter_add', 'x', specs.x, 'f32', 'f16', 'i32');
    return inferScatter('scatter_add', specs, dim);
  },
  dispatches: (_caps, { x, index }, _outputs, { dim }) => planScatter(true, x, index, dim),
});
