import { ShapeError } from '../../errors.ts';
import type { Conv2dAttrs } from '../../kernels/conv/conv2d.ts';
import type { ConvTranspose2dAttrs } from '../../kernels/conv/convTranspose2d.ts';
import type { InterpolateAttrs } from '../../kernels/image/interpolate.ts';
import type { Given } from '../../kernels/kernel.ts';
import type { PyramidLevels } from '../../kernels/levels.ts';
import type { BatchNormAttrs } from '../../kernels/norm/batchNorm.ts';
import type { LocalResponseNormAttrs } from '../../kernels/norm/localResponseNorm.ts';
import type { AvgPool2dAttrs } from '../../kernels/pool/avgPool2d.ts';
import type { MaxPool2dAttrs } from '../../kernels/pool/maxPool2d.ts';
import { objectOf } from '../../options.ts';
import {
  expectNumber,
  expectRank,
  expectShape,
  formatShape,
  numel,
  type Pair,
  pair,
  type Shape,
  sameShape,
} from '../../shape.ts';
import { castTo as cast, inF32 } from '../operations/broadcast.ts';
import * as convOps from '../operations/conv.ts';
import * as imageOps from '../operations/image.ts';
import * as normOps from '../operations/norm.ts';
import * as poolOps from '../operations/pool.ts';
import { pad } from '../operations/shape.ts';
import { apply, expectTensors, full, type Tensor } from '../tensor.ts';
import { add, affine, mul, rsqrt, sub } from './elementwise.ts';

/** Defaults: stride 1, padding 0, dilation 1, groups 1. */
export interface ConvOptions extends Omit<Given<Conv2dAttrs>, 'padding'> {
  /** Zeros on each side; `valid` for none, `same` for as many as keep the size at stride 1. */
  readonly padding?: Pair | 'valid' | 'same';
}

/**
 * Convolution (cross-correlation, PyTorch's conv2d). x: [N,H,W,I]; weight: [kh,kw,I/groups,O]; bias: [O];
 * y: [N,OH,OW,O]. With `same` and an even kernel the extra zero is at the end. See `conv2d` in fovea/kernels. Throws
 * ShapeError where channels, groups or sizes do not fit, and for `same` with a stride.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const { padding = 0, ...others } = objectOf('conv2d', options, ShapeError);
  if (padding === 'same') return sameConv2d(x, weight, bias, others);
  return apply(convOps.conv2d, { x, weight, bias }, { ...others, padding: padding === 'valid' ? 0 : padding })
    .y;
}

/** Options of `conv1d`. */
export interface Conv1dOptions {
  /** Default 1. */
  readonly stride?: number;
  /** Zeros on each side; `valid` for none, `same` for as many as keep the size at stride 1. Default 0. */
  readonly padding?: number | 'valid' | 'same';
  /** Default 1. */
  readonly dilation?: number;
  /** Default 1. */
  readonly groups?: number;
}

/**
 * Convolution (cross-correlation) along one dimension, PyTorch's conv1d: conv2d of images of height 1. x: [N,L,I]; weight:
 * [k,I/groups,O]; bias: [O]; y: [N,OL,O]. Throws ShapeError where channels, groups or sizes do not fit, and for `same` with
 * a stride.
 */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv1dOptions = {}): Tensor {
  expectTensors('conv1d', { x, weight });
  const { stride = 1, padding = 0, dilation = 1, ...others } = objectOf('conv1d', options, ShapeError);
  expectRank('conv1d', 'x', x, 3, '[N,L,I]');
  expectRank('conv1d', 'weight', weight, 3, '[k,I/groups,O]');
  const [N, L, I] = x.shape as [number, number, number];
  const y = conv2d(x.reshape([N, 1, L, I]), weight.reshape([1, ...weight.shape]), bias, {
    stride: [1, stride],
    padding: typeof padding === 'number' ? [0, padding] : padding,
    dilation: [1, dilation],
    ...others,
  });
  return y.reshape([N, ...y.shape.slice(2)]);
}

