import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/graph/operations/index.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { subjectOf } from '../../src/verify/subject.ts';
import { verifyAll } from '../../src/verify/verify.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await openGpu({ limits: 'default' });
});
afterAll(() => gpu?.dispose());

it.each([
  'tile',
  'subgroup',
] as const)('no dispatch binds more than 8 storage buffers, family %s', (family) => {
  const subgroupSize = family === 'tile' ? 0 : 4;
  const caps = { family, subgroupSize, f16: true, maxBindingSize: 2 ** 27, maxStorageBuffers: 64 };
  const most = cases.map((row) => {
    const { kernel } = subjectOf(operations[row.op]);
    const attrs = attributesOf(kernel, row.attrs);
    const { dispatches } = kernel.dispatches(caps, row.inputs, kernel.infer(row.inputs, attrs), attrs);
    const counts = dispatches.map(
      (dispatch) => shaderOf(dispatch).bindings.filter(({ kind }) => kind !== 'uniform').length,
    );
    return { case: `${row.op}: ${row.name}`, buffers: Math.max(0, ...counts) };
  });
  expect(most.filter(({ buffers }) => buffers > 8)).toEqual([]);
  expect(Math.max(...most.map(({ buffers }) => buffers))).toBeGreaterThan(3);
});

describe('on a device with WebGPU’s default limits and no optional feature', () => {
  it('there is no more than WebGPU promises', () => {
    const { limits, features } = gpu.device.device;
    expect({
      maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    }).toEqual({
      maxStorageBuffersPerShaderStage: 8,
      maxComputeInvocationsPerWorkgroup: 256,
      maxComputeWorkgroupStorageSize: 16384,
      maxStorageBufferBindingSize: 128 * 1024 * 1024,
    });
    for (const feature of ['shader-f16', 'subgroups', 'timestamp-query']) {
      expect(features.has(feature as GPUFeatureName)).toBe(false);
    }
  });

  it('every operation and every gradient is right', async () => {
    const rows = await verifyAll(gpu);
    expect(rows.flatMap(({ ok, op, name, message }) => (ok ? [] : [`${op}: ${name}: ${message}`]))).toEqual(
      [],
    );
    const differentiated = cases.filter(({ grad = [] }) => grad.length > 0);
    expect(rows.length).toBe(cases.length + differentiated.length);
  });
});
