import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { Parameter } from '../../src/nn/module.ts';
import { Adam, AdamW, type Optimizer, SGD } from '../../src/nn/optimizers.ts';
import { oneCycle, warmupCosine } from '../../src/nn/schedules.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const START = [1, -2, 3];

/** Three steps on loss = sum(w^2), whose gradient is 2w, for a weight that is decayed. */
async function descend(make: (parameters: Parameter[]) => Optimizer): Promise<number[]> {
  const weight = new Parameter([1, 3], Float32Array.from(START));
  const optimizer = make([weight]);
  const step = gpu.capture(() => {
    const loss = sum(mul(weight.tensor, weight.tensor));
    backward(loss);
    optimizer.step();
    return { loss };
  });
  for (let i = 0; i < 3; i++) await step();
  const { flat, offset } = weight.state.home!;
  return Array.from((await gpu.download(flat)).slice(offset, offset + 3));
}

const close = (got: readonly number[], want: readonly number[]) => {
  got.forEach((value, i) => {
    expect(value).toBeCloseTo(want[i]!, 5);
  });
};

describe('optimizers follow their formulas', () => {
  it.each([false, true])('SGD with momentum and decay, nesterov %s', async (nesterov) => {
    const got = await descend((p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov }));
    const want = START.map((start) => {
      let [w, m] = [start, 0];
      for (let t = 0; t < 3; t++) {
        const g = 2 * w + 0.01 * w;
        m = 0.9 * m + g;
        w -= 0.1 * (nesterov ? g + 0.9 * m : m);
      }
      return w;
    });
    close(got, want);
  });

  it.each([
    ['AdamW', true],
    ['Adam', false],
  ] as const)('%s', async (_name, decoupled) => {
    const Type = decoupled ? AdamW : Adam;
    const got = await descend((p) => new Type(p, { lr: 0.1, weightDecay: 0.02 }));
    const want = START.map((start) => {
      let [w, m, v] = [start, 0, 0];
      for (let t = 1; t <= 3; t++) {
        const g = 2 * w + (decoupled ? 0 : 0.02 * w);
        if (decoupled) w -= 0.1 * 0.02 * w;
        m = 0.9 * m + 0.1 * g;
        v = 0.999 * v + 0.001 * g * g;
        w -= (0.1 * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8);
      }
      return w;
    });
    close(got, want);
  });

  it('clips the norm of all gradients together', async () => {
    const got = await descend((p) => new SGD(p, { lr: 0.1, clipNorm: 1 }));
    let w = [...START];
    for (let t = 0; t < 3; t++) {
      const g = w.map((value) => 2 * value);
      const scale = Math.min(1, 1 / (Math.hypot(...g) + 1e-6));
      w = w.map((value, i) => value - 0.1 * scale * g[i]!);
    }
    close(got, w);
  });
});

