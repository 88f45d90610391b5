import type { OpName } from '../kernels/ops.ts';
import { argmax } from './argmax.ts';
import { batchNorm, batchNormBackward } from './batchNorm.ts';
import { boxDecode, boxDecodeBackward, boxEncode } from './boxCoder.ts';
import { boxIou, generalizedBoxIou } from './boxIou.ts';
import { cast } from './cast.ts';
import { concat } from './concat.ts';
import { conv2d, conv2dBackwardWeight, convTranspose2d } from './conv2d.ts';
import { crossEntropy, crossEntropyBackward } from './crossEntropy.ts';
import { elementwiseReferences } from './elementwise.ts';
import { gatherRows, gatherRowsBackward } from './gatherRows.ts';
import { groupNorm, groupNormBackward } from './groupNorm.ts';
import { hammingDistance } from './hammingDistance.ts';
import { matchAnchors } from './matchAnchors.ts';
import { linear, matmul } from './matmul.ts';
import { maxPool2d, maxPool2dBackward } from './maxPool2d.ts';
import { nms } from './nms.ts';
import { oneHot } from './oneHot.ts';
import { adamwStep, pack, sgdStep } from './optimizers.ts';
import { panopticMerge } from './panopticMerge.ts';
import { pasteMasks } from './pasteMasks.ts';
import { rand } from './rand.ts';
import { amax, sum } from './reduce.ts';
import type { Reference } from './reference.ts';
import {
  adaptiveAvgPool2d,
  adaptiveAvgPool2dBackward,
  avgPool2d,
  avgPool2dBackward,
  gaussianBlur,
  gaussianBlurBackward,
  interpolate,
  interpolateBackward,
  pyrDown,
  pyrDownBackward,
  pyrUp,
  pyrUpBackward,
} from './resample.ts';
import { roiAlign, roiAlignBackward } from './roiAlign.ts';
import { roiPool, roiPoolBackward } from './roiPool.ts';
import { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './softmax.ts';
import { sort } from './sort.ts';
import { expand, flip, pad, permute, slice, sliceBackward } from './stridedCopy.ts';
import { topk } from './topk.ts';
import { weightedBoxFusion } from './weightedBoxFusion.ts';

/** The float64 reference of every operation. A missing one is a type error. */
export const references: Record<OpName, Reference> = {
  ...elementwiseReferences,
  conv2d: conv2d as unknown as Reference,
  conv2d_backward_weight: conv2dBackwardWeight as Reference,
  conv_transpose2d: convTranspose2d as unknown as Reference,
  linear: linear as unknown as Reference,
  matmul: matmul as Reference,
  gather_rows: gatherRows as Reference,
  gather_rows_backward: gatherRowsBackward as Reference,
  sort: sort as Reference,
  topk: topk as Reference,
  argmax: argmax as Reference,
  nms: nms as Reference,
  weighted_box_fusion: weightedBoxFusion as Reference,
  box_iou: boxIou as Reference,
  generalized_box_iou: generalizedBoxIou as Reference,
  box_encode: boxEncode as Reference,
  box_decode: boxDecode as Reference,
  box_decode_backward: boxDecodeBackward as Reference,
  match_anchors: matchAnchors as Reference,
  one_hot: oneHot as Reference,
  rand: rand as Reference,
  paste_masks: pasteMasks as Reference,
  panoptic_merge: panopticMerge as Reference,
  cross_entropy: crossEntropy as Reference,
  cross_entropy_backward: crossEntropyBackward as Reference,
  hamming_distance: hammingDistance as Reference,
  interpolate: interpolate as Reference,
  interpolate_backward: interpolateBackward as Reference,
  adaptive_avg_pool2d: adaptiveAvgPool2d as Reference,
  adaptive_avg_pool2d_backward: adaptiveAvgPool2dBackward as Reference,
  avg_pool2d: avgPool2d as Reference,
  avg_pool2d_backward: avgPool2dBackward as Reference,
  pyr_down: pyrDown as Reference,
  pyr_down_backward: pyrDownBackward as Reference,
  pyr_up: pyrUp as Reference,
  pyr_up_backward: pyrUpBackward as Reference,
  gaussian_blur: gaussianBlur as Reference,
  gaussian_blur_backward: gaussianBlurBackward as Reference,
  max_pool2d: maxPool2d as Reference,
  max_pool2d_backward: maxPool2dBackward as Reference,
  sum: sum as Reference,
  amax: amax as Reference,
  softmax: softmax as Reference,
  softmax_backward: softmaxBackward as Reference,
  log_softmax: logSoftmax as Reference,
  log_softmax_backward: logSoftmaxBackward as Reference,
  batch_norm: batchNorm as Reference,
  batch_norm_backward: batchNormBackward as Reference,
  group_norm: groupNorm as Reference,
  group_norm_backward: groupNormBackward as Reference,
  permute: permute as Reference,
  slice: slice as Reference,
  slice_backward: sliceBackward as Reference,
  pad: pad as Reference,
  flip: flip as Reference,
  expand: expand as Reference,
  concat: concat as Reference,
  cast: cast as Reference,
  roi_align: roiAlign as Reference,
  roi_align_backward: roiAlignBackward as Reference,
  roi_pool: roiPool as Reference,
  roi_pool_backward: roiPoolBackward as Reference,
  pack: pack as unknown as Reference,
  sgd_step: sgdStep as Reference,
  adamw_step: adamwStep as Reference,
};
