import type { Shape } from '../../shape.ts';
import { type Case, distinct, type InputSpec, integers, normal, uniform, values } from './case.ts';

/**
 * Regions of all images of a batch, in no order, coordinates in pixels of `extent` [height, width]: some
 * beyond the border, some tiny.
 */
const regions = (count: number, images: number, [height, width]: [number, number]): InputSpec => ({
  shape: [count, 5],
  dtype: 'f32',
  fill: (random) =>
    Array.from({ length: count }, (_, r) => {
      const size = r % 4 === 3 ? 0.05 : 0.7;
      const [h, w] = [height * size * random(), width * size * random()];
      const [y, x] = [1.3 * height * random() - 0.2 * height, 1.3 * width * random() - 0.2 * width];
      return [Math.floor(images * random()), x, y, x + w, y + h];
    })
      .flat()
      .map(Math.fround),
});

const rows = (list: readonly (readonly number[])[]): InputSpec => values([list.length, 5], list.flat());

interface AlignAttrs {
  readonly outputSize: readonly [number, number];
  readonly spatialScale: number;
  readonly samplingRatio: number;
  readonly aligned: boolean;
}

const align = (name: string, x: Shape, rois: InputSpec, attrs: AlignAttrs): Case[] => {
  const y = [rois.shape[0]!, ...attrs.outputSize, x[3]!];
  const small = x.every((size) => size > 0) && y[0]! > 0 && y[0]! < 20;
  return [
    { op: 'roi_align', name, inputs: { x: normal(x), rois }, attrs, ...(small ? { grad: ['x'] } : {}) },
    {
      op: 'roi_align_backward',
      name,
      inputs: { dy: normal(y), rois },
      attrs: { ...attrs, inputShape: x },
      // Sums of hundreds of weighted values of either sign.
      atol: 3e-5,
    },
  ];
};

const two = (outputSize: [number, number], spatialScale: number): AlignAttrs => ({
  outputSize,
  spatialScale,
  samplingRatio: 2,
  aligned: true,
});
const legacy = { ...two([7, 7], 0.25), aligned: false };
const adaptive = { ...two([5, 3], 0.5), samplingRatio: -1 };

/** Empty, inverted, far outside, over the whole image and beyond, at the border, of no image. */
const odd = rows([
  [0, 3, 4, 3, 4],
  [0, 9, 8, 2, 3],
  [0, -90, -80, -50, -60],
  [0, 200, 3, 220, 9],
  [0, -37.3, -21.1, 61.7, 55.2],
  [0, 0, 0, 14, 12],
  [-1, 1, 1, 9, 9],
  [1, 1, 1, 9, 9],
  [0, -1.5, 2.25, 0.25, 15.75],
  [0, 2.1, -1.6, 15.4, 0.2],
]);

const poolAttrs = (outputSize: [number, number], spatialScale: number) => ({ outputSize, spatialScale });

const pool = (name: string, x: InputSpec, rois: InputSpec, attrs: object, grad = false): Case => ({
  op: 'roi_pool',
  name,
  inputs: { x, rois },
  attrs,
  ...(grad ? { grad: ['x'] } : {}),
});

/**
 * Where maxima stand: for each bin the cell that the region's own rule puts first in it, the last for every
 * second channel, or -1 where the bin is empty.
 */
const places = (rois: readonly (readonly number[])[], x: Shape, [ph, pw]: [number, number]): InputSpec => ({
  shape: [rois.length, ph, pw, x[3]!],
  dtype: 'i32',
  fill: (_random, length) => {
    const [, height, width, c] = x as [number, number, number, number];
    const cell = (low: number, high: number, bin: number, bins: number, size: number, last: boolean) => {
      const extent = Math.max(high - low + 1, 1);
      const first = Math.max(low + Math.floor((bin * extent) / bins), 0);
      const end = Math.min(low + Math.ceil(((bin + 1) * extent) / bins), size);
      return first >= end ? Number.NaN : last ? end - 1 : first;
    };
    return Array.from({ length }, (_, i) => {
      const [b, a, r] = [Math.floor(i / c) % pw, Math.floor(i / c / pw) % ph, Math.floor(i / c / pw / ph)];
      const [, x1, y1, x2, y2] = rois[r] as [number, number, number, number, number];
      const h = cell(y1, y2, a, ph, height, i % 2 === 1);
      const w = cell(x1, x2, b, pw, width, i % 2 === 1);
      return Number.isNaN(h + w) ? -1 : h * width + w;
    });
  },
});

