import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError } from '../../src/errors.ts';
import { grad } from '../../src/graph/backward.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { pack, sgdStep } from '../../src/graph/operations/optimizers.ts';
import { assign } from '../../src/graph/recorder.ts';
import { State } from '../../src/graph/state.ts';
import { apply, full, stateTensor, type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectBoth, random, values } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ fusion: true, validate: false });
});
afterAll(() => gpu?.dispose());

describe('state', () => {
  const counter = (value: number) =>
    new State('counter', { shape: [1], dtype: 'f32' }, Float32Array.of(value));

  it('takes what is assigned when the run ends', async () => {
    const state = counter(5);
    const step = gpu.capture(() => {
      const before = stateTensor(state);
      assign(state, e.add(before, 1));
      return { before: e.affine(before, 1) };
    });
    for (const expected of [5, 6, 7]) {
      const { before } = await step();
      expect([...(await before.data())]).toEqual([expected]);
    }
    expect([...(await gpu.download(state))]).toEqual([8]);
    state.set(Float32Array.of(100));
    await step();
    expect([...(await gpu.download(state))]).toEqual([101]);
    step.dispose();
  });

  it('takes a constant, an input, or another state', async () => {
    const [a, b] = [counter(1), counter(2)];
    await gpu.run(() => {
      assign(a, tensor([9]));
      return {};
    });
    expect([...(await gpu.download(a))]).toEqual([9]);
    const step = gpu.capture((x) => {
      assign(a, x!);
      assign(b, stateTensor(a));
      return {};
    });
    await step(tensor([3]));
    // b takes what a held before this run.
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([3, 9]);
    await step(tensor([4]));
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([4, 3]);
    step.dispose();
  });

  it('is swapped, as assignments happen at the end and all at once', async () => {
    const [a, b] = [counter(1), counter(2)];
    await gpu.run(() => {
      assign(a, stateTensor(b));
      assign(b, stateTensor(a));
      return {};
    });
    expect([...(await gpu.download(a)), ...(await gpu.download(b))]).toEqual([2, 1]);
  });

  it('changes nowhere but in a run, and keeps its shape', async () => {
    const state = counter(1);
    expect(() => assign(state, tensor([1]))).toThrow(FoveaError);
    const wrong = gpu.run(() => {
      assign(state, tensor([1, 2]));
      return {};
    });
    await expect(wrong).rejects.toThrow('counter: [2] assigned to [1]');
    await expect(gpu.run(() => ({ y: tensor([1]) }))).resolves.toBeDefined();
  });
});

describe('an optimizer step', () => {
  const rest = { scale: full([1], 1), steps: full([1], 1) };
  const flat = (label: string, list: Float32Array) =>
    new State(label, { shape: [list.length], dtype: 'f32' }, list);

  it('updates parameters in place, run after run', async () => {
    const [w, m] = [values('w', [128]), values('m', [128])];
    const [weights, momentum] = [flat('weights', w.slice()), flat('momentum', m.slice())];
    const hyper = flat('hyper', Float32Array.of(0.1, 0.9, 0.01, 1));
    const step = gpu.capture(() => {
      const param = stateTensor(weights, true);
      const loss = sum(e.mul(e.mul(param, param), 0.5));
      const [g] = grad([loss], [param]);
      const inputs = { param, grad: g!, momentum: stateTensor(momentum), hyper: stateTensor(hyper) };
      const { newParam, newMomentum } = apply(sgdStep, { ...inputs, ...rest });
      assign(weights, newParam);
      assign(momentum, newMomentum);
      return { loss };
    });
    const want = Float64Array.from(w);
    const speed = Float64Array.from(m);
    for (let n = 0; n < 3; n++) {
      const { loss } = await step();
      const before = want.reduce((total, value) => total + 0.5 * value * value, 0);
      expect((await loss.data())[0]).toBeCloseTo(before, 2);
      want.forEach((value, i) => {
        const g = value + 0.01 * value;
        speed[i] = 0.9 * speed[i]! + g;
        want[i] = value - 0.1 * (g + 0.9 * speed[i]!);
      });
    }
    const got = await gpu.download(weights);
    got.forEach((value, i) => {
      expect(value).toBeCloseTo(want[i]!, 4);
    });
    step.dispose();
  });

  it('reads a parameter as it was where it is read before, and as it is after', async () => {
    const start = values('w', [64]);
    const weights = flat('weights', start.slice());
    const run = await gpu.run(() => {
      const param = stateTensor(weights);
      const before = e.mul(param, 2);
      const inputs = { param, grad: param, momentum: zeros([64]), hyper: tensor([1, 0, 0, 0]) };
      const { newParam } = apply(sgdStep, { ...inputs, grad: e.affine(param, 0.5), ...rest });
      assign(weights, newParam);
      return { sum: e.add(before, newParam) };
    });
    run.sum.forEach((value, i) => {
      expect(value).toBeCloseTo(2.5 * start[i]!, 5);
    });
  });

  it('packs gradients that are one tensor, or made from each other', async () => {
    const g = e.exp(random('g', [2, 64]));
    const h = sum(g, { dim: 0 });
    const packed = (...tensors: Tensor[]) => {
      const inputs = Object.fromEntries(tensors.map((value, i) => [`x${i}`, value]));
      return apply(pack, inputs, { offsets: tensors.map((_, i) => 128 * i), size: 128 * tensors.length });
    };
    // Read by one more operation, as an optimizer does, so that nothing is a result in itself.
    await expectBoth(gpu, e.neg(packed(g, g).y));
    await expectBoth(gpu, e.neg(packed(g, h, e.relu(h)).y));
    await expectBoth(gpu, e.neg(packed(h, random('c', [3]), g).y));
    // 70 elements in, no buffer can be bound.
    const x1 = e.exp(random('x1', [64]));
    const { y } = apply(pack, { x0: h, x1 }, { offsets: [0, 70], size: 136 });
    await expectBoth(gpu, e.neg(y));
  });
});
