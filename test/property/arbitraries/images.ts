import fc from 'fast-check';
import { distinct, normal, uniform } from '../../../src/verify/cases/case.ts';
import { batch, caseOf, channels, imageShape, int, pairOf } from './common.ts';

/** Groups and the channels of each: everything between one group and depthwise. */
const grouped = fc.oneof(
  fc.record({ groups: fc.constant(1), inside: channels, outside: channels }),
  fc.record({ groups: int(2, 4), inside: int(1, 6), outside: int(1, 6) }),
  fc.record({ groups: channels, inside: fc.constant(1), outside: int(1, 2) }),
);

const convolution = fc.record({
  batch,
  size: pairOf(1, 12),
  kernel: pairOf(1, 4),
  stride: pairOf(1, 3),
  padding: pairOf(0, 3),
  dilation: pairOf(1, 3),
  channels: grouped,
  bias: fc.boolean(),
});

const fits = ({
  size,
  kernel,
  padding,
  dilation,
}: {
  size: number[];
  kernel: number[];
  padding: number[];
  dilation: number[];
}) => [0, 1].every((i) => size[i]! + 2 * padding[i]! > dilation[i]! * (kernel[i]! - 1));

const pooling = fc
  .record({
    x: imageShape,
    kernelSize: pairOf(1, 4),
    stride: pairOf(1, 4),
    padding: pairOf(0, 2),
    dilation: pairOf(1, 3),
    ceilMode: fc.boolean(),
    countIncludePad: fc.boolean(),
  })
  .filter(({ x, kernelSize, padding, dilation }) =>
    [0, 1].every(
      (i) =>
        padding[i]! * 2 <= kernelSize[i]! &&
        x[i + 1]! + 2 * padding[i]! > dilation[i]! * (kernelSize[i]! - 1),
    ),
  );

/** Sums of many products: the rounding of a few hundred terms. */
const atol = 1e-4;

