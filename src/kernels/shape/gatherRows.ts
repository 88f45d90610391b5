import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, type TensorSpec } from '../../shape.ts';
import gatherRowsShader from '../../wgsl/shape/gather_rows.wgsl';
import gatherRowsBackwardShader from '../../wgsl/shape/gather_rows_backward.wgsl';
import sortedShader from '../../wgsl/shape/gather_rows_backward_sorted.wgsl';
import startsShader from '../../wgsl/shape/gather_rows_starts.wgsl';
import sumsShader from '../../wgsl/shape/gather_rows_sums.wgsl';
import scatterKeysShader from '../../wgsl/shape/scatter_keys.wgsl';
import { defineKernel, type KernelPlan, wgslType } from '../kernel.ts';
import { orderByKeys } from '../sort/order.ts';

/** Attributes of `gatherRows`. */
export interface GatherRowsAttrs {
  /** Leading dimensions that x and index share: 0, or 1 for one set of rows an image. */
  readonly batchDims: 0 | 1;
}

const rowsOf = (spec: TensorSpec, batchDims: number) => ({
  rows: spec.shape[batchDims]!,
  width: numel(spec.shape.slice(batchDims + 1)),
});

/**
 * Rows of x by number: `y[m, …] = x[index[m], …]`; with batchDims 1, `y[b, m, …] = x[b, index[b, m], …]`.
 * x: [R, …] or [B, R, …] of any dtype; index: i32 [M] or [B, M]. A number outside 0..R-1 gives a row of
 * zeros, so that padding (-1) needs no mask.
 */
export const gatherRows = defineKernel({
  name: 'gather_rows',
  inputs: ['x', 'index'],
  outputs: ['y'],
  attributes: ['batchDims'],
  infer({ x, index }, { batchDims }: GatherRowsAttrs) {
    expectDType('gather_rows', 'index', index, 'i32');
    if (x.shape.length < batchDims + 1 || index.shape.length !== batchDims + 1) {
      throw new ShapeError(
        `gather_rows: with batchDims ${batchDims}, x needs rank ${batchDims + 1} or more and index rank ${batchDims + 1}, got ${formatSpec('x', x)}, ${formatSpec('index', index)}`,
      );
    }
    if (batchDims === 1 && x.shape[0] !== index.shape[0]) {
      throw new ShapeError(
        `gather_rows: batch sizes differ: ${formatSpec('x', x)}, ${formatSpec('index', index)}`,
      );
    }
    return { y: { shape: [...index.shape, ...x.shape.slice(batchDims + 1)], dtype: x.dtype } };
  },
  dispatches(_caps, { x, index }, { y }, { batchDims }) {
    const total = numel(y.shape);
    return {
      dispatches: [
        {
          shader: gatherRowsShader,
          types: { T: wgslType(x.dtype) },
          params: { total, ...rowsOf(x, batchDims), count: index.shape.at(-1)! },
          grid: total,
        },
      ],
    };
  },
});

/** Attributes of `gatherRowsBackward`. */
export interface GatherRowsBackwardAttrs extends GatherRowsAttrs {
  /** R, the rows of the x that was gathered from. */
  readonly rows: number;
}

/** Up to so many indices each element of dx looks at all of them; beyond, they are sorted first. */
const WALKED = 64;

/** Indices of one row that are summed at a time, side by side with others. */
const CHUNK = 128;

/**
 * The gradient of gather_rows to x: rows of dy summed into the rows that they came from, in float32, in an order that
 * depends on index alone: the same on every run.
 */
export const gatherRowsBackward = defineKernel({
  name: 'gather_rows_backward',
  inputs: ['dy', 'index'],
  outputs: ['dx'],
  attributes: ['batchDims', 'rows'],
  infer({ dy }, { batchDims, rows }: GatherRowsBackwardAttrs) {
    const shape = [...dy.shape.slice(0, batchDims), rows, ...dy.shape.slice(batchDims + 1)];
    return { dx: { shape, dtype: dy.dtype } };
  },
  dispatches(_caps, { dy, index }, { dx }, { batchDims }): KernelPlan {
    const total = numel(dx.shape);
    if (total === 0) return { dispatches: [] };
    const types = { T: wgslType(dy.dtype) };
    const { rows, width } = rowsOf(dx, batchDims);
    const count = index.shape.at(-1)!;
    if (count <= WALKED) {
      const params = { total, rows, width, count };
      return { dispatches: [{ shader: gatherRowsBackwardShader, types, params, grid: total }] };
    }
    const batches = numel(index.shape) / count;
    const chunks = Math.floor(count / CHUNK);
    const [keys, starts, partial] = [batches * count, batches * (rows + 1), batches * chunks * width];
    const order = orderByKeys(batches, count, 32 - Math.clz32(rows));
    const constants = { CHUNK };
    // The sort has scratch of the name `sums` too.
    const bind = { sums: 'rowSums' };
    return {
      dispatches: [
        { shader: scatterKeysShader, params: { total: keys, n: rows, count, inner: 1 }, grid: keys },
        ...order.dispatches,
        { shader: startsShader, params: { total: starts, rows, count }, grid: starts },
        {
          shader: sumsShader,
          types,
          constants,
          params: { total: partial, chunks, count, width },
          bind,
          grid: partial,
        },
        {
          shader: sortedShader,
          types,
          constants,
          params: { total, rows, chunks, count, width },
          bind,
          grid: total,
        },
      ],
      scratch: { ...order.scratch, starts: starts * 4, rowSums: Math.max(1, partial) * 4 },
    };
  },
});
