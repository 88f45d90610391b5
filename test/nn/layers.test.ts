import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { mul } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Linear } from '../../src/nn/layers.ts';
import type { Module } from '../../src/nn/module.ts';
import { FrozenBatchNorm2d, LayerNorm } from '../../src/nn/norms.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { leaf, values } from '../plan/graphs.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

function expectClose(got: ArrayLike<number>, want: readonly number[], digits = 4) {
  expect(got.length).toBe(want.length);
  want.forEach((value, i) => {
    expect(got[i]!, `at ${i}`).toBeCloseTo(value, digits);
  });
}

/** Sets a module's states to seeded values; variances are positive. */
function fill(module: Module): Record<string, Float32Array> {
  const given = module.namedStates().map(([name, state]) => {
    const drawn = values(name, state.spec.shape);
    const data = name === 'running_var' ? drawn.map((value) => value * value + 0.1) : drawn;
    state.set(data);
    return [name, data] as const;
  });
  return Object.fromEntries(given);
}

describe('FrozenBatchNorm2d', () => {
  const [N, H, W, C] = [2, 3, 4, 5];
  const x = leaf('x', [N, H, W, C]);
  const weights = values('weights', [N, H, W, C]);

  it.each([
    1e-5, 0.25,
  ])('is (x - mean) / sqrt(var + %f) * weight + bias, and so are its gradients', async (eps) => {
    const layer = new FrozenBatchNorm2d(C, eps === 1e-5 ? {} : { eps });
    const { weight, bias, running_mean, running_var } = fill(layer);
    const scale = Array.from({ length: C }, (_, c) => weight![c]! / Math.sqrt(running_var![c]! + eps));
    const step = gpu.capture(() => {
      const y = layer.forward(x);
      backward(sum(mul(y, tensor(weights, [N, H, W, C]))));
      const grad = x.grad!;
      x.grad = undefined;
      return { y, grad };
    });
    const want = Array.from(
      values('x', [N, H, W, C]),
      (value, i) => (value - running_mean![i % C]!) * scale[i % C]! + bias![i % C]!,
    );
    for (const training of [true, false]) {
      layer.train(training);
      const { y, grad } = await step();
      expectClose(await y.data(), want);
      expectClose(
        await grad.data(),
        Array.from(weights, (value, i) => value * scale[i % C]!),
      );
    }
    step.dispose();
  });

  it('learns nothing, and keeps its statistics through training', async () => {
    const layer = new FrozenBatchNorm2d(C);
    const before = fill(layer);
    expect(layer.parameters()).toEqual([]);
    expect(layer.namedStates().map(([name]) => name)).toEqual([
      'weight',
      'bias',
      'running_mean',
      'running_var',
    ]);
    const linear = new Linear(C, 1);
    const optimizer = new SGD(linear.parameters(), { lr: 0.1 });
    const step = gpu.capture(() => {
      const loss = sum(linear.forward(layer.forward(x).reshape([N * H * W, C])));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    for (let i = 0; i < 2; i++) {
      await (await step()).loss.data();
    }
    for (const [name, state] of layer.namedStates()) {
      expect(await gpu.download(state), name).toEqual(before[name]);
    }
    step.dispose();
  });
});

describe('LayerNorm', () => {
  const [rows, E] = [6, 7];

  it.each([1e-5, 1e-6, 0.5])('normalises each row of the last dimension, eps %f', async (eps) => {
    const layer = new LayerNorm(E, eps === 1e-5 ? {} : { eps });
    const { weight, bias } = fill(layer);
    const data = values('x', [2, 3, E]).map((value, i) => value * (1 + Math.floor(i / E)) + 3);
    // A row of one value: only eps stands between it and a division by zero.
    data.fill(2, 0, E);
    const upstream = values('upstream', [2, 3, E]);
    const step = gpu.capture(() => {
      const y = layer.forward(tensor(data, [2, 3, E]));
      backward(sum(mul(y, tensor(upstream, [2, 3, E]))));
      const grads = [layer.weight, layer.bias].map(({ tensor: own }) => {
        const { grad } = own;
        own.grad = undefined;
        return grad!;
      }) as [Tensor, Tensor];
      return { y, weight: grads[0], bias: grads[1] };
    });
    const want: number[] = [];
    const grads = { weight: new Array<number>(E).fill(0), bias: new Array<number>(E).fill(0) };
    for (let row = 0; row < rows; row++) {
      const x = data.subarray(row * E, (row + 1) * E);
      const mean = x.reduce((a, b) => a + b, 0) / E;
      const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / E;
      for (let i = 0; i < E; i++) {
        const even = (x[i]! - mean) / Math.sqrt(variance + eps);
        want.push(even * weight![i]! + bias![i]!);
        grads.weight[i]! += even * upstream[row * E + i]!;
        grads.bias[i]! += upstream[row * E + i]!;
      }
    }
    const run = await step();
    expectClose(await run.y.data(), want);
    expectClose(await run.weight.data(), grads.weight);
    expectClose(await run.bias.data(), grads.bias);
    step.dispose();
  });
});

describe('Linear', () => {
  const [N, H, W, C, O] = [3, 2, 4, 5, 6];
  const I = H * W * C;

  it('is x weight + bias, with or without one', async () => {
    for (const bias of [true, false]) {
      const layer = new Linear(I, O, { bias });
      const given = fill(layer);
      expect(Object.keys(given)).toEqual(bias ? ['weight', 'bias'] : ['weight']);
      const x = values('x', [N, I]);
      const [y] = await gpu.read(layer.forward(tensor(x, [N, I])));
      const want = Array.from({ length: N * O }, (_, at) => {
        const [n, o] = [Math.floor(at / O), at % O];
        let total = bias ? given.bias![o]! : 0;
        for (let i = 0; i < I; i++) total += x[n * I + i]! * given.weight![i * O + o]!;
        return total;
      });
      expectClose(y!, want);
    }
  });

  it('of so many pixels takes PyTorch’s weights of a map that it flattened channels first', async () => {
    const torch = { weight: values('torch', [O, I]), bias: values('bias', [O]) };
    const entries = new Map([
      ['weight', { shape: [O, I], data: torch.weight }],
      ['bias', { shape: [O], data: torch.bias }],
    ]);
    const layer = new Linear(I, O, { pixels: H * W });
    layer.loadStateDict(entries, { source: 'torch', layout: 'pytorch' });
    const x = values('x', [N, H, W, C]);
    const [y] = await gpu.read(layer.forward(tensor(x, [N, H, W, C]).reshape([N, I])));
    const want: number[] = [];
    for (let n = 0; n < N; n++) {
      for (let o = 0; o < O; o++) {
        let total = torch.bias[o]!;
        let i = 0;
        for (let c = 0; c < C; c++) {
          for (let pixel = 0; pixel < H * W; pixel++, i++) {
            total += torch.weight[o * I + i]! * x[(n * H * W + pixel) * C + c]!;
          }
        }
        want.push(total);
      }
    }
    expectClose(y!, want);
  });

  it('draws weights of the spread that it is told, by default Kaiming’s', () => {
    const spread = (layer: Linear) => {
      const { initial } = layer.weight.state;
      return Math.sqrt(Float64Array.from(initial).reduce((a, b) => a + b * b, 0) / initial.length);
    };
    expect(spread(new Linear(200, 100, { std: 0.01 })) / 0.01).toBeCloseTo(1, 1);
    expect(spread(new Linear(200, 100)) / Math.sqrt(2 / 200)).toBeCloseTo(1, 1);
  });
});