const NONE = [0, 0] as const;

function sameConv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { stride = 1, dilation = 1, ...others }: Omit<ConvOptions, 'padding'>,
): Tensor {
  if (pair(stride).some((step) => step !== 1)) {
    throw new ShapeError(
      `conv2d: padding 'same' is for stride 1, got ${stride}; give the padding in numbers`,
    );
  }
  const total = pair(dilation).map((step, axis) => step * ((weight.shape[axis] ?? 1) - 1));
  const before = [Math.floor(total[0]! / 2), Math.floor(total[1]! / 2)] as const;
  const after = total.map((size) => size % 2);
  const even = after.some((size) => size > 0);
  const wide = even
    ? apply(pad, { x }, { padding: [NONE, [0, after[0]!], [0, after[1]!], NONE], value: 0 }).y
    : x;
  return apply(convOps.conv2d, { x: wide, weight, bias }, { ...others, dilation, padding: before }).y;
}

/** Defaults: stride 1, padding 0, dilation 1, groups 1, outputPadding 0. */
export type ConvTransposeOptions = Given<ConvTranspose2dAttrs>;

/**
 * Transposed convolution (PyTorch's conv_transpose2d), the gradient of conv2d to its x. x: [N,H,W,I]; weight:
 * [kh,kw,O/groups,I]; bias: [O]; y: [N,OH,OW,O]. See `convTranspose2d` in fovea/kernels for the sizes. Throws ShapeError where channels,
 * groups or sizes do not fit, and for an outputPadding that is not below the stride or the dilation.
 */
export const convTranspose2d = (
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  options: ConvTransposeOptions = {},
): Tensor => apply(convOps.convTranspose2d, { x, weight, bias }, options).y;

/** Defaults: stride kernelSize, padding 0, dilation 1, ceilMode false. */
export type MaxPoolOptions = Given<Omit<MaxPool2dAttrs, 'kernelSize'>>;

/**
 * The maximum of each window; the first of equal ones gets the gradient, and a NaN wins. x: [N,H,W,C]. See
 * `maxPool2d` in fovea/kernels.
 */
export const maxPool2d = (x: Tensor, kernelSize: Pair, options: MaxPoolOptions = {}): Tensor =>
  apply(poolOps.maxPool2d, { x }, { kernelSize, ...options }).y;

/** Defaults: stride kernelSize, padding 0, ceilMode false, countIncludePad true, no divisorOverride. */
export type AvgPoolOptions = Given<Omit<AvgPool2dAttrs, 'kernelSize'>>;

/** The mean of each window. x: [N,H,W,C]. See `avgPool2d` in fovea/kernels. */
export const avgPool2d = (x: Tensor, kernelSize: Pair, options: AvgPoolOptions = {}): Tensor =>
  apply(poolOps.avgPool2d, { x }, { kernelSize, ...options }).y;

/** Means over a grid of outputSize cells that cover x [N,H,W,C], as PyTorch divides them. */
export const adaptiveAvgPool2d = (x: Tensor, outputSize: Pair): Tensor =>
  apply(poolOps.adaptiveAvgPool2d, { x }, { outputSize }).y;

/** Options of `interpolate`. */
export interface InterpolateOptions extends Given<Omit<InterpolateAttrs, 'size'>> {
  /** Height and width of y. Give it or scaleFactor. */
  readonly size?: Pair;
  /** Pixels of y for one of x: y has floor(H * scaleFactor) rows. */
  readonly scaleFactor?: Pair;
  /** Positions follow from the sizes, rounded as they are, instead of from scaleFactor. Default false. */
  readonly recomputeScaleFactor?: boolean;
}

/**
 * Resizes x [N,H,W,C], as PyTorch's interpolate: mode nearest (the default), bilinear or bicubic, alignCorners for the latter two,
 * antialias for bilinear. See `interpolate` in fovea/kernels for the positions. Throws ShapeError unless one of size and scaleFactor is
 * given.
 */
