import type { Specs } from '../../src/kernels/kernel.ts';
import type { OpName } from '../../src/kernels/ops.ts';
import type { DType } from '../../src/shape.ts';

/** An operation to compile for GPUs, in sizes that take most of a network's time. */
export interface OfflineCase {
  readonly name: string;
  readonly op: OpName;
  readonly specs: Specs;
  readonly attrs?: object;
}

const of =
  (dtype: DType) =>
  (...shape: number[]) => ({ shape, dtype });
const [f32, f16, i32] = [of('f32'), of('f16'), of('i32')];

/** A convolution and its gradients, in f32 and in f16. */
const convolution = (
  name: string,
  x: readonly [number, number, number, number],
  weight: readonly [number, number, number, number],
  attrs: { stride?: number; padding?: number; groups?: number },
): OfflineCase[] => {
  const { stride = 1 } = attrs;
  const [N, H, W] = x;
  const [kh, kw, , O] = weight;
  const dy = [N, H / stride, W / stride, O] as const;
  return [f32, f16].flatMap((type) => {
    const suffix = type === f16 ? '_f16' : '';
    return [
      { name: `${name}${suffix}`, op: 'conv2d', specs: { x: type(...x), weight: type(...weight) }, attrs },
      {
        name: `${name}_filter${suffix}`,
        op: 'conv2d_backward_weight',
        specs: { x: type(...x), dy: type(...dy) },
        attrs: { ...attrs, kernelSize: [kh, kw] },
      },
    ] as const;
  });
};

const image = f32(8, 56, 56, 64);

export const offlineCases: readonly OfflineCase[] = [
  { name: 'matmul', op: 'matmul', specs: { a: f32(4096, 4096), b: f32(4096, 4096) } },
  { name: 'matmul_f16', op: 'matmul', specs: { a: f16(4096, 4096), b: f16(4096, 4096) } },
  { name: 'linear', op: 'linear', specs: { x: f32(1024, 768), weight: f32(768, 3072), bias: f32(3072) } },
  ...convolution('conv3x3', [8, 56, 56, 64], [3, 3, 64, 64], { padding: 1 }),
  ...convolution('conv1x1', [8, 28, 28, 256], [1, 1, 256, 512], {}),
  ...convolution('conv7x7s2', [8, 224, 224, 3], [7, 7, 3, 64], { stride: 2, padding: 3 }),
  ...convolution('depthwise', [8, 56, 56, 64], [3, 3, 1, 64], { padding: 1, groups: 64 }),
  {
    name: 'conv_transpose',
    op: 'conv_transpose2d',
    specs: { x: f32(8, 28, 28, 64), weight: f32(3, 3, 64, 64) },
    attrs: { stride: 2, padding: 1, outputPadding: 1 },
  },
  { name: 'cdist', op: 'cdist', specs: { a: f32(4096, 512), b: f32(4096, 512) } },
  {
    name: 'batch_norm',
    op: 'batch_norm',
    specs: { x: image, weight: f32(64), bias: f32(64), runningMean: f32(64), runningVar: f32(64) },
    attrs: {},
  },
  {
    name: 'batch_norm_backward',
    op: 'batch_norm_backward',
    specs: { dy: image, x: image, weight: f32(64), mean: f32(64), invstd: f32(64) },
    attrs: {},
  },
  { name: 'sum', op: 'sum', specs: { x: f32(1 << 22) }, attrs: { dims: [0] } },
  { name: 'softmax', op: 'softmax', specs: { x: f32(4096, 1024) } },
  { name: 'cross_entropy', op: 'cross_entropy', specs: { x: f32(4096, 1000), target: i32(4096) } },
  { name: 'sort', op: 'sort', specs: { x: f32(1, 100_000) }, attrs: { descending: true } },
  {
    name: 'nms',
    op: 'nms',
    specs: { boxes: f32(1, 10_000, 4), scores: f32(1, 10_000) },
    attrs: { iouThreshold: 0.5, scoreThreshold: 0.05, maxDetections: 1000 },
  },
  {
    name: 'roi_align',
    op: 'roi_align',
    specs: { x: f32(1, 64, 64, 256), rois: f32(512, 5) },
    attrs: { outputSize: [7, 7], spatialScale: 0.25, samplingRatio: 2, aligned: true },
  },
  {
    name: 'max_pool2d',
    op: 'max_pool2d',
    specs: { x: f32(8, 112, 112, 64) },
    attrs: { kernelSize: 3, stride: 2, padding: 1 },
  },
];
