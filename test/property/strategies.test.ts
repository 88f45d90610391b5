import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { kernelOf } from '../../src/kernels/ops.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { references } from '../../src/reference/ops.ts';
import { type Case, fillInputs, normal } from '../../src/verify/cases/case.ts';
import { inputsInHalves } from '../../src/verify/f16.ts';
import { otherKernels } from '../../src/verify/otherKernels.ts';
import {
  attributesOf,
  compare,
  referenceTensors,
  runKernel,
  runReference,
} from '../../src/verify/runKernel.ts';
import { largestOf } from '../../src/verify/validate.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { boxes } from './arbitraries/boxes.ts';
import { type Arbitrary, caseOf, int, pairOf } from './arbitraries/common.ts';
import { images } from './arbitraries/images.ts';
import { tensors } from './arbitraries/tensors.ts';

await loadStrategies(Object.values(operations));

const runs = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 50);
const seed = Number(process.env.FUZZ_SEED ?? 1);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const fours = (count: number): number => 4 * count;

/** Channels in fours, or filters of their own for any number; and sizes that do not divide into tiles. */
const convolution = fc
  .record({
    n: int(0, 3),
    size: pairOf(1, 14),
    channels: fc.oneof(
      fc.record({
        groups: fc.constant(1),
        c: int(1, 10).map(fours),
        o: int(1, 10).map(fours),
        step: fc.constant(1),
      }),
      fc
        .record({ groups: int(1, 12), step: int(1, 2) })
        .map(({ groups, step }) => ({ groups, c: groups, o: groups, step })),
    ),
    padding: pairOf(0, 2),
    bias: fc.boolean(),
  })
  .filter(({ size, padding }) => size.every((pixels, i) => pixels + 2 * padding[i]! >= 3));

const attributes = (step: number, padding: number[], groups: number) => ({
  stride: [step, step],
  padding,
  dilation: [1, 1],
  groups,
});

const filter = caseOf(
  'conv2d_backward_weight',
  convolution,
  ({ n, size, channels: { groups, c, o, step }, padding }) => ({
    inputs: {
      x: normal([n, ...size, c]),
      dy: normal([n, ...size.map((pixels, i) => Math.floor((pixels + 2 * padding[i]! - 3) / step) + 1), o]),
    },
    attrs: { kernelSize: [3, 3], ...attributes(step, padding, groups) },
  }),
);

/** Of stride 1, with a kernel of any size and any channels. */
const dense = caseOf(
  'conv2d_backward_weight',
  fc.record({
    n: int(0, 3),
    out: pairOf(1, 9),
    c: int(1, 20),
    o: int(1, 9),
    kernel: pairOf(1, 5),
    padding: pairOf(0, 3),
    dilation: pairOf(1, 2),
  }),
  ({ n, out, c, o, kernel, padding, dilation }) => {
    const extent = kernel.map((taps, i) => dilation[i]! * (taps - 1) + 1);
    const size = out.map((pixels, i) => Math.max(pixels + extent[i]! - 1 - 2 * padding[i]!, 1));
    return {
      inputs: {
        x: normal([n, ...size, c]),
        dy: normal([n, ...size.map((pixels, i) => pixels + 2 * padding[i]! - extent[i]! + 1), o]),
      },
      attrs: { kernelSize: kernel, stride: [1, 1], padding, dilation, groups: 1 },
    };
  },
);

const turned = caseOf(
  'conv_transpose2d',
  convolution,
  ({ n, size, channels: { groups, c, o, step }, padding, bias }) => ({
    inputs: {
      x: normal([n, ...size, c]),
      weight: normal([3, 3, o / groups, c], 0.3),
      ...(bias ? { bias: normal([o]) } : {}),
    },
    attrs: {
      ...attributes(
        step,
        padding.map((pixels, i) => (size[i]! > 2 * pixels - 2 ? pixels : 0)),
        groups,
      ),
      outputPadding: [0, step - 1],
    },
  }),
);

/** To few channels, with a kernel and a stride of any kind. */
const few = caseOf(
  'conv_transpose2d',
  fc.record({
    n: int(0, 3),
    size: pairOf(1, 9),
    c: int(1, 12),
    o: int(1, 8),
    kernel: pairOf(1, 7),
    stride: pairOf(1, 3),
    padding: pairOf(0, 3),
    outputPadding: pairOf(0, 2),
    bias: fc.boolean(),
  }),
  ({ n, size, c, o, kernel, stride, padding, outputPadding, bias }) => ({
    inputs: {
      x: normal([n, ...size, c]),
      weight: normal([...kernel, o, c], 0.3),
      ...(bias ? { bias: normal([o]) } : {}),
    },
    attrs: {
      stride,
      padding: padding.map((pixels, i) => Math.min(pixels, Math.floor((kernel[i]! - 1) / 2))),
      dilation: [1, 1],
      groups: 1,
      outputPadding: outputPadding.map((pixels, i) => Math.min(pixels, stride[i]! - 1)),
    },
  }),
);

