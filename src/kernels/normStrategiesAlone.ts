/**
 * How normalisations on their own are computed, as strategiesAlone.ts says. A file of its own: bundlers load with a file all
 * that it imports, where any of that is used.
 */
import {
  type BatchNormAttrs,
  batchNormBackwardProblem,
  batchNormProblem,
  type GroupNormAttrs,
  type GroupNormBackwardAttrs,
  groupNormBackwardProblem,
  groupNormProblem,
  type NormBackwardProblem,
  type NormProblem,
  type NormProblemOf,
} from './norm/normProblem.ts';
import { normBackwardChunks, normChunks } from './norm/strategies/normChunks.ts';
import { normBackwardRows, normRows } from './norm/strategies/normRows.ts';
import type { Strategies } from './strategy.ts';

const norm = [normRows, normChunks];
const normBackward = [normBackwardRows, normBackwardChunks];
export const groupNormAlone: Strategies<NormProblemOf<GroupNormAttrs>, NormProblem> = [
  [groupNormProblem, norm],
];
export const batchNormAlone: Strategies<NormProblemOf<BatchNormAttrs>, NormProblem> = [
  [batchNormProblem, norm],
];
export const groupNormBackwardAlone: Strategies<
  NormProblemOf<GroupNormBackwardAttrs>,
  NormBackwardProblem
> = [[groupNormBackwardProblem, normBackward]];
export const batchNormBackwardAlone: Strategies<NormProblemOf<object>, NormBackwardProblem> = [
  [batchNormBackwardProblem, normBackward],
];
