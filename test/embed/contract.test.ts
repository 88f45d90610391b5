import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AdapterChoice, requestNodeAdapter } from '../../src/device/node.ts';
import { BufferUsage, MAP_READ_MODE } from '../../src/device/usage.ts';
import { DeviceLimitError, DeviceLostError, LifetimeError, ShapeError } from '../../src/errors.ts';
import { conv2d } from '../../src/kernels/conv/conv2d.ts';
import { relu } from '../../src/kernels/elementwise/activations.ts';
import { add } from '../../src/kernels/elementwise/math.ts';
import { adamwStep, sgdStep } from '../../src/kernels/optimizers/optimizers.ts';
import { maxPool2d } from '../../src/kernels/pool/maxPool2d.ts';
import { concat } from '../../src/kernels/shape/concat.ts';
import { topk } from '../../src/kernels/sort/topk.ts';

// What somebody else's program counts on. It has a device of its own: WebGPU's default limits, no feature.

const USAGE = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;

let adapter: GPUAdapter;
let device: GPUDevice;
const openDevice = async () => {
  adapter = (await requestNodeAdapter((process.env.FOVEA_ADAPTER ?? 'auto') as AdapterChoice))!;
  return adapter.requestDevice();
};
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device?.destroy());

// Whatever a test does, WebGPU must find nothing to complain of in it.
beforeEach(() => device.pushErrorScope('validation'));
afterEach(async () => expect(await device.popErrorScope()).toBeNull());

const empty = (bytes: number, usage: number = USAGE) => device.createBuffer({ size: bytes, usage });
function filled(values: readonly number[] | Float32Array): GPUBuffer {
  const data = Float32Array.from(values);
  const buffer = empty(data.byteLength);
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}
async function read(buffer: GPUBuffer): Promise<number[]> {
  const staging = device.createBuffer({
    size: buffer.size,
    usage: BufferUsage.MAP_READ | BufferUsage.COPY_DST,
  });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(MAP_READ_MODE);
  const values = [...new Float32Array(staging.getMappedRange())];
  staging.destroy();
  return values;
}
/** One pass of the caller's, submitted. */
function run(encode: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encode(pass);
  pass.end();
  device.queue.submit([encoder.finish()]);
}
/** Encodes and throws away: for calls that must throw before they record anything. */
function attempt(encode: (pass: GPUComputePassEncoder) => void): void {
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  try {
    encode(pass);
  } finally {
    pass.end();
    encoder.finish();
  }
}
const range = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);

