import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward } from '../../src/graph/backward.ts';
import { relu } from '../../src/graph/functions/elementwise.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Conv2d } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { BatchNorm2d } from '../../src/nn/norms.ts';
import { SGD } from '../../src/nn/optimizers.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

const SIZE = 16;
const image = (seed: number): Tensor =>
  tensor(
    Float32Array.from({ length: SIZE * SIZE * 16 }, (_, i) => Math.sin(i * (seed + 1))),
    [1, SIZE, SIZE, 16],
  );

/** Weights for Winograd's algorithm, and scales of batch norm. */
class Net extends Module {
  readonly conv = new Conv2d(16, 16, 3, { padding: 1, generator: generator(1) });
  readonly norm = new BatchNorm2d(16);
  forward(x: Tensor): Tensor {
    return relu(this.norm.forward(this.conv.forward(x)));
  }
}

let gpu: Gpu;
/** Computes everything at every run. */
let plain: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ strategy: 'winograd2', validate: false });
  plain = await sharedGpu({ strategy: 'winograd2', validate: false });
});
afterAll(() => {
  gpu?.dispose();
  plain?.dispose();
});

async function predict(step: ReturnType<typeof capture>, x: Tensor): Promise<number[]> {
  return [...(await (await step(x)).y.data())];
}
const capture = (net: Net, on = gpu) => on.capture((x) => ({ y: net.forward(x!) }));

/** What a new program on a new device computes of the weights as they are on this one. */
async function afresh(net: Net, x: Tensor): Promise<number[]> {
  const copy = new Net();
  copy.loadStateDict(await net.stateDict((state) => gpu.download(state)));
  copy.eval();
  const step = capture(copy, plain);
  const values = await predict(step, x);
  step.dispose();
  return values;
}

describe('what depends on weights alone', () => {
  it('is computed once, and again when the host has set a weight', async () => {
    const net = new Net();
    net.eval();
    const step = capture(net);
    const { dispatches, steadyDispatches } = await step.prepare([image(0)]);
    // The transform of the weights, and 1 / sqrt(variance + eps) times the weight.
    expect(steadyDispatches).toBe(2);
    expect(dispatches).toBeGreaterThan(steadyDispatches);
    for (const seed of [0, 1, 2])
      expect(await predict(step, image(seed))).toEqual(await afresh(net, image(seed)));
    for (const [name, state] of net.namedStates()) {
      const before = await predict(step, image(3));
      state.set(Float32Array.from(state.initial, (value, i) => 0.5 * value + 0.25 + 0.01 * (i % 5)));
      const after = await predict(step, image(3));
      expect(after, name).not.toEqual(before);
      expect(after, name).toEqual(await afresh(net, image(3)));
    }
    step.dispose();
  });

  it('is computed again after another program has changed a weight', async () => {
    const net = new Net();
    const optimizer = new SGD(net.parameters(), { lr: 0.1 });
    const train = gpu.capture((x) => {
      net.train();
      const loss = mean(net.forward(x!));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    expect((await train.prepare([image(0)])).steadyDispatches).toBe(0);
    const step = gpu.capture((x) => {
      net.eval();
      return { y: net.forward(x!) };
    });
    let last: number[] = [];
    for (const seed of [0, 1, 2]) {
      await train(image(seed));
      const values = await predict(step, image(7));
      expect(values).not.toEqual(last);
      expect(values).toEqual(await afresh(net, image(7)));
      // And not a second time.
      expect(await predict(step, image(7))).toEqual(values);
      last = values;
    }
    expect((await step.prepare([image(0)])).steadyDispatches).toBe(2);
    train.dispose();
    step.dispose();
  });

  it('runs in as few dispatches as change', async () => {
    const net = new Net();
    net.eval();
    const step = capture(net);
    const { dispatches, steadyDispatches } = await step.prepare([image(0)]);
    const counts: number[] = [];
    const { device } = gpu.device;
    const create = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = (descriptor) => {
      const encoder = create(descriptor);
      const begin = encoder.beginComputePass.bind(encoder);
      encoder.beginComputePass = (pass) => {
        const made = begin(pass);
        const dispatch = made.dispatchWorkgroups.bind(made);
        counts.push(0);
        made.dispatchWorkgroups = (...workgroups) => {
          counts[counts.length - 1]!++;
          dispatch(...workgroups);
        };
        return made;
      };
      return encoder;
    };
    try {
      for (const seed of [0, 1, 2]) await predict(step, image(seed));
    } finally {
      device.createCommandEncoder = create;
    }
    const less = dispatches - steadyDispatches;
    expect(counts).toEqual([dispatches, less, less]);
    step.dispose();
  });
});
