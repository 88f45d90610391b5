import { boxDecode, boxDecodeBackward, boxEncode } from './boxes/boxCoder.ts';
import { boxIou, generalizedBoxIou } from './boxes/boxIou.ts';
import { matchAnchors } from './boxes/matchAnchors.ts';
import { nms } from './boxes/nms.ts';
import { weightedBoxFusion } from './boxes/weightedBoxFusion.ts';
import { conv2d, conv2dBackwardWeight } from './conv/conv2d.ts';
import { convTranspose2d } from './conv/convTranspose2d.ts';
import * as activations from './elementwise/activations.ts';
import { cast } from './elementwise/cast.ts';
import * as comparison from './elementwise/comparison.ts';
import type { ElementwiseBackwardKernel, ElementwiseKernel } from './elementwise/elementwise.ts';
import * as logical from './elementwise/logical.ts';
import * as math from './elementwise/math.ts';
import * as rounding from './elementwise/rounding.ts';
import * as trigonometry from './elementwise/trigonometry.ts';
import {
  gaussianBlur,
  gaussianBlurBackward,
  pyrDown,
  pyrDownBackward,
  pyrUp,
  pyrUpBackward,
} from './image/imageFilters.ts';
import { interpolate, interpolateBackward } from './image/interpolate.ts';
import type { Kernel } from './kernel.ts';
import { crossEntropy, crossEntropyBackward } from './losses/crossEntropy.ts';
import * as pointwise from './losses/pointwise.ts';
import { cdist } from './matrix/cdist.ts';
import { hammingDistance } from './matrix/hammingDistance.ts';
import { linear, matmul } from './matrix/matmul.ts';
import { batchNorm, batchNormBackward } from './norm/batchNorm.ts';
import { groupNorm, groupNormBackward } from './norm/groupNorm.ts';
import { localResponseNorm, localResponseNormBackward } from './norm/localResponseNorm.ts';
import { emaStep } from './optimizers/ema.ts';
import { adamwStep, lionStep, rmspropCenteredStep, rmspropStep, sgdStep } from './optimizers/optimizers.ts';
import { pack } from './optimizers/pack.ts';
import {
  adaptiveAvgPool2d,
  adaptiveAvgPool2dBackward,
  avgPool2d,
  avgPool2dBackward,
} from './pool/avgPool2d.ts';
import { maxPool2d, maxPool2dBackward } from './pool/maxPool2d.ts';
import { argmax } from './reduce/argmax.ts';
import { cumprod, cumprodBackward, cumsum } from './reduce/cumulative.ts';
import { amax, prod, sum } from './reduce/reduce.ts';
import { logSoftmax, logSoftmaxBackward, softmax, softmaxBackward } from './reduce/softmax.ts';
import { heatmapsToKeypoints } from './roi/heatmapsToKeypoints.ts';
import { panopticMerge } from './roi/panopticMerge.ts';
import { pasteMasks } from './roi/pasteMasks.ts';
import { roiAlign, roiAlignBackward } from './roi/roiAlign.ts';
import { roiPool, roiPoolBackward } from './roi/roiPool.ts';
import { concat } from './shape/concat.ts';
import { gather } from './shape/gather.ts';
import { gatherRows, gatherRowsBackward } from './shape/gatherRows.ts';
import { oneHot } from './shape/oneHot.ts';
import { rand } from './shape/rand.ts';
import { scatter, scatterAdd } from './shape/scatter.ts';
import { expand, flip, pad, permute, slice, sliceBackward } from './shape/stridedCopy.ts';
import { sort } from './sort/sort.ts';
import { topk } from './sort/topk.ts';