describe('an optimizer', () => {
  it('takes steps with the learning rate that it has at each run', async () => {
    const weight = new Parameter([1, 1], Float32Array.of(1));
    const optimizer = new SGD([weight], { lr: 0.25 });
    const step = gpu.capture(() => {
      backward(sum(weight.tensor));
      optimizer.step();
      return {};
    });
    const next = async () => {
      await step();
      return (await gpu.download(weight.state))[0];
    };
    expect(optimizer.steps).toBe(0);
    expect(await next()).toBe(0.75);
    optimizer.lr = 0.5;
    expect(await next()).toBe(0.25);
    expect(await next()).toBe(-0.25);
    expect([optimizer.lr, optimizer.steps]).toEqual([0.5, 3]);
    step.dispose();
  });

  it('takes steps with the constructor’s learning rate where nothing else is set', async () => {
    const weight = new Parameter([1, 1], Float32Array.of(1));
    const optimizer = new SGD([weight], { lr: 0.125 });
    await gpu.run(() => {
      backward(sum(weight.tensor));
      optimizer.step();
      return {};
    });
    expect((await gpu.download(weight.state))[0]).toBe(0.875);
  });

  it('has PyTorch’s defaults', () => {
    const weight = () => [new Parameter([1, 1], Float32Array.of(1))];
    for (const Type of [SGD, Adam, AdamW]) expect(new Type(weight()).lr).toBe(1e-3);
  });

  const weight = [new Parameter([1, 1], Float32Array.of(1))];
  it.each([
    [
      'lr NaN',
      () => new AdamW(weight, { lr: Number.NaN }),
      'AdamW: lr must be a number of at least 0, got NaN',
    ],
    ['a negative lr', () => new SGD(weight, { lr: -1 }), 'SGD: lr must be a number of at least 0, got -1'],
    [
      'an infinite lr',
      () => new Adam(weight, { lr: 1 / 0 }),
      'Adam: lr must be a number of at least 0, got Inf',
    ],
    ['a lr of text', () => new Adam(weight, { lr: 'fast' as never }), 'Adam: lr must be a number'],
    [
      'a decay',
      () => new AdamW(weight, { weightDecay: -0.1 }),
      'AdamW: weightDecay must be a number of at le',
    ],
    ['a clipNorm', () => new AdamW(weight, { clipNorm: 0 }), 'AdamW: clipNorm must be above 0, got 0'],
    [
      'a beta of 1',
      () => new AdamW(weight, { betas: [0.9, 1] }),
      'AdamW: betas[1] must be a number of at least 0 and below 1',
    ],
    [
      'an eps',
      () => new Adam(weight, { eps: Number.NaN }),
      'Adam: eps must be a number of at least 0, got NaN',
    ],
    ['a momentum', () => new SGD(weight, { momentum: -0.9 }), 'SGD: momentum must be a number of at least 0'],
    [
      'a momentum that is none',
      () => new SGD(weight, { momentum: Number.NaN }),
      'SGD: momentum must be a number',
    ],
    [
      'a decay that is none',
      () => new SGD(weight, { weightDecay: Number.NaN }),
      'SGD: weightDecay must be a',
    ],
    [
      'an lr of null',
      () => new SGD(weight, { lr: null as never }),
      'SGD: lr must be a number of at least 0, got null',
    ],
    [
      'an lr as text',
      () => new SGD(weight, { lr: '0.1' as never }),
      'SGD: lr must be a number of at least 0',
    ],
    ['one beta', () => new Adam(weight, { betas: [0.9] as never }), 'Adam: betas[1] must be a number of'],
    ['a beta that is none', () => new Adam(weight, { betas: [Number.NaN, 0.9] }), 'Adam: betas[0] must be'],
    [
      'betas as a number',
      () => new Adam(weight, { betas: 0.9 as never }),
      'Adam: betas[1] must be a number of',
    ],
    [
      'a clipNorm of NaN',
      () => new SGD(weight, { clipNorm: Number.NaN }),
      'SGD: clipNorm must be a number of',
    ],
    [
      'a learning rate that is missing',
      () => new SGD(weight, { lr: undefined as never }),
      'SGD: lr is given as undefined; give a value',
    ],
    [
      'a beta that is missing',
      () => new Adam(weight, { betas: undefined as never }),
      'Adam: betas is given as undefined',
    ],
    ['nesterov alone', () => new SGD(weight, { nesterov: true }), 'SGD: nesterov needs a momentum above 0'],
    ['no parameters', () => new SGD([], {}), 'SGD: no parameters; pass model.parameters()'],
  ] as const)('refuses %s', (_name, make, message) => {
    expect(make).toThrow(UsageError);
    expect(make).toThrow(message);
  });

  it('refuses a learning rate that is none, later too', () => {
    const optimizer = new SGD([new Parameter([1], Float32Array.of(1))]);
    expect(() => {
      optimizer.lr = Number.NaN;
    }).toThrow('SGD: lr must be a number of at least 0, got NaN');
    expect(optimizer.lr).toBe(1e-3);
  });
});

describe('schedules', () => {
  it('warm up in a line, then go down half a cosine', () => {
    const rate = warmupCosine({ lr: 1, steps: 12, warmup: 2, final: 0.1 });
    expect([0, 1, 2, 7, 12].map(rate)).toEqual([
      0.5,
      1,
      1,
      expect.closeTo(0.55, 10),
      expect.closeTo(0.1, 10),
    ]);
  });

  it('one cycle begins, peaks and ends as PyTorch’s does', () => {
    const rate = oneCycle({ lr: 1, steps: 10 });
    expect(rate(0)).toBeCloseTo(0.04, 10);
    expect(rate(2)).toBeCloseTo(1, 10);
    expect(rate(9)).toBeCloseTo(0.04 / 1e4, 10);
  });
});