/** What comes down to resampling. */
const RESAMPLED = [
  'avg_pool2d',
  'adaptive_avg_pool2d',
  'interpolate',
  'pyr_down',
  'pyr_up',
  'gaussian_blur',
] as const;

/** The gradient of a resampling, for the sizes of a case of the resampling. */
const resampled = (op: (typeof RESAMPLED)[number]): Arbitrary =>
  images[op].map((row): Case => {
    const own = kernelOf(op);
    const x = fillInputs(op, row).x!;
    const { y } = own.infer({ x: { shape: x.shape, dtype: 'f32' } }, attributesOf(own, row.attrs));
    return {
      ...row,
      op: `${op}_backward`,
      inputs: { dy: normal([...y!.shape]) },
      attrs: { ...row.attrs, inputSize: x.shape.slice(1, 3) },
      grad: [],
    };
  });

/** The gradient of a normalisation over rows of few positions, and of more than 16. */
const normalised = (op: 'batch_norm' | 'group_norm'): Arbitrary =>
  caseOf(
    `${op}_backward`,
    // A variance takes two values.
    fc.record({
      n: int(2, 4),
      size: pairOf(1, 6),
      groups: int(1, 4),
      depth: int(1, 5),
      levels: op === 'group_norm' ? fc.option(fc.array(pairOf(1, 6), { minLength: 1 })) : fc.constant(null),
    }),
    ({ n, size, groups, depth, levels }) => {
      const all = levels ? [1, levels.reduce((sum, [h, w]) => sum + h * w, 0)] : size;
      const x = [n, ...all, groups * depth];
      const statistics =
        op === 'batch_norm' ? [groups * depth] : [n, ...(levels ? [levels.length] : []), groups];
      return {
        inputs: {
          dy: normal(x),
          x: normal(x),
          weight: normal([groups * depth]),
          mean: normal(statistics, 0.3),
          invstd: normal(statistics, 0.3),
        },
        attrs: op === 'batch_norm' ? {} : { numGroups: groups, ...(levels && { levels }) },
      };
    },
  );

const arbitraries: Record<string, Arbitrary> = {
  ...Object.fromEntries(
    RESAMPLED.flatMap((op) => [
      [op, images[op]],
      [`${op}_backward`, resampled(op)],
    ]),
  ),
  batch_norm: images.batch_norm,
  group_norm: images.group_norm,
  batch_norm_backward: normalised('batch_norm'),
  group_norm_backward: normalised('group_norm'),
  conv2d: caseOf('conv2d', convolution, ({ n, size, channels: { groups, c, o, step }, padding, bias }) => ({
    inputs: {
      x: normal([n, ...size, c]),
      weight: normal([3, 3, c / groups, o], 0.3),
      ...(bias ? { bias: normal([o]) } : {}),
    },
    attrs: attributes(step, padding, groups),
  })),
  conv2d_backward_weight: fc.oneof(filter, dense),
  cdist: tensors.cdist,
  conv_transpose2d: fc.oneof(turned, few),
  nms: boxes.nms,
};

async function check(row: Case, training: boolean, dtype: 'f32' | 'f16'): Promise<void> {
  const own = kernelOf(row.op);
  const filled = fillInputs(row.op, row);
  const inputs = dtype === 'f16' ? inputsInHalves(own, filled) : filled;
  const attrs = attributesOf(own, row.attrs);
  const others = otherKernels(operations[row.op], gpu.device.caps, inputs, attrs, { training });
  const want = runReference(own, references[row.op] as never, referenceTensors(inputs), row.attrs);
  // Of the largest result: what the transforms cost in float32, or what halves hold.
  const allowed = dtype === 'f16' ? 2e-3 : training ? 5e-6 : 5e-5;
  for (const [strategy, kernel] of others) {
    const got = await runKernel(gpu.device, kernel, inputs, row.attrs);
    for (const [output, y] of Object.entries(want)) {
      const { ok, message } = compare(output, got[output]!, y, 0, allowed * largestOf(y));
      if (!ok) throw new Error(`${strategy}: ${message}`);
    }
  }
}

describe('strategies, wherever they are possible', () => {
  it('every one has random cases here', () => {
    // What linear and matmul have besides their kernels' own is for GPUs (test/verify/gpuTiles.test.ts), and the others have
    // nothing besides (property.test.ts).
    const covered = /^(linear|matmul|max_pool2d|max_pool2d_backward|roi_align)$/;
    const more = Object.values(operations).filter(
      ({ name, strategies }) => strategies && !covered.test(name),
    );
    expect(Object.keys(arbitraries).sort()).toEqual(more.map(({ name }) => name).sort());
  });

  it.each(Object.keys(arbitraries))('%s agrees with its reference', async (op) => {
    const dtypes = gpu.device.caps.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
    const property = fc.asyncProperty(arbitraries[op]!, fc.boolean(), fc.constantFrom(...dtypes), check);
    await fc.assert(property, { numRuns: runs, seed });
  });
});
