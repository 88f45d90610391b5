import type { Conv2dAttrs, Conv2dBackwardWeightAttrs } from '../kernels/conv/conv2d.ts';
import type { ConvTranspose2dAttrs } from '../kernels/conv/convTranspose2d.ts';
import type { Shape } from '../shape.ts';
import { type RefArray, type Reference, refArray } from './reference.ts';

type Visit = (x: number, weight: number, y: number) => void;

/** Calls visit for every product of a convolution: an element of x, of the weight [kh,kw,IG,O], and of y. */
function eachProduct(
  xShape: Shape,
  kernel: readonly [number, number],
  yShape: Shape,
  { levels, ...attrs }: Conv2dAttrs,
  visit: Visit,
): void {
  if (!levels) {
    eachImageProduct(xShape, kernel, yShape, attrs, visit);
    return;
  }
  const [N, , pixels, C] = xShape as [number, number, number, number];
  const O = yShape[3]!;
  let first = 0;
  for (const [h, w] of levels) {
    // From an element of the level's own tensor to that of the pyramid.
    const start = first;
    const within = (element: number, channels: number): number => {
      const pixel = Math.floor(element / channels);
      const n = Math.floor(pixel / (h * w));
      return (n * pixels + start + (pixel - n * h * w)) * channels + (element % channels);
    };
    eachImageProduct([N, h, w, C], kernel, [N, h, w, O], attrs, (x, weight, y) =>
      visit(within(x, C), weight, within(y, O)),
    );
    first += h * w;
  }
}

function eachImageProduct(
  xShape: Shape,
  kernel: readonly [number, number],
  yShape: Shape,
  { stride, padding, dilation, groups }: Conv2dAttrs,
  visit: Visit,
): void {
  const [N, H, W, C] = xShape as [number, number, number, number];
  const [, OH, OW, O] = yShape as [number, number, number, number];
  const [IG, OG] = [C / groups, O / groups];
  for (let n = 0; n < N; n++)
    for (let oh = 0; oh < OH; oh++)
      for (let ow = 0; ow < OW; ow++)
        for (let kh = 0; kh < kernel[0]; kh++) {
          const h = oh * stride[0] - padding[0] + kh * dilation[0];
          if (h < 0 || h >= H) continue;
          for (let kw = 0; kw < kernel[1]; kw++) {
            const w = ow * stride[1] - padding[1] + kw * dilation[1];
            if (w < 0 || w >= W) continue;
            for (let i = 0; i < IG; i++)
              for (let o = 0; o < O; o++) {
                const from = ((n * H + h) * W + w) * C + Math.floor(o / OG) * IG + i;
                visit(from, ((kh * kernel[1] + kw) * IG + i) * O + o, ((n * OH + oh) * OW + ow) * O + o);
              }
          }
        }
}

export const conv2d: Reference<'x' | 'weight', 'bias', 'y', Conv2dAttrs> = (
  { x, weight, bias },
  attrs,
  outputs,
) => {
  const y = refArray(outputs.y);
  if (bias) addBias(y, bias.data);
  const kernel = [weight.shape[0]!, weight.shape[1]!] as const;
  eachProduct(x.shape, kernel, outputs.y.shape, attrs, (i, j, k) => {
    y[k]! += x.data[i]! * weight.data[j]!;
  });
  return { y };
};

export const conv2dBackwardWeight: Reference<'x' | 'dy', never, 'dw', Conv2dBackwardWeightAttrs> = (
  { x, dy },
  attrs,
  outputs,
) => {
  const dw = refArray(outputs.dw);
  eachProduct(x.shape, attrs.kernelSize, dy.shape, attrs, (i, j, k) => {
    dw[j]! += x.data[i]! * dy.data[k]!;
  });
  return { dw };
};

// The convolution that it transposes reads y and writes x.
export const convTranspose2d: Reference<'x' | 'weight', 'bias', 'y', ConvTranspose2dAttrs> = (
  { x, weight, bias },
  attrs,
  outputs,
) => {
  const y = refArray(outputs.y);
  if (bias) addBias(y, bias.data);
  const kernel = [weight.shape[0]!, weight.shape[1]!] as const;
  eachProduct(outputs.y.shape, kernel, x.shape, attrs, (i, j, k) => {
    y[i]! += x.data[k]! * weight.data[j]!;
  });
  return { y };
};

function addBias(y: RefArray, bias: RefArray): void {
  for (let i = 0; i < y.length; i++) y[i]! += bias[i % bias.length]!;
}
