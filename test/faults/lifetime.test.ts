import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError, LifetimeError, ShapeError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, mul, neg, relu } from '../../src/graph/functions/elementwise.ts';
import { matmul, sum } from '../../src/graph/functions/reduce.ts';
import { assign } from '../../src/graph/recorder.ts';
import { State } from '../../src/graph/state.ts';
import { stateTensor, type Tensor, tensor, zeros } from '../../src/graph/tensor.ts';
import { Parameter } from '../../src/nn/module.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ validate: false });
});
afterAll(() => gpu?.dispose());

const list = (values: ArrayLike<number>): number[] => Array.from(values);
const one = (...values: number[]) => tensor(values);

describe('a step', () => {
  it('that was disposed of says so, at calls and at results of earlier ones', async () => {
    const step = gpu.capture((x) => ({ y: neg(x!) }));
    const { y } = await step(one(1));
    step.dispose();
    await expect(step(one(1))).rejects.toThrow(LifetimeError);
    await expect(step.prepare([one(1)])).rejects.toThrow(
      'step: it was disposed of; capture its function again',
    );
    await expect(y.data()).rejects.toThrow('data: this step was disposed of; capture its function again');
    expect(() => step.dispose()).not.toThrow();
  });

  it('can be disposed of while it is captured, also where that fails', async () => {
    const good = gpu.capture((x) => ({ y: relu(x!) }));
    const [outcome] = await Promise.allSettled([good(one(1)), good.dispose()]);
    if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(LifetimeError);
    const bad = gpu.capture((x) => ({ y: matmul(x!, zeros([3, 2])) }));
    const failing = bad(zeros([4, 5]));
    bad.dispose();
    await expect(failing).rejects.toThrow(ShapeError);
  });

  it('of a disposed Gpu says so', async () => {
    const other = await openGpu();
    const step = other.capture((x) => ({ y: neg(x!) }));
    const { y } = await step(one(1));
    const state = new State('s', { shape: [1], dtype: 'f32' }, Float32Array.of(1));
    other.dispose();
    other.dispose();
    await expect(step(one(1))).rejects.toThrow('step: the Gpu was disposed of; open a new one');
    await expect(y.data()).rejects.toThrow('data: the Gpu was disposed of');
    await expect(other.read(one(1))).rejects.toThrow('capture: the Gpu was disposed of');
    await expect(other.download(state)).rejects.toThrow('download of "s": the Gpu was disposed of');
  });

  it('never gives the values of a later run for those of an earlier one', async () => {
    const step = gpu.capture((x) => ({ y: neg(x!) }));
    const first = await step(one(1));
    const early = first.y.data();
    const second = await step(one(2));
    expect(list(await early)).toEqual([-1]);
    await expect(first.y.data()).rejects.toThrow(LifetimeError);
    await expect(first.y.data()).rejects.toThrow(/^data: \[1\] was overwritten: .* call data\(\) before/);
    expect(list(await second.y.data())).toEqual([-2]);

    const values = (i: number) => step(one(i)).then(({ y }) => y.data());
    expect((await Promise.all([6, 7, 8].map(values))).map((y) => y[0])).toEqual([-6, -7, -8]);

    const together = await Promise.all([step(one(3)), step(one(4)), step(one(5))]);
    const read = await Promise.allSettled(together.map(({ y }) => y.data()));
    expect(read.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(list((read[2] as PromiseFulfilledResult<Float32Array>).value)).toEqual([-5]);
    step.dispose();
  });

  it('takes host tensors only', async () => {
    const step = gpu.capture((...[x]: Tensor[]) => ({ y: neg(x!) }));
    await expect(step(neg(one(1)))).rejects.toThrow(
      'step: input 0 is Tensor [1] f32 (neg.y); make inputs with tensor(values, shape)',
    );
    await expect(step([1, 2] as never)).rejects.toThrow('step: input 0 is 1,2; make inputs');
    await expect(step()).rejects.toThrow('neg: x is undefined, no tensor');
    await expect(step(one(1), undefined as never)).rejects.toThrow(ShapeError);
    step.dispose();
  });
});

describe('a captured function', () => {
  it('must not be async, and must return tensors by name', async () => {
    const capture = (fn: () => unknown) => gpu.run(fn as () => Record<string, Tensor>);
    await expect(capture(async () => ({ y: one(1) }))).rejects.toThrow('capture: the function is async');
    const state = new State('late', { shape: [1], dtype: 'f32' }, Float32Array.of(1));
    const later = async () => {
      await null;
      assign(state, one(2));
    };
    await expect(capture(later)).rejects.toThrow('capture: the function is async');
    await expect(capture(() => undefined)).rejects.toThrow('capture: the function returned undefined');
    await expect(capture(() => null)).rejects.toThrow(FoveaError);
    await expect(capture(() => ({ y: 3 }))).rejects.toThrow('capture: result "y" is 3, no tensor');
    await expect(capture(() => ({ y: [one(1)] }))).rejects.toThrow(FoveaError);
    await expect(gpu.read(undefined as never)).rejects.toThrow('capture: result "0" is undefined');
    expect(list((await gpu.read(one(1)))[0]!)).toEqual([1]);
  });

  it('cannot capture within itself; the outer one is unharmed', async () => {
    let inner: Promise<unknown> | undefined;
    const { y } = await gpu.run(() => {
      inner = gpu.run(() => ({ z: one(1) }));
      inner.catch(() => undefined);
      return { y: neg(one(1)) };
    });
    await expect(inner).rejects.toThrow('inside a captured function nothing is computed yet');
    expect(list(y)).toEqual([-1]);
  });

  it('that throws is tried again, and leaves neither assignments nor gradients', async () => {
    const w = new Parameter([2], Float32Array.of(3, 4));
    const state = new State('count', { shape: [1], dtype: 'f32' }, Float32Array.of(0));
    let fail = true;
    const step = gpu.capture((x) => {
      const loss = sum(mul(w.tensor, x!));
      backward(loss);
      assign(state, add(stateTensor(state), 1));
      if (fail) throw new Error('a mistake of the user’s');
      return { g: w.tensor.grad! };
    });
    await expect(step(one(5, 6))).rejects.toThrow('a mistake of the user’s');
    expect(w.tensor.grad).toBeUndefined();
    fail = false;
    for (const x of [one(5, 6), one(7, 8)])
      expect(list(await (await step(x)).g.data())).toEqual(list((await gpu.read(x))[0]!));
    // A second signature records again, on gradients of its own.
    expect(list(await (await step(tensor([9], [1]))).g.data())).toEqual([9, 9]);
    expect(w.tensor.grad).toBeUndefined();
    expect(list(await gpu.download(state))).toEqual([3]);
    step.dispose();
  });

  it('keeps its inputs, and what is made of them, to itself', async () => {
    let leaked: Tensor | undefined;
    const step = gpu.capture((x) => {
      leaked = relu(x!);
      return { y: leaked };
    });
    await step(one(1, 2));
    await expect(gpu.read(leaked!)).rejects.toThrow(LifetimeError);
    await expect(gpu.read(neg(leaked!))).rejects.toThrow(
      'capture: a tensor here comes from input 0 [2] of another capture',
    );
    const other = gpu.capture((x) => ({ y: add(x!, leaked!) }));
    await expect(other(one(1, 2))).rejects.toThrow(LifetimeError);
    step.dispose();
  });

  it('that asks for the gradient of no scalar, or of what has none, says so', async () => {
    const x = tensor([1, 2], [2], { requiresGrad: true });
    expect(() => backward(x)).toThrow('backward: [2] is no scalar; reduce it by sum or mean');
    expect(() => backward(mul(x, x))).toThrow(ShapeError);
  });
});

describe('states', () => {
  it('are each device’s own', async () => {
    const other = await openGpu();
    const state = new State('s', { shape: [1], dtype: 'f32' }, Float32Array.of(1));
    const increase = (where: Gpu) =>
      where.run(() => {
        assign(state, add(stateTensor(state), 1));
        return {};
      });
    await increase(gpu);
    await increase(gpu);
    await increase(other);
    expect([...list(await gpu.download(state)), ...list(await other.download(state))]).toEqual([3, 2]);
    state.set(Float32Array.of(7));
    await increase(gpu);
    expect([...list(await gpu.download(state)), ...list(await other.download(state))]).toEqual([8, 7]);
    other.dispose();
  });

  it('that an optimizer takes after a step was captured keep their values, and the step follows', async () => {
    const [w, v] = [new Parameter([2], Float32Array.of(1, 2)), new Parameter([1], Float32Array.of(10))];
    let recorded = 0;
    const forward = gpu.capture((x) => {
      recorded++;
      return { y: mul(add(w.tensor, v.tensor), x!) };
    });
    const y = async () => list(await (await forward(one(1, 1))).y.data());
    expect(await y()).toEqual([11, 12]);
    // The device alone knows this value.
    await gpu.run(() => {
      assign(w.state, one(3, 4));
      return {};
    });
    expect(await y()).toEqual([13, 14]);
    v.state.set(Float32Array.of(20));

    const optimizer = new SGD([w, v], { lr: 1 });
    const train = gpu.capture((x) => {
      backward(sum(mul(add(w.tensor, v.tensor), x!)));
      optimizer.step();
      return {};
    });
    await train(one(1, 0));
    expect([...list(await gpu.download(w.state)), ...list(await gpu.download(v.state))]).toEqual([2, 4, 19]);
    expect(await y()).toEqual([21, 23]);
    expect(await y()).toEqual([21, 23]);
    expect(recorded).toBe(2);
    expect(() => new SGD([w], { lr: 1 })).toThrow('SGD: a parameter belongs to another optimizer already');
    forward.dispose();
    train.dispose();
  });

  it('inside a flat one are set one by one: the neighbours keep what training made of them', async () => {
    const [w, v] = [new Parameter([2], Float32Array.of(1, 2)), new Parameter([1], Float32Array.of(10))];
    const optimizer = new SGD([w, v], { lr: 1 });
    const train = gpu.capture(() => {
      backward(sum(add(w.tensor, v.tensor)));
      optimizer.step();
      return {};
    });
    await train();
    const both = async () => [...list(await gpu.download(w.state)), ...list(await gpu.download(v.state))];
    expect(await both()).toEqual([0, 1, 8]);
    v.state.set(Float32Array.of(100));
    expect(await both()).toEqual([0, 1, 100]);
    await train();
    expect(await both()).toEqual([-1, 0, 98]);
    expect(() => v.state.set(Float32Array.of(1, 2))).toThrow('parameter: 2 values for [1]');
    train.dispose();
  });
});
