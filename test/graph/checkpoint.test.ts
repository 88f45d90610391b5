import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError } from '../../src/errors.ts';
import { backward, grad } from '../../src/graph/backward.ts';
import { checkpoint } from '../../src/graph/checkpoint.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { avgPool2d, conv2d, groupNorm, maxPool2d } from '../../src/graph/functions/conv.ts';
import { add, div, exp, mul, relu, sigmoid, sub, tanh } from '../../src/graph/functions/elementwise.ts';
import { matmul, mean, softmax, sum } from '../../src/graph/functions/reduce.ts';
import { cast, concat, transpose } from '../../src/graph/functions/shape.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { UNet } from '../../src/models/unet.ts';
import type { Module, Parameter } from '../../src/nn/module.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { planMemory } from '../../src/plan/memory.ts';
import type { HostArray, Shape } from '../../src/shape.ts';
import { leaf, random, values } from '../plan/graphs.ts';
import { ADAPTERS, lowered, unet } from '../plan/networks.ts';
import { sharedGpu } from '../sharedGpu.ts';

await loadStrategies(Object.values(operations));

let gpu: Gpu;
let plain: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ fusion: true, validate: false });
  plain = new Gpu(gpu.device, { fusion: false, validate: false });
});
afterAll(() => gpu?.dispose());

/** A function as `checkpoint` is one, or not. */
type Around = typeof checkpoint;
const without: Around = (fn, ...inputs) => fn(...inputs);

const bits = (array: HostArray): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** Values and gradients of a graph with and without checkpoint have the same bits; with it something runs twice. */
async function expectSameBits(
  leaves: readonly Tensor[],
  graph: (around: Around) => readonly Tensor[],
): Promise<void> {
  const all = (around: Around) => {
    const outputs = graph(around);
    const loss = outputs.map((y) => mean(mul(cast(y, 'f32'), cast(y, 'f32')))).reduce((a, b) => add(a, b));
    return [loss, ...outputs, ...grad([loss], leaves).map((g) => g!)];
  };
  const counted = (around: Around) => lower(ADAPTERS.gpu, all(around), []).ops.length;
  expect(counted(checkpoint)).toBeGreaterThan(counted(without));
  for (const device of [gpu, plain]) {
    const want = await device.read(...all(without));
    const got = await device.read(...all(checkpoint));
    expect(got.map(bits)).toEqual(want.map(bits));
  }
}

describe('checkpoint changes no bit', () => {
  const x = leaf('x', [2, 8, 8, 8]);
  const w = leaf('w', [3, 3, 8, 8], 0.2);
  const [scale, shift] = [leaf('s', [8]), leaf('t', [8])];
  const unit = (y: Tensor) =>
    relu(groupNorm(conv2d(y, w, undefined, { padding: 1 }), 2, { weight: scale, bias: shift }));

  it('of convolutions, norms and shortcuts', () =>
    expectSameBits([x, w, scale, shift], (around) => [
      around((y) => relu(add(unit(unit(y)), y)), around(unit, x)),
    ]));

  it('of checkpoints in checkpoints', () =>
    expectSameBits([x, w, scale], (around) => [
      around((y) => around((z) => unit(around(unit, z)), unit(y)), unit(x)),
    ]));

  it('of several outputs, some unused, in an array or by name', () =>
    expectSameBits([x, w], (around) => {
      const { a, b } = around(
        (y, z) => ({ a: maxPool2d(unit(y), 2), b: sigmoid(unit(z)), unused: exp(y) }),
        x,
        tanh(x),
      );
      const [c, d] = around((y) => [avgPool2d(unit(y), 2), unit(y)] as const, b);
      return [add(a, c), d];
    }));

  it('where inputs need no gradient, and where there are none', () => {
    const images = random('images', [2, 8, 8, 8]);
    return expectSameBits([w, shift], (around) => [around(unit, images), around(() => unit(unit(images)))]);
  });

  it('of attention, views and chains of elementwise operations', () => {
    const [q, k, v] = ['q', 'k', 'v'].map((name) => leaf(name, [2, 12, 8])) as [Tensor, Tensor, Tensor];
    return expectSameBits([q, k, v], (around) => [
      around(
        (a, b, c) => {
          const weights = softmax(mul(matmul(a, transpose(b)), 0.3));
          const y = matmul(weights, c).reshape([24, 8]);
          const gated = mul(sigmoid(add(mul(y, 1.7), 0.3)), tanh(sub(y, 0.1)));
          return concat([gated, div(y, add(exp(y), 1))], 1).reshape([2, 12, 16]);
        },
        q,
        k,
        v,
      ),
    ]);
  });

  it('of a gradient that is part of the function', () =>
    expectSameBits([x, w], (around) => {
      const penalized = (y: Tensor) => {
        const z = mul(conv2d(y, w, undefined, { padding: 1 }), y);
        const [g] = grad([sum(mul(around(sigmoid, z), z))], [y]);
        return add(z, mul(g!, g!));
      };
      return [around(penalized, x)];
    }));

  it('of halves', async () => {
    const half = (name: string, shape: Shape, size = 1): Tensor => {
      const { origin } = tensor(values(name, shape, size), shape, 'f16');
      return new Tensor({ shape, dtype: 'f16' }, origin, true);
    };
    const [y, weight, s, t] = [
      half('x', [2, 8, 8, 8]),
      half('w', [3, 3, 8, 8], 0.2),
      half('s', [8]),
      half('t', [8]),
    ];
    const block = (z: Tensor) =>
      relu(groupNorm(conv2d(z, weight, undefined, { padding: 1 }), 2, { weight: s, bias: t }));
    const check = expectSameBits([y, weight, s], (around) => [
      around((z) => add(mul(sigmoid(block(block(z))), 0.37), z), block(y)),
    ]);
    if (gpu.device.caps.f16) await check;
    else await expect(check).rejects.toThrow(/needs shader-f16/);
  });

  const images = random('images', [2, 32, 32, 3]);
  /** Bits of the loss, all gradients and all states after two steps, the second on the first's statistics. */
  async function trained(
    device: Gpu,
    make: () => { module: Module & { checkpoint: boolean }; loss: () => Tensor },
    on: boolean,
  ): Promise<Map<string, Uint8Array>> {
    const { module, loss } = make();
    module.checkpoint = on;
    const optimizer = new SGD(module.parameters(), { lr: 0.1, momentum: 0.9, clipNorm: 1 });
    const named: [string, Parameter][] = [...module.namedParameters()];
    const step = device.capture(() => {
      const value = loss();
      backward(value);
      const grads = named.map(([name, { tensor }]) => [name, tensor.grad!] as const);
      optimizer.step();
      return { loss: value, ...Object.fromEntries(grads) };
    });
    const result = new Map<string, Uint8Array>();
    for (const n of [1, 2]) {
      for (const [name, value] of Object.entries(await step()))
        result.set(`${n} ${name}`, bits(await value.data()));
    }
    for (const [name, state] of module.namedStates()) result.set(name, bits(await device.download(state)));
    step.dispose();
    return result;
  }

  it.each([
    [
      'a U-Net',
      () => {
        const module = new UNet({ width: 8, depth: 2, numClasses: 3, seed: 0 });
        const loss = () => {
          const y = module.forward(images);
          return mean(mul(y, y));
        };
        return { module, loss };
      },
    ],
    [
      'a ResNet',
      () => {
        const shape = { block: 'basic', width: 8, maxWidth: 16, depth: [2, 1, 1, 1] } as const;
        const module = new ResNet({ ...shape, stem: 'small', norm: 'batch', seed: 0 });
        const loss = () =>
          module
            .features(images)
            .slice(1)
            .map((y) => mean(mul(y, y)))
            .reduce((a, b) => add(a, b));
        return { module, loss };
      },
    ],
  ] as const)('of the training of %s, running statistics included', async (_, make) => {
    for (const device of [gpu, plain]) {
      expect(await trained(device, make, true)).toEqual(await trained(device, make, false));
    }
  });
});