describe('encode', () => {
  it('runs kernels one after the other in the caller’s pass', async () => {
    const scale = conv2d.plan(device, { x: [1, 2, 2, 1], weight: [1, 1, 1, 2], bias: [2] });
    const clip = relu.plan(device, { x: [1, 2, 2, 2] });
    expect(scale.outputs.y.shape).toEqual([1, 2, 2, 2]);
    const [x, weight, bias] = [filled([1, -2, 3, -4]), filled([10, -1]), filled([0, 1])];
    const [between, y] = [empty(32), empty(32)];
    run((pass) => {
      scale.encode(pass, { x, weight, bias, y: between });
      clip.encode(pass, { x: between, y });
    });
    expect(await read(between)).toEqual([10, 0, -20, 3, 30, -2, -40, 5]);
    expect(await read(y)).toEqual([10, 0, 0, 3, 30, 0, 0, 5]);
    scale.dispose();
    clip.dispose();
  });

  it('leaves the pass to the caller, whose own dispatches go before and after', async () => {
    const module = device.createShaderModule({
      code: `@group(0) @binding(0) var<storage, read_write> data: array<f32>;
        @compute @workgroup_size(4) fn main(@builtin(local_invocation_index) i: u32) { data[i] -= 2.5; }`,
    });
    const pipeline = device.createComputePipeline({
      layout: 'auto',
      compute: { module, entryPoint: 'main' },
    });
    const own = (pass: GPUComputePassEncoder, buffer: GPUBuffer) => {
      const entries = [{ binding: 0, resource: { buffer } }];
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(1);
    };
    const kernel = relu.plan(device, { x: [4] });
    const [x, y] = [filled([1, 2, 3, 4]), empty(16)];
    run((pass) => {
      own(pass, x);
      kernel.encode(pass, { x, y });
      own(pass, y);
    });
    expect(await read(y)).toEqual([-2.5, -2.5, -2, -1]);
  });

  it('reads and writes at the caller’s offsets, and nothing beside', async () => {
    const kernel = conv2d.plan(device, { x: [1, 3, 3, 1], weight: [3, 3, 1, 1] }, { padding: 1 });
    // 64 elements, then what belongs to the kernel, then the rest.
    const around = (values: number[]) => [...range(64, 100), ...values, ...range(64 - values.length, 200)];
    const x = filled(around([1, 2, 3, 4, 5, 6, 7, 8, 9]));
    const weight = filled(around([0, 0, 0, 0, 2, 0, 0, 0, 0]));
    const y = filled(around(range(9, 900)));
    const at = (buffer: GPUBuffer) => ({ buffer, offset: 256 });
    run((pass) => kernel.encode(pass, { x: at(x), weight: at(weight), y: at(y) }));
    expect(await read(y)).toEqual(around([2, 4, 6, 8, 10, 12, 14, 16, 18]));
    expect(await read(x)).toEqual(around([1, 2, 3, 4, 5, 6, 7, 8, 9]));
  });

  it('takes other buffers in the same pass, also where it has scratch memory', async () => {
    // Long enough for the sort of many passes over scratch.
    const n = 1000;
    const kernel = topk.plan(device, { x: [n] }, { k: 4 });
    const values = (seed: number) => range(n).map((i) => ((i * 7919 + seed) * 104729) % 100003);
    const inputs = range(3).map((i) => values(i * 31));
    const outputs = inputs.map((input) => ({ x: filled(input), values: empty(16), indices: empty(16) }));
    run((pass) => {
      for (const buffers of outputs) kernel.encode(pass, buffers);
      kernel.encode(pass, { ...outputs[1]!, x: outputs[0]!.x });
      kernel.encode(pass, outputs[1]!);
    });
    for (const [i, { values: best }] of outputs.entries()) {
      expect(await read(best)).toEqual(inputs[i]!.toSorted((a, b) => b - a).slice(0, 4));
    }
  });

  it('updates in place', async () => {
    const settings = { hyper: [4], scale: [1], steps: [1] };
    const kernel = sgdStep.plan(device, { param: [4], grad: [4], momentum: [4], ...settings });
    expect(Object.keys(kernel.outputs)).toEqual(['newParam', 'newMomentum']);
    const [param, momentum] = [filled([1, 2, 3, 4]), filled([0, 0, 0, 1])];
    const one = filled([1]);
    const others = { grad: filled([1, 0, -1, 2]), hyper: filled([0.5, 0.5, 0, 0]), scale: one, steps: one };
    run((pass) => {
      kernel.encode(pass, { param, momentum, ...others });
      kernel.encode(pass, { param, momentum, ...others });
    });
    expect(await read(momentum)).toEqual([1.5, 0, -1.5, 3.25]);
    expect(await read(param)).toEqual([-0.25, 2, 4.25, 4 - 0.5 * 2.5 - 0.5 * 3.25]);
  });

  it('takes any number of inputs where the operation does', async () => {
    const kernel = concat.plan(device, { x0: [2], x1: [1], x2: [3] }, { dim: 0 });
    const y = empty(24);
    run((pass) => kernel.encode(pass, { x0: filled([1, 2]), x1: filled([3]), x2: filled([4, 5, 6]), y }));
    expect(await read(y)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('may be given one buffer for two inputs, and for two outputs apart', async () => {
    const twice = add.plan(device, { a: [4], b: [4] });
    const [a, y] = [filled([1, 2, 3, 4]), empty(16)];
    run((pass) => twice.encode(pass, { a, b: a, y }));
    expect(await read(y)).toEqual([2, 4, 6, 8]);

    const best = topk.plan(device, { x: [4] }, { k: 2 });
    const both = empty(512);
    run((pass) => best.encode(pass, { x: a, values: both, indices: { buffer: both, offset: 256 } }));
    expect((await read(both)).slice(0, 2)).toEqual([4, 3]);
  });

  it('does nothing for an empty tensor', async () => {
    const kernel = relu.plan(device, { x: [0, 3] });
    const [x, y] = [empty(16), filled([1, 2, 3, 4])];
    run((pass) => kernel.encode(pass, { x, y }));
    expect(await read(y)).toEqual([1, 2, 3, 4]);
  });
});

describe('attributes', () => {
  it('may be left out, and one number stands for both axes', () => {
    const shapes = { x: [1, 64, 64, 32], weight: [3, 3, 32, 64] };
    const shapeOf = (attrs?: Parameters<typeof conv2d.plan>[2]) =>
      conv2d.plan(device, shapes, attrs).outputs.y.shape;
    expect(shapeOf()).toEqual([1, 62, 62, 64]);
    expect(shapeOf({ padding: 1 })).toEqual([1, 64, 64, 64]);
    expect(shapeOf({ padding: 1, stride: [2, 1] })).toEqual([1, 32, 64, 64]);
    expect(maxPool2d.plan(device, { x: [1, 8, 8, 4] }, { kernelSize: 2 }).outputs.y.shape).toEqual([
      1, 4, 4, 4,
    ]);
  });

  it('are checked where they are given', () => {
    const plan = (attrs: object) => () =>
      maxPool2d.plan(device, { x: [1, 8, 8, 4] }, attrs as { kernelSize: 2 });
    expect(plan({})).toThrow(/^max_pool2d: kernelSize must be \[height, width\]/);
    expect(plan({ kernelSize: [1, 2, 3] })).toThrow(ShapeError);
    expect(plan({ kernelSize: 2.5 })).toThrow(/got \[2.5,2.5\]/);
  });
});

describe('plan', () => {
  it('names what is missing and what it does not know', () => {
    const plan = (specs: object) => () => conv2d.plan(device, specs as { x: number[]; weight: number[] });
    expect(plan({ x: [1, 8, 8, 4] })).toThrow('conv2d: takes [x,weight,bias], got [x]');
    expect(plan({ x: [1, 8, 8, 4], weights: [3, 3, 4, 8] })).toThrow('got [x,weights]; did you mean weight?');
    expect(plan({})).toThrow(ShapeError);
    expect(plan({ x: [1, -8, 8, 4], weight: [3, 3, 4, 8] })).toThrow(/conv2d: x: shape \[1,-8,8,4\]/);
    expect(plan({ x: [1, 8, 8, 4], weight: [3, 3, 5, 8] })).toThrow(
      'conv2d: weight has 5 input channels and 8 output channels, x has 4',
    );
  });

  it('refuses what the device cannot bind, by both sizes', () => {
    const bytes = (1 << 26) * 4;
    const limit = device.limits.maxStorageBufferBindingSize;
    expect(limit).toBeLessThan(bytes);
    const plan = () => relu.plan(device, { x: [1 << 26] });
    expect(plan).toThrow(DeviceLimitError);
    expect(plan).toThrow(`relu: x [67108864] takes ${bytes} bytes, the device binds at most ${limit}`);
  });

  it('refuses f16 without the feature', () => {
    const plan = () => relu.plan(device, { x: { shape: [4], dtype: 'f16' } });
    expect(plan).toThrow('relu: x [4] f16 needs shader-f16');
  });
});

describe('a buffer that does not fit', () => {
  const kernel = () => add.plan(device, { a: [8], b: [8] });
  const given = () => ({ a: empty(32), b: empty(32), y: empty(32) });
  const failing = (change: object, message: string | RegExp) => {
    const op = kernel();
    const call = () => attempt((pass) => op.encode(pass, { ...given(), ...change }));
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
  };

  it('is missing', () => failing({ y: undefined }, 'add: takes [a,b,y], got [a,b]'));
  it('has a name that nobody knows', () => failing({ c: empty(32) }, 'add: takes [a,b,y], got [a,b,y,c]'));
  it('is too small', () =>
    failing({ b: empty(28) }, 'add: the buffer of b [8] has 28 bytes from offset 0, 32 are needed'));
  it('is too small behind its offset', () =>
    failing({ y: { buffer: empty(512), offset: 512 } }, 'has 0 bytes from offset 512, 32 are needed'));
  it('is taken from an offset that does not align', () => {
    const alignment = device.limits.minStorageBufferOffsetAlignment;
    failing(
      { a: { buffer: empty(512), offset: 4 } },
      `the buffer of a [8] is at offset 4; use a multiple of ${alignment}`,
    );
    failing({ a: { buffer: empty(512), offset: -alignment } }, `offset ${-alignment}`);
  });
  it('lacks STORAGE', () =>
    failing({ a: empty(32, BufferUsage.COPY_DST) }, 'the buffer of a [8] lacks GPUBufferUsage.STORAGE'));
  it('is read and written', () => {
    const buffer = empty(512);
    failing({ a: buffer, y: buffer }, 'add: y is written into the buffer of a');
    failing({ b: buffer, y: { buffer, offset: 256 } }, 'add: y is written into the buffer of b');
  });
  it('is written twice in one place', () => {
    const op = topk.plan(device, { x: [8] }, { k: 2 });
    const buffer = empty(512);
    const call = () => attempt((pass) => op.encode(pass, { x: empty(32), values: buffer, indices: buffer }));
    expect(call).toThrow('topk: values is written into the buffer of indices');
  });
  it('is updated in place beside one that is read', () => {
    const shapes = { param: [4], grad: [4], m: [4], v: [4], hyper: [10], scale: [1], steps: [1] };
    const op = adamwStep.plan(device, shapes);
    const buffer = empty(1024);
    const buffers = {
      param: buffer,
      grad: { buffer, offset: 256 },
      m: empty(16),
      v: empty(16),
      hyper: empty(40),
      scale: empty(4),
      steps: empty(4),
    };
    expect(() => attempt((pass) => op.encode(pass, buffers))).toThrow(
      'adamw_step: param is written into the buffer of grad',
    );
  });
  it('was destroyed: WebGPU says so at the submission, and to nobody before', async () => {
    const op = kernel();
    const buffers = given();
    buffers.b.destroy();
    device.pushErrorScope('validation');
    run((pass) => op.encode(pass, buffers));
    expect((await device.popErrorScope())?.message).toMatch(/destroyed/);
  });
});

describe('dispose', () => {
  it('frees what is the kernel’s and nothing of the caller’s', async () => {
    const op = topk.plan(device, { x: [300] }, { k: 2 });
    const buffers = { x: filled(range(300)), values: empty(8), indices: empty(8) };
    run((pass) => op.encode(pass, buffers));
    op.dispose();
    op.dispose();
    const call = () => attempt((pass) => op.encode(pass, buffers));
    expect(call).toThrow(LifetimeError);
    expect(call).toThrow('topk: encode after dispose(); plan it again');
    // What was submitted before has run; the buffers and the device serve on.
    expect(await read(buffers.values)).toEqual([299, 298]);
    const again = topk.plan(device, { x: [300] }, { k: 2 });
    run((pass) => again.encode(pass, { ...buffers, x: filled(range(300, 5)) }));
    expect(await read(buffers.values)).toEqual([304, 303]);
  });

  it('comes at the end of a block', () => {
    let kept: ReturnType<typeof relu.plan>;
    {
      using op = relu.plan(device, { x: [4] });
      kept = op;
    }
    expect(() => attempt((pass) => kept.encode(pass, { x: empty(16), y: empty(16) }))).toThrow(LifetimeError);
  });
});

describe('a device that is lost', () => {
  it('is named, by kernels that were planned and that are to be', async () => {
    const other = await openDevice();
    const op = relu.plan(other, { x: [4] });
    const buffers = {
      x: other.createBuffer({ size: 16, usage: USAGE }),
      y: other.createBuffer({ size: 16, usage: USAGE }),
    };
    const pass = other.createCommandEncoder().beginComputePass();
    other.destroy();
    await other.lost;
    expect(() => op.encode(pass, buffers)).toThrow(DeviceLostError);
    expect(() => op.encode(pass, buffers)).toThrow(/^relu: the GPU device is lost \(destroyed/);
    expect(() => add.plan(other, { a: [4], b: [4] })).toThrow(/^add: the GPU device is lost/);
    op.dispose();
  });

  it('leaves the others be', async () => {
    const op = relu.plan(device, { x: [2] });
    const y = empty(8);
    run((pass) => op.encode(pass, { x: filled([-1, 1]), y }));
    expect(await read(y)).toEqual([0, 1]);
  });
});
