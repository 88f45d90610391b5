import { afterAll, describe, expect, it } from 'vitest';
import { capsOf } from '../../src/device/caps.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { shaderOf } from '../../src/kernels/kernel.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { otherKernels, runsAlone } from '../../src/verify/otherKernels.ts';
import { attributesOf } from '../../src/verify/runKernel.ts';
import { subjectOf } from '../../src/verify/subject.ts';
import { verifyCase, verifyKernel } from '../../src/verify/verify.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { shadersOf } from './programs.ts';

const gpu = await sharedGpu({ limits: 'default' });
afterAll(() => gpu.dispose());
const withFeatures = await sharedGpu({ limits: 'guaranteed' });
afterAll(() => withFeatures.dispose());
await loadStrategies(Object.values(operations));
/** What the device of verify.test.ts offers, and what this one does. */
const [usual, plain] = [capsOf(withFeatures.device.device), capsOf(gpu.device.device)];

it.each([
  'tile',
  'subgroup',
] as const)('no dispatch binds more than 8 storage buffers, family %s', (family) => {
  const subgroupSize = family === 'tile' ? 0 : 4;
  const caps = { family, subgroupSize, f16: true, maxBindingSize: 2 ** 27, maxStorageBuffers: 8 };
  const most = cases.map((row) => {
    const { kernel } = subjectOf(operations[row.op]);
    const attrs = attributesOf(kernel, row.attrs);
    const outputs = kernel.infer(row.inputs, attrs);
    const purpose = { training: true };
    const kernels = runsAlone(attrs)
      ? [kernel]
      : [...otherKernels(operations[row.op], caps, row.inputs, attrs, purpose).values()];
    const plans = kernels.map(({ dispatches }) => dispatches(caps, row.inputs, outputs, attrs));
    const counts = plans
      .flatMap(({ dispatches }) => dispatches)
      .map((dispatch) => shaderOf(dispatch).bindings.filter(({ kind }) => kind !== 'uniform').length);
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
});

const isPyramid = ({ attrs }: (typeof cases)[number]): boolean => !runsAlone(attrs ?? {});

// All other cases run on a device with these limits in verify.test.ts, and register tiles in gpuTiles.test.ts.
const others = cases.filter((row) => !isPyramid(row) && shadersOf(row, plain) !== shadersOf(row, usual));

describe('without features, the cases that run other shaders than with them', () => {
  it('are of kernels that are made for subgroups on software adapters, else none', () => {
    expect(others.length).toBeGreaterThanOrEqual(usual.family === 'subgroup' ? 100 : 0);
    expect(others.length).toBeLessThan(usual.family === 'subgroup' ? cases.length / 2 : 1);
  });

  it.each(others.map((row) => [`${row.op}: ${row.name}`, row] as const))('%s', async (_title, row) => {
    // The kernel alone: what computes a gradient has rows of its own, and its rule is the same on every device.
    const rows = await verifyKernel(gpu, subjectOf(operations[row.op]), { cases: [{ ...row, grad: [] }] });
    expect(rows.map(({ status, message }) => `${status}: ${message}`)).toEqual(['ok: ']);
  });

  it.each(
    cases.filter(isPyramid).map((row) => [`${row.op}: ${row.name}`, row] as const),
  )('in programs: %s', async (_title, row) => {
    const results = await verifyCase(gpu, row);
    expect(results.length).toBeGreaterThan(0);
    expect(results.flatMap(({ direction, message }) => message && `${direction}: ${message}`)).toEqual(
      results.map(() => ''),
    );
  });
});
