import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StateDictError, UsageError } from '../../src/errors.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { checkpoint } from '../../src/graph/checkpoint.ts';
import { mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Sequential } from '../../src/nn/containers.ts';
import { Dropout, Dropout2d, StochasticDepth } from '../../src/nn/dropout.ts';
import { Linear } from '../../src/nn/layers.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { manualSeed } from '../../src/nn/random.ts';
import { RandomState } from '../../src/nn/randomState.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { leaf, values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { namesOf } from './check.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const ones = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(new Float32Array(size).fill(1), shape);
};

/** What each of some runs of a captured step gives for ones. */
async function masks(
  module: Dropout,
  runs: number,
  shape: readonly number[] = [40, 50],
): Promise<number[][]> {
  const step = gpu.capture((x) => ({ y: module.forward(x!) }));
  const result: number[][] = [];
  for (let i = 0; i < runs; i++) result.push(Array.from(await (await step(ones(shape))).y.data()));
  step.dispose();
  return result;
}

describe('Dropout', () => {
  it.each([0.1, 0.5, 0.8])('leaves out a share of %f and divides the rest by what is kept', async (p) => {
    const [y] = await masks(new Dropout(p, { seed: 3 }), 1);
    const kept = y!.filter((value) => value !== 0);
    for (const value of kept) expect(value).toBeCloseTo(1 / (1 - p), 5);
    // Five standard deviations of 2,000 draws.
    expect(Math.abs(kept.length / 2000 - (1 - p))).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / 2000));
  });

  it('draws a new mask at each run, and the same ones from the same seed', async () => {
    const [first, second, third] = await masks(new Dropout(0.5, { seed: 1 }), 3);
    expect(second).not.toEqual(first);
    expect(third).not.toEqual(second);
    // Half of the elements that one mask keeps are kept by the next.
    const both = first!.filter((value, i) => value > 0 && second![i]! > 0).length;
    expect(Math.abs(both / 2000 - 0.25)).toBeLessThan(0.05);
    expect(await masks(new Dropout(0.5, { seed: 1 }), 3)).toEqual([first, second, third]);
    expect(await masks(new Dropout(0.5, { seed: 99 }), 1)).not.toEqual([first]);
  });

  it('draws other masks in other modules, by default of the seed that manualSeed sets', async () => {
    const drawn = async () => {
      manualSeed(5);
      const [one, two] = [new Dropout(), new Dropout()];
      return [await masks(one, 1), await masks(two, 1)];
    };
    const [one, two] = await drawn();
    expect(two).not.toEqual(one);
    expect(await drawn()).toEqual([one, two]);
  });

  it('draws anew where it is applied twice in a step', async () => {
    const module = new Dropout(0.5, { seed: 1 });
    const { a, b } = await gpu.run(() => ({ a: module.forward(ones([64])), b: module.forward(ones([64])) }));
    expect(a).not.toEqual(b);
    const [first, second] = await masks(new Dropout(0.5, { seed: 1 }), 2, [64]);
    expect([Array.from(a), Array.from(b)]).toEqual([first, second]);
  });

  it('passes the gradient through what it keeps', async () => {
    const x = leaf('x', [8, 9]);
    const upstream = values('upstream', [8, 9]);
    const module = new Dropout(0.4, { seed: 2 });
    const { y, dx } = await gpu.run(() => {
      const out = module.forward(x);
      const [gradient] = grad([sum(mul(out, tensor(upstream, [8, 9])))], [x]);
      return { y: out, dx: gradient! };
    });
    values('x', [8, 9]).forEach((value, i) => {
      expect(dx[i]).toBeCloseTo((y[i]! / value) * upstream[i]!, 5);
    });
    expect(Array.from(dx).filter((value) => value === 0).length).toBeGreaterThan(10);
  });

  it('has one mask in a checkpoint, which is computed twice', async () => {
    const x = leaf('x', [64]);
    const run = (on: boolean) => {
      const module = new Dropout(0.5, { seed: 4 });
      return gpu.run(() => {
        const block = (z: Tensor) => module.forward(mul(module.forward(z), z));
        const y = on ? checkpoint(block, x) : block(x);
        return { y, dx: grad([sum(mul(y, y))], [x])[0]! };
      });
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('is the identity in evaluation, and of p 0; of p 1 nothing is left', async () => {
    const x = ones([4]);
    expect(new Dropout(0.5).eval().forward(x)).toBe(x);
    expect(new Dropout(0).forward(x)).toBe(x);
    expect(await masks(new Dropout(1), 1, [4])).toEqual([[0, 0, 0, 0]]);
  });

  it('refuses probabilities that are none', () => {
    for (const p of [-0.1, 1.1, Number.NaN]) expect(() => new Dropout(p)).toThrow(UsageError);
    expect(() => new Dropout2d(2)).toThrow('Dropout2d: p must be a number from 0 to 1, got 2');
  });
});

describe('Dropout2d', () => {
  it('leaves out whole channels of each image', async () => {
    const [N, H, W, C] = [3, 4, 5, 16];
    const [y] = await masks(new Dropout2d(0.5, { seed: 1 }), 1, [N, H, W, C]);
    const channels = Array.from({ length: N * C }, (_, k) => {
      const [n, c] = [Math.floor(k / C), k % C];
      return new Set(y!.filter((_value, i) => i % C === c && Math.floor(i / (H * W * C)) === n));
    });
    for (const channel of channels) expect(channel.size).toBe(1);
    const kept = channels.filter((channel) => channel.has(2)).length;
    expect(kept).toBeGreaterThan(N * C * 0.25);
    expect(kept).toBeLessThan(N * C * 0.75);
  });
});

describe('StochasticDepth', () => {
  it('leaves out whole images, or the whole batch', async () => {
    const shape = [64, 2, 3, 4];
    const perImage = (y: ArrayLike<number>) =>
      Array.from({ length: 64 }, (_, n) => [...new Set(Array.from(y).slice(n * 24, (n + 1) * 24))]);
    const [rows] = await masks(new StochasticDepth(0.25, 'row', { seed: 1 }), 1, shape);
    const images = perImage(rows!);
    for (const image of images) expect(image).toHaveLength(1);
    const left = images.filter(([value]) => value === 0).length;
    expect(left).toBeGreaterThan(6);
    expect(left).toBeLessThan(28);
    for (const [value] of images) if (value !== 0) expect(value).toBeCloseTo(1 / 0.75, 6);
    const batches = await masks(new StochasticDepth(0.5, 'batch', { seed: 1 }), 16, shape);
    const values = batches.map((y) => [...new Set(Array.from(y))]);
    for (const each of values) expect(each).toHaveLength(1);
    expect(new Set(values.flat())).toEqual(new Set([0, 2]));
  });

  it('refuses a mode that is none', () => {
    expect(() => new StochasticDepth(0.5, 'rows' as never)).toThrow('mode is rows; give row or batch');
  });
});

describe('the state of random draws', () => {
  it('goes up by one at each draw', async () => {
    const state = new RandomState(7);
    const step = gpu.capture(() => ({ first: mul(state.next(), 1), second: mul(state.next(), 1) }));
    const seeds: number[] = [];
    for (let i = 0; i < 2; i++) {
      const { first, second } = await step();
      seeds.push((await first.data())[0]!, (await second.data())[0]!);
    }
    expect(seeds).toEqual([7, 8, 9, 10]);
    step.dispose();
  });

  const make = () => new Sequential(new Linear(4, 4), new Dropout(0.5), new Linear(4, 1));

  it('is not in the state dict, and does not depend on the weights or they on it', () => {
    manualSeed(1);
    const model = make();
    expect(namesOf(model)).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    manualSeed(1);
    const plain = new Sequential(new Linear(4, 4), (x) => x, new Linear(4, 1));
    const weights = ({ parameters }: { parameters: () => { state: { initial: ArrayLike<number> } }[] }) =>
      parameters().map(({ state }) => Array.from(state.initial));
    expect(weights({ parameters: () => model.parameters() })).toEqual(
      weights({ parameters: () => plain.parameters() }),
    );
  });

  it('is what a training needs, beside weights and moments, to be resumed', async () => {
    const train = () => {
      manualSeed(3);
      const model = make();
      const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
      const x = tensor(values('x', [8, 4]), [8, 4]);
      const step = gpu.capture(() => {
        const y = model.forward(x);
        const loss = sum(mul(y, y));
        backward(loss);
        optimizer.step();
        return { loss };
      });
      return { model, optimizer, next: async () => (await (await step()).loss.data())[0]! };
    };
    const download = gpu.download.bind(gpu);
    const whole = train();
    for (let i = 0; i < 3; i++) await whole.next();
    const saved = {
      weights: await whole.model.stateDict(download),
      moments: await whole.optimizer.stateDict(download),
      random: await whole.model.randomState(download),
    };
    const rest = [await whole.next(), await whole.next()];
    expect(Object.keys(saved.random)).toEqual(['1.random']);

    const resumed = train();
    resumed.model.loadStateDict(saved.weights);
    resumed.optimizer.loadStateDict(saved.moments);
    resumed.model.loadRandomState(JSON.parse(JSON.stringify(saved.random)));
    expect([await resumed.next(), await resumed.next()]).toEqual(rest);
    expect(() => resumed.model.loadRandomState({})).toThrow(StateDictError);
  });
});
