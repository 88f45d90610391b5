import type { Shape } from '../../shape.ts';
import { type Case, normal, values } from './case.ts';

type ResampleOp =
  | 'interpolate'
  | 'adaptive_avg_pool2d'
  | 'avg_pool2d'
  | 'pyr_down'
  | 'pyr_up'
  | 'gaussian_blur';

/** The forward operation on x, and the backward operation on a dy of the output's shape. */
const both = (
  op: ResampleOp,
  name: string,
  x: Shape,
  output: readonly [number, number],
  attrs: object = {},
): Case[] => {
  const [n, h, w, c] = x as [number, number, number, number];
  const small = n * h * w * c <= 600 && n * c > 0;
  return [
    { op, name, inputs: { x: normal(x) }, attrs, ...(small ? { grad: ['x'] } : {}) },
    {
      op: `${op}_backward`,
      name,
      inputs: { dy: normal([n, ...output, c]) },
      attrs: { ...attrs, inputSize: [h, w] },
      ...(small ? { grad: ['dy'] } : {}),
    },
  ];
};

const interpolate = (name: string, x: Shape, size: [number, number], mode: string, alignCorners?: boolean) =>
  both('interpolate', name, x, size, { size, mode, ...(alignCorners === undefined ? {} : { alignCorners }) });

const antialiased = (name: string, x: Shape, size: [number, number]) =>
  both('interpolate', name, x, size, { size, mode: 'bilinear', antialias: true });

const average = (
  name: string,
  x: Shape,
  output: [number, number],
  kernelSize: [number, number],
  stride: [number, number],
  padding: [number, number],
  ceilMode = false,
  countIncludePad = true,
) => both('avg_pool2d', name, x, output, { kernelSize, stride, padding, ceilMode, countIncludePad });

