import type { Shape } from '../../shape.ts';
import { type Case, distinct, type InputSpec, integers, normal, values } from './case.ts';

type Size = [number, number];

const attrs = (
  kernelSize: Size,
  stride: Size = kernelSize,
  padding: Size = [0, 0],
  dilation: Size = [1, 1],
  ceilMode = false,
) => ({ kernelSize, stride, padding, dilation, ceilMode });

const forward = (name: string, x: InputSpec, attrs: object, grad = false): Case => ({
  op: 'max_pool2d',
  name,
  inputs: { x },
  attrs,
  ...(grad ? { grad: ['x'] } : {}),
});

/** Indices inside each window, as the forward operation gives them: a random cell of it, or -1. */
const places = (shape: Shape, [h, w]: Size, a: ReturnType<typeof attrs>): InputSpec => ({
  shape,
  dtype: 'i32',
  fill: (random, length) => {
    const [, oHeight, oWidth, c] = shape as [number, number, number, number];
    return Array.from({ length }, (_, i) => {
      const [oh, ow] = [Math.floor(i / (oWidth * c)) % oHeight, Math.floor(i / c) % oWidth];
      const y = oh * a.stride[0] - a.padding[0] + Math.floor(random() * a.kernelSize[0]) * a.dilation[0];
      const x = ow * a.stride[1] - a.padding[1] + Math.floor(random() * a.kernelSize[1]) * a.dilation[1];
      return y < 0 || y >= h || x < 0 || x >= w ? -1 : y * w + x;
    });
  },
});

const backward = (name: string, dy: Shape, inputSize: Size, a: ReturnType<typeof attrs>): Case => ({
  op: 'max_pool2d_backward',
  name,
  inputs: { dy: normal(dy), indices: places(dy, inputSize, a) },
  attrs: { ...a, inputSize },
});

const odd = attrs([3, 3], [2, 2], [1, 1]);
const dilated = attrs([3, 2], [1, 2], [1, 1], [2, 3]);
const hole = [Number.NaN, 1, 5, Number.NaN, 2, Number.POSITIVE_INFINITY, 3, 4, Number.NaN];
const low = Number.NEGATIVE_INFINITY;

export const poolCases: Case[] = [
  forward('2x2', distinct([2, 8, 6, 5]), attrs([2, 2]), true),
  forward('3x3, stride 2, padding 1', distinct([1, 11, 10, 8]), odd, true),
  forward('one channel, odd sizes', distinct([2, 7, 9, 1]), odd, true),
  forward('asymmetric', distinct([1, 9, 12, 3]), attrs([1, 5], [2, 3], [0, 2]), true),
  forward('dilation', distinct([1, 9, 11, 4]), dilated, true),
  forward('dilation steps over the image', distinct([1, 2, 2, 3]), attrs([2, 2], [1, 1], [1, 1], [3, 3])),
  forward('ceil', distinct([1, 7, 7, 4]), attrs([2, 2], [2, 2], [0, 0], [1, 1], true), true),
  forward(
    'ceil drops a window in the padding',
    distinct([1, 5, 5, 3]),
    attrs([2, 3], [3, 2], [1, 1], [1, 1], true),
  ),
  forward('gaps between windows', distinct([1, 11, 9, 3]), attrs([2, 1], [4, 4])),
  forward('whole image', distinct([2, 5, 4, 8]), attrs([5, 4]), true),
  forward('4x4, too large for registers', distinct([1, 11, 9, 4]), attrs([4, 4], [3, 2], [2, 1]), true),
  forward('3x2, stride 1', distinct([2, 6, 7, 8]), attrs([3, 2], [1, 1], [1, 1]), true),
  forward(
    'stride above the kernel, many rows of few columns',
    distinct([2, 97, 4, 4]),
    attrs([2, 1], [3, 2]),
  ),
  forward('one pixel', distinct([2, 1, 1, 4]), odd),
  forward('ties', integers([1, 12, 10, 4], 0, 3, 'f32'), odd),
  forward('ties, one channel', integers([1, 12, 10, 1], 0, 2, 'f32'), odd),
  forward('NaN and infinity', values([1, 3, 3, 1], hole), attrs([2, 2], [1, 1])),
  forward(
    'NaN and infinity, four channels',
    values(
      [1, 3, 3, 4],
      hole.flatMap((v) => [v, -v, 1, low]),
    ),
    attrs([2, 2], [1, 1]),
  ),
  forward('nothing but NaN', values([1, 3, 3, 1], new Array(9).fill(Number.NaN)), odd),
  forward('zeros of both signs', values([1, 2, 4, 1], [-0, 0, 0, -0, 0, -0, -0, 0]), attrs([2, 2])),
  forward('nothing but -infinity', values([1, 3, 3, 1], new Array(9).fill(low)), odd),
  forward(
    'ties across rows of NaN',
    values([1, 5, 3, 1], [1, 1, 1, Number.NaN, 1, 1, 1, 1, 1, 1, 1, 1, Number.NaN, 2, Number.NaN]),
    attrs([3, 2], [1, 1]),
  ),
  forward('nothing but -infinity, four channels', values([1, 4, 5, 4], new Array(80).fill(low)), odd),
  forward('no images', normal([0, 4, 4, 3]), attrs([2, 2])),
  forward('no channels', normal([2, 4, 4, 0]), attrs([2, 2])),
  forward('larger', normal([2, 48, 56, 16]), odd),

  backward('2x2', [2, 4, 3, 5], [8, 6], attrs([2, 2])),
  backward('3x3, stride 2, padding 1', [1, 6, 5, 8], [11, 10], odd),
  backward('2x3, stride 2, many rows of few columns', [2, 48, 2, 4], [97, 4], attrs([2, 3], [2, 2], [0, 1])),
  backward('3x2, stride 2, ceil', [1, 4, 5, 3], [8, 9], attrs([3, 2], [2, 2], [0, 1], [1, 1], true)),
  backward('3x3, stride 2, one pixel', [2, 1, 1, 4], [1, 1], odd),
  backward('dilation', [2, 7, 5, 4], [9, 11], dilated),
  backward('ceil', [1, 4, 4, 3], [7, 7], attrs([2, 2], [2, 2], [0, 0], [1, 1], true)),
  backward('gaps between windows', [1, 3, 3, 1], [11, 9], attrs([2, 1], [4, 4])),
  backward('no images', [0, 2, 2, 3], [4, 4], attrs([2, 2])),
];
