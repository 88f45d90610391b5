import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import * as graph from '../../src/graph/index.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { recordOperation, Tensor } from '../../src/graph/tensor.ts';
import { planKernel } from '../../src/kernels/kernel.ts';
import { kernelOf, type OpName } from '../../src/kernels/ops.ts';
import type { DType } from '../../src/shape.ts';
import { cases } from '../../src/verify/cases/index.ts';

const input = (shape: readonly number[], dtype: DType = 'f32'): Tensor =>
  new Tensor({ shape, dtype }, { kind: 'input', name: 'input' });

/** What planning asks of a device before it checks attributes. */
const device = {
  queue: {},
  lost: new Promise(() => undefined),
  features: new Set<string>(),
  limits: {},
} as unknown as GPUDevice;

const ops = Object.keys(operations) as OpName[];

describe('an attribute that an operation does not have is refused', () => {
  it.each(ops)('%s', (op) => {
    const row = cases.find((other) => other.op === op);
    const kernel = kernelOf(op);
    const given = { ...row?.attrs, paddding: 1 };
    const specs = Object.fromEntries(kernel.inputs.map((name) => [name, [2]]));
    for (const call of [
      () => kernel.attributes(given),
      () => kernel.infer({}, given),
      () => planKernel(device, kernel, specs, given),
    ]) {
      expect(call).toThrow(ShapeError);
      expect(call).toThrow(`${op}: takes [`);
      expect(call).toThrow('paddding');
    }
    if (!row) return;
    const inputs = Object.fromEntries(
      Object.entries(row.inputs).map(([name, { shape, dtype }]) => [name, input(shape, dtype)]),
    );
    expect(() => recordOperation(operations[op], inputs, row.attrs)).not.toThrow();
    expect(() => recordOperation(operations[op], inputs, given)).toThrow(`${op}: takes [`);
    if (kernel.variadic) return;
    expect(() => recordOperation(operations[op], { ...inputs, wieght: input([1]) }, row.attrs)).toThrow(
      /takes \[.*\], got \[.*wieght\]/,
    );
  });

  it('and the name that is meant is told', () => {
    const call = () => kernelOf('conv2d').attributes({ paddding: 1, stride: 2 });
    expect(call).toThrow(
      'conv2d: takes [stride,padding,dilation,groups,levels], got [paddding,stride]; did you mean padding?',
    );
    expect(() => kernelOf('relu').attributes({ slope: 1 })).toThrow('relu: takes [], got [slope]');
  });
});

const x = input([2, 4, 4, 4]);
const boxes = input([3, 4]);
const vector = input([4]);
const target = input([2, 4, 4, 4]);
const mistake = { paddding: 1 } as never;

