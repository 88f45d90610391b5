import { ShapeError } from '../../errors.ts';
import { expectDType, numel } from '../../shape.ts';
import oneHotShader from '../../wgsl/shape/one_hot.wgsl';
import { defineKernel } from '../kernel.ts';

/** Attributes of `oneHot`. */
export interface OneHotAttrs {
  /** The size of the new last dimension. */
  readonly numClasses: number;
}

/**
 * `y[..., k] = 1 where labels[...] = k, else 0`. labels: i32 [...] -> y: f32 [..., numClasses]. A label
 * outside 0..numClasses-1 gives zeros, so that padding (-1) needs no mask. Throws ShapeError unless
 * numClasses is a positive integer.
 */
export const oneHot = defineKernel({
  name: 'one_hot',
  inputs: ['labels'],
  outputs: ['y'],
  attributes: ['numClasses'],
  infer({ labels }, { numClasses }: OneHotAttrs) {
    expectDType('one_hot', 'labels', labels, 'i32');
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new ShapeError(`one_hot: numClasses must be a positive integer, got ${numClasses}`);
    }
    return { y: { shape: [...labels.shape, numClasses], dtype: 'f32' } };
  },
  dispatches(_caps, _specs, { y }, { numClasses }) {
    const total = numel(y.shape);
    return { dispatches: [{ shader: oneHotShader, params: { total, classes: numClasses }, grid: total }] };
  },
});
