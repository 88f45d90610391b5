import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, mul, square, sub } from '../../src/graph/functions/elementwise.ts';
import { mean, sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { ReLU } from '../../src/nn/activations.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { Conv2d, Linear } from '../../src/nn/layers.ts';
import { Parameter } from '../../src/nn/module.ts';
import { AdamW, accumulate, type Optimizer, SGD } from '../../src/nn/optimizers.ts';
import { Flatten } from '../../src/nn/pooling.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const wave = (length: number, phase: number) =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7 + phase));

/** A part of a batch: images from `from` on. */
const part = (whole: Float32Array, shape: readonly number[], from: number, count: number) => {
  const size = shape.slice(1).reduce((a, b) => a * b, 1);
  return tensor(whole.slice(from * size, (from + count) * size), [count, ...shape.slice(1)]);
};

function net() {
  const random = generator(3);
  const options = { generator: random };
  return new Sequential(
    new Conv2d(2, 4, 3, { ...options, padding: 1 }),
    new ReLU(),
    new Conv2d(4, 4, 3, options),
    new ReLU(),
    new Flatten(),
    new Linear(64, 3, options),
  );
}

const MAKERS: readonly (readonly [string, (parameters: Parameter[]) => Optimizer])[] = [
  ['SGD', (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.01 })],
  ['AdamW', (p) => new AdamW(p, { lr: 0.01, weightDecay: 0.1, clipNorm: 0.5 })],
];

