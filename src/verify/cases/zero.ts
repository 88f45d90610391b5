import type { ElementwiseKernel } from '../../kernels/elementwise/elementwise.ts';
import { type ElementwiseName, elementwiseKernels } from '../../kernels/ops.ts';
import type { Shape } from '../../shape.ts';
import { boxes, type Case, integers, normal, uniform, values } from './case.ts';

/*
 * Sizes of zero, wherever PyTorch takes them: no image, no row, no channel, no class, nothing to sum. An
 * operation's gradient is asked for where an input is not empty too: it must be exactly zero.
 */

const UNIT = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 };

/** Every elementwise operation and its gradients: the first argument is empty, the others broadcast to it. */
const elementwise = Object.entries<ElementwiseKernel>(elementwiseKernels).flatMap(([op, kernel]): Case[] => {
  const { args, backward } = kernel.elementwise.row;
  const inputs = Object.fromEntries(args.map((arg, i) => [arg, normal(i === 0 ? [0, 3] : [3])]));
  const grad = args.filter((arg) => arg in backward);
  return [{ op: op as ElementwiseName, name: 'empty', inputs, ...(grad.length > 0 ? { grad } : {}) }];
});

const row = (
  op: Case['op'],
  name: string,
  inputs: Record<string, Shape>,
  attrs = {},
  grad?: string[],
): Case => ({
  op,
  name,
  inputs: Object.fromEntries(Object.entries(inputs).map(([key, shape]) => [key, normal(shape)])),
  attrs,
  grad: grad ?? Object.keys(inputs),
});

const convolutions: Case[] = [
  row('conv2d', 'no images', { x: [0, 6, 5, 4], weight: [3, 3, 4, 8], bias: [8] }, UNIT),
  row('conv2d', 'no images, odd channels', { x: [0, 6, 5, 3], weight: [3, 3, 3, 5], bias: [5] }, UNIT),
  row('conv2d', 'no images, grouped', { x: [0, 6, 5, 8], weight: [3, 3, 4, 8] }, { ...UNIT, groups: 2 }),
  row(
    'conv2d',
    'no images, one group a channel',
    { x: [0, 6, 5, 8], weight: [3, 3, 1, 8] },
    { ...UNIT, groups: 8 },
  ),
  row('conv2d', 'no channels in: the bias', { x: [2, 6, 5, 0], weight: [3, 3, 0, 8], bias: [8] }, UNIT),
  row('conv2d', 'no channels out', { x: [2, 6, 5, 4], weight: [3, 3, 4, 0], bias: [0] }, UNIT),
  row(
    'conv_transpose2d',
    'no images',
    { x: [0, 6, 5, 4], weight: [3, 3, 8, 4] },
    { ...UNIT, outputPadding: [0, 0] },
  ),
  row(
    'conv_transpose2d',
    'no channels in',
    { x: [2, 6, 5, 0], weight: [3, 3, 8, 0] },
    { ...UNIT, outputPadding: [0, 0] },
  ),
  row('linear', 'no rows', { x: [0, 13], weight: [13, 9], bias: [9] }),
  row('linear', 'no rows, by fours', { x: [2, 0, 16], weight: [16, 8], bias: [8] }),
  row('linear', 'nothing to sum: the bias', { x: [3, 0], weight: [0, 8], bias: [8] }),
  row('linear', 'no columns', { x: [3, 8], weight: [8, 0], bias: [0] }),
  row('matmul', 'nothing to sum, batched', { a: [2, 3, 0], b: [2, 0, 4] }),
  row('matmul', 'no rows', { a: [0, 5], b: [5, 4] }),
  row('matmul', 'no columns', { a: [3, 5], b: [5, 0] }),
  row('matmul', 'no matrices', { a: [0, 3, 5], b: [0, 5, 4] }),
  row('matmul', 'no matrices, one b for all', { a: [0, 3, 5], b: [5, 4] }),
];

const image: Shape = [0, 4, 6, 3];
const pooled = { kernelSize: [2, 2], stride: [2, 2], padding: [0, 0] };

/** A resampling of no image, and of no channel; its backward operation is run by the gradient. */
const resampling = (op: Case['op'], attrs: object): Case[] => [
  row(op, 'no images, empty', { x: image }, attrs),
  row(op, 'no channels, empty', { x: [2, 4, 6, 0] }, attrs),
];

