import type { Caps } from '../../device/caps.ts';
import { type DType, numel, type Shape, type TensorSpec } from '../../shape.ts';
import finishBatch from '../../wgsl/norm/lib/norm_finish_batch.wgsl';
import finishGroup from '../../wgsl/norm/lib/norm_finish_group.wgsl';
import type { PyramidLevels } from '../levels.ts';
import type { Problem } from '../strategy.ts';

/**
 * x as every normalisation sees it: [rows, positions, channels], normalised over the positions of a row and
 * the channels of a group. Batch norm is one row with as many groups as channels; group norm has a row an
 * image, or one for each level of each image; layer norm is group norm with one group and one position.
 */
export interface NormView {
  readonly rows: number;
  /** Of the longest row. */
  readonly positions: number;
  /** All positions of an image. */
  readonly pixels: number;
  /** Where each level of an image is a row. */
  readonly levels?: PyramidLevels | undefined;
  readonly channels: number;
  readonly groups: number;
  readonly dtype: DType;
}

/** The view of x [N, ..., C], where N images have these levels, or are one. */
const viewOf = (shape: Shape, groups: number, dtype: DType, given?: PyramidLevels): NormView => {
  // One level is all of an image.
  const levels = given?.[1] && given;
  const pixels = numel(shape.slice(1, -1));
  return {
    rows: shape[0]! * (levels?.length ?? 1),
    positions: levels ? Math.max(...levels.map(numel)) : pixels,
    pixels,
    levels,
    channels: shape.at(-1)!,
    groups,
    dtype,
  };
};

/** What a statistics pass hands its results to. */
export interface Finish {
  readonly snippet: string;
  readonly params: Readonly<Record<'eps' | 'momentum', number>>;
  /** What it binds: more for batch norm. */
  readonly buffers: number;
}

export interface NormBackwardProblem {
  readonly caps: Caps;
  readonly view: NormView;
}

export interface NormProblem extends NormBackwardProblem {
  readonly finish: Finish;
}

/** Attributes of `groupNorm`. */
export interface GroupNormAttrs {
  /** G: neighbouring channels are normalised in groups of C / G. */
  readonly numGroups: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps: number;
  /** The sizes of the levels that x [N,1,P,C] has the pixels of, each of which is normalised on its own. Default: x is one. */
  readonly levels?: PyramidLevels | undefined;
}

/** Attributes of `groupNormBackward`: those of the `groupNorm` whose gradient it computes. */
export type GroupNormBackwardAttrs = Pick<GroupNormAttrs, 'numGroups' | 'levels'>;

/** Attributes of `batchNorm`. */
export interface BatchNormAttrs {
  /** Weight of this batch in the running estimates: running = (1 - momentum) * running + momentum * batch.
   * Default 0.1. */
  readonly momentum: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps: number;
}

/** A normalisation of x, with attributes A. */
export type NormProblemOf<A> = Problem<
  { readonly x: TensorSpec },
  Readonly<Record<string, TensorSpec | undefined>>,
  A
>;

export const groupNormBackwardProblem = ({
  caps,
  specs: { x },
  attrs: { numGroups, levels },
}: NormProblemOf<GroupNormBackwardAttrs>): NormBackwardProblem => ({
  caps,
  view: viewOf(x.shape, numGroups, x.dtype, levels),
});

export const groupNormProblem = (problem: NormProblemOf<GroupNormAttrs>): NormProblem => ({
  ...groupNormBackwardProblem(problem),
  finish: { snippet: finishGroup, params: { eps: problem.attrs.eps, momentum: 0 }, buffers: 2 },
});

/** x [..., C] as one image. */
export const batchNormBackwardProblem = ({
  caps,
  specs: { x },
}: NormProblemOf<object>): NormBackwardProblem => ({
  caps,
  view: viewOf([1, ...x.shape], x.shape.at(-1)!, x.dtype),
});

export const batchNormProblem = (problem: NormProblemOf<BatchNormAttrs>): NormProblem => ({
  ...batchNormBackwardProblem(problem),
  finish: {
    snippet: finishBatch,
    params: problem.attrs,
    buffers: 6,
  },
});
