import { afterEach, describe, expect, it } from 'vitest';
import { type AdapterChoice, requestNodeAdapter } from '../../src/device/node.ts';
import { BufferUsage } from '../../src/device/usage.ts';
import {
  DeviceLimitError,
  DeviceLostError,
  FoveaError,
  GpuError,
  OutOfMemoryError,
} from '../../src/errors.ts';
import { backward } from '../../src/graph/backward.ts';
import { neg, relu } from '../../src/graph/functions/elementwise.ts';
import { mseLoss } from '../../src/graph/functions/losses.ts';
import { linear, matmul, sum, topk } from '../../src/graph/functions/reduce.ts';
import { expand } from '../../src/graph/functions/shape.ts';
import { State } from '../../src/graph/state.ts';
import { stateTensor, tensor, zeros } from '../../src/graph/tensor.ts';
import { Module, Parameter } from '../../src/nn/module.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import { borrowGpu, type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { values } from '../plan/graphs.ts';
import { DeviceLedger } from './workloads.ts';

const opened: Gpu[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.dispose();
});

async function open(adapter?: AdapterChoice): Promise<Gpu> {
  const gpu = await openGpu({ validate: false, ...(adapter ? { adapter } : {}) });
  opened.push(gpu);
  return gpu;
}

/** A device as an application opens it, without Fovea. */
async function bareDevice(): Promise<GPUDevice> {
  const adapter = await requestNodeAdapter((process.env.FOVEA_ADAPTER ?? 'auto') as AdapterChoice);
  return adapter.requestDevice();
}

const x = () => tensor(values('x', [64, 64]), [64, 64]);

/** Twenty dense layers: enough to be in flight for a while. */
const deep = (gpu: Gpu) =>
  gpu.capture((input) => {
    let y = input!;
    for (let i = 0; i < 20; i++) y = relu(matmul(y, x()));
    return { y };
  });

/** The rejection of a promise. One that is never settled runs into the time limit of the test. */
async function faultOf(promise: Promise<unknown>): Promise<FoveaError> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(FoveaError);
    return error as FoveaError;
  }
  throw new Error('it did not throw');
}

async function expectLost(doing: string, promise: Promise<unknown>): Promise<void> {
  const error = await faultOf(promise);
  expect(error).toBeInstanceOf(DeviceLostError);
  expect(error.message).toMatch(new RegExp(`^${doing}: the GPU device is lost \\(.+\\); open a new one`));
}

