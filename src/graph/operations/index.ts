import type { ElementwiseName, OpName } from '../../kernels/ops.ts';
import type { Operation } from '../tensor.ts';
import * as boxes from './boxes.ts';
import * as broadcast from './broadcast.ts';
import * as conv from './conv.ts';
import * as elementwise from './elementwise.ts';
import * as image from './image.ts';
import * as imageFilters from './imageFilters.ts';
import * as indexing from './indexing.ts';
import * as losses from './losses.ts';
import * as matrix from './matrix.ts';
import * as norm from './norm.ts';
import * as optimizers from './optimizers.ts';
import * as pool from './pool.ts';
import * as reduce from './reduce.ts';
import * as roi from './roi.ts';
import * as shape from './shape.ts';
import * as sort from './sort.ts';

/** Elementwise operations by name. */
const elementwiseOperations = {
  relu: elementwise.relu,
  leaky_relu: elementwise.leakyRelu,
  silu: elementwise.silu,
  gelu: elementwise.gelu,
  sigmoid: elementwise.sigmoid,
  tanh: elementwise.tanh,
  hardswish: elementwise.hardswish,
  hardsigmoid: elementwise.hardsigmoid,
  hardtanh: elementwise.hardtanh,
  softplus: elementwise.softplus,
  sin: elementwise.sin,
  cos: elementwise.cos,
  tan: elementwise.tan,
  atan: elementwise.atan,
  exp: elementwise.exp,
  expm1: elementwise.expm1,
  log: elementwise.log,
  log1p: elementwise.log1p,
  erf: elementwise.erf,
  sqrt: elementwise.sqrt,
  rsqrt: elementwise.rsqrt,
  abs: elementwise.abs,
  neg: elementwise.neg,
  floor: elementwise.floor,
  ceil: elementwise.ceil,
  trunc: elementwise.trunc,
  round: elementwise.round,
  sign: elementwise.sign,
  affine: elementwise.affine,
  clamp: elementwise.clamp,
  add: elementwise.add,
  sub: elementwise.sub,
  mul: elementwise.mul,
  div: elementwise.div,
  fmod: elementwise.fmod,
  remainder: elementwise.remainder,
  pow: elementwise.pow,
  maximum: elementwise.maximum,
  minimum: elementwise.minimum,
  equal: elementwise.equal,
  not_equal: elementwise.notEqual,
  greater: elementwise.greater,
  greater_equal: elementwise.greaterEqual,
  logical_and: elementwise.logicalAnd,
  logical_or: elementwise.logicalOr,
  logical_xor: elementwise.logicalXor,
  isnan: elementwise.isnan,
  isinf: elementwise.isinf,
  isfinite: elementwise.isfinite,
  where: elementwise.where,
  binary_cross_entropy_with_logits: elementwise.binaryCrossEntropyWithLogits,
  sigmoid_focal_loss: elementwise.sigmoidFocalLoss,
  smooth_l1_loss: elementwise.smoothL1Loss,
  l1_loss: elementwise.l1Loss,
  mse_loss: elementwise.mseLoss,
} as const satisfies Record<ElementwiseName, unknown>;

/** Their gradients, which are operations of their own: `relu_backward_x`. */
const elementwiseGradients = Object.fromEntries(
  Object.values<elementwise.ElementwiseOperation>(elementwiseOperations).flatMap(({ backward }) =>
    Object.values(backward).map((operation) => [operation.name, operation]),
  ),
) as unknown as Record<Exclude<OpName, ElementwiseName | keyof typeof others>, Operation>;

const others = {
  conv2d: conv.conv2d,
  conv2d_backward_weight: conv.conv2dBackwardWeight,
  conv_transpose2d: conv.convTranspose2d,
  linear: matrix.linear,
  matmul: matrix.matmul,
  gather_rows: shape.gatherRows,
  gather_rows_backward: shape.gatherRowsBackward,
  gather: indexing.gather,
  scatter: indexing.scatter,
  scatter_add: indexing.scatterAdd,
  sort: sort.sort,
  topk: sort.topk,
  argmax: reduce.argmax,
  nms: boxes.nms,
  weighted_box_fusion: boxes.weightedBoxFusion,
  box_iou: boxes.boxIou,
  generalized_box_iou: boxes.generalizedBoxIou,
  box_encode: boxes.boxEncode,
  box_decode: boxes.boxDecode,
  box_decode_backward: boxes.boxDecodeBackward,
  match_anchors: boxes.matchAnchors,
  one_hot: shape.oneHot,
  rand: shape.rand,
  cross_entropy: losses.crossEntropy,
  cross_entropy_backward: losses.crossEntropyBackward,
  cdist: matrix.cdist,
  hamming_distance: matrix.hammingDistance,
  interpolate: image.interpolate,
  interpolate_backward: image.interpolateBackward,
  adaptive_avg_pool2d: pool.adaptiveAvgPool2d,
  adaptive_avg_pool2d_backward: pool.adaptiveAvgPool2dBackward,
  avg_pool2d: pool.avgPool2d,
  avg_pool2d_backward: pool.avgPool2dBackward,
  pyr_down: imageFilters.pyrDown,
  pyr_down_backward: imageFilters.pyrDownBackward,
  pyr_up: imageFilters.pyrUp,
  pyr_up_backward: imageFilters.pyrUpBackward,
  gaussian_blur: imageFilters.gaussianBlur,
  gaussian_blur_backward: imageFilters.gaussianBlurBackward,
  max_pool2d: pool.maxPool2d,
  max_pool2d_backward: pool.maxPool2dBackward,
  sum: broadcast.sum,
  amax: reduce.amax,
  prod: reduce.prod,
  cumsum: reduce.cumsum,
  cumprod: reduce.cumprod,
  cumprod_backward: reduce.cumprodBackward,
  softmax: reduce.softmax,
  softmax_backward: reduce.softmaxBackward,
  log_softmax: reduce.logSoftmax,
  log_softmax_backward: reduce.logSoftmaxBackward,
  batch_norm: norm.batchNorm,
  batch_norm_backward: norm.batchNormBackward,
  group_norm: norm.groupNorm,
  group_norm_backward: norm.groupNormBackward,
  local_response_norm: norm.localResponseNorm,
  local_response_norm_backward: norm.localResponseNormBackward,
  permute: shape.permute,
  slice: shape.slice,
  slice_backward: shape.sliceBackward,
  pad: shape.pad,
  flip: shape.flip,
  expand: broadcast.expand,
  concat: shape.concat,
  cast: broadcast.cast,
  roi_align: roi.roiAlign,
  roi_align_backward: roi.roiAlignBackward,
  heatmaps_to_keypoints: roi.heatmapsToKeypoints,
  paste_masks: roi.pasteMasks,
  panoptic_merge: roi.panopticMerge,
  roi_pool: roi.roiPool,
  roi_pool_backward: roi.roiPoolBackward,
  pack: optimizers.pack,
  sgd_step: optimizers.sgdStep,
  adamw_step: optimizers.adamwStep,
  rmsprop_step: optimizers.rmspropStep,
  rmsprop_centered_step: optimizers.rmspropCenteredStep,
  lion_step: optimizers.lionStep,
  ema_step: optimizers.emaStep,
} as const satisfies Partial<Record<OpName, unknown>>;

/**
 * Every operation of the graph by name, for what goes through all of them: verification, the command line. The public
 * functions import their own operations instead, so that a bundle holds what it uses. A missing row is a type error.
 */
export const operations = {
  ...elementwiseOperations,
  ...elementwiseGradients,
  ...others,
} as unknown as Readonly<Record<OpName, Operation>>;
