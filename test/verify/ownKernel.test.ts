import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FoveaError } from '../../src/errors.ts';
import { defineKernel, type KernelPlan } from '../../src/kernels/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { numel } from '../../src/shape.ts';
import { type CaseRow, normal, type Reference, verifyKernel, withReference } from '../../src/verify/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const shader = (name: string, bindings: string, body: string) => `// ${name}.wgsl
struct Params { total: u32, gain: f32 }
@group(0) @binding(0) var<uniform> p: Params;
${bindings}
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) gid: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(gid, groups);
  if (i >= p.total) { return; }
  ${body}
}`;
const X = '@group(0) @binding(1) var<storage, read> x: array<f32>;';
const Y = '@group(0) @binding(2) var<storage, read_write> y: array<f32>;';
const DX = `${X}
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;`;

/** y = gain · x / (1 + |x|). */
const softClip = (
  body = 'y[i] = p.gain * x[i] / (1.0 + abs(x[i]));',
  more: Partial<KernelPlan> = {},
  bindings = '',
) =>
  defineKernel({
    name: 'soft_clip',
    inputs: ['x'],
    outputs: ['y'],
    attributes: ({ gain = 1 }: { gain?: number }) => ({ gain }),
    infer: ({ x }, _attrs: { gain: number }) => ({ y: x }),
    dispatches(_caps, { x }, _outputs, { gain }): KernelPlan {
      const total = numel(x.shape);
      const text = shader('soft_clip', `${X}\n${Y}\n${bindings}`, body);
      return { dispatches: [{ shader: text, params: { total, gain }, grid: total }], ...more };
    },
  });

const softClipBackward = (body = 'let s = 1.0 + abs(x[i]); dx[i] = dy[i] * p.gain / (s * s);') =>
  defineKernel({
    name: 'soft_clip_backward',
    inputs: ['dy', 'x'],
    outputs: ['dx'],
    attributes: ({ gain = 1 }: { gain?: number }) => ({ gain }),
    infer: ({ x }, _attrs: { gain: number }) => ({ dx: x }),
    dispatches(_caps, { x }, _outputs, { gain }): KernelPlan {
      const total = numel(x.shape);
      const text = shader('soft_clip_backward', DX, body);
      return { dispatches: [{ shader: text, params: { total, gain }, grid: total }] };
    },
  });

type Attrs = { gain: number };
const reference: Reference<'x', never, 'y', Attrs> = ({ x }, { gain }) => ({
  y: Float64Array.from(x.data, (v) => (gain * v) / (1 + Math.abs(v))),
});
const backwardReference: Reference<'dy' | 'x', never, 'dx', Attrs> = ({ dy, x }, { gain }) => ({
  dx: Float64Array.from(dy.data, (g, i) => (g * gain) / (1 + Math.abs(x.data[i]!)) ** 2),
});

const cases: CaseRow[] = [
  { name: 'odd size', inputs: { x: normal([3, 7]) }, grad: ['x'] },
  { name: 'large, with a gain', inputs: { x: normal([5000]) }, attrs: { gain: 3 }, grad: ['x'] },
];

const right = withReference(softClip(), reference, withReference(softClipBackward(), backwardReference));

describe('a kernel of the user’s own', () => {
  it('passes forward and backward, on a borrowed device, a row a check in order', async () => {
    const seen: string[] = [];
    const rows = await verifyKernel(gpu.device.device, right, {
      cases,
      onRow: ({ name }) => seen.push(name),
    });
    expect(
      rows.map(({ op, name, direction, status, message }) => [op, name, direction, status, message]),
    ).toEqual([
      ['soft_clip', 'odd size', 'forward', 'ok', ''],
      ['soft_clip', 'odd size', 'backward', 'ok', ''],
      ['soft_clip', 'large, with a gain', 'forward', 'ok', ''],
      ['soft_clip', 'large, with a gain', 'backward', 'ok', ''],
    ]);
    expect(seen).toEqual(rows.map(({ name }) => name));
    // Nobody's float32 is exact: numbers were compared.
    expect(rows[2]!.maxError).toBeGreaterThan(0);
    expect(rows[2]!.maxError).toBeLessThan(rows[2]!.tolerance);
  });

  it('fails at the element that is wrong, with both values', async () => {
    const wrong = softClip('y[i] = p.gain * x[i] / (1.0 + abs(x[i])); if (i == 13u) { y[i] = 42.0; }');
    const [row] = await verifyKernel(gpu, withReference(wrong, reference), {
      cases: [{ ...cases[0]!, grad: [] }],
    });
    expect(row).toMatchObject({ ok: false, status: 'failed', direction: 'forward' });
    expect(row!.message).toMatch(/^y\[13\]: got 42, want -?0\.\d+$/);
    expect(row!.maxError).toBeGreaterThan(41);
  });

  it('fails where it adds to memory that it never wrote, as zeros of a new buffer would hide', async () => {
    const adding = softClip('y[i] += p.gain * x[i] / (1.0 + abs(x[i]));');
    const rows = await verifyKernel(gpu, withReference(adding, reference), {
      cases: [{ ...cases[0]!, grad: [] }],
    });
    expect(rows[0]).toMatchObject({ status: 'failed' });
  });

  it('is not deterministic where unwritten scratch memory shows, and says in which run', async () => {
    const leaky = softClip(
      'y[i] = p.gain * x[i] / (1.0 + abs(x[i])) + select(0.0, 1e-6, seed[0] == 0u);',
      { scratch: { seed: 16 } },
      '@group(0) @binding(3) var<storage, read_write> seed: array<u32>;',
    );
    const subject = withReference(leaky, reference);
    const row = [{ ...cases[0]!, grad: [] }];
    expect((await verifyKernel(gpu, subject, { cases: row }))[0]).toMatchObject({ status: 'ok' });
    const [steady] = await verifyKernel(gpu, right, { cases: row, repeat: 4 });
    expect(steady).toMatchObject({ status: 'ok', message: '' });
    const [unsteady] = await verifyKernel(gpu, subject, { cases: row, repeat: 4 });
    expect(unsteady).toMatchObject({ ok: false, status: 'failed', tolerance: 0 });
    expect(unsteady!.message).toMatch(
      /^y\[\d+\] is not deterministic: -?[\d.]+ in run 1, -?[\d.]+ in run 3 of 4$/,
    );
  });

  it('says where the gradient’s kernel is wrong', async () => {
    const wrong = softClipBackward('let s = 1.0 + abs(x[i]); dx[i] = dy[i] * p.gain / s;');
    const subject = withReference(softClip(), reference, withReference(wrong, backwardReference));
    const rows = await verifyKernel(gpu, subject, { cases: cases.slice(0, 1) });
    expect(rows.map(({ status }) => status)).toEqual(['ok', 'failed']);
    expect(rows[1]!.message).toMatch(/^dx\[\d+\]: got -?[\d.]+, want -?[\d.]+$/);
  });

  it('says where the gradient’s reference is wrong, by finite differences', async () => {
    const halved: typeof backwardReference = ({ dy, x }, { gain }) => ({
      dx: Float64Array.from(dy.data, (g, i) => (0.5 * g * gain) / (1 + Math.abs(x.data[i]!)) ** 2),
    });
    const subject = withReference(softClip(), reference, withReference(softClipBackward(), halved));
    for (const row of cases) {
      const rows = await verifyKernel(gpu, subject, { cases: [row] });
      expect(rows[1]).toMatchObject({ direction: 'backward', status: 'failed' });
      expect(rows[1]!.message).toMatch(/^d x.*: the rule gives .*, finite differences /);
    }
  });

  it('shows an error of the shader in the row, not to the device’s owner', async () => {
    const broken = withReference(softClip('y[i] = nothing;'), reference);
    const rows = await verifyKernel(gpu, broken, { cases: [{ ...cases[0]!, grad: [] }] });
    expect(rows[0]).toMatchObject({ ok: false, status: 'failed', maxError: Number.NaN });
    expect(rows[0]!.message).toContain('soft_clip');
    await gpu.device.settled();
    expect(() => gpu.device.check()).not.toThrow();
  });

  it.each([
    [
      'an unknown input',
      { name: 'a', inputs: { x: normal([2]), z: normal([2]) } },
      'no input is called z; there are x',
    ],
    ['a missing input', { name: 'a', inputs: {} }, 'the input x is missing; give x'],
    [
      'a gradient of no input',
      { name: 'a', inputs: { x: normal([2]) }, grad: ['w'] },
      'grad names w, which is no input',
    ],
  ] as const)('%s is refused before anything runs', async (_title, row, message) => {
    const run = verifyKernel(gpu, right, { cases: [row as CaseRow] });
    await expect(run).rejects.toThrow(FoveaError);
    await expect(run).rejects.toThrow(`verify: soft_clip: case "a": ${message}`);
  });

  it('refuses a row with grad where there is no backward kernel, or one that lacks the output', async () => {
    const alone = withReference(softClip(), reference);
    await expect(verifyKernel(gpu, alone, { cases })).rejects.toThrow('has no backward kernel');
    const elsewhere = withReference({ ...softClipBackward(), outputs: ['dz'] as never }, backwardReference);
    const subject = withReference(softClip(), reference, elsewhere);
    await expect(verifyKernel(gpu, subject, { cases })).rejects.toThrow(
      'soft_clip_backward has no output dx',
    );
  });

  it('needs cases', async () => {
    await expect(verifyKernel(gpu, right, { cases: [] })).rejects.toThrow('there are no cases');
  });
});
