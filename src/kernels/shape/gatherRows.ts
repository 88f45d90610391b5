import { ShapeError } from '../../errors.ts';
import { expectDType, formatSpec, numel, type TensorSpec } from '../../shape.ts';
import gatherRowsShader from '../../wgsl/shape/gather_rows.wgsl';
import gatherRowsBackwardShader from '../../wgsl/shape/gather_rows_backward.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';

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

/** The gradient of gather_rows to x: rows of dy summed into the rows that they came from, in order. */
export const gatherRowsBackward = defineKernel({
  name: 'gather_rows_backward',
  inputs: ['dy', 'index'],
  outputs: ['dx'],
  attributes: ['batchDims', 'rows'],
  infer({ dy }, { batchDims, rows }: GatherRowsBackwardAttrs) {
    const shape = [...dy.shape.slice(0, batchDims), rows, ...dy.shape.slice(batchDims + 1)];
    return { dx: { shape, dtype: dy.dtype } };
  },
  dispatches(_caps, { dy, index }, { dx }, { batchDims }) {
    const total = numel(dx.shape);
    return {
      dispatches: [
        {
          shader: gatherRowsBackwardShader,
          types: { T: wgslType(dy.dtype) },
          params: { total, ...rowsOf(dx, batchDims), count: index.shape.at(-1)! },
          grid: total,
        },
      ],
    };
  },
});