describe('a device that is lost', () => {
  it('while results are read, and at every call after', async () => {
    const gpu = await open();
    const step = deep(gpu);
    const run = await step(x());
    const pending = [run.y.data(), run.y.data()];
    gpu.device.device.destroy();
    for (const promise of pending) await expectLost('data', promise);
    await expectLost('data', run.y.data());
    await expectLost('step', step(x()));
    await expectLost('step', step(x()));
    await expectLost('capture', gpu.read(x()));
    await expectLost('capture', step(zeros([3, 64])));
    const state = new State('moment', { shape: [4], dtype: 'f32' }, new Float32Array(4));
    await expectLost('download of "moment"', gpu.download(state));
    expect(() => step.dispose()).not.toThrow();
  });

  it('between a step and the reading of its results, with nobody waiting in between', async () => {
    const gpu = await open();
    const run = await deep(gpu)(x());
    gpu.device.device.destroy();
    await expectLost('data', run.y.data());
  });

  it.each([
    'at once',
    'createShaderModule',
    'createComputePipelineAsync',
    'createBuffer',
    'createBindGroup',
    'createCommandEncoder',
  ] as const)('while programs are made: %s', async (moment) => {
    const gpu = await open();
    const { device } = gpu.device;
    let destroyed = false;
    const destroy = () => {
      destroyed = true;
      device.destroy();
    };
    if (moment !== 'at once') {
      const method = device[moment].bind(device) as (descriptor: never) => unknown;
      const thenDestroys = (descriptor: never) => {
        const made = method(descriptor);
        destroy();
        return made;
      };
      Object.assign(device, { [moment]: thenDestroys });
    }
    const promises = [deep(gpu)(x()), deep(gpu).prepare([x()])];
    for (const promise of promises) promise.catch(() => undefined);
    if (moment === 'at once') destroy();
    // What was ready before the device went has nothing to report.
    for (const outcome of await Promise.allSettled(promises)) {
      if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(DeviceLostError);
    }
    expect(destroyed).toBe(true);
    await expectLost('capture', gpu.read(x()));
  });

  it('in many steps at once: every promise is answered', async () => {
    const gpu = await open();
    const step = deep(gpu);
    await step(x());
    const promises = Array.from({ length: 8 }, async () => (await step(x())).y.data());
    gpu.device.device.destroy();
    for (const outcome of await Promise.allSettled(promises)) {
      expect(outcome.status).toBe('rejected');
      expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(FoveaError);
    }
  });

  it('that was the caller’s: the same error, and the next device is borrowed as before', async () => {
    const first = await bareDevice();
    const gpu = borrowGpu(first);
    const step = deep(gpu);
    const pending = (await step(x())).y.data();
    first.destroy();
    await expectLost('data', pending);
    await expectLost('step', step(x()));
    gpu.dispose();
    const device = await bareDevice();
    const second = borrowGpu(device);
    expect([...(await second.read(neg(tensor([1]))))[0]!]).toEqual([-1]);
    second.dispose();
    device.destroy();
  });

  it('does not end training: a new device goes on from what was saved, bit for bit', async () => {
    class Dense extends Module {
      weight = new Parameter([8, 3], values('w', [8, 3]));
      bias = new Parameter([3], values('b', [3]));
    }
    const model = new Dense();
    const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
    const trainer = (gpu: Gpu) => {
      const step = gpu.capture((input, target) => {
        const loss = mseLoss(linear(input!, model.weight.tensor, model.bias.tensor), target!);
        backward(loss);
        optimizer.step();
        return { loss };
      });
      return async (i: number) => {
        const run = await step(
          tensor(values(`i${i}`, [4, 8]), [4, 8]),
          tensor(values(`t${i}`, [4, 3]), [4, 3]),
        );
        return (await run.loss.data())[0]!;
      };
    };
    const first = await open();
    const train = trainer(first);
    for (let i = 0; i < 3; i++) await train(i);
    const download = (state: State) => first.download(state);
    const saved = { model: await model.stateDict(download), optimizer: await optimizer.stateDict(download) };
    const want: number[] = [];
    for (let i = 3; i < 6; i++) want.push(await train(i));

    const lost = train(6);
    first.device.device.destroy();
    await faultOf(lost);
    await expectLost('download of "weights"', model.stateDict(download));

    // The same objects in the same process, and a new device.
    const second = await open();
    model.loadStateDict(saved.model);
    optimizer.loadStateDict(saved.optimizer);
    const resumed = trainer(second);
    const got: number[] = [];
    for (let i = 3; i < 6; i++) got.push(await resumed(i));
    expect(got).toEqual(want);
  });
});

