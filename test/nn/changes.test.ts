import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { add, mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { LeakyReLU, Softmax } from '../../src/nn/activations.ts';
import { Dropout, StochasticDepth } from '../../src/nn/dropout.ts';
import { Conv2d, ConvTranspose2d, Linear } from '../../src/nn/layers.ts';
import { type Module, Parameter } from '../../src/nn/module.ts';
import { BatchNorm2d, FrozenBatchNorm2d, GroupNorm, LayerNorm } from '../../src/nn/norms.ts';
import { Adam, AdamW, type Optimizer, SGD } from '../../src/nn/optimizers.ts';
import { AdaptiveAvgPool2d, AvgPool2d, Flatten, MaxPool2d, Upsample } from '../../src/nn/pooling.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** Two weights, of which a step decreases both. */
function pair(make: (parameters: Parameter[]) => Optimizer) {
  const [a, b] = [new Parameter([1, 2], [1, 2]), new Parameter([1, 2], [3, 4])];
  return { a, b, optimizer: make([a, b]) };
}

function trainer({ a, b, optimizer }: ReturnType<typeof pair>) {
  return gpu.capture(() => {
    const loss = add(sum(mul(a.tensor, a.tensor)), sum(mul(b.tensor, b.tensor)));
    backward(loss);
    const { gradNorm } = optimizer.step();
    return { loss, gradNorm };
  });
}

/** The values of parameters. */
const valuesOf = async (...parameters: Parameter[]): Promise<number[][]> => {
  const read: number[][] = [];
  for (const { state } of parameters) {
    const { flat, offset } = state.home!;
    read.push([...(await gpu.download(flat))].slice(offset, offset + 2));
  }
  return read;
};

const OPTIMIZERS: readonly (readonly [string, (parameters: Parameter[]) => Optimizer])[] = [
  ['SGD', (p) => new SGD(p, { lr: 0.1, momentum: 0.9, weightDecay: 0.1 })],
  ['AdamW', (p) => new AdamW(p, { lr: 0.1, weightDecay: 0.1 })],
];

describe('a parameter with requiresGrad = false', () => {
  it.each(
    OPTIMIZERS,
  )('keeps its value after a capture, momentum and decay too, and goes on: %s', async (_n, make) => {
    const one = pair(make);
    const step = trainer(one);
    await step();
    const before = await valuesOf(one.a, one.b);
    one.a.requiresGrad = false;
    expect([one.a.requiresGrad, one.a.tensor.requiresGrad]).toEqual([false, false]);
    const { gradNorm } = await step();
    const [a, b] = await valuesOf(one.a, one.b);
    expect(a).toEqual(before[0]);
    expect(b![0]).toBeLessThan(before[1]![0]!);
    expect(await gradNorm.item()).toBeCloseTo(2 * Math.hypot(...before[1]!), 3);
    one.a.requiresGrad = true;
    await step();
    expect((await valuesOf(one.a))[0]![0]).toBeLessThan(a![0]!);
    step.dispose();
  });

  it.each(OPTIMIZERS)('is as if it were not given to the optimizer: %s', async (_n, make) => {
    const given = pair(make);
    given.a.requiresGrad = false;
    const alone = pair((p) => make(p.slice(1)));
    const steps = [trainer(given), trainer(alone)];
    for (const step of steps) for (let i = 0; i < 3; i++) await step();
    expect(await valuesOf(given.b)).toEqual(await valuesOf(alone.b));
    for (const step of steps) step.dispose();
  });

  it('frozen before its optimizer is made, takes neither memory nor time for gradients', async () => {
    const measure = async (frozen: boolean) => {
      const [first, second] = [new Linear(256, 256), new Linear(256, 1)];
      for (const parameter of first.parameters()) parameter.requiresGrad = !frozen;
      const optimizer = new AdamW([...first.parameters(), ...second.parameters()], { lr: 0.1 });
      const own = await sharedGpu();
      const step = own.capture((x: Tensor) => {
        const loss = sum(second.forward(first.forward(x)));
        backward(loss);
        optimizer.step();
        return { loss };
      });
      const stats = await step.prepare([tensor(new Float32Array(256), [1, 256])]);
      own.dispose();
      return stats;
    };
    const [all, some] = [await measure(false), await measure(true)];
    expect(some.plannedBytes).toBeLessThan(all.plannedBytes);
    expect(some.dispatches).toBeLessThan(all.dispatches);
  });

  it('is counted by Adam from the step at which it is trained', async () => {
    const one = pair((p) => new Adam(p, { lr: 0.1 }));
    const late = new Parameter([1, 2], [5, 5]);
    late.requiresGrad = false;
    const optimizer = new Adam([late], { lr: 0.1 });
    const step = gpu.capture(() => {
      const loss = add(sum(mul(late.tensor, late.tensor)), sum(one.a.tensor));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    for (let i = 0; i < 5; i++) await step();
    expect((await valuesOf(late))[0]).toEqual([5, 5]);
    late.requiresGrad = true;
    await step();
    expect((await valuesOf(late))[0]![0]).toBeCloseTo(4.9, 4);
    const saved = await optimizer.stateDict((state) => gpu.download(state));
    expect([saved.get('steps')?.data[0], saved.get('0.step')?.data[0]]).toEqual([6, 1]);
    step.dispose();
  });

  it('where all are frozen, backward says so', async () => {
    const one = pair(OPTIMIZERS[0]![1]);
    one.a.requiresGrad = false;
    one.b.requiresGrad = false;
    await expect(trainer(one)()).rejects.toThrow('requires a gradient');
  });

  it('takes true or false', () => {
    const { a } = pair(OPTIMIZERS[0]![1]);
    const set = () => {
      a.requiresGrad = 0 as never;
    };
    expect(set).toThrow(UsageError);
    expect(set).toThrow('Parameter: requiresGrad is 0; give true or false');
  });
});

/** What a module gives after a setting was changed, by a step that was captured before, and by a new one. */
async function changed(
  module: Module & { forward(x: Tensor): Tensor },
  shape: number[],
  change: () => void,
): Promise<void> {
  const x = tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1)),
    shape,
  );
  const capture = () => gpu.capture((input: Tensor) => ({ y: module.forward(input) }));
  const step = capture();
  const before = await (await step(x)).y.data();
  change();
  const after = await (await step(x)).y.data();
  const anew = await (await capture()(x)).y.data();
  expect(after).toEqual(anew);
  expect(after).not.toEqual(before);
}