export function interpolate(x: Tensor, options: InterpolateOptions): Tensor {
  expectTensors('interpolate', { x });
  const {
    size,
    scaleFactor,
    recomputeScaleFactor = false,
    ...others
  } = objectOf('interpolate', options, ShapeError);
  if (scaleFactor === undefined) {
    if (size === undefined) throw new ShapeError('interpolate: give size or scaleFactor');
    return apply(imageOps.interpolate, { x }, { size, ...others }).y;
  }
  if (size !== undefined) {
    throw new ShapeError(
      `interpolate: size ${size} and scaleFactor ${scaleFactor} exclude each other; give one`,
    );
  }
  const factor = pair(scaleFactor);
  const along = (axis: 0 | 1) => Math.floor((x.shape[axis + 1] ?? 0) * factor[axis]);
  const target = [along(0), along(1)] as const;
  const positions = recomputeScaleFactor ? {} : { scaleFactor: factor };
  return apply(imageOps.interpolate, { x }, { size: target, ...others, ...positions }).y;
}

/** Batch norm by given statistics (evaluation): (x - mean) / sqrt(var + eps) * weight + bias, over the last dimension. */
export function batchNormEval(
  x: Tensor,
  statistics: Record<'weight' | 'bias' | 'runningMean' | 'runningVar', Tensor>,
  eps = 1e-5,
): Tensor {
  const { weight, bias, runningMean, runningVar } = objectOf('batch_norm', statistics, ShapeError);
  expectTensors('batch_norm', { x, weight, bias, runningMean, runningVar });
  expectNumber('batch_norm', 'eps', eps, 0);
  for (const [name, value] of Object.entries({ weight, bias, runningMean, runningVar })) {
    if (value.shape.length !== 1 || value.shape[0] !== x.shape.at(-1)) {
      throw new ShapeError(
        `batch_norm: ${name} ${formatShape(value.shape)} must be [${x.shape.at(-1)}], one a channel of x ${formatShape(x.shape)}`,
      );
    }
  }
  // The few numbers a channel in f32: rounded to f16 they would scale every pixel wrongly.
  const scale = mul(inF32(weight), rsqrt(affine(inF32(runningVar), 1, eps)));
  return cast(add(mul(sub(x, inF32(runningMean)), scale), bias), x.dtype);
}

/** Batch norm by the batch's own statistics (training), and what the running ones become. */
export function batchNormTrain(
  x: Tensor,
  statistics: Record<'weight' | 'bias' | 'runningMean' | 'runningVar', Tensor>,
  options: Given<BatchNormAttrs> = {},
): { y: Tensor; runningMean: Tensor; runningVar: Tensor } {
  const { weight, bias, runningMean, runningVar } = objectOf('batch_norm', statistics, ShapeError);
  expectTensors('batch_norm', { x, weight, bias, runningMean, runningVar });
  const inputs = {
    x,
    weight: inF32(weight),
    bias: inF32(bias),
    runningMean: inF32(runningMean),
    runningVar: inF32(runningVar),
  };
  const out = apply(normOps.batchNorm, inputs, options);
  return {
    y: out.y,
    runningMean: cast(out.newRunningMean, runningMean.dtype),
    runningVar: cast(out.newRunningVar, runningVar.dtype),
  };
}

/** One value for each channel, in f32; ones or zeros where none is given. */
const perChannel = (x: Tensor, given: Tensor | undefined, otherwise: number): Tensor =>
  given ? inF32(given) : full([x.shape.at(-1) ?? 1], otherwise);

