import { ShapeError } from '../../errors.ts';
import { formatSpec } from '../../shape.ts';
import argmaxShader from '../../wgsl/reduce/argmax.wgsl';
import argmaxChunksShader from '../../wgsl/reduce/argmax_chunks.wgsl';
import { defineKernel, wgslType } from '../kernel.ts';
import { lastDimRows, sortKeySnippets } from '../sort/order.ts';

/** Rows up to this length are read by one invocation each. */
const SHORT_ROW = 512;

/**
 * The index of the greatest element of the last dimension. x: [..., n], f32 or i32 -> y: i32 [...]. The
 * first of equal maxima; NaN is greater than everything; -0 equals +0. Throws ShapeError for n = 0.
 */
export const argmax = defineKernel({
  name: 'argmax',
  inputs: ['x'],
  outputs: ['y'],
  infer({ x }, _attrs: object) {
    const { n } = lastDimRows('argmax', x);
    if (n === 0) {
      throw new ShapeError(
        `argmax: nothing has no maximum: the last dim of ${formatSpec('x', x)} is 0, it must be 1 or more`,
      );
    }
    return { y: { shape: x.shape.slice(0, -1), dtype: 'i32' } };
  },
  dispatches(_caps, { x }) {
    const { rows, n } = lastDimRows('argmax', x);
    const types = { T: wgslType(x.dtype) };
    const snippets = sortKeySnippets(x);
    const chunk = n <= SHORT_ROW ? n : Math.max(64, Math.ceil(Math.sqrt(n)));
    const chunks = Math.ceil(n / chunk);
    const first = { shader: argmaxShader, snippets, types };
    const params = { total: rows * chunks, n, chunks, chunk };
    if (chunks === 1) return { dispatches: [{ ...first, params, grid: rows }] };
    return {
      dispatches: [
        { ...first, params, bind: { y: 'places' }, grid: rows * chunks },
        { shader: argmaxChunksShader, snippets, types, params: { total: rows, n, chunks }, grid: rows },
      ],
      scratch: { places: rows * chunks * 4 },
    };
  },
});
