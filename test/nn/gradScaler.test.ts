import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { StateDictError, UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { cast } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { GradScaler, type GradScalerOptions } from '../../src/nn/gradScaler.ts';
import { Parameter } from '../../src/nn/module.ts';
import { Adam, AdamW, accumulate, Lion, type Optimizer, RMSprop, SGD } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const download = (state: Parameters<Gpu['download']>[0]) => gpu.download(state);

/** Two weights whose gradients are given, a step with a scaler and one without. */
function setUp(make: (parameters: Parameter[]) => Optimizer, options?: GradScalerOptions) {
  const parameters = [new Parameter([2, 2], [1, -2, 3, 4]), new Parameter([3], [1, 2, 3])] as const;
  const [a, b] = parameters;
  const optimizer = make([...parameters]);
  const scaler = new GradScaler(options);
  const lossOf = (x: Tensor, y: Tensor) => add(sum(mul(a.tensor, x)), sum(mul(b.tensor, y)));
  const scaled = gpu.capture((x: Tensor, y: Tensor) => {
    backward(scaler.scale(lossOf(x, y)));
    const result = scaler.step(optimizer);
    scaler.update();
    return result;
  });
  const plain = gpu.capture((x: Tensor, y: Tensor) => {
    backward(lossOf(x, y));
    return optimizer.step();
  });
  /** Everything that a step may change but `steps`, which counts what was asked for. */
  const snapshot = async () => {
    const states = await optimizer.stateDict(download);
    states.delete('steps');
    const weights = [[...(await gpu.download(a.state))], [...(await gpu.download(b.state))]];
    return { weights, states };
  };
  return { a, b, optimizer, scaler, lossOf, scaled, plain, snapshot };
}

const grads = (seed: number): [Tensor, Tensor] => [
  tensor(
    Float32Array.from({ length: 4 }, (_, i) => Math.sin(seed + i)),
    [2, 2],
  ),
  tensor(
    Float32Array.from({ length: 3 }, (_, i) => Math.cos(seed + i)),
    [3],
  ),
];
/** Gradients of which one is not finite. */
const broken = (value: number): [Tensor, Tensor] => [grads(1)[0], tensor([1, value, 3], [3])];

const MAKERS: readonly (readonly [string, (parameters: Parameter[]) => Optimizer])[] = [
  ['SGD', (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.1, clipNorm: 1 })],
  ['Adam', (p) => new Adam(p, { lr: 0.1, weightDecay: 0.1 })],
  ['AdamW', (p) => new AdamW(p, { lr: 0.1, weightDecay: 0.1 })],
  ['RMSprop', (p) => new RMSprop(p, { lr: 0.1, momentum: 0.9 })],
  ['Lion', (p) => new Lion(p, { lr: 0.1, weightDecay: 0.1 })],
];

describe('a scaled step', () => {
  it.each(
    MAKERS,
  )('is that without a scale, and one with an overflow is as if it had not been: %s', async (_name, make) => {
    const scaled = setUp(make);
    const plain = setUp(make);
    for (let i = 0; i < 8; i++) {
      if (i === 0 || i === 3 || i === 5) {
        const before = await scaled.snapshot();
        const value = [Number.POSITIVE_INFINITY, Number.NaN, Number.NEGATIVE_INFINITY][i % 3]!;
        const { foundInf } = await scaled.scaled(...broken(value));
        expect(await foundInf.item()).toBe(1);
        expect(await scaled.snapshot()).toEqual(before);
        continue;
      }
      const { foundInf, gradNorm } = await scaled.scaled(...grads(i));
      const { gradNorm: wanted } = await plain.plain(...grads(i));
      expect(await foundInf.item()).toBe(0);
      expect(await gradNorm.item()).toBeCloseTo(await wanted.item(), 5);
    }
    // The scale is a power of 2: the same bits.
    expect(await scaled.snapshot()).toEqual(await plain.snapshot());
    expect([scaled.optimizer.steps, plain.optimizer.steps]).toEqual([8, 5]);
  });

  it('that overflows by the scale is left out until the scale is small enough', async () => {
    const { scaled, scaler, snapshot, a } = setUp((p) => new SGD(p, { lr: 1 }), { initScale: 2 ** 100 });
    const large = [tensor([1e12, 0, 0, 0], [2, 2]), tensor([0, 0, 0], [3])] as const;
    const before = await snapshot();
    const found: number[] = [];
    // 2^100 * 1e12 is above 2^128.
    for (let i = 0; i < 14; i++) found.push(await (await scaled(...large)).foundInf.item());
    expect(found.slice(0, 12)).toEqual(new Array(12).fill(1));
    expect(found.slice(12)).toEqual([0, 0]);
    expect(await scaler.getScale(download)).toBe(2 ** 88);
    expect((await snapshot()).weights[1]).toEqual(before.weights[1]);
    expect((await gpu.download(a.state))[0]).toBe(Math.fround(Math.fround(1 - 1e12) - 1e12));
  });
});

