import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as f from '../../src/graph/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

// Tensors that are made and not given, and functions of several operations; values are NumPy's.

const of = (x: f.Tensor): number[] => Array.from(f.evaluate([x])[0]!);
const close = (x: f.Tensor, want: readonly number[]): void => {
  const got = of(x);
  expect(got.length).toBe(want.length);
  for (const [i, value] of want.entries()) expect(got[i]).toBeCloseTo(value, 6);
};
const seed = f.tensor(Int32Array.of(7));

describe('sequences and matrices', () => {
  it('arange', () => {
    expect(of(f.arange(4))).toEqual([0, 1, 2, 3]);
    expect(of(f.arange(2, 9, { step: 3, dtype: 'i32' }))).toEqual([2, 5, 8]);
    expect(of(f.arange(1, -1, { step: -0.5 }))).toEqual([1, 0.5, 0, -0.5]);
    expect(f.arange(3, 3).shape).toEqual([0]);
    expect(f.arange(3).dtype).toBe('f32');
  });

  it('linspace', () => {
    expect(of(f.linspace(-2, 3, 6))).toEqual([-2, -1, 0, 1, 2, 3]);
    expect(of(f.linspace(5, 7, 1))).toEqual([5]);
    expect(of(f.linspace(0, 1, 11)).at(-1)).toBe(1);
    expect(f.linspace(0, 1, 0).shape).toEqual([0]);
  });

  it('eye, ones, zerosLike, onesLike', () => {
    expect(of(f.eye(2))).toEqual([1, 0, 0, 1]);
    expect(of(f.eye(2, 3, 'i32'))).toEqual([1, 0, 0, 0, 1, 0]);
    expect(of(f.ones([2], 'i32'))).toEqual([1, 1]);
    const x = f.tensor(Int32Array.of(3, 4), [1, 2]);
    expect(f.zerosLike(x)).toMatchObject({ shape: [1, 2], dtype: 'i32' });
    expect(f.onesLike(x, 'f32')).toMatchObject({ shape: [1, 2], dtype: 'f32' });
  });
});

describe('random numbers', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu();
  });
  afterAll(() => gpu?.dispose());

  it('randn is normal, the same for a seed, and another for another stream', async () => {
    const x = f.randn([50, 200], seed);
    const [values, again, other] = (
      await gpu.read(x, f.randn([50, 200], seed), f.randn([50, 200], seed, 1))
    ).map((list) => Array.from(list));
    expect(again).toEqual(values);
    const moment = (n: number) => values!.reduce((sum, v) => sum + v ** n, 0) / values!.length;
    expect(Math.abs(moment(1))).toBeLessThan(0.03);
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.05);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.3);
    const product = values!.reduce((sum, v, i) => sum + v * other![i]!, 0) / values!.length;
    expect(Math.abs(product)).toBeLessThan(0.04);
    const exact = of(x);
    values!.forEach((v, i) => {
      expect(Math.abs(v - exact[i]!)).toBeLessThan(1e-4);
    });
  });

  it('randint takes every number of its range, equally often', async () => {
    const [values] = await gpu.read(f.randint(-2, 3, [5000], seed));
    const counts = [-2, -1, 0, 1, 2].map((n) => values!.filter((v: number) => v === n).length);
    expect(counts.reduce((a, b) => a + b)).toBe(5000);
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  it('randperm has every number once, in another order for another stream', async () => {
    const [order, other] = await gpu.read(f.randperm(2000, seed), f.randperm(2000, seed, 1));
    expect([...order!].sort((a, b) => a - b)).toEqual(Array.from({ length: 2000 }, (_, i) => i));
    expect(order).not.toEqual(other);
    expect(f.randperm(0, seed).shape).toEqual([0]);
  });
});

describe('norm', () => {
  const x = f.tensor([3, -4, 0, 0, 0, 0, 1, 2, -2], [3, 3]);
  it.each([
    [2, [5, 0, 3]],
    [1, [7, 0, 5]],
    [0, [2, 0, 3]],
    [3, [4.49794145, 0, 2.57128159]],
    [0.5, [13.9282032, 0, 14.6568542]],
    [Number.POSITIVE_INFINITY, [4, 0, 2]],
    [Number.NEGATIVE_INFINITY, [0, 0, 1]],
    [-1, [0, 0, 0.5]],
  ])('of order %s', (p, want) => {
    close(f.norm(x, { p, dim: 1 }), want);
    expect(f.norm(x, { p, dim: 1, keepdim: true }).shape).toEqual([3, 1]);
  });

  it('has no NaN in its gradient where it is 0', () => {
    const leaf = new f.Tensor({ shape: [3, 3], dtype: 'f32' }, x.origin, true);
    for (const p of [0.5, 1, 2, 3, Number.POSITIVE_INFINITY]) {
      const [gradient] = f.grad([f.sum(f.norm(leaf, { p, dim: 1 }))], [leaf]);
      expect(of(gradient!).every(Number.isFinite), `p ${p}`).toBe(true);
    }
    close(f.grad([f.sum(f.norm(leaf, { dim: 1 }))], [leaf])[0]!, [
      0.6,
      -0.8,
      0,
      0,
      0,
      0,
      1 / 3,
      2 / 3,
      -2 / 3,
    ]);
  });
});

describe('conv1d', () => {
  const x = f.arange(10).reshape([1, 5, 2]);
  const weight = f.tensor([1, -1, 2, 0, 0.5, 3], [3, 2, 1]);
  it('is the correlation along one dimension', () => {
    close(f.conv1d(x, weight), [20, 31, 42]);
    close(f.conv1d(x, weight, f.tensor([1]), { padding: 1, stride: 2 }), [11, 32, 16]);
    expect(f.conv1d(x, weight, undefined, { padding: 'same' }).shape).toEqual([1, 5, 1]);
  });
});

describe('gather and scatter of parts', () => {
  const x = f.tensor([1, 2, 3, 4, 5, 6], [2, 3]);
  const index = f.tensor(Int32Array.of(2, 0), [1, 2]);
  it('take only what the index covers', () => {
    expect(of(f.gather(x, 1, index))).toEqual([3, 1]);
    expect(of(f.scatter(x, 1, index, f.tensor([7, 8, 9], [1, 3])))).toEqual([8, 2, 7, 4, 5, 6]);
    expect(of(f.scatterAdd(x, -1, index, 10))).toEqual([11, 2, 13, 4, 5, 6]);
    expect(of(f.scatter(x, 0, f.tensor(Int32Array.of(1, 1), [1, 2]), 0))).toEqual([1, 2, 3, 0, 0, 6]);
    expect(of(f.argsort(f.tensor([3, 1, 2])))).toEqual([1, 2, 0]);
  });
});
