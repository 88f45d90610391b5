import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLimitError, LifetimeError, ShapeError } from '../../src/errors.ts';
import { grad } from '../../src/graph/backward.ts';
import { conv2d } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { matmul, mean, softmax, sort, sum } from '../../src/graph/functions/reduce.ts';
import { concat, expand, permute } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { block, expectReference, random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ fusion: true, validate: false });
});
afterAll(() => gpu?.dispose());

describe('a captured step', () => {
  it('replays with new inputs, and records once for each shape', async () => {
    let recorded = 0;
    const step = gpu.capture((x, y) => {
      recorded++;
      return { z: e.add(e.mul(x!, 2), y!), x: x! };
    });
    const z = async (...inputs: [Tensor, Tensor]) => {
      const run = await step(...inputs);
      return [...(await run.z.data())];
    };
    expect(await z(tensor([1, 2]), tensor([10, 20]))).toEqual([12, 24]);
    expect(await z(tensor([3, 4]), tensor([30, 40]))).toEqual([36, 48]);
    expect(recorded).toBe(1);
    expect(await z(tensor([1, 2, 3]), tensor([1]))).toEqual([3, 5, 7]);
    expect(await z(tensor([5, 6]), tensor([0, 0]))).toEqual([10, 12]);
    expect(recorded).toBe(2);
    expect([...(await (await step(tensor([7, 8]), tensor([0, 0]))).x.data())]).toEqual([7, 8]);
    await expect(step(e.neg(tensor([1, 2])), tensor([0, 0]))).rejects.toThrow(ShapeError);
    step.dispose();
  });

  it('repeats its last call without writing the inputs', async () => {
    const step = gpu.capture((x) => ({ y: e.mul(x!, 2) }));
    await expect(step.again()).rejects.toThrow(LifetimeError);
    const y = async (run: ReturnType<typeof step.again>) => [...(await (await run).y.data())];
    const values = Float32Array.of(1, 2);
    await step(tensor(values));
    values.fill(5);
    expect(await y(step.again())).toEqual([2, 4]);
    // Of other shapes, and called before the repetition has begun.
    expect(await y(step(tensor([3])))).toEqual([6]);
    expect(await y(step.again())).toEqual([6]);
    const calls = [step.again(), step(tensor([4])), step.again()] as const;
    await Promise.all(calls);
    expect(await y(calls[2])).toEqual([6]);
    expect(await y(step.again())).toEqual([6]);
    step.dispose();
  });

  it('reports what it compiled', async () => {
    const step = gpu.capture((x) => ({ y: softmax(e.relu(x!)) }));
    const seen: [number, number][] = [];
    const stats = await step.prepare([zeros([3, 5])], (done, total) => seen.push([done, total]));
    expect(stats).toMatchObject({ operations: 2, dispatches: 2, pipelines: 2 });
    expect(seen.at(-1)).toEqual([2, 2]);
    step.dispose();
  });

  it('gives the same bits at every run', async () => {
    const { z, leaves } = block(8);
    const grads = grad([mean(e.mul(z, z))], leaves).map((g) => g!);
    const step = gpu.capture(() => Object.fromEntries([z, ...grads].map((value, i) => [`r${i}`, value])));
    const bits = async () => {
      const run = await step();
      const arrays: unknown[] = [];
      for (const value of Object.values(run)) {
        arrays.push(new Uint32Array((await value.data()).buffer as ArrayBuffer));
      }
      return arrays;
    };
    const first = await bits();
    expect(await bits()).toEqual(first);
    expect(await bits()).toEqual(first);
    step.dispose();
  });

  it('that throws while it records leaves nothing behind', async () => {
    const bad = gpu.capture((x) => ({ y: matmul(x!, zeros([3, 2])) }));
    await expect(bad(zeros([4, 5]))).rejects.toThrow(ShapeError);
    await expect(bad(zeros([4, 3]))).resolves.toBeDefined();
    const good = await gpu.run(() => ({ y: e.neg(tensor([1])) }));
    expect([...good.y]).toEqual([-1]);
    bad.dispose();
  });
});

describe('results', () => {
  it('are views, constants, one tensor twice, scalars, integers, nothing', async () => {
    const x = random('x', [2, 3]);
    const y = e.exp(x);
    const { values: sorted, indices } = sort(x);
    const got = await gpu.read(
      y.reshape([6]),
      y,
      x,
      x.reshape([3, 2]),
      sum(x),
      sorted,
      indices,
      zeros([0, 4]),
    );
    expect(got.map((array) => array.length)).toEqual([6, 6, 6, 6, 1, 6, 6, 0]);
    expect(got[0]).toEqual(got[1]);
    expect(got[2]).toEqual(got[3]);
    expect(got[6]).toBeInstanceOf(Int32Array);
    expect(await gpu.read()).toEqual([]);
  });

  it('come through operations on empty tensors', async () => {
    const empty = zeros([0, 4]);
    const [a, b, c] = await gpu.read(e.relu(empty), sum(empty, { dim: 0 }), permute(e.exp(empty), [1, 0]));
    expect([a!.length, [...b!], c!.length]).toEqual([0, [0, 0, 0, 0], 0]);
  });
});

describe('before anything runs', () => {
  it('shapes that do not fit are ShapeErrors with both values', () => {
    const x = zeros([2, 4, 4, 3]);
    expect(() => e.add(x, zeros([5]))).toThrow('add: shapes [2,4,4,3] and [5] do not broadcast');
    expect(() => conv2d(x, zeros([3, 3, 4, 8]))).toThrow(ShapeError);
    expect(() => x.reshape([7, -1])).toThrow(ShapeError);
    expect(() => concat([x, zeros([2, 4])], 0)).toThrow(ShapeError);
    const leaf = zeros([2], { requiresGrad: true });
    expect(() => grad(leaf, leaf)).toThrow(ShapeError);
  });

  it('a tensor that the device cannot bind is a DeviceLimitError with both sizes', async () => {
    const limit = gpu.device.caps.maxBindingSize;
    const huge = expand(zeros([1]), [Math.floor(limit / 4) + 1]);
    const run = gpu.read(sum(huge));
    await expect(run).rejects.toThrow(DeviceLimitError);
    await expect(run).rejects.toThrow(String(limit));
    await expectReference(gpu, e.neg(tensor([1])));
  });
});
