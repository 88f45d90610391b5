import { defineKernel } from '../kernel.ts';
import { lastDimRows, sortRows } from './order.ts';

/** Attributes of `sort`. */
export interface SortAttrs {
  /** Greatest first; default false. */
  readonly descending?: boolean;
}

/**
 * Sorts along the last dimension. x: [..., n], f32 or i32 -> values like x, indices i32 [..., n]. Stable:
 * equal elements keep their order, in descending order too. NaN is greater than everything, -0 equals +0
 * (torch.sort with stable=True). Throws ShapeError for a scalar.
 */
export const sort = defineKernel({
  name: 'sort',
  inputs: ['x'],
  outputs: ['values', 'indices'],
  attributes: ['descending'],
  infer({ x }, _attrs: SortAttrs) {
    lastDimRows('sort', x);
    return { values: x, indices: { shape: x.shape, dtype: 'i32' } };
  },
  dispatches(_caps, { x }, _outputs, { descending = false }) {
    const { rows, n } = lastDimRows('sort', x);
    return sortRows(x, rows, n, n, descending);
  },
});