export const images = {
  conv2d: caseOf(
    'conv2d',
    convolution.filter(fits),
    ({ batch: n, size, kernel, channels: c, bias, ...attrs }) => ({
      inputs: {
        x: normal([n, ...size, c.groups * c.inside]),
        weight: normal([...kernel, c.inside, c.groups * c.outside], 0.3),
        ...(bias ? { bias: normal([c.groups * c.outside]) } : {}),
      },
      attrs: { ...attrs, groups: c.groups },
      grad: bias ? ['x', 'weight', 'bias'] : ['x', 'weight'],
      atol,
    }),
  ),
  conv_transpose2d: caseOf(
    'conv_transpose2d',
    fc.tuple(convolution, pairOf(0, 2)).filter(([{ size, kernel, stride, padding, dilation }, extra]) =>
      [0, 1].every((i) => {
        const out =
          (size[i]! - 1) * stride[i]! - 2 * padding[i]! + dilation[i]! * (kernel[i]! - 1) + extra[i]! + 1;
        return extra[i]! < stride[i]! && out >= 1;
      }),
    ),
    ([{ batch: n, size, kernel, channels: c, bias, ...attrs }, outputPadding]) => ({
      inputs: {
        x: normal([n, ...size, c.groups * c.inside]),
        weight: normal([...kernel, c.outside, c.groups * c.inside], 0.3),
        ...(bias ? { bias: normal([c.groups * c.outside]) } : {}),
      },
      attrs: { ...attrs, groups: c.groups, outputPadding },
      grad: bias ? ['x', 'weight', 'bias'] : ['x', 'weight'],
      atol,
    }),
  ),
  max_pool2d: caseOf('max_pool2d', pooling, ({ x, countIncludePad: _, ...attrs }) => ({
    inputs: { x: distinct(x) },
    attrs,
    grad: ['x'],
  })),
  avg_pool2d: caseOf(
    'avg_pool2d',
    pooling.filter(({ x, kernelSize, padding }) =>
      [0, 1].every((i) => x[i + 1]! + 2 * padding[i]! >= kernelSize[i]!),
    ),
    ({ x, dilation: _, ...attrs }) => ({ inputs: { x: normal(x) }, attrs, grad: ['x'] }),
  ),
  adaptive_avg_pool2d: caseOf(
    'adaptive_avg_pool2d',
    fc.record({ x: imageShape, outputSize: pairOf(1, 9) }),
    ({ x, outputSize }) => ({ inputs: { x: normal(x) }, attrs: { outputSize }, grad: ['x'] }),
  ),
  interpolate: caseOf(
    'interpolate',
    fc.record({
      x: imageShape,
      size: pairOf(1, 20),
      mode: fc.constantFrom('nearest', 'bilinear'),
      alignCorners: fc.boolean(),
      antialias: fc.boolean(),
    }),
    ({ x, size, mode, alignCorners, antialias }) => ({
      inputs: { x: normal(x) },
      attrs: {
        size,
        mode,
        alignCorners: mode === 'bilinear' && alignCorners,
        antialias: mode === 'bilinear' && !alignCorners && antialias,
      },
      grad: ['x'],
    }),
  ),
  pyr_down: caseOf('pyr_down', imageShape, (x) => ({ inputs: { x: normal(x) }, grad: ['x'] })),
  pyr_up: caseOf('pyr_up', imageShape, (x) => ({ inputs: { x: normal(x) }, grad: ['x'] })),
  gaussian_blur: caseOf(
    'gaussian_blur',
    fc.record({ x: imageShape, half: int(0, 6), sigma: fc.constantFrom(0, 0.6, 1.7, 4) }),
    ({ x, half, sigma }) => ({
      inputs: { x: normal(x) },
      attrs: { kernelSize: 2 * half + 1, sigma },
      grad: ['x'],
    }),
  ),
  batch_norm: caseOf(
    'batch_norm',
    imageShape.filter(([n, h, w]) => n * h * w >= 4),
    (x) => {
      const c = x[3];
      return {
        inputs: {
          x: normal(x),
          weight: normal([c]),
          bias: normal([c]),
          runningMean: normal([c]),
          runningVar: uniform([c], 0.5, 2),
        },
        attrs: { momentum: 0.1, eps: 1e-3 },
        grad: ['x', 'weight', 'bias'],
        atol,
        rtol: 1e-3,
      };
    },
  ),
  group_norm: caseOf(
    'group_norm',
    fc
      .record({
        lead: fc.array(int(1, 6), { minLength: 1, maxLength: 3 }),
        groups: int(1, 5),
        depth: int(1, 8),
        // Each of four values or more, for the same reason as x.
        levels: fc.option(fc.array(fc.tuple(int(2, 6), int(2, 6)), { minLength: 1, maxLength: 5 })),
      })
      .filter(
        ({ lead, depth, levels }) =>
          levels !== null || lead.slice(1).reduce((n, size) => n * size, depth) >= 4,
      ),
    ({ lead, groups, depth, levels }) => {
      const c = groups * depth;
      const x = levels ? [lead[0]!, 1, levels.reduce((sum, [h, w]) => sum + h * w, 0), c] : [...lead, c];
      return {
        // Its means are not near 0: tolerances may be of the largest value of an output.
        inputs: { x: uniform(x, -1, 2), weight: normal([c]), bias: normal([c]) },
        attrs: { numGroups: groups, eps: 1e-3, ...(levels && { levels }) },
        grad: ['x', 'weight', 'bias'],
        atol,
        rtol: 1e-3,
      };
    },
  ),
  local_response_norm: caseOf(
    'local_response_norm',
    fc.record({
      x: imageShape,
      size: int(1, 9),
      alpha: fc.constantFrom(1e-4, 0.3, 2),
      beta: fc.constantFrom(-1, 0, 0.5, 0.75, 1.5),
      k: fc.constantFrom(0.5, 1, 2),
    }),
    ({ x, ...attrs }) => ({ inputs: { x: normal(x) }, attrs, grad: ['x'] }),
  ),
} as const;
