import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StateDictError, UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { Parameter } from '../../src/nn/module.ts';
import { Adam, AdamW, Lion, type Optimizer, RMSprop, SGD } from '../../src/nn/optimizers.ts';
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

  it('Lion', async () => {
    const got = await descend((p) => new Lion(p, { lr: 0.1, weightDecay: 0.5 }));
    const want = START.map((start) => {
      let [w, m] = [start, 0];
      for (let t = 0; t < 3; t++) {
        const g = 2 * w;
        w -= 0.1 * (Math.sign(0.9 * m + 0.1 * g) + 0.5 * w);
        m = 0.99 * m + 0.01 * g;
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
    expect([new RMSprop(weight()).lr, new Lion(weight()).lr]).toEqual([1e-2, 1e-4]);
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
    [
      'an alpha of 1',
      () => new RMSprop(weight, { alpha: 1 }),
      'RMSprop: alpha must be a number of at least 0 and below 1',
    ],
    ['a momentum below 0', () => new RMSprop(weight, { momentum: -1 }), 'RMSprop: momentum must be a number'],
    ['a beta of Lion', () => new Lion(weight, { betas: [1, 0.9] }), 'Lion: betas[0] must be a number of'],
    ['nesterov alone', () => new SGD(weight, { nesterov: true }), 'SGD: nesterov needs a momentum above 0'],
    ['no parameters', () => new SGD([], {}), 'SGD: no parameters; pass model.parameters()'],
    ['groups without parameters', () => new SGD([{ parameters: [] }]), 'SGD: no parameters; pass'],
    [
      'parameters among groups',
      () => new SGD([{ parameters: weight }, ...weight] as never),
      'SGD: takes a list of',
    ],
    [
      'a parameter in two groups',
      () => new SGD([{ parameters: weight }, { parameters: weight }]),
      'SGD: a parameter is in two groups',
    ],
    [
      'a group with two rates',
      () => new SGD([{ parameters: weight, lr: 1, lrMult: 2 }]),
      'SGD: group 0: has lr 1 and lrMult 2; give one of them',
    ],
    [
      'a group with a rate below 0',
      () => new AdamW([{ parameters: weight, name: 'head', lrMult: -1 }]),
      'AdamW: group head: lrMult must be a number of at least 0, got -1',
    ],
    [
      'a group’s rate where the optimizer has none',
      () => new AdamW([{ parameters: weight, lr: 1 }], { lr: 0 }),
      'AdamW: group 0: lr 1 / 0 must be a number of at least 0, got Inf',
    ],
    [
      'a group with a decay below 0',
      () => new AdamW([{ parameters: weight, weightDecay: -1 }]),
      'AdamW: group 0: weightDecay must be a number',
    ],
    [
      'a group with an unknown option',
      () => new AdamW([{ parameters: weight, lrmult: 1 } as never]),
      'did you mean lrMult?',
    ],
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

describe('groups of parameters', () => {
  const one = () => new Parameter([1, 1], Float32Array.of(1));

  it('have a learning rate of their own, which follows the optimizer’s', () => {
    const [backbone, head] = [one(), one()];
    const optimizer = new SGD(
      [
        { parameters: [backbone, backbone], name: 'backbone', lrMult: 0.1, weightDecay: 0.5 },
        { parameters: [head], lr: 0.5 },
      ],
      { lr: 0.25, weightDecay: 0.125 },
    );
    const shown = () =>
      optimizer.groups.map(({ name, lrMult, lr, weightDecay }) => ({ name, lrMult, lr, weightDecay }));
    expect(shown()).toEqual([
      { name: 'backbone', lrMult: 0.1, lr: 0.025, weightDecay: 0.5 },
      { name: '1', lrMult: 2, lr: 0.5, weightDecay: 0.125 },
    ]);
    expect(optimizer.groups[0]!.parameters).toEqual([backbone]);
    optimizer.lr = 1;
    optimizer.groups[0]!.lrMult = 0.5;
    optimizer.groups[1]!.lr = 3;
    expect(shown().map(({ lrMult, lr }) => [lrMult, lr])).toEqual([
      [0.5, 0.5],
      [3, 3],
    ]);
    expect(() => Object.assign(optimizer.groups[0]!, { lr: -1 })).toThrow(UsageError);
    expect(() => Object.assign(optimizer.groups[0]!, { lrMult: Number.NaN })).toThrow(
      'group backbone: lrMult must',
    );
    expect(optimizer.groups[0]!.lr).toBe(0.5);
  });

  it('are clipped together, and changed between steps', async () => {
    const [a, b] = [one(), one()];
    const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], lrMult: 2 }], { lr: 1, clipNorm: 1 });
    const step = gpu.capture(() => {
      backward(add(mul(sum(a.tensor), 3), mul(sum(b.tensor), 4)));
      return optimizer.step();
    });
    const { gradNorm } = await step();
    expect(await gradNorm.item()).toBeCloseTo(5, 5);
    optimizer.groups[1]!.lrMult = 0;
    await step();
    expect((await gpu.download(a.state))[0]).toBeCloseTo(1 - 0.6 - 0.6, 5);
    expect((await gpu.download(b.state))[0]).toBeCloseTo(1 - 1.6, 5);
    step.dispose();
  });
});

describe('momentum', () => {
  it('can be read and set, of Adam too', () => {
    const weight = () => [new Parameter([1], Float32Array.of(1))];
    const [sgd, adam] = [new SGD(weight(), { momentum: 0.9 }), new AdamW(weight(), { betas: [0.8, 0.9] })];
    expect([sgd.momentum, adam.momentum]).toEqual([0.9, 0.8]);
    sgd.momentum = 1.5;
    adam.momentum = 0;
    expect([sgd.momentum, adam.momentum]).toEqual([1.5, 0]);
    expect(() => Object.assign(sgd, { momentum: -1 })).toThrow(
      'SGD: momentum must be a number of at least 0, got -1',
    );
    expect(() => Object.assign(adam, { momentum: 1 })).toThrow(
      'momentum must be a number of at least 0 and below 1, got 1',
    );
  });
});

describe('a state dict of another optimizer', () => {
  const make = (...shapes: number[][]) =>
    new AdamW(
      shapes.map((shape) => new Parameter(shape, new Float32Array(shape.reduce((x, y) => x * y, 1)))),
    );
  const saved = () => make([2, 3], [3]).stateDict((state) => gpu.download(state));

  it.each([
    ['of fewer parameters', () => make([2, 3], [3], [3]), 'the checkpoint has no 2.m; use one'],
    ['of more', () => make([2, 3]), 'the checkpoint has 1.m, which is not one of this'],
    ['of other shapes', () => make([3, 2], [3]), 'the checkpoint has 0.m of 6 values as [2,3], not [3,2]'],
    [
      'of SGD',
      () => new SGD([new Parameter([2, 3], new Float32Array(6))]),
      'the checkpoint has no 0.momentum',
    ],
  ] as const)('%s is refused, and nothing changes', async (_name, other, message) => {
    const optimizer = other();
    const before = await optimizer.stateDict((state) => gpu.download(state));
    const entries = await saved();
    expect(() => optimizer.loadStateDict(entries)).toThrow(StateDictError);
    expect(() => optimizer.loadStateDict(entries)).toThrow(message);
    expect(await optimizer.stateDict((state) => gpu.download(state))).toEqual(before);
  });
});
