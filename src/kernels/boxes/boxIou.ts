import { ShapeError } from '../../errors.ts';
import { formatSpec, numel, sameShape, type TensorSpec } from '../../shape.ts';
import boxPairsShader from '../../wgsl/boxes/box_pairs.wgsl';
import boxIouLib from '../../wgsl/boxes/lib/box_iou.wgsl';
import { defineKernel, type KernelPlan, wgslType } from '../kernel.ts';
import { expectBoxes } from './boxSpec.ts';

function inferPairs(op: string, a: TensorSpec, b: TensorSpec): { y: TensorSpec } {
  expectBoxes(op, 'a', a, 2);
  expectBoxes(op, 'b', b, 2);
  if (a.dtype !== b.dtype || !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
    throw new ShapeError(
      `${op}: a and b must agree in dtype and in all dims but the last two, got ${formatSpec('a', a)}, ${formatSpec('b', b)}`,
    );
  }
  return { y: { shape: [...a.shape.slice(0, -1), b.shape.at(-2)!], dtype: a.dtype } };
}

function planPairs(a: TensorSpec, b: TensorSpec, y: TensorSpec, generalized: boolean): KernelPlan {
  const total = numel(y.shape);
  return {
    dispatches: [
      {
        shader: boxPairsShader,
        snippets: [boxIouLib],
        types: { T: wgslType(y.dtype) },
        constants: { GENERALIZED: generalized },
        params: { total, rows: a.shape.at(-2)!, count: b.shape.at(-2)! },
        grid: total,
        epilogue: 'f32',
      },
    ],
  };
}

/**
 * Intersection over union of all pairs of boxes (x1, y1, x2, y2). a: [..., N, 4], b: [..., M, 4], leading
 * dimensions equal -> y: [..., N, M] in 0..1; 0 where both boxes are empty (torchvision gives NaN there).
 */
export const boxIou = defineKernel({
  name: 'box_iou',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer: ({ a, b }, _attrs: object) => inferPairs('box_iou', a, b),
  dispatches: (_caps, { a, b }, { y }) => planPairs(a, b, y, false),
});

/**
 * `IoU - (hull - union) / hull`, hull being the smallest box around both (Rezatofighi et al. 2019), for all
 * pairs. Shapes as box_iou; y in -1..1; the second term is 0 where the hull is empty.
 */
export const generalizedBoxIou = defineKernel({
  name: 'generalized_box_iou',
  inputs: ['a', 'b'],
  outputs: ['y'],
  infer: ({ a, b }, _attrs: object) => inferPairs('generalized_box_iou', a, b),
  dispatches: (_caps, { a, b }, { y }) => planPairs(a, b, y, true),
});
