import type { TensorSpec } from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import { expectGradient, expectSize2, imageDims, pixelDims, type Size2, size2 } from '../spatial.ts';
import { resampleStrategies } from '../strategiesAlone.ts';
import { type Problem, planAlone, type Strategies } from '../strategy.ts';
import { type ResampleAxis, type ResampleProblem, transposed, windowsOf } from './resampleProblem.ts';

export type { ResampleAxis, Tap } from './resampleProblem.ts';

/** What the gradients of `interpolate`, pooling and image filters need to know of the forward operation. */
export interface ResampleBackwardAttrs {
  /** Height and width of its input, which its output does not always tell. */
  readonly inputSize: Size2;
}

/**
 * A linear, separable resampling of images and its backward operation `<name>_backward`, on one shader.
 * `attributes` fills in what is left out; `axesOf` checks the attributes and says, for an input of height x width, how
 * rows and columns are made.
 * Forward: x [N,H,W,C] -> y [N,OH,OW,C]. Backward: dy [N,OH,OW,C] -> dx [N,H,W,C], with the transposed
 * tables: a gather in fixed order. Weights are computed in float64 and stored in float32.
 */
export function defineResample<Name extends string, A extends object, G extends object>(
  name: Name,
  attributes: (given: G) => A,
  axesOf: (op: string, size: Size2, attrs: A) => readonly [rows: ResampleAxis, columns: ResampleAxis],
) {
  type Forward = Problem<{ readonly x: TensorSpec }, { readonly y: TensorSpec }, A>;
  const forwardProblem = ({ caps, specs: { x }, outputs: { y }, attrs }: Forward): ResampleProblem => {
    const [rows, columns] = axesOf(name, [x.shape[1]!, x.shape[2]!], attrs);
    return {
      caps,
      from: ['x', x],
      to: ['y', y],
      rows: windowsOf(rows.size, rows.taps),
      columns: windowsOf(columns.size, columns.taps),
    };
  };
  const forwardStrategies: Strategies<Forward, ResampleProblem> = [[forwardProblem, resampleStrategies]];
  const forward = defineKernel({
    name,
    inputs: ['x'],
    outputs: ['y'],
    attributes,
    infer({ x }, attrs: A) {
      const [n, h, w, c] = pixelDims(name, 'x', x);
      const [rows, columns] = axesOf(name, [h, w], attrs);
      return { y: { shape: [n, rows.size, columns.size, c], dtype: x.dtype } };
    },
    dispatches: (...given) => planAlone(forwardStrategies, ...given),
  });
  const op = `${name}_backward`;
  type Backward = Problem<
    { readonly dy: TensorSpec },
    { readonly dx: TensorSpec },
    A & ResampleBackwardAttrs
  >;
  const backwardProblem = ({ caps, specs: { dy }, outputs: { dx }, attrs }: Backward): ResampleProblem => {
    const [h, w] = attrs.inputSize;
    const [rows, columns] = axesOf(op, [h, w], attrs);
    return {
      caps,
      from: ['dy', dy],
      to: ['dx', dx],
      rows: transposed(rows, h),
      columns: transposed(columns, w),
    };
  };
  const backwardStrategies: Strategies<Backward, ResampleProblem> = [[backwardProblem, resampleStrategies]];
  const backward = defineKernel({
    name: op,
    inputs: ['dy'],
    outputs: ['dx'],
    attributes: (given: G & Given<ResampleBackwardAttrs, 'inputSize'>): A & ResampleBackwardAttrs => ({
      ...attributes(given),
      inputSize: size2(given.inputSize),
    }),
    infer({ dy }, attrs: A & ResampleBackwardAttrs) {
      expectSize2(op, 'inputSize', attrs.inputSize, 1);
      const [n, , , c] = imageDims(op, 'dy', dy);
      const [rows, columns] = axesOf(op, attrs.inputSize, attrs);
      expectGradient(op, dy, [n, rows.size, columns.size, c]);
      return { dx: { shape: [n, ...attrs.inputSize, c], dtype: dy.dtype } };
    },
    dispatches: (...given) => planAlone(backwardStrategies, ...given),
  });
  return { forward, backward, strategies: { forward: forwardStrategies, backward: backwardStrategies } };
}
