import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import { linear } from '../../src/graph/functions/reduce.ts';
import { strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { Tensor } from '../../src/graph/tensor.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import { blocksOf } from '../../src/kernels/matrix/strategies/fitted.ts';
import { candidates } from '../../src/kernels/strategy.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectReference, random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ validate: false });
});
afterAll(() => gpu?.dispose());

const LAVAPIPE: Caps = {
  family: 'subgroup',
  subgroupSize: 8,
  f16: true,
  maxBindingSize: 2 ** 27,
  maxStorageBuffers: 16,
};

describe('products of few rows', () => {
  it('take blocks that cover them', () => {
    for (let M = 1; M <= 200; M++) {
      const { rows, time } = blocksOf(M);
      expect([1, 4, 9, 12]).toContain(rows);
      // No more than whole blocks of twelve take.
      expect(time).toBeLessThanOrEqual(Math.ceil(M / 12) * 29);
    }
    expect([1, 4, 9, 12, 36].map((M) => blocksOf(M).rows)).toEqual([1, 4, 9, 12, 12]);
  });

  it.each([
    [1, 68],
    [2, 36],
    [3, 40],
    [4, 64],
    [7, 33],
    [9, 68],
    [10, 36],
    [13, 100],
    [25, 48],
  ])('give what the reference gives: linear, %i rows, %i columns', async (rows, columns) => {
    const y = linear(random('x', [rows, 70]), random('w', [70, columns], 0.2), random('b', [columns]));
    await expectReference(gpu, y);
  });

  it.each([
    [[1, 3, 3, 40], [3, 3, 40, 68], 1],
    [[1, 5, 5, 36], [3, 3, 36, 36], 2],
    [[2, 3, 4, 8], [1, 1, 8, 96], 1],
    [[1, 7, 7, 20], [5, 3, 20, 44], 1],
  ] as const)('give what the reference gives: convolution of %j by %j', async (shape, kernel, stride) => {
    const y = conv2d(random('x', shape), random('w', kernel, 0.2), undefined, { stride, padding: 1 });
    await expectReference(gpu, y);
  });
});

describe('weights', () => {
  /** The shaders of lanes8 for x and a 3x3 kernel. */
  const shadersOf = (pixels: number, channels: number, columns: number, fixedWeights: boolean): string[] => {
    const specs = {
      x: { shape: [1, pixels, pixels, channels], dtype: 'f32' as const },
      weight: { shape: [3, 3, channels, columns], dtype: 'f32' as const },
    };
    const { kernel } = operations.conv2d;
    const attrs = kernel.attributes({ padding: 1 });
    const outputs = kernel.infer(specs, attrs);
    const purpose = { training: !fixedWeights, fixedWeights };
    const all = candidates(strategiesOf(operations.conv2d), {
      caps: LAVAPIPE,
      specs,
      outputs,
      attrs,
      purpose,
    });
    const { dispatches } = all.find(({ name }) => name === 'lanes8')!.plan();
    return dispatches.map((dispatch) => shaderOf(dispatch).name);
  };

  it('that stay as they are get packed, unless one block has all columns', () => {
    expect(shadersOf(3, 64, 64, true)).toEqual(['pack_columns.wgsl', 'gemm_subgroup8.wgsl']);
    expect(shadersOf(3, 64, 32, true)).toEqual(['gemm_subgroup8.wgsl']);
  });

  it('that change get packed where many rows read many of them', () => {
    expect(shadersOf(14, 512, 512, false)).toEqual(['pack_columns.wgsl', 'gemm_subgroup8.wgsl']);
    expect(shadersOf(3, 512, 512, false)).toEqual(['gemm_subgroup8.wgsl']);
    expect(shadersOf(14, 64, 64, false)).toEqual(['gemm_subgroup8.wgsl']);
  });

  it('are packed before the runs of a program that does not change them', () => {
    const x = new Tensor({ shape: [1, 3, 3, 64], dtype: 'f32' }, { kind: 'input', name: 'x' });
    const y = conv2d(x, random('w', [3, 3, 64, 64]), undefined, { padding: 1 });
    const { ops, steady } = lower(LAVAPIPE, [y], []);
    const names = (part: typeof ops) =>
      part.flatMap(({ dispatches }) => dispatches.map(({ shader }) => shader.name));
    expect(names(ops.slice(0, steady))).toEqual(['pack_columns.wgsl']);
    expect(names(ops.slice(steady))).toEqual(['gemm_subgroup8.wgsl']);
  });
});