/** The scale after each iteration, by the rules of torch.cuda.amp.GradScaler (`_amp_update_scale_`). */
function torchScales(
  overflows: readonly boolean[],
  options: Required<Omit<GradScalerOptions, 'enabled'>>,
): number[] {
  let [scale, tracker] = [options.initScale, 0];
  return overflows.map((overflow) => {
    if (overflow) {
      scale *= options.backoffFactor;
      tracker = 0;
    } else {
      tracker++;
      if (tracker === options.growthInterval) {
        if (Number.isFinite(Math.fround(scale * options.growthFactor))) scale *= options.growthFactor;
        tracker = 0;
      }
    }
    return scale;
  });
}

describe('the scale', () => {
  it.each([
    ['halves and doubles', { initScale: 65536, growthFactor: 2, backoffFactor: 0.5, growthInterval: 3 }],
    ['by other factors', { initScale: 8, growthFactor: 4, backoffFactor: 0.25, growthInterval: 2 }],
    ['stays finite', { initScale: 2 ** 126, growthFactor: 2, backoffFactor: 0.5, growthInterval: 1 }],
  ])('%s as PyTorch’s does', async (_name, options) => {
    const { scaled, scaler } = setUp((p) => new SGD(p, { lr: 1e-3 }), options);
    const overflows = [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0].map(Boolean);
    const small = [tensor([1e-30, 0, 0, 0], [2, 2]), tensor([0, 0, 0], [3])] as const;
    const scales: number[] = [];
    for (const overflow of overflows) {
      await scaled(...(overflow ? broken(Number.NaN) : small));
      scales.push(await scaler.getScale(download));
    }
    expect(scales).toEqual(torchScales(overflows, options));
  });

  it('is one of PyTorch’s at first, and goes on from a checkpoint', async () => {
    expect(await new GradScaler().getScale(download)).toBe(65536);
    const options = { growthInterval: 3 };
    const make = (p: Parameter[]) => new SGD(p);
    const [first, second] = [setUp(make, options), setUp(make, options)];
    for (const one of [broken(Number.NaN), grads(1), grads(2)]) await first.scaled(...one);
    const saved = await first.scaler.stateDict(download);
    expect([...saved].map(([name, { data }]) => [name, data[0]])).toEqual([
      ['scale', 32768],
      ['growthTracker', 2],
    ]);
    second.scaler.loadStateDict(saved);
    await second.scaled(...grads(3));
    expect(await second.scaler.getScale(download)).toBe(65536);
    expect(() => second.scaler.loadStateDict(new Map())).toThrow(StateDictError);
    const wrong = new Map(saved).set('scale', { ...saved.get('scale')!, data: Float32Array.of(0) });
    expect(() => second.scaler.loadStateDict(wrong)).toThrow('the checkpoint has no usable scale');
  });
});

