import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StateDictError, UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, square } from '../../src/graph/functions/elementwise.ts';
import { mean, sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { EMA, type EMAOptions } from '../../src/nn/ema.ts';
import { Conv2d } from '../../src/nn/layers.ts';
import { type Module, Parameter, type StateEntry } from '../../src/nn/module.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const download = (state: Parameters<Gpu['download']>[0]) => gpu.download(state);
const plainOf = (states: ReadonlyMap<string, StateEntry>) =>
  new Map([...states].map(([name, { data }]) => [name, [...data]]));

const net = () =>
  new Sequential(
    new Conv2d(2, 4, 3, { generator: generator(5) }),
    new BatchNorm2d(4),
    new Conv2d(4, 3, 3, { generator: generator(6) }),
    new BatchNorm2d(3),
  );

const images = (i: number) =>
  tensor(
    Float32Array.from({ length: 2 * 49 * 2 }, (_, k) => Math.sin(k * 1.3 + i)),
    [2, 7, 7, 2],
  );

/** A model with its optimizer and averages, and a captured step. */
function setUp(options?: EMAOptions) {
  const model = net();
  const optimizer = new SGD(model.parameters(), { lr: 0.5, momentum: 0.9 });
  const ema = new EMA(model, options);
  const step = gpu.capture((x: Tensor) => {
    const loss = mean(square(model.forward(x)));
    backward(loss);
    optimizer.step();
    ema.update();
    return { loss };
  });
  return { model, optimizer, ema, step };
}

const apply = (ema: EMA) =>
  gpu.run(() => {
    ema.apply();
    return {};
  });
const restore = (ema: EMA) =>
  gpu.run(() => {
    ema.restore();
    return {};
  });

describe('averages of weights', () => {
  it.each([
    ['with one decay', { decay: 0.9 }, () => 0.9],
    [
      'with a lower one at first',
      { decay: 0.5, warmup: true },
      (n: number) => Math.min(0.5, (1 + n) / (10 + n)),
    ],
  ] as const)('follow their formula, running statistics too, %s', async (_name, options, decay) => {
    const { model, ema, step } = setUp(options);
    let want: Map<string, number[]> | undefined;
    let before = plainOf(await model.stateDict(download));
    for (let i = 0; i < 12; i++) {
      await step(images(i));
      const after = plainOf(await model.stateDict(download));
      // Statistics count as they were before the run.
      const now = new Map(
        [...after].map(([name, data]) => [name, name.includes('running') ? before.get(name)! : data]),
      );
      const rate = 1 - decay(i);
      const last = want;
      want = last
        ? new Map(
            [...now].map(([name, data]) => [name, last.get(name)!.map((a, k) => a + rate * (data[k]! - a))]),
          )
        : now;
      before = after;
      if (i > 0 && i !== 11) continue;
      for (const [name, { data }] of await ema.weights(download)) {
        data.forEach((value, k) => {
          expect(value, `${name}[${k}] after ${i}`).toBeCloseTo(want!.get(name)![k]!, i === 0 ? 12 : 5);
        });
      }
    }
    expect(ema.updates).toBe(12);
    expect([...(await ema.weights(download)).keys()]).toEqual([...before.keys()]);
    step.dispose();
  });

  it('are put into the model and taken out again, bit for bit', async () => {
    const { model, ema, step } = setUp({ decay: 0.5 });
    const evaluate = gpu.capture((x: Tensor) => ({ y: sum(model.forward(x)) }));
    const scoreOf = async () => {
      model.eval();
      const { y } = await evaluate(images(9));
      const score = await y.item();
      model.train();
      return score;
    };
    for (let i = 0; i < 4; i++) await step(images(i));
    const own = plainOf(await model.stateDict(download));
    const averaged = plainOf(await ema.weights(download));
    expect(averaged).not.toEqual(own);
    const [ownScore, states] = [await scoreOf(), await ema.stateDict(download)];
    await apply(ema);
    expect(plainOf(await model.stateDict(download))).toEqual(averaged);
    const score = await scoreOf();
    expect(score).not.toBe(ownScore);
    await restore(ema);
    expect(plainOf(await model.stateDict(download))).toEqual(own);
    expect(await ema.stateDict(download)).toEqual(states);
    expect(await scoreOf()).toBe(ownScore);
    const other: Module = net();
    other.loadStateDict(await ema.weights(download));
    other.eval();
    const { y } = await gpu.run(() => ({ y: sum((other as Sequential).forward(images(9))) }));
    expect(y[0]).toBeCloseTo(score, 5);
    for (const one of [step, evaluate]) one.dispose();
  });

  it('go on from a checkpoint with the same bits', async () => {
    const [whole, first, second] = [setUp(), setUp(), setUp()];
    for (let i = 0; i < 6; i++) await whole.step(images(i));
    for (let i = 0; i < 3; i++) await first.step(images(i));
    second.model.loadStateDict(await first.model.stateDict(download));
    second.optimizer.loadStateDict(await first.optimizer.stateDict(download));
    second.ema.loadStateDict(await first.ema.stateDict(download));
    for (let i = 3; i < 6; i++) await second.step(images(i));
    expect(await second.ema.stateDict(download)).toEqual(await whole.ema.stateDict(download));
    expect(await second.model.stateDict(download)).toEqual(await whole.model.stateDict(download));
    for (const { step } of [whole, first, second]) step.dispose();
  });

  it('cost a dispatch for each flat buffer', async () => {
    const dispatchesOf = async (averaged: boolean) => {
      const model = net();
      const optimizer = new SGD(model.parameters());
      const ema = new EMA(model);
      const step = gpu.capture((x: Tensor) => {
        backward(mean(square(model.forward(x))));
        optimizer.step();
        if (averaged) ema.update();
        return {};
      });
      const { dispatches } = await step.prepare([images(0)]);
      step.dispose();
      return dispatches;
    };
    // Those that decay, those that do not, and running statistics.
    expect((await dispatchesOf(true)) - (await dispatchesOf(false))).toBe(3);
  });
});

describe('averages of a list of parameters', () => {
  const pair = () => [new Parameter([1, 3], [1, 2, 3]), new Parameter([1, 2], [4, 5])] as const;
  const trainer = (parameters: readonly Parameter[], optimizer: SGD, ema: EMA) =>
    gpu.capture(() => {
      backward(parameters.map(({ tensor: w }) => sum(square(w))).reduce(add));
      optimizer.step();
      ema.update();
      return {};
    });

  it('made before the optimizer, and of some of its parameters, leave the others alone', async () => {
    const [a, b] = pair();
    const early = new EMA([a, a]);
    const optimizer = new SGD([a, b], { lr: 0.25 });
    const some = new EMA([b], { decay: 0.5 });
    const step = trainer([a, b], optimizer, early);
    const also = gpu.capture(() => {
      some.update();
      return {};
    });
    await step();
    await also();
    await step();
    await also();
    expect(plainOf(await early.weights(download))).toEqual(
      new Map([['0', [0.5, 1, 1.5].map((w) => Math.fround(w + Math.fround(0.001) * (w / 2 - w)))]]),
    );
    expect(plainOf(await some.weights(download))).toEqual(new Map([['0', [1.5, 1.875]]]));
    await apply(some);
    expect([...(await gpu.download(a.state))]).toEqual([0.25, 0.5, 0.75]);
    expect([...(await gpu.download(b.state))]).toEqual([1.5, 1.875]);
    await restore(some);
    expect([...(await gpu.download(b.state))]).toEqual([1, 1.25]);
  });
});

describe('EMA refuses', () => {
  it.each([
    [
      'a decay of 1',
      () => new EMA(net(), { decay: 1 }),
      'EMA: decay must be a number of at least 0 and below 1, got 1',
    ],
    ['no model', () => new EMA(undefined as never), 'EMA: takes a model, or a list of parameters'],
    ['no parameters', () => new EMA([]), 'EMA: takes a model, or a list of parameters'],
  ])('%s', (_name, make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });

  it('calls in the wrong order', async () => {
    const { ema, step } = setUp();
    await expect(apply(ema)).rejects.toThrow('EMA.apply: nothing was averaged yet; run update first');
    await expect(ema.weights(download)).rejects.toThrow('EMA.weights: nothing was averaged yet');
    await step(images(0));
    await expect(restore(ema)).rejects.toThrow('EMA.restore: the model has its own weights; run apply first');
    await apply(ema);
    await expect(apply(ema)).rejects.toThrow(
      'EMA.apply: the model has the averaged weights; run restore first',
    );
    await expect(step(images(1))).rejects.toThrow('EMA.update: the model has the averaged weights');
    await expect(ema.stateDict(download)).rejects.toThrow(UsageError);
    await restore(ema);
    await step(images(1));
    expect(ema.updates).toBe(2);
    step.dispose();
  });

  it('the state of another model', async () => {
    const { ema, step } = setUp();
    await step(images(0));
    const states = await ema.stateDict(download);
    const other = new EMA([new Parameter([1], [1])]);
    expect(() => other.loadStateDict(states)).toThrow(StateDictError);
    expect(() => other.loadStateDict(states)).toThrow('EMA: the checkpoint has no average.0 of [1]');
    expect(other.updates).toBe(0);
    step.dispose();
  });
});