const images: Case[] = [
  ...resampling('max_pool2d', { ...pooled, dilation: [1, 1], ceilMode: false }),
  ...resampling('avg_pool2d', { ...pooled, ceilMode: false, countIncludePad: true }),
  ...resampling('adaptive_avg_pool2d', { outputSize: [2, 3] }),
  ...resampling('adaptive_avg_pool2d', { outputSize: [1, 1] }).map((one) => ({
    ...one,
    name: `${one.name}, global`,
  })),
  ...resampling('interpolate', { size: [8, 12], mode: 'bilinear', alignCorners: false }),
  ...resampling('interpolate', { size: [8, 12], mode: 'nearest' }).map((one) => ({
    ...one,
    name: `${one.name}, nearest`,
  })),
  ...resampling('pyr_down', {}),
  ...resampling('pyr_up', {}),
  ...resampling('gaussian_blur', { kernelSize: 3, sigma: 1 }),
];

const batch = (name: string, x: Shape): Case => {
  const each: Shape = [x.at(-1)!];
  const inputs = { x, weight: each, bias: each, runningMean: each, runningVar: each };
  return row('batch_norm', name, inputs, { momentum: 0.1, eps: 1e-5 }, ['x', 'weight', 'bias']);
};
const group = (name: string, x: Shape, numGroups: number): Case => {
  const each: Shape = [x.at(-1)!];
  return row('group_norm', name, { x, weight: each, bias: each }, { numGroups, eps: 1e-5 });
};

const norms: Case[] = [
  batch('no images: the running estimates stay', [0, 5, 5, 4]),
  batch('no images, odd channels', [0, 5, 5, 3]),
  batch('no channels', [2, 5, 5, 0]),
  group('no images, odd channels', [0, 5, 5, 3], 3),
  group('no channels', [2, 5, 5, 0], 2),
  group('layer norm of no rows', [0, 8], 1),
  group('layer norm of no columns', [3, 0], 1),
];

const reductions: Case[] = [
  row('sum', 'of nothing, kept', { x: [3, 0, 2] }, { dims: [1], keepdim: true }),
  row('sum', 'of nothing, all', { x: [3, 0] }, { dims: [0, 1], keepdim: false }),
  row('amax', 'no outputs, kept', { x: [0, 4, 3] }, { dims: [1], keepdim: true }),
  row('log_softmax', 'no rows', { x: [0, 7] }),
  row('log_softmax', 'no classes', { x: [3, 0] }),
  row('softmax', 'no rows, by fours', { x: [2, 0, 8] }),
  { op: 'argmax', name: 'no rows, long', inputs: { x: normal([0, 3000]) } },
  row('sort', 'nothing', { x: [0] }, { descending: true }),
  row('sort', 'no rows, by digits', { x: [0, 3000] }),
  row('topk', 'none of none', { x: [3, 0] }, { k: 0 }),
  row('topk', 'none, least', { x: [3, 700] }, { k: 0, largest: false }),
  row('topk', 'no rows', { x: [0, 700] }, { k: 5 }),
];

const shapes: Case[] = [
  row('permute', 'empty, by fours', { x: [4, 0, 8] }, { dims: [2, 0, 1] }),
  row('slice', 'of nothing', { x: [0, 7] }, { starts: [0, 2], steps: [1, 1], sizes: [0, 3] }),
  row('slice', 'nothing of something', { x: [4, 8] }, { starts: [4, 0], steps: [1, 1], sizes: [0, 8] }),
  row(
    'pad',
    'nothing around nothing',
    { x: [0, 3] },
    {
      padding: [
        [0, 0],
        [1, 1],
      ],
      value: 1,
    },
  ),
  row('flip', 'empty', { x: [0, 4] }, { dims: [0, 1] }),
  row('expand', 'nothing to more of it', { x: [1, 0, 3] }, { shape: [4, 0, 3] }),
  row('concat', 'an empty part first', { x0: [2, 0, 8], x1: [2, 3, 8] }, { dim: 1 }),
  row('concat', 'no rows', { x0: [0, 3], x1: [0, 5] }, { dim: 1 }),
  {
    op: 'cast',
    name: 'nothing, from integers',
    inputs: { x: integers([0, 4], 0, 9) },
    attrs: { dtype: 'f32' },
  },
];

const gathers: Case[] = [
  ['no index', [4, 3], [0], 0],
  ['no index, batched', [2, 4, 3], [2, 0], 1],
  ['rows of none', [4, 0], [5], 0],
  ['no images', [0, 4, 3], [0, 5], 1],
].map(([name, x, index, batchDims]) => ({
  op: 'gather_rows',
  name: `${name}, gradient`,
  inputs: { x: normal(x as Shape), index: integers(index as Shape, 0, 4) },
  attrs: { batchDims },
  grad: ['x'],
}));