/** Calls of the functions that take options, with one that none has. */
const calls: Readonly<Record<string, () => unknown>> = {
  conv1d: () => graph.conv1d(input([1, 4, 2]), input([1, 2, 2]), undefined, mistake),
  conv2d: () => graph.conv2d(x, input([1, 1, 4, 2]), undefined, mistake),
  convTranspose2d: () => graph.convTranspose2d(x, input([1, 1, 2, 4]), undefined, mistake),
  maxPool2d: () => graph.maxPool2d(x, 2, mistake),
  avgPool2d: () => graph.avgPool2d(x, 2, mistake),
  interpolate: () => graph.interpolate(x, { size: 2, paddding: 1 } as never),
  batchNormTrain: () =>
    graph.batchNormTrain(
      x,
      { weight: vector, bias: vector, runningMean: vector, runningVar: vector },
      mistake,
    ),
  groupNorm: () => graph.groupNorm(x, 2, mistake),
  instanceNorm: () => graph.instanceNorm(x, mistake),
  layerNorm: () => graph.layerNorm(x, 4, mistake),
  localResponseNorm: () => graph.localResponseNorm(x, 3, mistake),
  boxEncode: () => graph.boxEncode(boxes, boxes, mistake),
  boxDecode: () => graph.boxDecode(boxes, boxes, mistake),
  matchAnchors: () => graph.matchAnchors(boxes, input([1, 3, 4]), input([1], 'i32'), mistake),
  cdist: () => graph.cdist(boxes, boxes, mistake),
  nms: () => graph.nms(boxes, input([3]), { iouThreshold: 0.5, paddding: 1 } as never),
  batchedNms: () =>
    graph.batchedNms(boxes, input([3]), input([3], 'i32'), { iouThreshold: 0.5, paddding: 1 } as never),
  weightedBoxFusion: () =>
    graph.weightedBoxFusion(input([1, 3, 4]), input([1, 3]), input([1, 3], 'i32'), {
      models: 1,
      paddding: 1,
    } as never),
  roiAlign: () => graph.roiAlign(x, input([3, 5]), { outputSize: 2, paddding: 1 } as never),
  roiPool: () => graph.roiPool(x, input([3, 5]), { outputSize: 2, paddding: 1 } as never),
  panopticMerge: () =>
    graph.panopticMerge(
      { masks: input([1, 2, 4, 4]), boxes: input([1, 2, 4]), count: input([1], 'i32') },
      input([1, 4, 4], 'i32'),
      { numStuff: 1, paddding: 1 } as never,
    ),
  crossEntropy: () => graph.crossEntropy(x, input([2, 4, 4], 'i32'), mistake),
  binaryCrossEntropyWithLogits: () => graph.binaryCrossEntropyWithLogits(x, target, mistake),
  sigmoidFocalLoss: () => graph.sigmoidFocalLoss(x, target, mistake),
  smoothL1Loss: () => graph.smoothL1Loss(x, target, mistake),
  l1Loss: () => graph.l1Loss(x, target, mistake),
  mseLoss: () => graph.mseLoss(x, target, mistake),
  diceLoss: () => graph.diceLoss(x, target, mistake),
  generalizedBoxIouLoss: () => graph.generalizedBoxIouLoss(boxes, boxes, mistake),
  distanceBoxIouLoss: () => graph.distanceBoxIouLoss(boxes, boxes, mistake),
  completeBoxIouLoss: () => graph.completeBoxIouLoss(boxes, boxes, mistake),
  gridSample: () => graph.gridSample(x, input([2, 3, 3, 2]), mistake),
  scaledDotProductAttention: () => graph.scaledDotProductAttention(x, x, x, mistake),
  pad: () => graph.pad(vector, [[1, 1]], mistake),
  ones: () => graph.ones([2], mistake),
  zeros: () => graph.zeros([2], mistake),
  full: () => graph.full([2], 1, mistake),
  detach: () => graph.detach(x, mistake),
  zerosLike: () => graph.zerosLike(x, mistake),
  onesLike: () => graph.onesLike(x, mistake),
  eye: () => graph.eye(2, 2, mistake),
  arange: () => graph.arange(3, mistake),
  sum: () => graph.sum(x, mistake),
  mean: () => graph.mean(x, mistake),
  prod: () => graph.prod(x, mistake),
  amax: () => graph.amax(x, mistake),
  amin: () => graph.amin(x, mistake),
  variance: () => graph.variance(x, mistake),
  std: () => graph.std(x, mistake),
  logsumexp: () => graph.logsumexp(x, mistake),
  argmax: () => graph.argmax(x, mistake),
  argmin: () => graph.argmin(x, mistake),
  sort: () => graph.sort(x, mistake),
  argsort: () => graph.argsort(x, mistake),
  topk: () => graph.topk(x, 2, mistake),
  norm: () => graph.norm(x, mistake),
};

describe('an option that a function does not have is refused', () => {
  it.each(Object.entries(calls))('%s', (_name, call) => {
    expect(call).toThrow(/^\w+: takes \[.*\], got \[.*paddding.*\]/);
  });

  it('by every function that takes options', () => {
    const folder = join(import.meta.dirname, '../../src/graph/functions');
    const named = readdirSync(folder).flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      return [...text.matchAll(/^export (?:const|function) (\w+)[\s\S]*?(?:=>|\): [^{;]*[{;]$)/gm)]
        .filter(([declaration]) =>
          /[oO]ptions\b.*(?: = \{\})?[,)]|: (?:\w*Options|Given<.*>)\b/.test(declaration!),
        )
        .map(([, name]) => name!);
    });
    expect(named.length).toBeGreaterThan(35);
    expect(named.filter((name) => !(name in calls))).toEqual([]);
  });

  it('and a dim as an option where it is given by itself', () => {
    const dim = { dim: -1 } as never;
    const calls = [
      () => graph.softmax(x, dim),
      () => graph.logSoftmax(x, dim),
      () => graph.cumsum(x, dim),
      () => graph.cumprod(x, dim),
      () => graph.concat([x, x], dim),
      () => graph.stack([x, x], dim),
      () => graph.split(x, 1, dim),
      () => graph.chunk(x, 2, dim),
      () => graph.squeeze(x, dim),
      () => graph.unsqueeze(x, dim),
      () => graph.flatten(x, dim),
      () => graph.permute(x, [dim, dim, dim, dim].slice(0, x.shape.length)),
      () => graph.flip(x, [dim]),
      () => graph.gather(x, dim, x),
    ];
    for (const call of calls) {
      expect(call).toThrow(/^\w+: dim is an object; give a number by itself: -1, not \{ dim: -1 \}$/);
    }
    expect(() => graph.concat([x, x], undefined as never)).toThrow(
      /^concat: dim is undefined; give a number/,
    );
  });

  it('and options that are no object', () => {
    expect(() => graph.sum(x, 1 as never)).toThrow('sum: options are 1; give an object with dim, keepdim');
    expect(() => graph.gridSample(x, x, 'border' as never)).toThrow('grid_sample: options are border');
  });
});
