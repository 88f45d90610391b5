import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { checkpoint } from '../../src/graph/checkpoint.ts';
import { add, mul, neg, square, tanh } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { cast, detach } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Dropout } from '../../src/nn/dropout.ts';
import { Linear } from '../../src/nn/layers.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { borrowGpu, type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { DeviceLedger, eager } from '../faults/workloads.ts';
import { callsDuring } from './counting.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let gpu: Gpu;
let ledger: DeviceLedger;
beforeAll(async () => {
  gpu = await openGpu({ validate: false });
  ledger = new DeviceLedger(gpu.device.device);
});
afterAll(() => gpu?.dispose());

const list = (values: ArrayLike<number>): number[] => Array.from(values);

describe('a tensor that was read keeps its value', () => {
  it('a turn of a loop costs the same dispatches and buffers at the end as at the beginning', async () => {
    const turn = eager(gpu);
    const costs: unknown[] = [];
    for (let i = 0; i < 40; i++) {
      const { dispatchWorkgroups, createBuffer } = await callsDuring(gpu, () => turn(i));
      costs.push([dispatchWorkgroups, createBuffer, ledger.buffers, ledger.bytes]);
    }
    for (const cost of costs.slice(1)) expect(cost).toEqual(costs[1]);
  });

  it('and lets what it was computed from go, with parameters too where no gradient flows', async () => {
    const layer = new Linear(4, 4);
    const past: WeakRef<Tensor>[] = [];
    let x = tensor([1, 2, 3, 4], [1, 4]);
    for (let i = 0; i < 10; i++) {
      const y = layer.forward(x);
      past.push(new WeakRef(y));
      await y.data(gpu);
      x = detach(y);
    }
    // A WeakRef holds until the end of the task that made it.
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    expect(past.filter((ref) => ref.deref()).length).toBeLessThanOrEqual(2);
    expect(x.shape).toEqual([1, 4]);
  });

  it('once, for itself and for what is computed from it', async () => {
    const x = tanh(tensor([1, 2]));
    const calls = await callsDuring(gpu, async () => {
      await x.data(gpu);
      await x.data(gpu);
      await x.item(gpu).catch(() => undefined);
      await x.reshape([2, 1]).data(gpu);
    });
    expect(calls.dispatchWorkgroups).toBe(1);
    const first = await x.data(gpu);
    first.fill(7);
    expect(list(await x.data(gpu))).not.toEqual([7, 7]);
    expect(list(await neg(x).data(gpu))).toEqual(list(await x.data(gpu)).map((value) => -value));
  });

  it('through views, in halves and integers, and when it is read twice at once', async () => {
    const base = add(tensor([1, 2, 3, 4]), 0.5);
    const view = base.reshape([2, 2]);
    expect(list(await view.data(gpu))).toEqual([1.5, 2.5, 3.5, 4.5]);
    expect(list(await mul(base, 2).data(gpu))).toEqual([3, 5, 7, 9]);
    const whole = cast(add(tensor([1, 2]), 1), 'i32');
    expect(list(await whole.data(gpu))).toEqual([2, 3]);
    expect(list(await add(whole, whole).data(gpu))).toEqual([4, 6]);
    if (gpu.device.caps.f16) {
      const half = cast(add(tensor([1, 2]), 0.1), 'f16');
      const values = list(await half.data(gpu));
      expect(list(await half.data(gpu))).toEqual(values);
      expect(list(await cast(half, 'f32').data(gpu))).toEqual(values);
    }
    const shared = square(tensor([3]));
    const stopped = detach(shared);
    const at = [shared, stopped, stopped, neg(shared), shared].map((value) => value.data(gpu));
    expect((await Promise.all(at)).map(list)).toEqual([[9], [9], [9], [-9], [9]]);
  });

  it('and its gradient', async () => {
    const x = tensor([1, 2], [2], { requiresGrad: true });
    const y = square(x);
    const loss = sum(mul(y, y));
    expect(await loss.item(gpu)).toBe(17);
    expect(list(await y.data(gpu))).toEqual([1, 4]);
    const [dx, dy] = grad(loss, [x, y]);
    expect((await gpu.read(dx, dy)).map(list)).toEqual([
      [4, 32],
      [2, 8],
    ]);
    backward(loss);
    expect(list(await x.grad!.data(gpu))).toEqual([4, 32]);
    expect(y.grad).toBeUndefined();
    const again = checkpoint((z) => square(square(z)), x);
    await again.data(gpu);
    expect(list(await grad(sum(again), x)[0].data(gpu))).toEqual([4, 32]);
  });

  it('but gpu.read and gpu.run compute anew, and a state has its value of the time', async () => {
    const layer = new Linear(2, 1, { bias: false });
    const { state, tensor: weight } = layer.parameters()[0]!;
    state.set(Float32Array.of(1, 2));
    const y = sum(weight);
    expect(list((await gpu.read(y))[0]!)).toEqual([3]);
    state.set(Float32Array.of(3, 4));
    expect(list((await gpu.read(y))[0]!)).toEqual([7]);
    expect(list(await weight.data(gpu))).toEqual([3, 4]);
    expect(await y.item(gpu)).toBe(7);
    state.set(Float32Array.of(5, 6));
    expect(list(await weight.data(gpu))).toEqual([5, 6]);
    expect(await y.item(gpu)).toBe(7);
  });
});

describe('dropout in eager use', () => {
  it('draws a new mask each time, and the same ones from the same seed', async () => {
    const x = tensor(new Float32Array(64).fill(1));
    const masks = async () => {
      const dropout = new Dropout(0.5, { seed: 5 });
      return [list(await dropout.forward(x).data(gpu)), list(await dropout.forward(x).data(gpu))];
    };
    const [first, second] = await masks();
    expect(first).not.toEqual(second);
    expect(await masks()).toEqual([first, second]);
    // Those of a step are others, and go on where they were.
    const dropout = new Dropout(0.5, { seed: 5 });
    const { y } = await gpu.run(() => ({ y: dropout.forward(x) }));
    expect([first, second]).not.toContainEqual(list(y));
  });
});

describe('with two Gpus', () => {
  it('a tensor is computed where its parameters were trained, unless another is named', async () => {
    const layer = new Linear(1, 1, { bias: false });
    const { state, tensor: weight } = layer.parameters()[0]!;
    state.set(Float32Array.of(4));
    const optimizer = new SGD(layer.parameters(), { lr: 1 });
    const train = (where: Gpu) =>
      where.run(() => {
        backward(sum(weight));
        optimizer.step();
        return {};
      });
    await train(gpu);
    const other = borrowGpu(gpu.device.device);
    try {
      expect(await sum(weight).item()).toBe(3);
      expect(await weight.item()).toBe(3);
      expect([gpu.holds(state), other.holds(state)]).toEqual([true, false]);
      expect(await sum(weight).item(other)).toBe(4);
      await train(other);
      await expect(sum(weight).item()).rejects.toThrow(UsageError);
      await expect(sum(weight).item()).rejects.toThrow('states that were changed on 2 Gpus');
      expect([await sum(weight).item(gpu), await sum(weight).item(other)]).toEqual([3, 3]);
    } finally {
      other.dispose();
    }
    expect(await sum(weight).item()).toBe(3);
  });
});
