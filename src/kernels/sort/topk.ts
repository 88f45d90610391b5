import { ShapeError } from '../../errors.ts';
import { formatSpec } from '../../shape.ts';
import { defineKernel } from '../kernel.ts';
import { lastDimRows, sortRows } from './order.ts';

/** Attributes of `topk`. */
export interface TopkAttrs {
  /** How many elements are taken, 0 to n. */
  readonly k: number;
  /** The greatest k; default true. False: the least. */
  readonly largest?: boolean;
}

/**
 * The k greatest (or least) elements of the last dimension, in order. x: [..., n], f32 or i32 -> values
 * [..., k] like x, indices i32 [..., k]. Of equal elements the one with the lower index comes first (PyTorch
 * leaves that open); NaN is greater than everything. Throws ShapeError unless 0 <= k <= n.
 */
export const topk = defineKernel({
  name: 'topk',
  inputs: ['x'],
  outputs: ['values', 'indices'],
  attributes: ['k', 'largest'],
  infer({ x }, { k }: TopkAttrs) {
    const { n } = lastDimRows('topk', x);
    if (!Number.isInteger(k) || k < 0 || k > n) {
      throw new ShapeError(
        `topk: k must be an integer from 0 to the last dim's ${n}, got ${k} for ${formatSpec('x', x)}`,
      );
    }
    const shape = [...x.shape.slice(0, -1), k];
    return { values: { shape, dtype: x.dtype }, indices: { shape, dtype: 'i32' } };
  },
  dispatches(_caps, { x }, _outputs, { k, largest = true }) {
    const { rows, n } = lastDimRows('topk', x);
    if (k === 0) return { dispatches: [] };
    return sortRows(x, rows, n, k, largest);
  },
});