export const resampleCases: Case[] = [
  ...interpolate('nearest x2', [2, 5, 6, 3], [10, 12], 'nearest'),
  ...interpolate('nearest odd, down and up', [2, 9, 7, 4], [13, 5], 'nearest'),
  ...interpolate('nearest where float32 decides', [1, 3, 49, 1], [41, 98], 'nearest'),
  ...interpolate('nearest, same size', [1, 4, 3, 8], [4, 3], 'nearest', false),
  ...interpolate('bilinear x2', [1, 5, 6, 8], [10, 12], 'bilinear', false),
  ...interpolate('bilinear odd, down and up', [2, 9, 7, 5], [13, 5], 'bilinear', false),
  ...interpolate('bilinear, corners aligned', [2, 9, 7, 4], [13, 5], 'bilinear', true),
  ...interpolate('bilinear, corners aligned, to one pixel', [1, 4, 5, 3], [1, 1], 'bilinear', true),
  ...interpolate('bilinear from one pixel', [2, 1, 1, 1], [3, 4], 'bilinear', true),
  ...interpolate('bilinear shrunk so far that pixels are skipped', [1, 40, 33, 3], [4, 5], 'bilinear'),
  ...interpolate('bicubic odd, down and up', [2, 9, 7, 4], [13, 5], 'bicubic'),
  ...interpolate('bicubic, corners aligned', [1, 5, 6, 3], [10, 13], 'bicubic', true),
  ...interpolate('bicubic from one pixel', [1, 1, 2, 1], [3, 4], 'bicubic'),
  ...antialiased('antialias, down', [2, 13, 11, 3], [5, 4]),
  ...antialiased('antialias, up is bilinear', [1, 5, 6, 4], [11, 13]),
  ...antialiased('antialias, one axis down, one up', [1, 17, 3, 5], [4, 7]),
  ...antialiased('antialias, same size', [1, 4, 5, 3], [4, 5]),
  ...antialiased('antialias, to one pixel', [1, 9, 7, 3], [1, 1]),
  ...antialiased('antialias, from one pixel', [1, 1, 1, 3], [3, 2]),
  ...antialiased('antialias, windows too long to walk', [1, 96, 70, 3], [7, 5]),
  ...antialiased('antialias, nearly the same size', [1, 33, 31, 3], [32, 30]),
  ...both('interpolate', 'antialias by a factor that is not the ratio of the sizes', [1, 9, 7, 3], [4, 6], {
    size: [4, 6],
    mode: 'bilinear',
    antialias: true,
    scaleFactor: [0.37, 0.9],
  }),
  ...both('interpolate', 'antialias by a factor that leads beyond the image', [1, 4, 4, 1], [6, 6], {
    size: [6, 6],
    mode: 'bilinear',
    antialias: true,
    scaleFactor: [0.5, 1.2],
  }),
  ...(['nearest', 'bilinear', 'bicubic'] as const).flatMap((mode) =>
    both('interpolate', `${mode} by a factor that is not the ratio of the sizes`, [1, 5, 7, 3], [11, 4], {
      size: [11, 4],
      mode,
      scaleFactor: [2.3, 0.6],
    }),
  ),
  ...interpolate('bilinear x2, larger', [2, 24, 32, 16], [48, 64], 'bilinear'),
  ...interpolate(
    'nearest, enough channels for blocks on any adapter',
    [1, 150, 148, 32],
    [180, 182],
    'nearest',
  ),
  ...interpolate('no images', [0, 4, 4, 3], [8, 8], 'bilinear'),
  ...interpolate('no channels', [1, 4, 4, 0], [8, 8], 'nearest'),

  ...both('adaptive_avg_pool2d', 'global', [2, 7, 5, 8], [1, 1], { outputSize: [1, 1] }),
  ...both('adaptive_avg_pool2d', 'global over a large map, in two passes', [1, 50, 68, 4], [1, 1], {
    outputSize: [1, 1],
  }),
  ...both('adaptive_avg_pool2d', 'overlapping windows', [1, 7, 5, 6], [3, 2], { outputSize: [3, 2] }),
  ...both('adaptive_avg_pool2d', 'larger than x', [2, 3, 4, 1], [5, 7], { outputSize: [5, 7] }),

  ...both('avg_pool2d', 'a divisor of its own', [1, 7, 6, 3], [4, 3], {
    kernelSize: [3, 2],
    stride: [2, 2],
    padding: [1, 0],
    divisorOverride: 5,
  }),
  ...average('2x2', [2, 8, 6, 5], [4, 3], [2, 2], [2, 2], [0, 0]),
  ...average('3x3, padding counted', [1, 9, 9, 4], [5, 5], [3, 3], [2, 2], [1, 1]),
  ...average('3x3, padding not counted', [2, 9, 8, 3], [5, 4], [3, 3], [2, 2], [1, 1], false, false),
  {
    op: 'avg_pool2d',
    name: 'what is infinite stays in its own windows',
    inputs: {
      x: values(
        [1, 5, 5, 1],
        Array.from({ length: 25 }, (_, i) => (i === 12 ? Number.POSITIVE_INFINITY : i)),
      ),
    },
    attrs: { kernelSize: [3, 3], stride: [2, 2], padding: [1, 1] },
  },
  ...average('many rows of few columns', [2, 75, 5, 4], [38, 3], [3, 3], [2, 2], [1, 1]),
  ...average('ceil', [1, 8, 10, 4], [4, 4], [3, 3], [2, 3], [0, 1], true),
  ...average('ceil, padding not counted', [1, 8, 10, 1], [4, 4], [3, 3], [2, 3], [0, 1], true, false),
  ...average('ceil drops a window in the padding', [1, 5, 5, 3], [2, 3], [2, 3], [3, 2], [1, 1], true),
  ...average('gaps between windows', [1, 11, 9, 3], [3, 3], [2, 1], [4, 4], [0, 0]),
  ...average('asymmetric', [2, 6, 13, 8], [6, 4], [1, 5], [1, 4], [0, 2]),

  ...both('pyr_down', 'even', [2, 16, 20, 3], [8, 10]),
  ...both('pyr_down', 'odd', [1, 9, 7, 4], [5, 4]),
  ...both('pyr_down', 'one and two pixels', [1, 1, 2, 5], [1, 1]),
  ...both('pyr_down', 'larger', [1, 63, 48, 8], [32, 24]),
  ...both('pyr_up', 'odd', [2, 9, 7, 3], [18, 14]),
  ...both('pyr_up', 'one and two pixels', [1, 1, 2, 4], [2, 4]),
  ...both('pyr_up', 'one channel', [1, 12, 8, 1], [24, 16]),

  ...both('gaussian_blur', '5, sigma given', [1, 12, 15, 3], [12, 15], { kernelSize: 5, sigma: 1.2 }),
  ...both('gaussian_blur', '1', [1, 4, 3, 4], [4, 3], { kernelSize: 1, sigma: 0 }),
  ...both('gaussian_blur', '3, fixed filter', [2, 6, 5, 4], [6, 5], { kernelSize: 3, sigma: 0 }),
  ...both('gaussian_blur', '7, fixed filter', [1, 9, 8, 1], [9, 8], { kernelSize: 7, sigma: -1 }),
  ...both('gaussian_blur', '9, fixed filter', [1, 9, 8, 4], [9, 8], { kernelSize: 9, sigma: 0 }),
  ...both('gaussian_blur', '9, enough channels for blocks on any adapter', [1, 130, 128, 32], [130, 128], {
    kernelSize: 9,
    sigma: 0,
  }),
  ...both('gaussian_blur', '13, sigma derived', [1, 20, 24, 3], [20, 24], { kernelSize: 13, sigma: 0 }),
  ...both('gaussian_blur', 'wider than the image', [1, 3, 2, 5], [3, 2], { kernelSize: 11, sigma: 3 }),
];
