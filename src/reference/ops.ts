import type { kernels, OpName } from '../kernels/ops.ts';
import { argmax } from './argmax.ts';
import { batchNorm, batchNormBackward } from './batchNorm.ts';
import { boxDecode, boxDecodeBackward, boxEncode } from './boxCoder.ts';
import { boxIou, generalizedBoxIou } from './boxIou.ts';
import { cast } from './cast.ts';
import { cdist } from './cdist.ts';
import { concat } from './concat.ts';
import { conv2d, conv2dBackwardWeight, convTranspose2d } from './conv2d.ts';
import { crossEntropy, crossEntropyBackward } from './crossEntropy.ts';
import { cumprod, cumprodBackward, cumsum } from './cumulative.ts';
import { elementwiseReferences } from './elementwise.ts';
import { gather, scatter, scatterAdd } from './gather.ts';
import { gatherRows, gatherRowsBackward } from './gatherRows.ts';
import { groupNorm, groupNormBackward } from './groupNorm.ts';
import { hammingDistance } from './hammingDistance.ts';
import { heatmapsToKeypoints } from './heatmapsToKeypoints.ts';
import { localResponseNorm, localResponseNormBackward } from './localResponseNorm.ts';
import { matchAnchors } from './matchAnchors.ts';
import { linear, matmul } from './matmul.ts';
import { maxPool2d, maxPool2dBackward } from './maxPool2d.ts';
import { nms } from './nms.ts';
import { oneHot } from './oneHot.ts';
import {
  adamwStep,
  emaStep,
  lionStep,
  pack,
  rmspropCenteredStep,
  rmspropStep,
  sgdStep,
} from './optimizers.ts';
import { panopticMerge } from './panopticMerge.ts';
import { pasteMasks } from './pasteMasks.ts';
import { rand } from './rand.ts';
import { amax, prod, sum } from './reduce.ts';
import type { KernelReference } from './reference.ts';
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
export const references: { readonly [K in OpName]: KernelReference<(typeof kernels)[K]> } = {
  ...elementwiseReferences,
  conv2d: conv2d,
  conv2d_backward_weight: conv2dBackwardWeight,
  conv_transpose2d: convTranspose2d,
  linear: linear,
  matmul: matmul,
  gather_rows: gatherRows,
  gather_rows_backward: gatherRowsBackward,
  gather,
  scatter,
  scatter_add: scatterAdd,
  sort: sort,
  topk: topk,
  argmax: argmax,
  nms: nms,
  weighted_box_fusion: weightedBoxFusion,
  box_iou: boxIou,
  generalized_box_iou: generalizedBoxIou,
  box_encode: boxEncode,
  box_decode: boxDecode,
  box_decode_backward: boxDecodeBackward,
  match_anchors: matchAnchors,
  one_hot: oneHot,
  rand: rand,
  heatmaps_to_keypoints: heatmapsToKeypoints,
  paste_masks: pasteMasks,
  panoptic_merge: panopticMerge,
  cross_entropy: crossEntropy,
  cross_entropy_backward: crossEntropyBackward,
  cdist,
  hamming_distance: hammingDistance,
  interpolate: interpolate,
  interpolate_backward: interpolateBackward,
  adaptive_avg_pool2d: adaptiveAvgPool2d,
  adaptive_avg_pool2d_backward: adaptiveAvgPool2dBackward,
  avg_pool2d: avgPool2d,
  avg_pool2d_backward: avgPool2dBackward,
  pyr_down: pyrDown,
  pyr_down_backward: pyrDownBackward,
  pyr_up: pyrUp,
  pyr_up_backward: pyrUpBackward,
  gaussian_blur: gaussianBlur,
  gaussian_blur_backward: gaussianBlurBackward,
  max_pool2d: maxPool2d,
  max_pool2d_backward: maxPool2dBackward,
  sum: sum,
  amax: amax,
  prod,
  cumsum,
  cumprod,
  cumprod_backward: cumprodBackward,
  softmax: softmax,
  softmax_backward: softmaxBackward,
  log_softmax: logSoftmax,
  log_softmax_backward: logSoftmaxBackward,
  batch_norm: batchNorm,
  batch_norm_backward: batchNormBackward,
  group_norm: groupNorm,
  group_norm_backward: groupNormBackward,
  local_response_norm: localResponseNorm,
  local_response_norm_backward: localResponseNormBackward,
  permute: permute,
  slice: slice,
  slice_backward: sliceBackward,
  pad: pad,
  flip: flip,
  expand: expand,
  concat: concat,
  cast: cast,
  roi_align: roiAlign,
  roi_align_backward: roiAlignBackward,
  roi_pool: roiPool,
  roi_pool_backward: roiPoolBackward,
  pack: pack,
  sgd_step: sgdStep,
  adamw_step: adamwStep,
  rmsprop_step: rmspropStep,
  rmsprop_centered_step: rmspropCenteredStep,
  lion_step: lionStep,
  ema_step: emaStep,
};