const detection: Case[] = [
  { op: 'box_iou', name: 'none by some', inputs: { a: boxes([0, 4], 20), b: boxes([3, 4], 20) } },
  { op: 'box_iou', name: 'no lists', inputs: { a: boxes([0, 2, 4], 20), b: boxes([0, 3, 4], 20) } },
  { op: 'generalized_box_iou', name: 'none', inputs: { a: boxes([3, 4], 20), b: boxes([0, 4], 20) } },
  {
    op: 'box_encode',
    name: 'no images',
    inputs: { boxes: boxes([0, 5, 4], 20), anchors: boxes([5, 4], 20) },
  },
  {
    op: 'box_decode',
    name: 'none',
    inputs: { deltas: normal([0, 4]), anchors: boxes([0, 4], 20) },
    grad: ['deltas'],
  },
  {
    op: 'box_decode',
    name: 'no images',
    inputs: { deltas: normal([0, 5, 4]), anchors: boxes([5, 4], 20) },
    grad: ['deltas'],
  },
  {
    op: 'nms',
    name: 'no boxes, labels',
    inputs: { boxes: boxes([1, 0, 4], 9), scores: uniform([1, 0]), labels: integers([1, 0], 0, 2) },
    attrs: { iouThreshold: 0.5 },
  },
  {
    op: 'nms',
    name: 'no detections asked for',
    inputs: { boxes: boxes([2, 5, 4], 9), scores: uniform([2, 5]) },
    attrs: { iouThreshold: 0.5, maxDetections: 0 },
  },
  ...(
    [
      ['no boxes', [2, 0], 3],
      ['no images', [0, 4], 3],
      ['none asked for', [2, 4], 0],
    ] as const
  ).map(
    ([name, [N, R], maxDetections]): Case => ({
      op: 'weighted_box_fusion',
      name,
      inputs: { boxes: boxes([N, R, 4], 9), scores: uniform([N, R]), labels: integers([N, R], 0, 2) },
      attrs: { models: 2, maxDetections },
    }),
  ),
  ...[true, false].flatMap((allowLowQuality): Case[] => {
    const attrs = { highThreshold: 0.5, lowThreshold: 0.4, allowLowQuality };
    const match = (name: string, anchors: Shape, [images, count]: [number, number]): Case => ({
      op: 'match_anchors',
      name: allowLowQuality ? `${name}, low quality` : name,
      inputs: {
        anchors: boxes(anchors, 60),
        boxes: boxes([images, count, 4], 60),
        count: values([images], new Array(images).fill(count), 'i32'),
      },
      attrs,
    });
    return [
      match('no anchors', [0, 4], [2, 3]),
      match('no images', [5, 4], [0, 3]),
      match('no images, anchors of their own', [0, 5, 4], [0, 3]),
    ];
  }),
  ...(['roi_align', 'roi_pool'] as const).flatMap((op): Case[] => {
    const sampling = op === 'roi_align' ? { samplingRatio: 2, aligned: true } : {};
    const attrs = { outputSize: [2, 3], spatialScale: 1, ...sampling };
    const some = values([2, 5], [0, 1, 1, 5, 5, 1, 0, 0, 3, 4]);
    const none = values([0, 5], []);
    return [
      {
        op,
        name: 'no regions, gradient',
        inputs: { x: normal([1, 6, 5, 4]), rois: none },
        attrs,
        grad: ['x'],
      },
      {
        op,
        name: 'no images, no regions',
        inputs: { x: normal([0, 6, 5, 4]), rois: none },
        attrs,
        grad: ['x'],
      },
      {
        op,
        name: 'no channels, gradient',
        inputs: { x: normal([2, 6, 5, 0]), rois: some },
        attrs,
        grad: ['x'],
      },
    ];
  }),
];

const losses: Case[] = [
  { op: 'one_hot', name: 'no images', inputs: { labels: integers([0, 4], 0, 2) }, attrs: { numClasses: 3 } },
  {
    op: 'cross_entropy',
    name: 'no rows, gradient',
    inputs: { x: normal([0, 4]), target: integers([0], 0, 4), weight: uniform([4]) },
    grad: ['x'],
  },
];

export const zeroCases: Case[] = [
  ...elementwise,
  ...convolutions,
  ...images,
  ...norms,
  ...reductions,
  ...shapes,
  ...gathers,
  ...detection,
  ...losses,
];