const whole = [
  [1, 2, 3, 9, 12],
  [0, 0, 0, 13, 15],
  [0, 5, 5, 6, 7],
  [1, -4, 6, 4, 30],
  [0, 4, 4, 4, 4],
  [1, 40, 2, 50, 9],
  [0, 2, 1, 12, 14],
];

const poolBackward = (name: string, x: Shape, size: [number, number], list: readonly number[][]): Case => ({
  op: 'roi_pool_backward',
  name,
  inputs: {
    dy: normal([list.length, ...size, x[3]!]),
    indices: places(list, x, size),
    rois: values([list.length, 5], list.flat()),
  },
  attrs: { ...poolAttrs(size, 1), inputShape: x },
});

/** Boxes in pixels: inside, over the border, empty, inside out, far away. */
const pasted = values(
  [6, 4],
  [
    [3.3, 2.7, 11.2, 9.9],
    [-4.6, -3.1, 6.4, 5.2],
    [5.5, 5.5, 5.5, 5.5],
    [9, 8, 4, 2],
    [12.1, 7.3, 30.7, 22.8],
    [-40, -40, -30, -30],
  ].flat(),
);

const paste: Case[] = [
  {
    op: 'paste_masks',
    name: 'boxes of all kinds',
    inputs: { masks: uniform([6, 7, 7]), boxes: pasted },
    attrs: { size: [13, 17] },
  },
  {
    op: 'paste_masks',
    name: 'one cell a mask',
    inputs: { masks: uniform([6, 1, 1]), boxes: pasted },
    attrs: { size: [9, 9] },
  },
  {
    op: 'paste_masks',
    name: 'larger than the mask',
    inputs: { masks: uniform([1, 28, 28]), boxes: values([1, 4], [4.2, 8.9, 90.4, 70.1]) },
    attrs: { size: [80, 100] },
  },
  {
    op: 'paste_masks',
    name: 'none',
    inputs: { masks: uniform([0, 4, 4]), boxes: values([0, 4], []) },
    attrs: { size: [5, 5] },
  },
];

const keypoints: Case[] = [
  {
    op: 'heatmaps_to_keypoints',
    name: 'boxes of all kinds',
    inputs: { maps: uniform([6, 7, 7, 3]), boxes: pasted },
  },
  {
    op: 'heatmaps_to_keypoints',
    name: 'larger than the map',
    inputs: { maps: uniform([2, 14, 14, 5]), boxes: values([2, 4], [4.2, 8.9, 60.4, 41.1, 3, 5, 31, 61]) },
  },
  {
    op: 'heatmaps_to_keypoints',
    name: 'all equal',
    inputs: { maps: values([1, 2, 2, 1], [1, 1, 1, 1]), boxes: values([1, 4], [2, 3, 4, 5]) },
  },
  {
    op: 'heatmaps_to_keypoints',
    name: 'none',
    inputs: { maps: uniform([0, 4, 4, 2]), boxes: values([0, 4], []) },
  },
];

