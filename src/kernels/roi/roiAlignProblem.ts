import type { TensorSpec } from '../../shape.ts';
import type { Problem } from '../strategy.ts';
import type { RoiAttrs } from './roi.ts';

/** Attributes of `roiAlign`. */
export interface RoiAlignAttrs extends RoiAttrs {
  /** Samples a bin on each axis; -1: as many as the bin has cells, rounded up. Default -1. */
  readonly samplingRatio: number;
  /** Pixel centres lie at whole numbers plus a half; false: the older way, half a cell off (Detectron 1). Default false. */
  readonly aligned: boolean;
}

export type RoiAlignProblem = Problem<
  { readonly x: TensorSpec; readonly rois: TensorSpec },
  { readonly y: TensorSpec },
  RoiAlignAttrs
>;
