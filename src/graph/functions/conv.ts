import { type Pair, pair } from '../../shape.ts';
import { apply, type Tensor } from '../tensor.ts';
import { add, affine, mul, rsqrt, sub } from './elementwise.ts';
import { cast, inF32 } from './shape.ts';

export interface ConvOptions {
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly dilation?: Pair;
  readonly groups?: number;
}

const convAttrs = ({ stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions) => ({
  stride: pair(stride),
  padding: pair(padding),
  dilation: pair(dilation),
  groups,
});

/** Convolution. x: [N,H,W,I]; weight: [kh,kw,I/groups,O]; bias: [O]. See kernels/conv2d.ts. */
export const conv2d = (x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor =>
  apply('conv2d', { x, weight, bias }, convAttrs(options)).y!;

/** Transposed convolution. x: [N,H,W,I]; weight: [kh,kw,O/groups,I]; bias: [O]. See kernels/conv2d.ts. */
export const convTranspose2d = (
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  { outputPadding = 0, ...options }: ConvOptions & { readonly outputPadding?: Pair } = {},
): Tensor =>
  apply(
    'conv_transpose2d',
    { x, weight, bias },
    { ...convAttrs(options), outputPadding: pair(outputPadding) },
  ).y!;

export interface PoolOptions {
  /** Default: the kernel size. */
  readonly stride?: Pair;
  readonly padding?: Pair;
  readonly ceilMode?: boolean;
}

/** The maximum of each window; the first of equal ones gets the gradient. x: [N,H,W,C]. */
export const maxPool2d = (
  x: Tensor,
  kernelSize: Pair,
  {
    stride = kernelSize,
    padding = 0,
    dilation = 1,
    ceilMode = false,
  }: PoolOptions & { readonly dilation?: Pair } = {},
): Tensor =>
  apply(
    'max_pool2d',
    { x },
    {
      kernelSize: pair(kernelSize),
      stride: pair(stride),
      padding: pair(padding),
      dilation: pair(dilation),
      ceilMode,
    },
  ).y!;

/** The mean of each window. x: [N,H,W,C]. */
export const avgPool2d = (
  x: Tensor,
  kernelSize: Pair,
  {
    stride = kernelSize,
    padding = 0,
    ceilMode = false,
    countIncludePad = true,
  }: PoolOptions & { readonly countIncludePad?: boolean } = {},
): Tensor =>
  apply(
    'avg_pool2d',
    { x },
    {
      kernelSize: pair(kernelSize),
      stride: pair(stride),
      padding: pair(padding),
      ceilMode,
      countIncludePad,
    },
  ).y!;

/** Means over a grid of outputSize cells that cover x [N,H,W,C], as PyTorch divides them. */
export const adaptiveAvgPool2d = (x: Tensor, outputSize: Pair): Tensor =>
  apply('adaptive_avg_pool2d', { x }, { outputSize: pair(outputSize) }).y!;

export interface InterpolateOptions {
  readonly size: Pair;
  readonly mode?: 'nearest' | 'bilinear';
  readonly alignCorners?: boolean;
}

/** Resizes x [N,H,W,C], as PyTorch's interpolate without antialias. */
export const interpolate = (
  x: Tensor,
  { size, mode = 'nearest', alignCorners = false }: InterpolateOptions,
): Tensor => apply('interpolate', { x }, { size: pair(size), mode, alignCorners }).y!;

/** One level down an image pyramid: 5x5 Gaussian, then every other pixel (OpenCV's pyrDown). x: [N,H,W,C]. */
export const pyrDown = (x: Tensor): Tensor => apply('pyr_down', { x }).y!;
/** One level up an image pyramid: twice the size (OpenCV's pyrUp). x: [N,H,W,C]. */
export const pyrUp = (x: Tensor): Tensor => apply('pyr_up', { x }).y!;
/** Gaussian blur with a border reflected about the edge pixel (OpenCV's BORDER_REFLECT_101). */
export const gaussianBlur = (x: Tensor, kernelSize: number, sigma: number): Tensor =>
  apply('gaussian_blur', { x }, { kernelSize, sigma }).y!;

/** Batch norm by given statistics (evaluation): (x - mean) / sqrt(var + eps) * weight + bias, over the last dimension. */
export function batchNormEval(
  x: Tensor,
  { weight, bias, runningMean, runningVar }: Record<'weight' | 'bias' | 'runningMean' | 'runningVar', Tensor>,
  eps = 1e-5,
): Tensor {
  // The few numbers a channel in f32: rounded to f16 they would scale every pixel wrongly.
  const scale = mul(inF32(weight), rsqrt(affine(inF32(runningVar), 1, eps)));
  return cast(add(mul(sub(x, inF32(runningMean)), scale), bias), x.dtype);
}

/** Batch norm by the batch's own statistics (training), and what the running ones become. */
export function batchNormTrain(
  x: Tensor,
  { weight, bias, runningMean, runningVar }: Record<'weight' | 'bias' | 'runningMean' | 'runningVar', Tensor>,
  { momentum = 0.1, eps = 1e-5 } = {},
): { y: Tensor; runningMean: Tensor; runningVar: Tensor } {
  const inputs = {
    x,
    weight: cast(weight, x.dtype),
    bias: cast(bias, x.dtype),
    runningMean: inF32(runningMean),
    runningVar: inF32(runningVar),
  };
  const out = apply('batch_norm', inputs, { momentum, eps });
  return {
    y: out.y!,
    runningMean: cast(out.newRunningMean!, runningMean.dtype),
    runningVar: cast(out.newRunningVar!, runningVar.dtype),
  };
}

/** Group norm over x [N,…,C] (Wu and He 2018). weight, bias: [C]. */
export const groupNorm = (x: Tensor, numGroups: number, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor =>
  apply('group_norm', { x, weight: cast(weight, x.dtype), bias: cast(bias, x.dtype) }, { numGroups, eps }).y!;

/** Layer norm over the last dimension (Ba et al. 2016). weight, bias: [C]. */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps = 1e-5): Tensor {
  const C = x.shape.at(-1)!;
  const rows = x.reshape([x.size / Math.max(C, 1), C]);
  return groupNorm(rows, 1, weight, bias, eps).reshape(x.shape);
}
