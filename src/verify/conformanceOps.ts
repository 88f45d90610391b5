import * as activation from '../graph/functions/activations.ts';
import { scaledDotProductAttention } from '../graph/functions/attention.ts';
import * as boxes from '../graph/functions/boxes.ts';
import * as boxLosses from '../graph/functions/boxLosses.ts';
import * as conv from '../graph/functions/conv.ts';
import * as elementwise from '../graph/functions/elementwise.ts';
import { gridSample } from '../graph/functions/gridSample.ts';
import * as indexing from '../graph/functions/indexing.ts';
import * as logical from '../graph/functions/logical.ts';
import * as losses from '../graph/functions/losses.ts';
import * as pyramid from '../graph/functions/pyramid.ts';
import * as reduce from '../graph/functions/reduce.ts';
import * as shape from '../graph/functions/shape.ts';
import { silhouetteSamples } from '../graph/functions/silhouette.ts';
import type { Tensor } from '../graph/tensor.ts';
import { type Attrs, flag, lists, number, numbers, pairOf, text } from './conformanceAttributes.ts';

export type { Attrs };

type Inputs = Readonly<Record<string, Tensor>>;
type Outputs = Readonly<Record<string, Tensor>>;
/** One operation as a public function: inputs and attributes in, outputs by the file's names out. */
export type Run = (inputs: Inputs, attrs: Attrs) => Outputs;

const reductionOf = (attrs: Attrs, otherwise: losses.Reduction = 'mean'): losses.Reduction =>
  text(attrs, 'reduction', ['none', 'mean', 'sum'], otherwise);

const convOf = (attrs: Attrs) => ({
  stride: pairOf(attrs, 'stride', 1),
  padding: pairOf(attrs, 'padding', 0),
  dilation: pairOf(attrs, 'dilation', 1),
  groups: number(attrs, 'groups', 1),
});

const poolOf = (attrs: Attrs) => ({
  stride: pairOf(attrs, 'stride', pairOf(attrs, 'kernel_size')),
  padding: pairOf(attrs, 'padding', 0),
  ceilMode: flag(attrs, 'ceil_mode'),
});

const unary =
  (fn: (x: Tensor) => Tensor): Run =>
  ({ x }) => ({ y: fn(x!) });
const binary =
  (fn: (a: Tensor, b: Tensor) => Tensor): Run =>
  ({ a, b }) => ({ y: fn(a!, b!) });
const reduced =
  (fn: (x: Tensor, options: reduce.ReduceOptions) => Tensor): Run =>
  ({ x }, attrs) => ({ y: fn(x!, { dim: numbers(attrs, 'dim'), keepdim: flag(attrs, 'keepdim') }) });
const spread =
  (fn: (x: Tensor, options: reduce.VarianceOptions) => Tensor): Run =>
  ({ x }, attrs) => ({
    y: fn(x!, {
      dim: numbers(attrs, 'dim'),
      correction: number(attrs, 'correction', 1),
      keepdim: flag(attrs, 'keepdim'),
    }),
  });
/** null: of all elements. */
const dimOf = (attrs: Attrs): number | undefined =>
  attrs.dim === null ? undefined : number(attrs, 'dim', -1);
/** x0, x1, … in their order. */
const listed = (inputs: Inputs): Tensor[] =>
  Object.keys(inputs)
    .sort()
    .map((name) => inputs[name]!);
const compared =
  (
    fn: (x: Tensor, target: Tensor, options: { reduction: losses.Reduction }) => Tensor,
    otherwise: losses.Reduction = 'mean',
  ): Run =>
  ({ x, target }, attrs) => ({ y: fn(x!, target!, { reduction: reductionOf(attrs, otherwise) }) });

