import { describe, expectTypeOf, it } from 'vitest';
import { add, type Tensor } from '../../src/graph/index.ts';
import {
  adamwStep,
  conv2d,
  crossEntropyBackward,
  defineElementwise,
  leakyRelu,
  mul,
  planAsync,
  relu,
} from '../../src/kernels/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { Result } from '../../src/plan/step.ts';

// The compiler checks this file; nothing in it runs. A line under @ts-expect-error must not compile.

declare const device: GPUDevice;
declare const pass: GPUComputePassEncoder;
declare const buffer: GPUBuffer;
declare const tensor: Tensor;
declare const gpu: Gpu;
const unused = (_check: () => unknown) => undefined;

describe('the types of kernels', () => {
  it('know every buffer that encode needs', () =>
    unused(() => {
      const op = conv2d.plan(device, { x: [1, 8, 8, 4], weight: [3, 3, 4, 8] }, { padding: 1 });
      op.encode(pass, { x: buffer, weight: buffer, y: buffer });
      op.encode(pass, { x: buffer, weight: { buffer, offset: 256 }, bias: buffer, y: buffer });
      // @ts-expect-error: weight is missing.
      op.encode(pass, { x: buffer, y: buffer });
      // @ts-expect-error: the output is missing.
      op.encode(pass, { x: buffer, weight: buffer });
      // @ts-expect-error: no such buffer.
      op.encode(pass, { x: buffer, weight: buffer, y: buffer, z: buffer });
      expectTypeOf(planAsync(conv2d, device, { x: [1], weight: [1] })).resolves.toEqualTypeOf(op);
      // @ts-expect-error: a misspelt attribute.
      planAsync(conv2d, device, { x: [1], weight: [1] }, { paddding: 1 });
      const moments = { m: buffer, v: buffer };
      const settings = { hyper: buffer, scale: buffer, steps: buffer };
      const shapes = { param: [4], grad: [4], m: [4], v: [4], hyper: [10], scale: [1], steps: [1] };
      const step = adamwStep.plan(device, shapes);
      // What is updated in place is there once.
      step.encode(pass, { param: buffer, grad: buffer, ...moments, ...settings });
      expectTypeOf(step.outputs).toHaveProperty('newParam');
    }));

  it('know the names and attributes of gradients', () =>
    unused(() => {
      relu.backward.x.plan(device, { dy: [4], y: [4] });
      // @ts-expect-error: the gradient of relu reads its result, and not x.
      relu.backward.x.plan(device, { dy: [4], x: [4] });
      // @ts-expect-error: dy is missing.
      relu.backward.x.plan(device, { y: [4] });
      mul.backward.a.plan(device, { dy: [4], b: [4] }).encode(pass, { dy: buffer, b: buffer, da: buffer });
      // @ts-expect-error: the output is called da.
      mul.backward.a.plan(device, { dy: [4], b: [4] }).encode(pass, { dy: buffer, b: buffer, y: buffer });
      leakyRelu.backward.x.plan(device, { dy: [4], x: [4] }, { negative_slope: 0.1 });
      // @ts-expect-error: no such attribute.
      leakyRelu.backward.x.plan(device, { dy: [4], x: [4] }, { slope: 0.1 });
      crossEntropyBackward.plan(device, { x: [2, 3], target: [2], stats: [2, 2], dy: [1] });
      // Names inside of others are no uses.
      const row = { name: 'row', args: ['x', 'xx'], wgsl: 'xx + max_x + x2', backward: {} } as const;
      defineElementwise(row).plan(device, { xx: [4] });
      // Of an expression that is put together, any name may be used.
      const text: string = 'x';
      defineElementwise({ name: 'row', args: ['x'], wgsl: text, backward: {} }).plan(device, { x: [4] });
    }));
});

describe('the type of a captured step', () => {
  it('has the parameters and results of its function', () =>
    unused(async () => {
      const step = gpu.capture((x: Tensor, y: Tensor) => ({ sum: add(x, y) }));
      expectTypeOf(step).parameters.toEqualTypeOf<[x: Tensor, y: Tensor]>();
      const run = await step(tensor, tensor);
      expectTypeOf(run.sum).toEqualTypeOf<Result>();
      // @ts-expect-error: y is missing.
      step(tensor);
      // @ts-expect-error: one too many.
      step(tensor, tensor, tensor);
      // @ts-expect-error: no tensor.
      step(tensor, 3);
      // @ts-expect-error: no such result.
      run.product;
      // @ts-expect-error: y is missing.
      step.prepare([tensor]);
      gpu.capture((x) => ({ x }))(tensor);
      gpu.capture((...all: Tensor[]) => ({ first: all[0]! }))(tensor, tensor, tensor);
    }));
});