describe('a scaler', () => {
  it('leaves out the step of the optimizer whose gradients overflow, and no other', async () => {
    const [a, b] = [new Parameter([1], [0]), new Parameter([1], [0])];
    const optimizers = [new SGD([a], { lr: 1 }), new SGD([b], { lr: 1 })];
    const scaler = new GradScaler({ initScale: 4 });
    const step = gpu.capture((x: Tensor, y: Tensor) => {
      backward(scaler.scale(add(sum(mul(a.tensor, x)), sum(mul(b.tensor, y)))));
      const [one, two] = optimizers.map((optimizer) => scaler.step(optimizer).foundInf);
      scaler.update();
      return { one: one!, two: two! };
    });
    const { one, two } = await step(tensor([1]), tensor([Number.NaN]));
    expect([await one.item(), await two.item()]).toEqual([0, 1]);
    expect([(await gpu.download(a.state))[0], (await gpu.download(b.state))[0]]).toEqual([-1, 0]);
    expect(await scaler.getScale(download)).toBe(2);
  });

  it('takes accumulated gradients', async () => {
    const { a, optimizer, scaler, lossOf } = setUp((p) => new SGD(p, { lr: 1 }));
    const gather = gpu.capture((x: Tensor, y: Tensor) => {
      backward(scaler.scale(lossOf(x, y)));
      accumulate(optimizer);
      return {};
    });
    const step = gpu.capture(() => {
      const result = scaler.step(optimizer);
      scaler.update();
      return result;
    });
    const one = (value: number) => [tensor([value, 0, 0, 0], [2, 2]), tensor([0, 0, 0], [3])] as const;
    await gather(...one(1));
    await gather(...one(Number.NaN));
    expect(await (await step()).foundInf.item()).toBe(1);
    expect((await gpu.download(a.state))[0]).toBe(1);
    await gather(...one(1));
    await gather(...one(3));
    const { foundInf, gradNorm } = await step();
    expect([await foundInf.item(), await gradNorm.item()]).toEqual([0, 2]);
    expect((await gpu.download(a.state))[0]).toBe(-1);
  });

  it('keeps gradients that are too small for f16', async () => {
    // Each of the 4096 parts has a gradient of 2^-36 in f16, whose smallest number is 2^-24.
    const x = tensor(new Float32Array(4096).fill(1), [4096], 'f16');
    const descend = async (enabled: boolean) => {
      const w = new Parameter([4096], new Float32Array(4096));
      const optimizer = new SGD([w], { lr: 2 ** 36 });
      const scaler = new GradScaler({ enabled });
      const step = gpu.capture(() => {
        const y = mul(cast(w.tensor, 'f16'), x);
        const loss = mul(sum(cast(y, 'f32')), 2 ** -36);
        backward(scaler.scale(loss));
        const { foundInf } = scaler.step(optimizer);
        scaler.update();
        return { foundInf };
      });
      const { foundInf } = await step();
      return [await foundInf.item(), ...new Set(await gpu.download(w.state))];
    };
    if (!gpu.device.caps.f16) {
      await expect(descend(true)).rejects.toThrow('needs shader-f16, which the device lacks');
      return;
    }
    expect(await descend(false)).toEqual([0, 0]);
    expect(await descend(true)).toEqual([0, -1]);
  });

  it('that is not enabled does nothing', async () => {
    const { scaled, plain, scaler, snapshot, optimizer } = setUp((p) => new AdamW(p), { enabled: false });
    const other = setUp((p) => new AdamW(p));
    const { foundInf } = await scaled(...grads(1));
    await other.plain(...grads(1));
    expect(await snapshot()).toEqual(await other.snapshot());
    expect([await foundInf.item(), await scaler.getScale(download), optimizer.steps]).toEqual([0, 1, 1]);
    plain.dispose();
  });

  it.each([
    ['a scale of 0', { initScale: 0 }, 'initScale must be a number above 0, got 0'],
    ['a growth of 1', { growthFactor: 1 }, 'growthFactor must be a number above 1, got 1'],
    ['a backoff of 1', { backoffFactor: 1 }, 'backoffFactor must be between 0 and 1, got 1'],
    [
      'half an interval',
      { growthInterval: 1.5 },
      'growthInterval must be a whole number of at least 1, got 1.5',
    ],
    ['text', { initScale: '1' as never }, 'initScale must be a number above 0, got 1'],
  ])('refuses %s', (_name, options, message) => {
    expect(() => new GradScaler(options)).toThrow(UsageError);
    expect(() => new GradScaler(options)).toThrow(message);
  });

  it('steps optimizers', () => {
    expect(() => new GradScaler().step({} as never)).toThrow(
      'GradScaler.step: [object Object] is no optimizer',
    );
  });
});