const activations: Record<string, Run> = {
  relu: unary(elementwise.relu),
  leaky_relu: ({ x }, attrs) => ({
    y: elementwise.leakyRelu(x!, number(attrs, 'negative_slope', 0.01)),
  }),
  silu: unary(elementwise.silu),
  gelu: unary(elementwise.gelu),
  sigmoid: unary(elementwise.sigmoid),
  tanh: unary(elementwise.tanh),
  hardswish: unary(elementwise.hardswish),
  hardsigmoid: unary(elementwise.hardsigmoid),
  softplus: unary(elementwise.softplus),
  hardtanh: ({ x }, attrs) => ({
    y: elementwise.hardtanh(x!, number(attrs, 'min_val', -1), number(attrs, 'max_val', 1)),
  }),
  relu6: unary(elementwise.relu6),
  elu: ({ x }, attrs) => ({ y: activation.elu(x!, number(attrs, 'alpha', 1)) }),
  mish: unary(activation.mish),
  logsigmoid: unary(activation.logSigmoid),
  prelu: ({ x, weight }) => ({ y: activation.prelu(x!, weight!) }),
  sin: unary(elementwise.sin),
  cos: unary(elementwise.cos),
  tan: unary(elementwise.tan),
  atan: unary(elementwise.atan),
  exp: unary(elementwise.exp),
  expm1: unary(elementwise.expm1),
  log: unary(elementwise.log),
  log1p: unary(elementwise.log1p),
  erf: unary(elementwise.erf),
  sqrt: unary(elementwise.sqrt),
  rsqrt: unary(elementwise.rsqrt),
  square: unary(elementwise.square),
  reciprocal: unary(elementwise.reciprocal),
  abs: unary(elementwise.abs),
  neg: unary(elementwise.neg),
  floor: unary(elementwise.floor),
  ceil: unary(elementwise.ceil),
  trunc: unary(elementwise.trunc),
  round: unary(elementwise.round),
  sign: unary(elementwise.sign),
  clamp: ({ x }, attrs) => {
    const [min, max] = [
      number(attrs, 'min', Number.NEGATIVE_INFINITY),
      number(attrs, 'max', Number.POSITIVE_INFINITY),
    ];
    return { y: elementwise.clamp(x!, min, max) };
  },
  add: binary(elementwise.add),
  sub: binary(elementwise.sub),
  mul: binary(elementwise.mul),
  div: binary(elementwise.div),
  fmod: binary(elementwise.fmod),
  remainder: binary(elementwise.remainder),
  maximum: binary(elementwise.maximum),
  minimum: binary(elementwise.minimum),
  pow: binary(elementwise.pow),
  eq: binary(elementwise.equal),
  ne: binary(elementwise.notEqual),
  gt: binary(elementwise.greater),
  ge: binary(elementwise.greaterEqual),
  lt: binary(elementwise.less),
  le: binary(elementwise.lessEqual),
  where: ({ condition, a, b }) => ({ y: elementwise.where(condition!, a!, b!) }),
  masked_fill: ({ x, mask }, attrs) => ({ y: logical.maskedFill(x!, mask!, number(attrs, 'value')) }),
  logical_and: binary(logical.logicalAnd),
  logical_or: binary(logical.logicalOr),
  logical_xor: binary(logical.logicalXor),
  logical_not: unary(logical.logicalNot),
  isnan: unary(logical.isnan),
  isinf: unary(logical.isinf),
  isfinite: unary(logical.isfinite),
};

