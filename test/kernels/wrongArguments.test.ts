import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError, ShapeError, UsageError } from '../../src/errors.ts';
import { kernels, type OpName, planAsync, relu } from '../../src/kernels/index.ts';
import type { Kernel } from '../../src/kernels/kernel.ts';
import { borrowGpu, Gpu } from '../../src/plan/gpu.ts';
import { type Case, fillInputs } from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
let device: GPUDevice;
beforeAll(async () => {
  gpu = await sharedGpu();
  device = gpu.device.device;
});
afterAll(() => gpu?.dispose());

const WRONG: readonly unknown[] = [null, 3, Number.NaN, 'x', true, [], {}, () => 0, [Number.NaN], -1];

/** Throws what is no error of Fovea's. */
function typed(doing: string, call: () => unknown): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof FoveaError)) throw new Error(`${doing}: ${error}`, { cause: error });
  }
}

/** The first case of each kernel: its inputs' specs, and its attributes. */
const first = new Map<OpName, Case>(cases.toReversed().map((row) => [row.op, row]));

describe.each([...first])('%s', (op, row) => {
  const kernel = kernels[op] as unknown as Kernel & { plan(...given: unknown[]): unknown };
  const specs = Object.fromEntries(
    Object.entries(fillInputs(op, row)).map(([name, { shape, dtype }]) => [name, { shape, dtype }]),
  );

  it('answers wrong arguments with an error of Fovea’s', () => {
    const attrs: object = row.attrs ?? {};
    const plan = (...given: unknown[]) => {
      const outputs = kernel.infer(given[0] as never, kernel.attributes(given[1] as never) as never);
      kernel.dispatches(
        gpu.device.caps,
        given[0] as never,
        outputs,
        kernel.attributes(given[1] as never) as never,
      );
    };
    plan(specs, attrs);
    for (const wrong of WRONG) {
      const text = String(JSON.stringify(wrong) ?? wrong);
      typed(`device ${text}`, () => kernel.plan(wrong, specs, attrs));
      typed(`specs ${text}`, () => kernel.plan(device, wrong, attrs));
      for (const name of Object.keys(specs)) {
        typed(`${name} ${text}`, () => kernel.plan(device, { ...specs, [name]: wrong }, attrs));
      }
      if (wrong !== null) typed(`attributes ${text}`, () => kernel.plan(device, specs, wrong));
      const { name: _name, ...known } = kernel.attributes(attrs as never) as Record<string, unknown>;
      for (const name of Object.keys(known)) {
        typed(`${name}: ${text}`, () => plan(specs, { ...attrs, [name]: wrong }));
      }
    }
  });
});

describe('what is no GPUDevice', () => {
  it('is said where a kernel is planned', async () => {
    for (const wrong of [gpu, gpu.device, undefined, {}]) {
      const call = () => relu.plan(wrong as never, { x: [4] });
      expect(call).toThrow(ShapeError);
      expect(call).toThrow('relu: pass a GPUDevice (gpu.device.device)');
      await expect(planAsync(relu, wrong as never, { x: [4] })).rejects.toThrow('relu: pass a GPUDevice');
    }
  });

  it('is said where a Gpu is made', () => {
    expect(() => new Gpu(device as never)).toThrow(UsageError);
    expect(() => new Gpu(device as never)).toThrow('borrowGpu(device)');
    expect(() => borrowGpu(gpu.device as never)).toThrow('gpu.device.device');
  });
});

describe('what encode cannot take', () => {
  it('is said before anything is recorded', () => {
    const op = relu.plan(device, { x: [4] });
    const [x, y] = [0, 1].map(() => device.createBuffer({ size: 16, usage: 0x80 })) as [GPUBuffer, GPUBuffer];
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    expect(() => op.encode(encoder as never, { x, y })).toThrow('relu: pass a GPUComputePassEncoder');
    for (const wrong of [null, 3, 'x', new Float32Array(4), {}, { buffer: 3 }, { buffer: x, offset: 'y' }]) {
      expect(() => op.encode(pass, { x: wrong as never, y }), String(wrong)).toThrow(ShapeError);
    }
    for (const wrong of [null, 3, undefined]) {
      expect(() => op.encode(pass, wrong as never)).toThrow('relu: takes [x,y], got');
    }
    op.encode(pass, { x, y });
    pass.end();
    for (const buffer of [x, y]) buffer.destroy();
    op.dispose();
  });
});
