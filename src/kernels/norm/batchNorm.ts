import { ShapeError } from '../../errors.ts';
import { expectDType, expectNumber, formatSpec, numel, sameShape, type TensorSpec } from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import { batchNormAlone, batchNormBackwardAlone } from '../normStrategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import type { BatchNormAttrs } from './normProblem.ts';

export type { BatchNormAttrs };

function checkChannels(op: string, x: TensorSpec, perChannel: Readonly<Record<string, TensorSpec>>): number {
  expectDType(op, 'x', x, 'f32', 'f16');
  const channels = x.shape.at(-1);
  if (channels === undefined) throw new ShapeError(`${op}: x is a scalar; it must be [..., C]`);
  if (numel(x.shape.slice(0, -1)) === 1) {
    throw new ShapeError(
      `${op}: ${formatSpec('x', x)} has 1 value a channel, whose variance is not defined; use a larger batch, or the running estimates`,
    );
  }
  for (const [name, spec] of Object.entries(perChannel)) {
    if (spec.dtype !== 'f32' || !sameShape(spec.shape, [channels])) {
      throw new ShapeError(
        `${op}: ${name} must be [${channels}] f32, one a channel, got ${formatSpec(name, spec)} (${formatSpec('x', x)})`,
      );
    }
  }
  return channels;
}

/**
 * `y = (x - mean) / sqrt(var + eps) * weight + bias`, mean and variance of each channel over the whole batch
 * (Ioffe and Szegedy 2015, Batch Normalization), as PyTorch trains: the biased variance normalises, the
 * unbiased one goes into newRunningVar. x, y: f32 or f16 [..., C]; all others f32 [C]; invstd = 1 / sqrt(var + eps). With the
 * running estimates (evaluation) it is a scale and a shift, and no kernel of its own. An empty batch leaves the
 * running estimates as they are (mean 0, variance 0). Throws ShapeError where a channel has one value only.
 */
export const batchNorm = defineKernel({
  name: 'batch_norm',
  inputs: ['x', 'weight', 'bias', 'runningMean', 'runningVar'],
  f32Inputs: ['weight', 'bias', 'runningMean', 'runningVar'],
  outputs: ['y', 'mean', 'invstd', 'newRunningMean', 'newRunningVar'],
  attributes: ({ momentum = 0.1, eps = 1e-5 }: Given<BatchNormAttrs>): BatchNormAttrs => ({ momentum, eps }),
  infer({ x, weight, bias, runningMean, runningVar }, { momentum, eps }: BatchNormAttrs) {
    expectNumber('batch_norm', 'momentum', momentum, 0, 1);
    expectNumber('batch_norm', 'eps', eps, 0);
    const channels = checkChannels('batch_norm', x, { weight, bias, runningMean, runningVar });
    const each: TensorSpec = { shape: [channels], dtype: 'f32' };
    return { y: x, mean: each, invstd: each, newRunningMean: each, newRunningVar: each };
  },
  dispatches: (...given) => planAlone(batchNormAlone, ...given),
});

/**
 * The gradients of batch_norm in training: with xhat = (x - mean) * invstd and means over the batch,
 * `dx = weight * invstd * (dy - mean(dy) - xhat * mean(dy xhat))`, `dweight = Σ dy xhat`, `dbias = Σ dy`.
 * mean and invstd are what batch_norm returned.
 */
export const batchNormBackward = defineKernel({
  name: 'batch_norm_backward',
  inputs: ['dy', 'x', 'weight', 'mean', 'invstd'],
  f32Inputs: ['weight', 'mean', 'invstd'],
  outputs: ['dx', 'dweight', 'dbias'],
  infer({ dy, x, weight, mean, invstd }, _attrs: object) {
    checkChannels('batch_norm_backward', x, { weight, mean, invstd });
    if (!sameShape(dy.shape, x.shape)) {
      throw new ShapeError(
        `batch_norm_backward: dy must have x's shape, got ${formatSpec('dy', dy)}, ${formatSpec('x', x)}`,
      );
    }
    return { dx: x, dweight: weight, dbias: weight };
  },
  dispatches: (...given) => planAlone(batchNormBackwardAlone, ...given),
});