const networks: Record<string, Run> = {
  conv1d: ({ x, weight, bias }, attrs) => ({
    y: conv.conv1d(x!, weight!, bias, {
      stride: number(attrs, 'stride', 1),
      padding: number(attrs, 'padding', 0),
      dilation: number(attrs, 'dilation', 1),
      groups: number(attrs, 'groups', 1),
    }),
  }),
  conv2d: ({ x, weight, bias }, attrs) => ({ y: conv.conv2d(x!, weight!, bias, convOf(attrs)) }),
  conv_transpose2d: ({ x, weight, bias }, attrs) => ({
    y: conv.convTranspose2d(x!, weight!, bias, {
      ...convOf(attrs),
      outputPadding: pairOf(attrs, 'output_padding', 0),
    }),
  }),
  linear: ({ x, weight, bias }) => ({ y: reduce.linear(x!, weight!, bias) }),
  matmul: binary(reduce.matmul),
  max_pool2d: ({ x }, attrs) => ({
    y: conv.maxPool2d(x!, pairOf(attrs, 'kernel_size'), {
      ...poolOf(attrs),
      dilation: pairOf(attrs, 'dilation', 1),
    }),
  }),
  avg_pool2d: ({ x }, attrs) => ({
    y: conv.avgPool2d(x!, pairOf(attrs, 'kernel_size'), {
      ...poolOf(attrs),
      countIncludePad: flag(attrs, 'count_include_pad', true),
    }),
  }),
  adaptive_avg_pool2d: ({ x }, attrs) => ({ y: conv.adaptiveAvgPool2d(x!, pairOf(attrs, 'output_size')) }),
  interpolate: ({ x }, attrs) => {
    const mode = text(attrs, 'mode', ['nearest', 'bilinear', 'bicubic']);
    // PyTorch knows no aligned corners for nearest.
    const alignCorners = mode !== 'nearest' && flag(attrs, 'align_corners');
    const antialias = flag(attrs, 'antialias');
    return { y: conv.interpolate(x!, { size: pairOf(attrs, 'size'), mode, alignCorners, antialias }) };
  },
  grid_sample: ({ x, grid }, attrs) => ({
    y: gridSample(x!, grid!, {
      mode: text(attrs, 'mode', ['bilinear', 'nearest'], 'bilinear'),
      paddingMode: text(attrs, 'padding_mode', ['zeros', 'border', 'reflection'], 'zeros'),
      alignCorners: flag(attrs, 'align_corners'),
    }),
  }),
  pixel_shuffle: ({ x }, attrs) => ({ y: shape.pixelShuffle(x!, number(attrs, 'upscale_factor')) }),
  pixel_unshuffle: ({ x }, attrs) => ({ y: shape.pixelUnshuffle(x!, number(attrs, 'downscale_factor')) }),
  batch_norm: ({ x, weight, bias, running_mean, running_var }, attrs): Outputs => {
    const state = { weight: weight!, bias: bias!, runningMean: running_mean!, runningVar: running_var! };
    const eps = number(attrs, 'eps', 1e-5);
    if (!flag(attrs, 'training')) return { y: conv.batchNormEval(x!, state, eps) };
    const out = conv.batchNormTrain(x!, state, { momentum: number(attrs, 'momentum', 0.1), eps });
    return { y: out.y, running_mean: out.runningMean, running_var: out.runningVar };
  },
  group_norm: ({ x, weight, bias }, attrs) => ({
    y: conv.groupNorm(x!, number(attrs, 'num_groups'), { weight, bias, eps: number(attrs, 'eps', 1e-5) }),
  }),
  instance_norm: ({ x, weight, bias }, attrs) => ({
    y: conv.instanceNorm(x!, { weight, bias, eps: number(attrs, 'eps', 1e-5) }),
  }),
  layer_norm: ({ x, weight, bias }, attrs) => ({
    y: conv.layerNorm(x!, weight!.shape, { weight, bias, eps: number(attrs, 'eps', 1e-5) }),
  }),
  local_response_norm: ({ x }, attrs) => ({
    y: conv.localResponseNorm(x!, number(attrs, 'size'), {
      alpha: number(attrs, 'alpha', 1e-4),
      beta: number(attrs, 'beta', 0.75),
      k: number(attrs, 'k', 1),
    }),
  }),
  scaled_dot_product_attention: ({ q, k, v }) => ({ y: scaledDotProductAttention(q!, k!, v!) }),
  softmax: ({ x }, attrs) => ({ y: reduce.softmax(x!, number(attrs, 'dim', -1)) }),
  log_softmax: ({ x }, attrs) => ({ y: reduce.logSoftmax(x!, number(attrs, 'dim', -1)) }),
};

