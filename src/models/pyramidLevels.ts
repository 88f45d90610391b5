import { add } from '../graph/functions/elementwise.ts';
import { topk } from '../graph/functions/reduce.ts';
import { concat, slice } from '../graph/functions/shape.ts';
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

/**
 * The best scores of each level, at most `most`: their values, and their places among those of all levels, [N,best] each.
 *
 * @param scores [N,A], level after level.
 * @param counts How many scores each level has.
 */
export function bestOfLevels(
  scores: Tensor,
  counts: readonly number[],
  most: number,
): { readonly values: Tensor; readonly indices: Tensor }[] {
  let end = 0;
  return counts.map((count) => {
    const first = end;
    end += count;
    const { values, indices } = topk(slice(scores, [[], [first, end]]), Math.min(most, count));
    return { values, indices: add(indices, first) };
  });
}