/** Elementwise operations by name. */
export const elementwiseKernels = {
  relu: activations.relu,
  leaky_relu: activations.leakyRelu,
  silu: activations.silu,
  gelu: activations.gelu,
  sigmoid: activations.sigmoid,
  tanh: activations.tanh,
  hardswish: activations.hardswish,
  hardsigmoid: activations.hardsigmoid,
  hardtanh: activations.hardtanh,
  softplus: activations.softplus,
  sin: trigonometry.sin,
  cos: trigonometry.cos,
  tan: trigonometry.tan,
  atan: trigonometry.atan,
  exp: math.exp,
  expm1: math.expm1,
  log: math.log,
  log1p: math.log1p,
  erf: math.erf,
  sqrt: math.sqrt,
  rsqrt: math.rsqrt,
  abs: math.abs,
  neg: math.neg,
  floor: rounding.floor,
  ceil: rounding.ceil,
  trunc: rounding.trunc,
  round: rounding.round,
  sign: rounding.sign,
  affine: math.affine,
  clamp: math.clamp,
  add: math.add,
  sub: math.sub,
  mul: math.mul,
  div: math.div,
  fmod: math.fmod,
  remainder: math.remainder,
  pow: math.pow,
  maximum: comparison.maximum,
  minimum: comparison.minimum,
  equal: comparison.equal,
  not_equal: comparison.notEqual,
  greater: comparison.greater,
  greater_equal: comparison.greaterEqual,
  logical_and: logical.logicalAnd,
  logical_or: logical.logicalOr,
  logical_xor: logical.logicalXor,
  isnan: logical.isnan,
  isinf: logical.isinf,
  isfinite: logical.isfinite,
  where: comparison.where,
  binary_cross_entropy_with_logits: pointwise.binaryCrossEntropyWithLogits,
  sigmoid_focal_loss: pointwise.sigmoidFocalLoss,
  smooth_l1_loss: pointwise.smoothL1Loss,
  l1_loss: pointwise.l1Loss,
  mse_loss: pointwise.mseLoss,
} as const;

export type ElementwiseName = keyof typeof elementwiseKernels;

/** The gradients of elementwise operations are operations of their own: `relu_backward_x`. */
type BackwardName = {
  [K in ElementwiseName]: `${K}_backward_${keyof (typeof elementwiseKernels)[K]['backward'] & string}`;
}[ElementwiseName];

/** An elementwise operation, or the gradient of one. */
export type ElementwiseOp = ElementwiseName | BackwardName;

const backwardKernels = Object.fromEntries(
  Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([name, { backward }]) =>
    Object.entries(backward).map(([arg, kernel]) => [`${name}_backward_${arg}`, kernel]),
  ),
) as { readonly [K in BackwardName]: ElementwiseBackwardKernel };

/** Every operation by its name: the key of all other tables. */
export const kernels = {
  ...elementwiseKernels,
  ...backwardKernels,
  conv2d,
  conv2d_backward_weight: conv2dBackwardWeight,
  conv_transpose2d: convTranspose2d,
  linear,
  matmul,
  gather_rows: gatherRows,
  gather_rows_backward: gatherRowsBackward,
  gather,
  scatter,
  scatter_add: scatterAdd,
  sort,
  topk,
  argmax,
  nms,
  weighted_box_fusion: weightedBoxFusion,
  box_iou: boxIou,
  generalized_box_iou: generalizedBoxIou,
  box_encode: boxEncode,
  box_decode: boxDecode,
  box_decode_backward: boxDecodeBackward,
  match_anchors: matchAnchors,
  one_hot: oneHot,
  rand,
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
  heatmaps_to_keypoints: heatmapsToKeypoints,
  paste_masks: pasteMasks,
  panoptic_merge: panopticMerge,
  roi_pool: roiPool,
  roi_pool_backward: roiPoolBackward,
  pack,
  sgd_step: sgdStep,
  adamw_step: adamwStep,
  rmsprop_step: rmspropStep,
  rmsprop_centered_step: rmspropCenteredStep,
  lion_step: lionStep,
  ema_step: emaStep,
} as const;

/** The name of an operation in snake_case, as in `fovea/kernels/<name>`. */
export type OpName = keyof typeof kernels;

/** The kernel of an operation, without its particular types. */
export const kernelOf = (op: OpName): Kernel => kernels[op];
