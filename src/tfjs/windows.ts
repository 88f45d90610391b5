/** Convolutions and pooling as TensorFlow pads them: `SAME` puts the odd pixel at the end. Images are [N,H,W,C], as here. */
import { ShapeError } from '../errors.ts';
import { avgPool2d, conv2d, convTranspose2d, maxPool2d } from '../graph/functions/conv.ts';
import { add, mul } from '../graph/functions/elementwise.ts';
import { pad } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { expectRank } from '../shape.ts';

/** Along height and width. */
export type Two = readonly [number, number];
/** Zeros before and after. */
export type Sides = readonly [before: number, after: number];
export type Padding = 'SAME' | 'VALID' | readonly [Sides, Sides];

/** How windows lie in an image. */
export interface Windows {
  readonly stride: Two;
  readonly dilation: Two;
  readonly padding: Padding;
}

const isEven = ([before, after]: Sides): boolean => before === after;

/** What TensorFlow's padding is in numbers, for an image of this height and width. */
function sidesOf(size: Two, kernel: Two, { stride, dilation, padding }: Windows): readonly [Sides, Sides] {
  const along = (i: 0 | 1): Sides => {
    if (padding === 'VALID') return [0, 0];
    if (padding !== 'SAME') return padding[i];
    const reach = (kernel[i] - 1) * dilation[i] + 1;
    const total = Math.max((Math.ceil(size[i] / stride[i]) - 1) * stride[i] + reach - size[i], 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  };
  return [along(0), along(1)];
}

function sizeOf(x: Tensor): Two {
  expectRank('tfjs', 'x', x, 4, '[N,H,W,C]');
  return [x.shape[1]!, x.shape[2]!];
}

const padded = (x: Tensor, [rows, columns]: readonly [Sides, Sides], value = 0): Tensor =>
  pad(x, [[0, 0], rows, columns, [0, 0]], { value });

/** A convolution. x: [N,H,W,I]; weight: [kh,kw,I/groups,O]; bias: [O]. */
export function convolved(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  windows: Windows,
  groups = 1,
): Tensor {
  expectRank('conv2d', 'weight', weight, 4, '[kh,kw,I,O]');
  const { stride, dilation } = windows;
  const [kh, kw] = weight.shape as [number, number];
  const sides = sidesOf(sizeOf(x), [kh, kw], windows);
  const options = { stride, dilation, groups };
  if (!sides.every(isEven)) return conv2d(padded(x, sides), weight, bias, options);
  return conv2d(x, weight, bias, { ...options, padding: [sides[0][0], sides[1][0]] });
}

/** A convolution of each channel by itself. weight: TensorFlow's [kh,kw,C,M] gives M channels for each of C. */
export function depthwise(x: Tensor, weight: Tensor, bias: Tensor | undefined, windows: Windows): Tensor {
  expectRank('depthwise conv2d', 'weight', weight, 4, '[kh,kw,C,M]');
  const [kh, kw, C, M] = weight.shape as [number, number, number, number];
  return convolved(x, weight.reshape([kh, kw, 1, C * M]), bias, windows, C);
}

/**
 * The gradient of a convolution to its input. x: [N,H,W,I]; weight: [kh,kw,O,I]; bias: [O]; `size`: height and width of the result,
 * which `SAME` padding is of.
 */
export function deconvolved(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  windows: Windows,
  size: Two,
): Tensor {
  expectRank('conv_transpose2d', 'weight', weight, 4, '[kh,kw,O,I]');
  const own = sizeOf(x);
  const { stride, dilation } = windows;
  const [kh, kw] = weight.shape as [number, number];
  const sides = sidesOf(size, [kh, kw], windows);
  // How much longer than wanted the result is without padding, after what padding takes off at the beginning.
  const beyond = (i: 0 | 1): number =>
    (own[i] - 1) * stride[i] + ([kh, kw][i]! - 1) * dilation[i] + 1 - sides[i][0] - size[i];
  const ends: Two = [beyond(0), beyond(1)];
  const extra: Two = [sides[0][0] - ends[0], sides[1][0] - ends[1]];
  const options = { stride, dilation };
  const fits = ([0, 1] as const).every(
    (i) => extra[i] >= 0 && extra[i] < Math.max(stride[i], dilation[i]) && sides[i][0] < [kh, kw][i]!,
  );
  if (fits) {
    const padding = [sides[0][0], sides[1][0]] as const;
    return convTranspose2d(x, weight, bias, { ...options, padding, outputPadding: extra });
  }
  const whole = convTranspose2d(x, weight, undefined, options);
  const cut = padded(whole, [
    [-sides[0][0], -ends[0]],
    [-sides[1][0], -ends[1]],
  ]);
  return bias ? add(cut, bias) : cut;
}

const fitsKernel = (sides: readonly Sides[], kernel: Two): boolean =>
  sides.every((side, i) => isEven(side) && side[0] >= 0 && side[0] <= kernel[i]! / 2);

/** Maxima of windows. Padding takes no part. */
export function maxPooled(x: Tensor, kernel: Two, windows: Windows): Tensor {
  const { stride } = windows;
  const sides = sidesOf(sizeOf(x), kernel, windows);
  if (fitsKernel(sides, kernel)) {
    return maxPool2d(x, kernel, { stride, padding: [sides[0][0], sides[1][0]] });
  }
  return maxPool2d(padded(x, sides, Number.NEGATIVE_INFINITY), kernel, { stride });
}

/** Means of windows, of the pixels that are in the image. */
export function meanPooled(x: Tensor, kernel: Two, windows: Windows): Tensor {
  const { stride } = windows;
  const size = sizeOf(x);
  const sides = sidesOf(size, kernel, windows);
  if (fitsKernel(sides, kernel)) {
    return avgPool2d(x, kernel, { stride, padding: [sides[0][0], sides[1][0]], countIncludePad: false });
  }
  const sums = avgPool2d(padded(x, sides), kernel, { stride, divisorOverride: 1 });
  const [, height, width] = sums.shape as [number, number, number];
  const count = (i: 0 | 1, o: number): number => {
    const first = o * stride[i] - sides[i][0];
    return Math.min(first + kernel[i], size[i]) - Math.max(first, 0);
  };
  const scale = new Float32Array(height * width);
  for (let i = 0; i < scale.length; i++) {
    scale[i] = 1 / (count(0, Math.floor(i / width)) * count(1, i % width));
  }
  return mul(sums, tensor(scale, [1, height, width, 1]));
}

/** The most elements that are made on the host: a damaged model must not fill the memory. */
const MOST = 2 ** 28;

/** Throws ShapeError for more elements than fit. */
export function expectElements(label: string, count: number): void {
  if (Number.isInteger(count) && count >= 0 && count <= MOST) return;
  throw new ShapeError(`${label}: ${count} elements; 0 to ${MOST} are supported`);
}
