import type { Caps } from '../../device/caps.ts';
import { type DType, numel, type Shape, type TensorSpec } from '../../shape.ts';
import finishBatch from '../../wgsl/norm/lib/norm_finish_batch.wgsl';
import finishGroup from '../../wgsl/norm/lib/norm_finish_group.wgsl';
import type { Problem } from '../strategy.ts';

/**
 * x as every normalisation sees it: [rows, positions, channels], normalised over the positions of a row and
 * the channels of a group. Batch norm is one row with as many groups as channels; group norm has a row an
 * image; layer norm is group norm with one group and one position.
 */
export interface NormView {
  readonly rows: number;
  readonly positions: number;
  readonly channels: number;
  readonly groups: number;
  readonly dtype: DType;
}

/** The view of x [N, ..., C] for group norm. */
export const groupView = (shape: Shape, groups: number, dtype: DType): NormView => ({
  rows: shape[0]!,
  positions: numel(shape.slice(1, -1)),
  channels: shape.at(-1)!,
  groups,
  dtype,
});

/** The view of x [..., C] for batch norm. */
export const batchView = (shape: Shape, dtype: DType): NormView => ({
  rows: 1,
  positions: numel(shape.slice(0, -1)),
  channels: shape.at(-1)!,
  groups: shape.at(-1)!,
  dtype,
});

/** What a statistics pass hands its results to. */
export interface Finish {
  readonly snippet: string;
  readonly params: { readonly eps: number; readonly momentum: number };
  readonly bind?: Readonly<Record<string, string>>;
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
}

/** Attributes of `groupNormBackward`: those of the `groupNorm` whose gradient it computes. */
export type GroupNormBackwardAttrs = Pick<GroupNormAttrs, 'numGroups'>;

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

export const groupNormProblem = ({
  caps,
  specs: { x },
  attrs: { numGroups, eps },
}: NormProblemOf<GroupNormAttrs>): NormProblem => ({
  caps,
  view: groupView(x.shape, numGroups, x.dtype),
  finish: { snippet: finishGroup, params: { eps, momentum: 0 } },
});

export const groupNormBackwardProblem = ({
  caps,
  specs: { x },
  attrs: { numGroups },
}: NormProblemOf<GroupNormBackwardAttrs>): NormBackwardProblem => ({
  caps,
  view: groupView(x.shape, numGroups, x.dtype),
});

export const batchNormProblem = ({
  caps,
  specs: { x },
  attrs: { momentum, eps },
}: NormProblemOf<BatchNormAttrs>): NormProblem => ({
  caps,
  view: batchView(x.shape, x.dtype),
  finish: {
    snippet: finishBatch,
    params: { eps, momentum },
    bind: {
      running_mean: 'runningMean',
      running_var: 'runningVar',
      new_running_mean: 'newRunningMean',
      new_running_var: 'newRunningVar',
    },
  },
});

export const batchNormBackwardProblem = ({
  caps,
  specs: { x },
}: NormProblemOf<object>): NormBackwardProblem => ({ caps, view: batchView(x.shape, x.dtype) });
