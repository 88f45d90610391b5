import { ShapeError } from '../../errors.ts';
import {
  expectDType,
  expectNumber,
  formatSpec,
  type Shape,
  sameShape,
  type TensorSpec,
} from '../../shape.ts';
import { defineKernel, type Given } from '../kernel.ts';
import { expectLevels, type PyramidLevels } from '../levels.ts';
import { groupNormAlone, groupNormBackwardAlone } from '../normStrategiesAlone.ts';
import { planAlone } from '../strategy.ts';
import type { GroupNormAttrs, GroupNormBackwardAttrs } from './normProblem.ts';

export type { GroupNormAttrs, GroupNormBackwardAttrs };

/**
 * The shape of the statistics. Throws unless x has channels that divide into the groups, and the pixels of the levels, and each
 * parameter is one number a channel.
 */
function checkGroups(
  op: string,
  x: TensorSpec,
  numGroups: number,
  levels: PyramidLevels | undefined,
  perChannel: Readonly<Record<string, TensorSpec>>,
): Shape {
  expectDType(op, 'x', x, 'f32', 'f16');
  if (x.shape.length < 2) {
    throw new ShapeError(`${op}: x must be [N, ..., C], got ${formatSpec('x', x)}; reshape it`);
  }
  const channels = x.shape.at(-1)!;
  if (!Number.isInteger(numGroups) || numGroups < 1 || channels % numGroups !== 0) {
    throw new ShapeError(
      `${op}: ${channels} channels do not divide into numGroups ${numGroups} (${formatSpec('x', x)}); choose a divisor`,
    );
  }
  for (const [name, spec] of Object.entries(perChannel)) {
    if (spec.dtype !== 'f32' || !sameShape(spec.shape, [channels])) {
      throw new ShapeError(
        `${op}: ${name} must be [${channels}] f32, one a channel, got ${formatSpec(name, spec)} (${formatSpec('x', x)})`,
      );
    }
  }
  if (levels) expectLevels(op, levels, 'x', x);
  return [x.shape[0]!, ...(levels ? [levels.length] : []), numGroups];
}

/**
 * `y = (x - mean) / sqrt(var + eps) * weight + bias`, mean and (biased) variance over the positions of an image
 * and the channels of a group (Wu and He 2018, Group Normalization). x, y: f32 or f16 [N, ..., C]; weight, bias: f32 [C];
 * mean, invstd = 1 / sqrt(var + eps): [N, G] f32, for the backward pass. G = 1 on [rows, C] is layer norm, G = C
 * instance norm. With `levels` [[h,w], …], x is [N,1,P,C] with the pixels of L levels one after another, each of which is
 * normalised as if it were alone: mean and invstd are [N, L, G]. Throws ShapeError where C does not divide by G, and where the
 * levels do not have P pixels.
 */
export const groupNorm = defineKernel({
  name: 'group_norm',
  inputs: ['x', 'weight', 'bias'],
  f32Inputs: ['weight', 'bias'],
  outputs: ['y', 'mean', 'invstd'],
  attributes: ({ numGroups, eps = 1e-5, levels }: Given<GroupNormAttrs, 'numGroups'>): GroupNormAttrs => ({
    numGroups,
    eps,
    levels,
  }),
  infer({ x, weight, bias }, { numGroups, eps, levels }: GroupNormAttrs) {
    expectNumber('group_norm', 'eps', eps, 0);
    const shape = checkGroups('group_norm', x, numGroups, levels, { weight, bias });
    const statistics: TensorSpec = { shape, dtype: 'f32' };
    return { y: x, mean: statistics, invstd: statistics };
  },
  dispatches: (...given) => planAlone(groupNormAlone, ...given),
});

/**
 * The gradients of group_norm: with xhat = (x - mean) * invstd and means over the group,
 * `dx = invstd * (weight dy - mean(weight dy) - xhat * mean(weight dy xhat))`, `dweight = Σ dy xhat`,
 * `dbias = Σ dy`. mean and invstd are what group_norm returned. With `levels` means are over the group in its level, and dweight
 * and dbias sums over all levels.
 */
export const groupNormBackward = defineKernel({
  name: 'group_norm_backward',
  inputs: ['dy', 'x', 'weight', 'mean', 'invstd'],
  f32Inputs: ['weight', 'mean', 'invstd'],
  outputs: ['dx', 'dweight', 'dbias'],
  attributes: ['numGroups', 'levels'],
  infer({ dy, x, weight, mean, invstd }, { numGroups, levels }: GroupNormBackwardAttrs) {
    const statistics = checkGroups('group_norm_backward', x, numGroups, levels, { weight });
    for (const [name, spec, shape] of [
      ['dy', dy, x.shape],
      ['mean', mean, statistics],
      ['invstd', invstd, statistics],
    ] as const) {
      if (!sameShape(spec.shape, shape)) {
        throw new ShapeError(
          `group_norm_backward: ${name} must be [${shape}], got ${formatSpec(name, spec)} (${formatSpec('x', x)}, numGroups ${numGroups})`,
        );
      }
    }
    return { dx: x, dweight: weight, dbias: weight };
  },
  dispatches: (...given) => planAlone(groupNormBackwardAlone, ...given),
});