describe('memory that the device refuses', () => {
  // SwiftShader allocates less than a gibibyte at a time, and binds as much as that: on every machine.
  const GIBIBYTE = 2 ** 30;

  it('for temporaries is an OutOfMemoryError with the figures; nothing stays behind and the device goes on', async () => {
    const gpu = await open('swiftshader');
    const ledger = new DeviceLedger(gpu.device.device);
    await gpu.read(neg(tensor([1])));
    const before = ledger.buffers;
    const huge = expand(zeros([1]), [GIBIBYTE / 4]);
    const error = await faultOf(gpu.read(sum(huge)));
    expect(error).toBeInstanceOf(OutOfMemoryError);
    expect(error.message).toMatch(
      /^capture: the device refused memory for this program: \d+ bytes of temporaries \(the largest 1073741824\), \d+ bytes of inputs, constants and results; use a smaller batch/,
    );
    expect(ledger.buffers).toBe(before);
    expect([...(await gpu.read(neg(tensor([3]))))[0]!]).toEqual([-3]);
    expect(ledger.buffers).toBe(before);
  });

  it('for results, states and readbacks, each with its own words', async () => {
    const gpu = await open('swiftshader');
    const ledger = new DeviceLedger(gpu.device.device);
    const result = await faultOf(gpu.read(expand(zeros([1]), [GIBIBYTE / 4])));
    expect(result).toBeInstanceOf(OutOfMemoryError);
    expect(ledger.buffers).toBe(0);

    const spec = { shape: [GIBIBYTE / 4], dtype: 'f32' } as const;
    const state = new State('flat', spec, new Float32Array(0));
    const used = await faultOf(gpu.run(() => ({ y: sum(stateTensor(state)) })));
    expect(used).toBeInstanceOf(OutOfMemoryError);
    expect(used.message).toContain('state "flat" of 1073741824 bytes');
    expect(await faultOf(gpu.download(state))).toBeInstanceOf(OutOfMemoryError);
    expect(ledger.buffers).toBe(0);
    expect([...(await gpu.read(neg(tensor([3]))))[0]!]).toEqual([-3]);
  });

  it('is foreseen where a binding or a buffer cannot be as large: a DeviceLimitError, and nothing is made', async () => {
    const gpu = await open();
    const ledger = new DeviceLedger(gpu.device.device);
    const { maxBindingSize } = gpu.device.caps;
    const wide = await faultOf(gpu.read(sum(expand(zeros([1]), [maxBindingSize / 4 + 1]))));
    expect(wide).toBeInstanceOf(DeviceLimitError);
    expect(wide.message).toMatch(/^expand: y \[\d+\] takes \d+ bytes, the device binds at most \d+; use/);
    // Values of two bytes are sorted by keys of four.
    const caps = { ...gpu.device.caps, f16: true, maxBindingSize: 4096 };
    const largest = topk(zeros([1500], 'f16'), 2).values;
    expect(() => lower(caps, [largest], [])).toThrow(/^topk: .*keys takes 6000 bytes/);
    const { maxBufferSize } = gpu.device.device.limits;
    const spec = { shape: [maxBufferSize], dtype: 'f32' } as const;
    const state = new State('flat', spec, new Float32Array(0));
    const large = await faultOf(gpu.download(state));
    expect(large).toBeInstanceOf(DeviceLimitError);
    expect(large.message).toContain(`the device makes at most ${maxBufferSize}`);
    expect(ledger.buffers).toBe(0);
    expect([...(await gpu.read(neg(tensor([3]))))[0]!]).toEqual([-3]);
  });
});

describe('commands that WebGPU finds invalid', () => {
  const { STORAGE, COPY_DST, COPY_SRC } = BufferUsage;

  /** A copy into a buffer that is destroyed already. */
  function misuse(device: GPUDevice): void {
    const [source, goal] = [COPY_SRC, COPY_DST].map((usage) =>
      device.createBuffer({ size: 64, usage: usage | STORAGE }),
    );
    goal!.destroy();
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(source!, 0, goal!, 0, 64);
    device.queue.submit([encoder.finish()]);
  }

  it('on a device of Fovea’s are thrown at the next call, once', async () => {
    const gpu = await open();
    misuse(gpu.device.device);
    const error = await faultOf(gpu.read(neg(tensor([1]))));
    expect(error).toBeInstanceOf(GpuError);
    expect(error.message).toMatch(/^device: WebGPU reported: .*destroyed/);
    expect([...(await gpu.read(neg(tensor([1]))))[0]!]).toEqual([-1]);
  });

  it('on a borrowed device go to whom they belong', async () => {
    const device = await bareDevice();
    const heard: string[] = [];
    const handler = (event: GPUUncapturedErrorEvent) => {
      event.preventDefault();
      heard.push(event.error.message);
    };
    device.onuncapturederror = handler;
    const gpu = borrowGpu(device);
    misuse(device);
    expect([...(await gpu.read(neg(tensor([1]))))[0]!]).toEqual([-1]);
    expect(heard).toHaveLength(1);
    expect(heard[0]).toMatch(/destroyed/);
    expect(device.onuncapturederror).toBe(handler);

    // Fovea's own: buffers of its program are destroyed behind its back.
    const made: GPUBuffer[] = [];
    const createBuffer = device.createBuffer.bind(device);
    device.createBuffer = (descriptor) => {
      made.push(createBuffer(descriptor));
      return made.at(-1)!;
    };
    const step = gpu.capture(() => ({ y: neg(tensor([1, 2])) }));
    await step.prepare([]);
    for (const buffer of made) buffer.destroy();
    const error = await faultOf(step().then(({ y }) => y.data()));
    expect(error).toBeInstanceOf(GpuError);
    expect(error.message).toMatch(/^(step|data): WebGPU reported: .*destroyed/);
    expect(heard).toHaveLength(1);
    gpu.dispose();
    device.destroy();
  });
});