export const roiCases: Case[] = [
  ...paste,
  ...keypoints,
  ...align('aligned, 2 samples', [2, 16, 14, 8], regions(9, 2, [64, 56]), two([7, 7], 0.25)),
  ...align('not aligned', [2, 16, 14, 3], regions(9, 2, [64, 56]), legacy),
  ...align('adaptive', [2, 16, 14, 4], regions(9, 2, [32, 28]), adaptive),
  ...align('adaptive, not aligned, one channel', [1, 9, 11, 1], regions(6, 1, [9, 11]), {
    ...adaptive,
    spatialScale: 1,
    aligned: false,
  }),
  ...align(
    'adaptive, whole numbers',
    [1, 16, 16, 5],
    rows([
      [0, 0, 0, 14, 14],
      [0, 1, 2, 8, 16],
      [0, 3, 0, 15, 6],
    ]),
    {
      ...two([7, 3], 1),
      samplingRatio: -1,
      aligned: false,
    },
  ),
  ...align('samples far apart', [1, 60, 50, 3], regions(5, 1, [60, 50]), two([2, 1], 1)),
  ...align('three samples, one bin', [3, 8, 9, 4], regions(8, 3, [8, 9]), {
    ...two([1, 1], 1),
    samplingRatio: 3,
  }),
  ...align('bins smaller than cells', [1, 6, 5, 4], regions(7, 1, [48, 40]), two([14, 14], 0.125)),
  ...align('empty, inverted and outside', [1, 12, 14, 4], odd, two([3, 2], 1)),
  ...align('empty, inverted and outside, adaptive', [1, 12, 14, 3], odd, { ...adaptive, spatialScale: 1 }),
  ...align('empty, inverted and outside, not aligned', [1, 12, 14, 1], odd, { ...legacy, spatialScale: 1 }),
  ...align(
    'one cell',
    [1, 1, 1, 4],
    rows([
      [0, 0, 0, 1, 1],
      [0, -1, -1, 2, 2],
    ]),
    two([2, 2], 1),
  ),
  ...align('no regions', [1, 6, 5, 4], regions(0, 1, [6, 5]), two([2, 2], 1)),
  ...align('no channels', [1, 6, 5, 0], regions(2, 1, [6, 5]), two([2, 2], 1)),
  ...align('no images', [0, 6, 5, 4], rows([[0, 1, 1, 3, 3]]), two([2, 2], 1)),
  ...align('larger', [2, 25, 34, 16], regions(64, 2, [400, 544]), two([7, 7], 0.0625)),

  pool('2x2', distinct([2, 16, 14, 8]), regions(9, 2, [64, 56]), poolAttrs([2, 2], 0.25), true),
  pool('7x7, odd channels', distinct([2, 20, 20, 5]), regions(6, 2, [80, 80]), poolAttrs([7, 7], 0.25), true),
  pool('ties', integers([2, 16, 14, 1], 0, 2, 'f32'), rows(whole), poolAttrs([3, 4], 1)),
  pool(
    'halves are rounded away from zero',
    distinct([1, 12, 14, 4]),
    rows([
      [0, 1, 3, 5, 7],
      [0, -1, -3, 9, 11],
    ]),
    poolAttrs([2, 3], 0.5),
  ),
  pool('empty, inverted and outside', distinct([1, 12, 14, 3]), odd, poolAttrs([3, 2], 1), true),
  pool(
    'NaN is no maximum',
    values([1, 2, 2, 4], new Array(16).fill(Number.NaN).with(5, 2)),
    rows([[0, 0, 0, 1, 1]]),
    poolAttrs([1, 2], 1),
  ),
  pool('no regions', distinct([1, 6, 5, 4]), regions(0, 1, [6, 5]), poolAttrs([2, 2], 1)),
  pool('no channels', distinct([1, 6, 5, 0]), regions(2, 1, [6, 5]), poolAttrs([2, 2], 1)),
  poolBackward('7x7', [2, 16, 14, 3], [7, 7], whole),
  poolBackward('3x2, four channels', [2, 16, 14, 4], [3, 2], whole),
  poolBackward('overlapping bins', [2, 16, 14, 8], [4, 6], whole),
  poolBackward('no regions', [2, 6, 5, 4], [2, 2], []),
];
