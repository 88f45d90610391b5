import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AdapterError, DeviceLimitError } from '../../src/errors.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { defineKernel } from '../../src/kernels/index.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { numel } from '../../src/shape.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { verifyConformance } from '../../src/verify/conformance.ts';
import { F32_ONLY } from '../../src/verify/f16.ts';
import { type Row, values, verifyAll, verifyKernel, withReference } from '../../src/verify/index.ts';

/** A GPU with shader-f16: the one that tests take, else lavapipe, where the system has that. */
async function openHalf(): Promise<Gpu | undefined> {
  const gpu = await openGpu();
  if (gpu.device.caps.f16) return gpu;
  gpu.dispose();
  return openGpu({ adapter: 'lavapipe' }).catch((error: unknown) => {
    if (error instanceof AdapterError) return undefined;
    throw error;
  });
}

const gpu = await openHalf();
afterAll(() => gpu?.dispose());

const problems = (rows: readonly Row[]) =>
  rows.flatMap(({ ok, op, name, direction, message }) =>
    ok ? [] : [`${op}: ${name}: ${direction}: ${message}`],
  );

describe.runIf(gpu)('in f16', () => {
  it('every operation and every gradient is within 2e-3 of the reference on the rounded inputs', async () => {
    const rows = await verifyAll(gpu!, { dtype: 'f16' });
    expect(problems(rows)).toEqual([]);
    const differentiated = cases.filter(({ grad = [] }) => grad.length > 0);
    expect(rows.length).toBe(cases.length + differentiated.length);
    const beside = rows.filter(({ status }) => status === 'not applicable');
    expect([...new Set(beside.map(({ op }) => op))].sort()).toEqual(Object.keys(F32_ONLY).sort());
    for (const { op, message } of beside) expect(message).toBe(F32_ONLY[op as keyof typeof F32_ONLY]);
    // Halves were computed with: no float32 is off by so much.
    const rough = rows.filter(({ op, maxError }) => op === 'exp' && maxError > 1e-4);
    expect(rough.length).toBeGreaterThan(0);
  });

  it('the values and gradients of PyTorch and others are met', async () => {
    const folders = ['../fixtures/conformance', '../../../shared/conformance/cases'];
    const files = folders
      .map((folder) => join(import.meta.dirname, folder))
      .filter((folder) => existsSync(folder))
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter((name) => name.endsWith('.safetensors'))
      .map((name) => ({ name, bytes: new Uint8Array(readFileSync(name)) }));
    const rows = await verifyConformance(gpu!, files, { dtype: 'f16' });
    expect(problems(rows)).toEqual([]);
    expect(rows.every(({ status }) => status === 'ok')).toBe(true);
    expect(rows.length).toBe(files.length);
  });

  it('a wrong float, gradient or integer of a file fails', async () => {
    const one = (value: number) => ({ dtype: 'f32', shape: [1], data: Float32Array.of(value) }) as const;
    const file = (tensors: Record<string, ReturnType<typeof one>>, op: string) => ({
      name: 'made-up.safetensors',
      bytes: encodeSafetensors(tensors, { op, attrs: '{}' }),
    });
    const check = async (tensors: Record<string, ReturnType<typeof one>>, op: string) => {
      const [row] = await verifyConformance(gpu!, [file(tensors, op)], { dtype: 'f16' });
      return row!.message;
    };
    expect(await check({ 'in.x': one(1), 'out.y': one(-1.03) }, 'neg')).toBe('');
    expect(await check({ 'in.x': one(1), 'out.y': one(-1.1) }, 'neg')).toMatch(/^y\[0\]: got -1, want -1\.1/);
    const gradient = { 'in.x': one(1), 'out.y': one(1), 'cot.y': one(1), 'grad.x': one(2) };
    expect(await check(gradient, 'relu')).toBe('d x[0]: got 1, want 2');
  });

  it('a kernel that loses more than halves must fails', async () => {
    const lossy = (factor: number) =>
      defineKernel({
        name: 'twice',
        inputs: ['x'],
        outputs: ['y'],
        infer: ({ x }, _attrs: object) => ({ y: x }),
        dispatches: (_caps, { x }) => ({
          dispatches: [
            {
              shader: `// twice.wgsl
struct Params { total: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i < p.total) { y[i] = T(${factor} * f32(x[i])); }
}`,
              types: { T: x.dtype },
              params: { total: numel(x.shape) },
              grid: numel(x.shape),
            },
          ],
        }),
      });
    const run = async (factor: number, ...x: number[]) => {
      const subject = withReference(lossy(factor), (inputs) => ({
        y: Float64Array.from(inputs.x.data, (value) => 2 * value),
      }));
      const rows = [{ name: 'some', inputs: { x: values([x.length], x) } }];
      return (await verifyKernel(gpu!, subject, { cases: rows, dtype: 'f16' }))[0]!;
    };
    // 0.1 is no half: the reference sees what the device sees.
    expect(await run(2, 0.1, -3, 1000)).toMatchObject({ status: 'ok', tolerance: 4, maxError: 0 });
    expect(await run(2.01, 0.1, -3, 1000)).toMatchObject({
      status: 'failed',
      message: 'y[2]: got 2010, want 2000',
    });
    // Too large for a half is infinite, in the reference as well; what is finite as f32 stays finite as an input.
    expect(await run(2, 40000, 1)).toMatchObject({ status: 'ok' });
    expect(await run(1, 40000, 1)).toMatchObject({
      status: 'failed',
      message: 'y[0]: got 40000, want Infinity',
    });
    expect(await run(2, 1e30, Number.NEGATIVE_INFINITY)).toMatchObject({ status: 'ok' });
  });
});

it('a device without shader-f16 says so before anything runs', async () => {
  using plain = await openGpu({ limits: 'default' });
  for (const run of [verifyAll(plain, { dtype: 'f16' }), verifyConformance(plain, [], { dtype: 'f16' })]) {
    await expect(run).rejects.toThrow(DeviceLimitError);
    await expect(run).rejects.toThrow(`shader-f16, which the device on ${plain.device.adapter.name} lacks`);
  }
});
