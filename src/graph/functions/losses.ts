import { ShapeError } from '../../errors.ts';
import { objectOf } from '../../options.ts';
import { broadcastShapes, expectDType, expectNumber, formatShape, numel, sameShape } from '../../shape.ts';
import { optionsOf } from '../functionOptions.ts';
import { inF32 } from '../operations/broadcast.ts';
import * as elementwiseOps from '../operations/elementwise.ts';
import * as lossesOps from '../operations/losses.ts';
import { apply, expectTensors, full, type Tensor } from '../tensor.ts';
import { add, affine, div, mul, sigmoid } from './elementwise.ts';
import { mean, sum } from './reduce.ts';
import { expectReduction, type Reduction, reduceLoss } from './reduction.ts';
import { cast } from './shape.ts';

export type { Reduction };

/*
 * Losses are f32, also of f16 tensors: a sum over a batch would overflow f16, and a mean underflow.
 */

/** x: floats; target: as many numbers of any type. */
function expectSame(op: string, x: Tensor, target: Tensor): void {
  expectTensors(op, { x, target });
  expectDType(op, 'x', x, 'f32', 'f16');
  if (!sameShape(x.shape, target.shape)) {
    throw new ShapeError(
      `${op}: x ${formatShape(x.shape)} and target ${formatShape(target.shape)} must have one shape`,
    );
  }
}

const both = (x: Tensor, target: Tensor) => ({ x: inF32(x), target: inF32(target) });

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Weight of each class, [C]; `mean` divides by the sum of the targets' weights. */
  readonly weight?: Tensor;
  /** Targets of this value count for nothing. Default -100. */
  readonly ignoreIndex?: number;
  /** `none`: one loss per target; `sum`; or `mean` over the targets that count. Default `mean`. */
  readonly reduction?: Reduction;
  /** The share of each target that is spread over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
}

/** -log softmax(x)[target]. x: […,C] logits; target: i32 […] class indices. */
export function crossEntropy(x: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { weight, reduction = 'mean', ...others } = objectOf('cross_entropy', options, ShapeError);
  expectTensors('cross_entropy', { x, target, ...(weight && { weight }) });
  const inputs = { x, target, weight: weight && cast(weight, x.dtype) };
  expectReduction('cross_entropy', reduction);
  const { loss, rowWeight } = apply(lossesOps.crossEntropy, inputs, others);
  if (reduction === 'none') return loss!;
  const total = sum(loss!);
  return reduction === 'sum' ? total : div(total, sum(rowWeight!.detach()));
}

/** -(posWeight t log s(x) + (1 - t) log(1 - s(x))), finite for any logit x. posWeight and weight broadcast. */
export function binaryCrossEntropyWithLogits(
  x: Tensor,
  target: Tensor,
  options: { weight?: Tensor; posWeight?: Tensor; reduction?: Reduction } = {},
): Tensor {
  const { weight, posWeight, reduction } = optionsOf('binary_cross_entropy_with_logits', options, {
    weight: undefined,
    posWeight: undefined,
    reduction: 'mean',
  });
  expectSame('binary_cross_entropy_with_logits', x, target);
  for (const [name, given] of Object.entries({ weight, posWeight })) {
    if (
      !given ||
      sameShape(broadcastShapes('binary_cross_entropy_with_logits', x.shape, given.shape), x.shape)
    )
      continue;
    throw new ShapeError(
      `binary_cross_entropy_with_logits: ${name} ${formatShape(given.shape)} must broadcast to x ${formatShape(x.shape)}`,
    );
  }
  const inputs = { ...both(x, target), pos_weight: posWeight ?? full([], 1) };
  const loss = apply(elementwiseOps.binaryCrossEntropyWithLogits, inputs).y;
  return reduceLoss('binary_cross_entropy_with_logits', weight ? mul(loss, weight) : loss, reduction);
}

/**
 * Focal loss (Lin et al. 2017, §3): alpha_t (1 - p_t)^gamma times the binary cross entropy of logits x.
 * alpha below 0 leaves alpha_t out.
 */
export function sigmoidFocalLoss(
  x: Tensor,
  target: Tensor,
  options: { alpha?: number; gamma?: number; reduction?: Reduction } = {},
): Tensor {
  const { alpha, gamma, reduction } = optionsOf('sigmoid_focal_loss', options, {
    alpha: 0.25,
    gamma: 2,
    reduction: 'none',
  });
  expectSame('sigmoid_focal_loss', x, target);
  expectNumber('sigmoid_focal_loss', 'gamma', gamma, 0);
  return reduceLoss(
    'sigmoid_focal_loss',
    apply(elementwiseOps.sigmoidFocalLoss, both(x, target), { alpha, gamma }).y,
    reduction,
  );
}

/** d^2 / (2 beta) below beta, else |d| - beta / 2, with d = x - target (Girshick 2015, Fast R-CNN, §2.3). */
export function smoothL1Loss(
  x: Tensor,
  target: Tensor,
  options: { beta?: number; reduction?: Reduction } = {},
): Tensor {
  const { beta, reduction } = optionsOf('smooth_l1_loss', options, { beta: 1, reduction: 'mean' });
  expectSame('smooth_l1_loss', x, target);
  expectNumber('smooth_l1_loss', 'beta', beta, 0);
  return reduceLoss(
    'smooth_l1_loss',
    apply(elementwiseOps.smoothL1Loss, both(x, target), { beta }).y,
    reduction,
  );
}

/** |x - target|. */
export function l1Loss(x: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  const { reduction } = optionsOf('l1_loss', options, { reduction: 'mean' });
  expectSame('l1_loss', x, target);
  return reduceLoss('l1_loss', apply(elementwiseOps.l1Loss, both(x, target)).y, reduction);
}

/** (x - target)^2. */
export function mseLoss(x: Tensor, target: Tensor, options: { reduction?: Reduction } = {}): Tensor {
  const { reduction } = optionsOf('mse_loss', options, { reduction: 'mean' });
  expectSame('mse_loss', x, target);
  return reduceLoss('mse_loss', apply(elementwiseOps.mseLoss, both(x, target)).y, reduction);
}

/**
 * 1 - (2 sum(p g) + s) / (sum(p) + sum(g) + s) with p = sigmoid(x) (Milletari et al. 2016, V-Net, §3): over all
 * but the first dimension, then the mean over the first.
 */
export function diceLoss(x: Tensor, target: Tensor, options: { smooth?: number } = {}): Tensor {
  const { smooth } = optionsOf('dice_loss', options, { smooth: 1 });
  expectSame('dice_loss', x, target);
  expectNumber('dice_loss', 'smooth', smooth, 0);
  if (x.shape.length === 0) throw new ShapeError('dice_loss: x [] must be [N,…]');
  const [N, size] = [x.shape[0]!, numel(x.shape.slice(1))];
  const p = sigmoid(inF32(x)).reshape([N, size]);
  const g = inF32(target).reshape([N, size]);
  const overlap = affine(sum(mul(p, g), { dim: 1 }), 2, smooth);
  const total = affine(add(sum(p, { dim: 1 }), sum(g, { dim: 1 })), 1, smooth);
  return mean(affine(div(overlap, total), -1, 1));
}
