import { concat } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { PyramidLevels } from '../kernels/levels.ts';

/** A feature pyramid in one tensor, so that a head runs once for all levels. */
export interface Pyramid {
  /** [N,1,P,C]: the pixels of all levels, one after another. */
  readonly x: Tensor;
  /** Height and width of each level. */
  readonly levels: PyramidLevels;
}

/** Joins the levels [N,h,w,C] of a pyramid. */
export const joinLevels = (features: readonly Tensor[]): Pyramid => ({
  x: concat(
    features.map((level) => level.reshape([level.shape[0]!, 1, -1, level.shape[3]!])),
    2,
  ),
  levels: features.map(({ shape }) => [shape[1]!, shape[2]!]),
});