const shapes: Record<string, Run> = {
  vector_norm: ({ x }, attrs) => ({
    y: reduce.norm(x!, {
      p: number(attrs, 'ord', 2),
      ...(attrs.dim === undefined ? {} : { dim: numbers(attrs, 'dim') }),
      keepdim: flag(attrs, 'keepdim'),
    }),
  }),
  sum: reduced(reduce.sum),
  mean: reduced(reduce.mean),
  amax: reduced(reduce.amax),
  prod: reduced(reduce.prod),
  cumsum: ({ x }, attrs) => ({ y: reduce.cumsum(x!, number(attrs, 'dim')) }),
  cumprod: ({ x }, attrs) => ({ y: reduce.cumprod(x!, number(attrs, 'dim')) }),
  amin: reduced(reduce.amin),
  logsumexp: reduced(reduce.logsumexp),
  var: spread(reduce.variance),
  std: spread(reduce.std),
  argmax: ({ x }, attrs) => ({ y: reduce.argmax(x!, { dim: dimOf(attrs) }) }),
  argmin: ({ x }, attrs) => ({ y: reduce.argmin(x!, { dim: dimOf(attrs) }) }),
  sort: ({ x }, attrs) => ({ ...reduce.sort(x!, { descending: flag(attrs, 'descending') }) }),
  topk: ({ x }, attrs) => ({
    ...reduce.topk(x!, number(attrs, 'k'), { largest: flag(attrs, 'largest', true) }),
  }),
  permute: ({ x }, attrs) => ({ y: shape.permute(x!, numbers(attrs, 'dims')) }),
  reshape: ({ x }, attrs) => ({ y: shape.reshape(x!, numbers(attrs, 'shape')) }),
  pad: ({ x }, attrs) => ({
    y: shape.pad(x!, lists(attrs, 'padding') as [number, number][], { value: number(attrs, 'value', 0) }),
  }),
  // Python's slice(n) ends at n.
  slice: ({ x }, attrs) => {
    const ranges = lists(attrs, 'slices').map((list) => (list.length === 1 ? [null, ...list] : list));
    return { y: shape.slice(x!, ranges as unknown as shape.Range[]) };
  },
  flip: ({ x }, attrs) => ({ y: shape.flip(x!, numbers(attrs, 'dims')) }),
  concat: (inputs, attrs) => ({ y: shape.concat(listed(inputs), number(attrs, 'dim')) }),
  stack: (inputs, attrs) => ({ y: shape.stack(listed(inputs), number(attrs, 'dim', 0)) }),
  one_hot: ({ labels }, attrs) => ({ y: shape.oneHot(labels!, number(attrs, 'num_classes')) }),
  argsort: ({ x }, attrs) => ({
    y: reduce.argsort(x!, { dim: number(attrs, 'dim', -1), descending: flag(attrs, 'descending') }),
  }),
  gather: ({ x, index }, attrs) => ({ y: indexing.gather(x!, number(attrs, 'dim'), index!) }),
  scatter: ({ x, index, src }, attrs) => ({
    y: indexing.scatter(x!, number(attrs, 'dim'), index!, src ?? number(attrs, 'value')),
  }),
  scatter_add: ({ x, index, src }, attrs) => ({
    y: indexing.scatterAdd(x!, number(attrs, 'dim'), index!, src!),
  }),
  // PyTorch counts negative numbers from the end; here they are no rows.
  gather_rows: ({ x, index }) => ({
    y: shape.gatherRows(
      x!,
      elementwise.where(elementwise.less(index!, 0), elementwise.add(index!, x!.shape[0] ?? 0), index!),
    ),
  }),
};