describe('a setting that changes after a capture is heeded', () => {
  const set = <M extends object>(module: M, settings: Partial<M>) =>
    [module, () => Object.assign(module, settings)] as const;
  const frozen = new FrozenBatchNorm2d(4);
  it.each([
    ['Conv2d.stride', ...set(new Conv2d(4, 2, 3), { stride: 2 })],
    ['Conv2d.padding', ...set(new Conv2d(4, 2, 3), { padding: 'same' })],
    ['ConvTranspose2d.stride', ...set(new ConvTranspose2d(4, 2, 3), { stride: 2 })],
    ['BatchNorm2d.eps', ...set(new BatchNorm2d(4).eval(), { eps: 0.5 })],
    ['FrozenBatchNorm2d.eps', ...set(frozen, { eps: 0.5 })],
    ['LayerNorm.eps', ...set(new LayerNorm(4), { eps: 0.5 })],
    ['GroupNorm.eps', ...set(new GroupNorm(2, 4), { eps: 0.5 })],
    ['MaxPool2d.kernelSize', ...set(new MaxPool2d(2), { kernelSize: 3 })],
    ['AvgPool2d.padding', ...set(new AvgPool2d(2), { padding: 1 })],
    ['AdaptiveAvgPool2d.outputSize', ...set(new AdaptiveAvgPool2d(2), { outputSize: 1 })],
    ['Upsample.mode', ...set(new Upsample({ scaleFactor: 2 }), { mode: 'bilinear' })],
    ['LeakyReLU.negativeSlope', ...set(new LeakyReLU(), { negativeSlope: 0.5 })],
    ['Softmax.dim', ...set(new Softmax(), { dim: 1 })],
    ['Dropout.p', ...set(new Dropout(0), { p: 1 })],
    ['StochasticDepth.p', ...set(new StochasticDepth(0), { p: 1 })],
  ] as const)('%s', async (_name, module, change) => {
    await changed(module as never, [1, 6, 6, 4], change);
  });

  it('BatchNorm2d.momentum', async () => {
    const norm = new BatchNorm2d(1);
    const x = tensor([1, 3], [1, 2, 1, 1]);
    const step = gpu.capture((input: Tensor) => ({ y: norm.forward(input) }));
    await step(x);
    norm.momentum = 1;
    await step(x);
    expect((await gpu.download(norm.running_mean.state))[0]).toBe(2);
  });

  it('Flatten, whose shape changes', async () => {
    const flatten = new Flatten();
    const step = gpu.capture((input: Tensor) => ({ y: flatten.forward(input) }));
    await step(tensor([[[1], [2]]]));
    flatten.startDim = 0;
    expect(await (await step(tensor([[[1], [2]]]))).y.data()).toEqual(Float32Array.of(1, 2));
  });

  it('or refused where it cannot be used', () => {
    const dropout = new Dropout();
    const norm = new BatchNorm2d(2);
    expect(() => Object.assign(dropout, { p: 2 })).toThrow('Dropout: p must be a number from 0 to 1, got 2');
    expect(() => Object.assign(norm, { eps: Number.NaN })).toThrow('BatchNorm2d: eps is NaN; give a number');
    expect(() => Object.assign(norm, { momentum: -1 })).toThrow('BatchNorm2d: momentum is -1');
    expect(() => Object.assign(new StochasticDepth(0), { mode: 'x' })).toThrow(
      'mode is x; give row or batch',
    );
    expect([dropout.p, norm.eps, norm.momentum]).toEqual([0.5, 1e-5, 0.1]);
  });

  it('the configuration of a model cannot be changed', () => {
    const detect = { scoreThreshold: 0.5 };
    const { config } = new RetinaNet({ numClasses: 1, detect });
    expect(() => Object.assign(config, { foregroundIou: 0.9 })).toThrow(TypeError);
    expect(() => Object.assign(config.detect!, { scoreThreshold: 0.9 })).toThrow(TypeError);
    detect.scoreThreshold = 0.9;
    expect(config.detect).toEqual({ scoreThreshold: 0.5 });
  });
});
