import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { alternativeKernels, alternatives } from '../../src/kernels/alternatives.ts';
import { kernelOf } from '../../src/kernels/ops.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { largestOf } from '../../src/plan/validate.ts';
import { references } from '../../src/reference/ops.ts';
import { type Case, fillInputs, normal } from '../../src/verify/cases/case.ts';
import { inputsInHalves } from '../../src/verify/f16.ts';
import { compare, referenceTensors, runKernel, runReference } from '../../src/verify/runKernel.ts';
import { type Arbitrary, caseOf, int, pairOf } from './arbitraries/common.ts';

const runs = Math.ceil(Number(process.env.FUZZ_RUNS ?? 2000) / 50);
const seed = Number(process.env.FUZZ_SEED ?? 1);

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

/** Channels in fours, and sizes that do not divide into tiles. */
const convolution = fc
  .record({
    n: int(0, 3),
    size: pairOf(1, 14),
    c: int(1, 10),
    o: int(1, 10),
    padding: pairOf(0, 2),
    bias: fc.boolean(),
  })
  .filter(({ size, padding }) => size.every((pixels, i) => pixels + 2 * padding[i]! >= 3));

const arbitraries: Record<string, Arbitrary> = {
  conv2d: caseOf('conv2d', convolution, ({ n, size, c, o, padding, bias }) => ({
    inputs: {
      x: normal([n, ...size, 4 * c]),
      weight: normal([3, 3, 4 * c, 4 * o], 0.3),
      ...(bias ? { bias: normal([4 * o]) } : {}),
    },
    attrs: { stride: [1, 1], padding, dilation: [1, 1], groups: 1 },
  })),
  conv_transpose2d: caseOf('conv_transpose2d', convolution, ({ n, size, c, o, padding, bias }) => ({
    inputs: {
      x: normal([n, ...size, 4 * c]),
      weight: normal([3, 3, 4 * o, 4 * c], 0.3),
      ...(bias ? { bias: normal([4 * o]) } : {}),
    },
    attrs: {
      stride: [1, 1],
      padding: padding.map((pixels, i) => (size[i]! > 2 * pixels - 2 ? pixels : 0)),
      dilation: [1, 1],
      groups: 1,
      outputPadding: [0, 0],
    },
  })),
};

async function check(row: Case, training: boolean, dtype: 'f32' | 'f16'): Promise<void> {
  const own = kernelOf(row.op);
  const filled = fillInputs(row.op, row);
  const inputs = dtype === 'f16' ? inputsInHalves(own, filled) : filled;
  const ways = alternativeKernels(own, gpu.device.caps, inputs, row.attrs as never, { training });
  const want = runReference(own, references[row.op] as never, referenceTensors(inputs), row.attrs);
  const y = want.y!;
  // Of the largest result: what the transforms cost in float32, or what halves hold.
  const allowed = dtype === 'f16' ? 2e-3 : training ? 5e-6 : 5e-5;
  for (const [way, kernel] of ways) {
    const got = await runKernel(gpu.device, kernel, inputs, row.attrs);
    const { ok, message } = compare('y', got.y!, y, 0, allowed * largestOf(y));
    if (!ok) throw new Error(`${way}: ${message}`);
  }
}

describe('alternatives, wherever they are possible', () => {
  it('every one has random cases here', () => {
    expect(Object.keys(arbitraries)).toEqual(Object.keys(alternatives));
  });

  it.each(Object.keys(arbitraries))('%s agrees with its reference', async (op) => {
    const dtypes = gpu.device.caps.f16 ? (['f32', 'f16'] as const) : (['f32'] as const);
    const property = fc.asyncProperty(arbitraries[op]!, fc.boolean(), fc.constantFrom(...dtypes), check);
    await fc.assert(property, { numRuns: runs, seed });
  });
});