/** Scale and shift of a normalisation. */
export interface NormOptions {
  /** Scale. Default: ones. */
  readonly weight?: Tensor | undefined;
  /** Shift. Default: zeros. */
  readonly bias?: Tensor | undefined;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/** Options of group norm. */
export interface GroupNormOptions extends NormOptions {
  /** The sizes [height, width] of the levels of a pyramid that x [N,1,P,C] has the pixels of, one level after another. */
  readonly levels?: PyramidLevels | undefined;
}

/**
 * Group norm (Wu and He 2018): (x - mean) / sqrt(var + eps) * weight + bias, with the mean and variance over all pixels and
 * the C / numGroups channels of a group. With `levels`, each level of each image is normalised on its own. See `groupNorm` in
 * fovea/kernels.
 *
 * @param x [N,…,C]; with `levels` [N,1,P,C].
 * @param options weight and bias: [C].
 * @throws ShapeError where C does not divide by numGroups, and where the levels do not have P pixels.
 */
export const groupNorm = (x: Tensor, numGroups: number, options: GroupNormOptions = {}): Tensor => {
  const { weight, bias, ...others } = objectOf('group_norm', options, ShapeError);
  expectTensors('group_norm', { x, ...(weight && { weight }), ...(bias && { bias }) });
  return apply(
    normOps.groupNorm,
    { x, weight: perChannel(x, weight, 1), bias: perChannel(x, bias, 0) },
    { numGroups, ...others },
  ).y;
};

/** Instance norm (Ulyanov et al. 2016): group norm with one channel per group. x: [N,…,C]; weight, bias: [C]. */
export const instanceNorm = (x: Tensor, options: GroupNormOptions = {}): Tensor => {
  const { weight, bias } = objectOf('instance_norm', options, ShapeError);
  expectTensors('instance_norm', { x, ...(weight && { weight }), ...(bias && { bias }) });
  return groupNorm(x, x.shape.at(-1) ?? 1, options);
};

/**
 * Layer norm (Ba et al. 2016) over the last dimensions: (x - mean) / sqrt(var + eps) * weight + bias.
 *
 * @param normalizedShape The sizes of the last dimensions of x, which are normalized together; a number for the last one.
 * @param options weight and bias: of normalizedShape.
 * @throws ShapeError where x does not end in normalizedShape, or weight or bias has another shape.
 */
export function layerNorm(x: Tensor, normalizedShape: number | Shape, options: NormOptions = {}): Tensor {
  const { weight, bias, ...others } = objectOf('layer_norm', options, ShapeError);
  expectTensors('layer_norm', { x, ...(weight && { weight }), ...(bias && { bias }) });
  const normalized = Array.isArray(normalizedShape)
    ? (normalizedShape as Shape)
    : [normalizedShape as number];
  expectShape('layer_norm: normalizedShape', normalized);
  const lead = x.shape.length - normalized.length;
  const size = numel(normalized);
  if (!sameShape(x.shape.slice(Math.max(lead, 0)), normalized)) {
    throw new ShapeError(
      `layer_norm: x ${formatShape(x.shape)} must end in normalizedShape ${formatShape(normalized)}`,
    );
  }
  for (const [name, value] of Object.entries({ weight, bias })) {
    if (!value || sameShape(value.shape, normalized)) continue;
    throw new ShapeError(
      `layer_norm: ${name} ${formatShape(value.shape)} must have normalizedShape ${formatShape(normalized)}`,
    );
  }
  const rows = x.reshape([numel(x.shape.slice(0, lead)), size]);
  const flat = { weight: weight?.reshape([size]), bias: bias?.reshape([size]) };
  return groupNorm(rows, 1, { ...others, ...flat }).reshape(x.shape);
}

/** Defaults: alpha 1e-4, beta 0.75, k 1. */
export type LocalResponseNormOptions = Given<Omit<LocalResponseNormAttrs, 'size'>>;

/**
 * Local response norm (Krizhevsky et al. 2012, AlexNet; torch.nn.LocalResponseNorm): each value divided by
 * (k + alpha * the mean square of `size` neighbouring channels)^beta, where channels that do not exist count as zeros. See
 * `localResponseNorm` in fovea/kernels.
 *
 * @param x [N,…,C].
 * @param size Channels in a window, a whole number of 1 or more; of an even one, the additional channel is before its own.
 * @throws ShapeError for fewer than two dimensions, for another size, for alpha below 0 and for a k that is not above 0.
 */
export const localResponseNorm = (x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor =>
  apply(normOps.localResponseNorm, { x }, { size, ...options }).y;
