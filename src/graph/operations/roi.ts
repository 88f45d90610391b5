import { heatmapsToKeypoints as keypoints } from '../../kernels/roi/heatmapsToKeypoints.ts';
import { panopticMerge as merge } from '../../kernels/roi/panopticMerge.ts';
import { pasteMasks as paste } from '../../kernels/roi/pasteMasks.ts';
import * as align from '../../kernels/roi/roiAlign.ts';
import * as pool from '../../kernels/roi/roiPool.ts';
import { roiAlignStrategies } from '../../kernels/strategiesAlone.ts';
import { defineOperation } from '../operation.ts';
import { apply } from '../tensor.ts';

export const roiAlignBackward = defineOperation({ kernel: align.roiAlignBackward, gradient: null });

export const roiAlign = defineOperation({
  kernel: align.roiAlign,
  strategies: roiAlignStrategies,
  gradient: ({ inputs: { x, rois }, attrs, grads: { y: dy } }) => ({
    x: apply(roiAlignBackward, { dy, rois }, { ...attrs, inputShape: x.shape }).dx,
  }),
});

export const roiPoolBackward = defineOperation({ kernel: pool.roiPoolBackward, gradient: null });

export const roiPool = defineOperation({
  kernel: pool.roiPool,
  gradient: ({ inputs: { x, rois }, outputs: { indices }, attrs, grads: { y: dy } }) => ({
    x: apply(roiPoolBackward, { dy, indices, rois }, { ...attrs, inputShape: x.shape }).dx,
  }),
});

export const heatmapsToKeypoints = defineOperation({ kernel: keypoints, gradient: null });
export const pasteMasks = defineOperation({ kernel: paste, gradient: null });
export const panopticMerge = defineOperation({ kernel: merge, gradient: null });