describe('checkpoint', () => {
  it('has the gradients of the references', () => {
    const x = leaf('x', [3, 4]);
    const y = checkpoint((a) => exp(mul(a, a)), x);
    const [g] = evaluate([grad([sum(y)], [x])[0]!]);
    values('x', [3, 4]).forEach((v, i) => {
      expect(g![i]).toBeCloseTo(2 * v * Math.exp(v * v), 8);
    });
  });

  it.each(
    Object.entries(ADAPTERS),
  )('takes half of a U-Net’s memory, and computes nothing thrice: %s', (_, caps) => {
    const shape = [4, 256, 256, 3];
    const forward = lowered(unet(shape), 'inference', caps).ops.length;
    const [kept, again] = [false, true].map((on) => lowered(unet(shape, 32, 4, on), 'training', caps));
    const bytes = (program: typeof kept) =>
      planMemory(program!).slotSizes.reduce((total, size) => total + size, 0);
    expect(bytes(again) / bytes(kept)).toBeLessThan(0.55);
    const repeated = again!.ops.filter(({ nodes }) => nodes.some((node) => node.first));
    expect(again!.ops.length).toBe(kept!.ops.length + repeated.length);
    expect(repeated.length).toBeLessThan(forward);
  });

  it('computes again when the backward pass gets there, and not before', () => {
    const [x, w] = [random('x', [1, 8, 8, 4]), leaf('w', [3, 3, 4, 4])];
    const block = (y: Tensor) => checkpoint((z) => tanh(conv2d(z, w, undefined, { padding: 1 })), y);
    const loss = mean(block(block(block(x))));
    const { ops } = lower(ADAPTERS.gpu, [loss, grad([loss], [w])[0]!], []);
    const order = ops.flatMap(({ nodes }) =>
      nodes.flatMap(({ op, first }) => {
        if (op === 'conv2d') return first ? ['again'] : ['forward'];
        return op === 'conv2d_backward_weight' ? ['gradient'] : [];
      }),
    );
    const backwards = Array.from({ length: 3 }, () => ['again', 'gradient']).flat();
    expect(order).toEqual(['forward', 'forward', 'forward', ...backwards]);
  });

  it('says what a function must not do', () => {
    const x = leaf('x', [2]);
    expect(() => checkpoint((async () => x) as never)).toThrow(
      'checkpoint: the function is async; record without await',
    );
    expect(() => checkpoint(() => undefined as never)).toThrow('checkpoint: the function returned undefined');
    expect(() => checkpoint(() => ({ y: x, n: 3 }) as never)).toThrow(FoveaError);
    const module = new UNet({ width: 4, depth: 1, numClasses: 2 });
    const optimizer = new SGD(module.parameters(), { lr: 1 });
    const step = gpu.run(() => {
      const loss = checkpoint(() => {
        const value = mean(module.forward(random('images', [1, 4, 4, 3])));
        backward(value);
        optimizer.step();
        return value;
      });
      return { loss };
    });
    return expect(step).rejects.toThrow('checkpoint: sgd_step overwrites its input and would run twice');
  });
});