describe('accumulated gradients', () => {
  it.each(MAKERS)('of four batches of two are those of a batch of eight: %s', async (_name, make) => {
    const whole = net();
    const parts = net();
    const optimizers = [make(whole.parameters()), make(parts.parameters())] as const;
    const lossOf = (model: Sequential, x: Tensor, y: Tensor) => mean(square(sub(model.forward(x), y)));
    const step = gpu.capture((x: Tensor, y: Tensor) => {
      backward(lossOf(whole, x, y));
      return optimizers[0].step();
    });
    const gather = gpu.capture((x: Tensor, y: Tensor) => {
      backward(lossOf(parts, x, y));
      accumulate(optimizers[1]);
      return {};
    });
    // The last part is in the run that takes the step.
    const last = gpu.capture((x: Tensor, y: Tensor) => {
      backward(lossOf(parts, x, y));
      return optimizers[1].step();
    });
    const alone = gpu.capture(() => optimizers[1].step());
    for (let i = 0; i < 6; i++) {
      const [x, y] = [wave(8 * 72, i), wave(8 * 3, i + 2)];
      const { gradNorm } = await step(tensor(x, [8, 6, 6, 2]), tensor(y, [8, 3]));
      const twos = [0, 2, 4, 6].map(
        (from) => [part(x, [8, 6, 6, 2], from, 2), part(y, [8, 3], from, 2)] as const,
      );
      const withLast = i % 2 === 0;
      for (const [a, b] of withLast ? twos.slice(0, 3) : twos) await gather(a, b);
      const { gradNorm: other } = withLast ? await last(...twos[3]!) : await alone();
      expect(await other.item()).toBeCloseTo(await gradNorm.item(), 5);
    }
    const [a, b] = await Promise.all(
      [whole, parts].map((model) => model.stateDict((state) => gpu.download(state))),
    );
    for (const [name, { data }] of a!) {
      const off = data.map((value, k) => Math.abs(value - b!.get(name)!.data[k]!));
      expect(Math.max(...off), name).toBeLessThan(1e-5);
    }
    expect(optimizers.map(({ steps }) => steps)).toEqual([6, 6]);
    for (const one of [step, gather, last, alone]) one.dispose();
  });

  /** A weight whose gradient is what is given. */
  function single(make: (parameters: Parameter[]) => Optimizer, ...others: Parameter[]) {
    const weight = new Parameter([1, 1], [0]);
    const optimizer = make([weight, ...others]);
    const gather = gpu.capture((x: Tensor) => {
      backward(sum(mul(weight.tensor, x)));
      accumulate(optimizer);
      return {};
    });
    const value = async () => (await gpu.download(weight.state))[0]!;
    return { weight, optimizer, gather, value };
  }

  const plain = (parameters: Parameter[]) => new SGD(parameters, { lr: 1 });

  it('are counted, or divided by what is said', async () => {
    const { optimizer, gather, value } = single(plain);
    const counted = gpu.capture(() => optimizer.step());
    const whole = gpu.capture(() => optimizer.step({ parts: 1 }));
    for (const x of [1, 2, 6]) await gather(tensor([x]));
    const { gradNorm } = await counted();
    expect(await gradNorm.item()).toBe(3);
    expect(await value()).toBe(-3);
    for (const x of [1, 2]) await gather(tensor([x]));
    await whole();
    expect(await value()).toBe(-6);
    // Nothing was accumulated since.
    await counted();
    await whole();
    expect(await value()).toBe(-6);
  });

  it('are used by a step that was captured before the first of them, and by one without any', async () => {
    const { weight, optimizer, gather, value } = single(plain);
    const step = gpu.capture((x: Tensor) => {
      backward(sum(mul(weight.tensor, x)));
      return optimizer.step();
    });
    await step(tensor([1]));
    expect(await value()).toBe(-1);
    await gather(tensor([3]));
    await step(tensor([5]));
    expect(await value()).toBe(-5);
    await step(tensor([2]));
    expect(await value()).toBe(-7);
  });

  it('that are infinite or NaN are forgotten after the step', async () => {
    const { weight, optimizer, gather, value } = single(plain);
    const step = gpu.capture(() => optimizer.step());
    const before = await optimizer.stateDict((state) => gpu.download(state));
    await gather(tensor([Number.NaN]));
    await gather(tensor([1]));
    await step();
    expect(await value()).toBeNaN();
    weight.state.set(Float32Array.of(0));
    optimizer.loadStateDict(before);
    await gather(tensor([4]));
    await step();
    expect(await value()).toBe(-4);
  });

  it('in one recording, step and all', async () => {
    const { weight, optimizer, value } = single(plain);
    const step = gpu.capture((x: Tensor, y: Tensor) => {
      for (const part of [x, y]) {
        backward(sum(mul(weight.tensor, part)));
        accumulate(optimizer);
      }
      return optimizer.step();
    });
    await step(tensor([1]), tensor([3]));
    expect(await value()).toBe(-2);
    await step(tensor([2]), tensor([6]));
    expect(await value()).toBe(-6);
  });

  it('count for the parameters that had one in any part', async () => {
    const other = new Parameter([1, 1], [0]);
    const { weight, optimizer } = single((p) => new AdamW(p, { lr: 1, weightDecay: 0 }), other);
    const gather = gpu.capture((x: Tensor) => {
      backward(add(sum(mul(weight.tensor, x)), sum(mul(other.tensor, x))));
      accumulate(optimizer);
      return {};
    });
    const step = gpu.capture(() => optimizer.step());
    const run = async (...frozen: boolean[]) => {
      for (const one of frozen) {
        other.requiresGrad = !one;
        await gather(tensor([1]));
      }
      await step();
      return (await gpu.download(other.state))[0];
    };
    expect(await run(true, true)).toBe(0);
    expect(await run(true, false)).toBeCloseTo(-1, 5);
    expect(await run(true, true)).toBeCloseTo(-1, 5);
    const saved = await optimizer.stateDict((state) => gpu.download(state));
    expect([saved.get('0.step')!.data[0], saved.get('1.step')!.data[0]]).toEqual([3, 1]);
    expect([...saved.keys()]).toEqual(['steps', '0.m', '0.v', '0.step', '1.m', '1.v', '1.step']);
  });

  it('take no memory before they are used', async () => {
    const parameters = [new Parameter([256, 256], new Float32Array(65536))];
    const optimizer = new SGD(parameters);
    expect(optimizer.accumulated).toBeUndefined();
  });

  it('are those of an optimizer', () => {
    expect(() => accumulate({} as never)).toThrow(UsageError);
    expect(() => accumulate({} as never)).toThrow('accumulate: [object Object] is no optimizer');
  });

  it('cannot come after step in one recording', async () => {
    const weight = new Parameter([1], [1]);
    const optimizer = new SGD([weight], { lr: 0.1 });
    const step = gpu.capture((x) => {
      backward(sum(mul(weight.tensor, x)));
      optimizer.step();
      backward(sum(mul(weight.tensor, x)));
      accumulate(optimizer);
      return {};
    });
    await expect(step(tensor([1]))).rejects.toThrow(UsageError);
    await expect(step(tensor([1]))).rejects.toThrow(
      'accumulate: comes after step of the same optimizer in one recording; call it before step',
    );
    expect((await gpu.download(weight.state))[0]).toBe(1);
    // One by itself is as before.
    const good = gpu.capture((x) => {
      backward(sum(mul(weight.tensor, x)));
      accumulate(optimizer);
      optimizer.step();
      return {};
    });
    await good(tensor([2]));
    expect((await gpu.download(weight.state))[0]).toBeCloseTo(0.8, 6);
  });
});