const lossOps: Record<string, Run> = {
  cross_entropy: ({ x, target, weight }, attrs) => ({
    y: losses.crossEntropy(x!, target!, {
      ...(weight ? { weight } : {}),
      ignoreIndex: number(attrs, 'ignore_index', -100),
      reduction: reductionOf(attrs),
      labelSmoothing: number(attrs, 'label_smoothing', 0),
    }),
  }),
  binary_cross_entropy_with_logits: ({ x, target, weight, pos_weight }, attrs) => ({
    y: losses.binaryCrossEntropyWithLogits(x!, target!, {
      ...(weight ? { weight } : {}),
      ...(pos_weight ? { posWeight: pos_weight } : {}),
      reduction: reductionOf(attrs),
    }),
  }),
  sigmoid_focal_loss: ({ x, target }, attrs) => ({
    y: losses.sigmoidFocalLoss(x!, target!, {
      alpha: number(attrs, 'alpha', 0.25),
      gamma: number(attrs, 'gamma', 2),
      reduction: reductionOf(attrs),
    }),
  }),
  smooth_l1_loss: ({ x, target }, attrs) => ({
    y: losses.smoothL1Loss(x!, target!, { beta: number(attrs, 'beta', 1), reduction: reductionOf(attrs) }),
  }),
  l1_loss: compared(losses.l1Loss),
  mse_loss: compared(losses.mseLoss),
  generalized_box_iou_loss: compared(boxLosses.generalizedBoxIouLoss, 'none'),
  distance_box_iou_loss: compared(boxLosses.distanceBoxIouLoss, 'none'),
  complete_box_iou_loss: compared(boxLosses.completeBoxIouLoss, 'none'),
  dice_loss: ({ x, target }, attrs) => ({
    y: losses.diceLoss(x!, target!, { smooth: number(attrs, 'smooth', 1) }),
  }),
};

const regions: Record<string, Run> = {
  box_iou: binary(boxes.boxIou),
  generalized_box_iou: binary(boxes.generalizedBoxIou),
  box_convert: ({ x }, attrs) => {
    const formats = ['xyxy', 'xywh', 'cxcywh'] as const;
    return { y: boxes.boxConvert(x!, text(attrs, 'in_fmt', formats), text(attrs, 'out_fmt', formats)) };
  },
  clip_boxes_to_image: ({ x }, attrs) => ({
    y: boxes.clipBoxesToImage(x!, numbers(attrs, 'size') as [number, number]),
  }),
  nms: (inputs, attrs) => ({
    ...boxes.nms(inputs.boxes!, inputs.scores!, { iouThreshold: number(attrs, 'iou_threshold') }),
  }),
  batched_nms: (inputs, attrs) => ({
    ...boxes.batchedNms(inputs.boxes!, inputs.scores!, inputs.labels!, {
      iouThreshold: number(attrs, 'iou_threshold'),
    }),
  }),
  roi_align: ({ x, rois }, attrs) => ({
    y: boxes.roiAlign(x!, rois!, {
      outputSize: pairOf(attrs, 'output_size'),
      spatialScale: number(attrs, 'spatial_scale', 1),
      samplingRatio: number(attrs, 'sampling_ratio', -1),
      aligned: flag(attrs, 'aligned'),
    }),
  }),
  roi_pool: ({ x, rois }, attrs) => ({
    y: boxes.roiPool(x!, rois!, {
      outputSize: pairOf(attrs, 'output_size'),
      spatialScale: number(attrs, 'spatial_scale', 1),
    }),
  }),
};

const images: Record<string, Run> = {
  pyr_down: unary(pyramid.pyrDown),
  pyr_up: ({ x }) => ({ y: pyramid.pyrUp(x!) }),
  gaussian_blur: ({ x }, attrs) => ({
    y: pyramid.gaussianBlur(x!, number(attrs, 'kernel_size'), number(attrs, 'sigma')),
  }),
  cosine_similarity_matrix: binary(reduce.cosineSimilarityMatrix),
  silhouette_samples: ({ x, labels }) => {
    // The file does not say how many clusters there are; its labels do.
    const list = labels!.origin.kind === 'constant' ? Array.from(labels!.origin.data) : [];
    const clusters = list.reduce((most, label) => Math.max(most, label + 1), 1);
    return { y: silhouetteSamples(x!, labels!, clusters) };
  },
  cdist: binary(reduce.cdist),
  hamming_distance: binary(reduce.hammingDistance),
};

/** The operations of conformance files as this library's public functions. What is not here is not implemented. */
export const conformanceOps: ReadonlyMap<string, Run> = new Map(
  Object.entries({
    ...activations,
    ...networks,
    ...shapes,
    ...lossOps,
    ...regions,
    ...images,
  }),
);
