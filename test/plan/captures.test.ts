import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LifetimeError, UsageError } from '../../src/errors.ts';
import { mul, neg } from '../../src/graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { Dropout } from '../../src/nn/dropout.ts';
import { Linear } from '../../src/nn/layers.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import type { Result } from '../../src/plan/step.ts';
import { DeviceLedger } from '../faults/workloads.ts';

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
const row = (...values: number[]): Tensor => tensor(values, [1, values.length]);

/** Buffers on the device once everything that nothing refers to has been collected, also by finalizers. */
async function buffersLeft(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return ledger.buffers;
}

describe('the mode of modules', () => {
  it('is heeded after a capture: eval and train have programs of their own', async () => {
    const net = new Sequential(new Linear(2, 4), new Dropout(0.5, { seed: 1 }));
    let recorded = 0;
    const step = gpu.capture((x) => {
      recorded++;
      return { y: net.forward(x!) };
    });
    const y = async () => list(await (await step(row(1, 2))).y.data());
    const trained = [await y(), await y()];
    expect(trained[0]).not.toEqual(trained[1]);
    expect(recorded).toBe(1);
    net.eval();
    const evaluated = await y();
    expect(evaluated).toEqual(list(await net.forward(row(1, 2)).data(gpu)));
    expect(await y()).toEqual(evaluated);
    expect(recorded).toBe(2);
    net.train();
    await y();
    net.eval();
    expect(await y()).toEqual(evaluated);
    expect(recorded).toBe(2);
    step.dispose();
  });

  it('is that of each call, also while another one is compiled', async () => {
    const norm = new BatchNorm2d(1);
    const step = gpu.capture((x) => ({ y: norm.forward(x!) }));
    const x = tensor([1, 3], [1, 1, 2, 1]);
    const training = step(x);
    norm.eval();
    const evaluating = step(x);
    const values = await Promise.all(
      [training, evaluating].map(async (run) => list(await (await run).y.data())),
    );
    expect(values[0]![0]).toBeCloseTo(-1, 3);
    expect(values[1]![0]).toBeGreaterThan(0);
    step.dispose();
  });

  it('that the function sets itself is that of its recording', async () => {
    const dropout = new Dropout(0.5);
    let recorded = 0;
    const step = gpu.capture((x) => {
      recorded++;
      dropout.eval();
      const y = dropout.forward(x!);
      dropout.train();
      return { y };
    });
    for (let i = 0; i < 3; i++) expect(list(await (await step(row(1, 2))).y.data())).toEqual([1, 2]);
    expect(recorded).toBe(1);
    step.dispose();
  });
});

describe('programs of a step', () => {
  it('are kept up to a limit: the least recently used is freed, and says why', async () => {
    const recorded: string[] = [];
    const step = gpu.capture(
      (x) => {
        recorded.push(String(x!.shape));
        return { y: neg(x!) };
      },
      { maxPrograms: 2 },
    );
    const first = await step(row(1));
    await step(row(1, 2));
    await step(row(1));
    const { y } = await step(row(1));
    const before = await buffersLeft();
    await step(row(1, 2, 3));
    expect(ledger.buffers).toBe(before);
    expect(list(await y.data())).toEqual([-1]);
    await step(row(1, 2));
    expect(recorded).toEqual(['1,1', '1,2', '1,3', '1,2']);
    await expect(y.data()).rejects.toThrow(LifetimeError);
    await expect(y.data()).rejects.toThrow(
      'data: it was the one of 3 signatures that was used least recently; read results before, or capture with a larger maxPrograms',
    );
    await expect(first.y.data()).rejects.toThrow(LifetimeError);
    step.dispose();
  });

  it('are not freed while they are waited for', async () => {
    const step = gpu.capture((x) => ({ y: neg(x!) }), { maxPrograms: 1 });
    const read = async (n: number) => {
      const { y } = await step(tensor(new Float32Array(n).fill(n)));
      return y.data().then(list, () => 'freed');
    };
    const values = await Promise.all([3, 4, 5, 3].map(read));
    // What was read before another one ran is there; the rest has told that it is gone.
    values.forEach((value, i) => {
      if (value !== 'freed') expect(value).toEqual(new Array([3, 4, 5, 3][i]!).fill(-[3, 4, 5, 3][i]!));
    });
    expect(await read(6)).toEqual(new Array(6).fill(-6));
    step.dispose();
  });

  it('are limited by numbers only', () => {
    for (const maxPrograms of [0, -1, Number.NaN]) {
      expect(() => gpu.capture((x) => ({ y: x! }), { maxPrograms })).toThrow(UsageError);
    }
  });

  it('are freed when the step is dropped, but not before its results', async () => {
    const weight = tensor(new Float32Array(64).fill(2));
    const use = async (i: number): Promise<Result> => {
      const step = gpu.capture((x) => ({ y: mul(mul(x!, weight), i) }));
      return (await step(tensor(new Float32Array(64).fill(1)))).y;
    };
    await use(0);
    const before = await buffersLeft();
    let kept: Result | undefined = await use(3);
    for (let i = 0; i < 20; i++) await (await use(i)).data();
    const one = (await buffersLeft()) - before;
    expect(one).toBeGreaterThan(0);
    expect(one).toBeLessThan(10);
    expect((await kept.data())[0]).toBe(6);
    kept = undefined;
    expect(await buffersLeft()).toBe(before);
  });

  it('are freed at once by using', async () => {
    const before = await buffersLeft();
    const use = async () => {
      using step = gpu.capture((x) => ({ y: neg(x!) }));
      const { y } = await step(row(1, 2));
      expect(ledger.buffers).toBeGreaterThan(before);
      expect(list(await y.data())).toEqual([-1, -2]);
      return step;
    };
    const step = await use();
    await null;
    expect(ledger.buffers).toBe(before);
    await expect(step(row(1))).rejects.toThrow('step: it was disposed of');
  });
});
