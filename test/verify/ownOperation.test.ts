import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLostError, FoveaError } from '../../src/errors.ts';
import {
  apply,
  backward,
  defineOperation,
  elementwiseOperation,
  mul,
  sum,
  Tensor,
  tensor,
} from '../../src/graph/index.ts';
import { defineElementwise, defineKernel } from '../../src/kernels/index.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';
import { integers, normal, scalarReferences, verifyOperation } from '../../src/verify/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const leaf = (values: number[], shape: number[]): Tensor =>
  new Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data: Float32Array.from(values) }, true);

/** scale x / (1 + |x|). */
const kernel = defineElementwise({
  name: 'softsign',
  args: ['x'],
  attrs: { scale: 1 },
  wgsl: 'scale * x / (1.0 + abs(x))',
  backward: { x: 'scale * dy / ((1.0 + abs(x)) * (1.0 + abs(x)))' },
});
const softsign = elementwiseOperation(
  kernel,
  scalarReferences(kernel, {
    forward: ({ x, scale }) => (scale! * x!) / (1 + Math.abs(x!)),
    backward: { x: ({ x, dy, scale }) => (scale! * dy!) / (1 + Math.abs(x!)) ** 2 },
  }),
);
const rows = [
  { name: 'odd size', inputs: { x: normal([3, 5]) }, grad: ['x'] },
  { name: 'scaled', inputs: { x: normal([8, 8]) }, attrs: { scale: 3 }, grad: ['x'] },
];

describe('an elementwise operation of the user', () => {
  it('is verified like the built-in ones, in f32 and f16', async () => {
    const results = await verifyOperation(gpu, softsign, { cases: rows });
    expect(results.map(({ name, direction, status }) => [name, direction, status])).toEqual([
      ['odd size', 'forward', 'ok'],
      ['odd size', 'backward', 'ok'],
      ['scaled', 'forward', 'ok'],
      ['scaled', 'backward', 'ok'],
    ]);
    if (!gpu.device.caps.f16) return;
    const halves = await verifyOperation(gpu, softsign, { cases: rows, dtype: 'f16' });
    expect(halves.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
  });

  it('trains, and fuses with its neighbours', async () => {
    const x = leaf([1, -3], [2]);
    const step = gpu.capture(() => {
      const y = mul(apply(softsign, { x: mul(x, 2) }, { scale: 2 }).y, 5);
      const loss = sum(y);
      backward(loss);
      return { y, grad: x.grad! };
    });
    const { y, grad } = await step();
    expect([...(await y.data())].map((value) => value.toFixed(4))).toEqual(['6.6667', '-8.5714']);
    // 5 · 2 · 2 / (1 + |2x|)²
    expect([...(await grad.data())].map((value) => value.toFixed(4))).toEqual(['2.2222', '0.4082']);
    const forward = gpu.capture(() => ({ y: mul(apply(softsign, { x: mul(x, 2) }).y, 5) }));
    expect((await forward.prepare([])).dispatches).toBe(1);
  });

  it('cannot have names that WGSL does not take', () => {
    const bad = { name: 'soft-sign', args: ['x'], wgsl: 'x', backward: {} };
    expect(() => defineElementwise(bad)).toThrow('defineElementwise: "soft-sign" cannot be a name in WGSL');
  });
});

describe('an operation of the user with a kernel of its own', () => {
  const doubled = defineKernel({
    name: 'doubled',
    inputs: ['x'],
    outputs: ['y'],
    infer: ({ x }) => ({ y: x }),
    dispatches: (_caps, { x }) => {
      const total = x.shape.reduce((a, b) => a * b, 1);
      const shader = `// doubled.wgsl: y = 2 x.
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<T>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
struct Params { total: u32 }
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = invocation_index(id, groups);
  if (i < params.total) { y[i] = T(2.0 * f32(x[i])); }
}
`;
      return { dispatches: [{ shader, types: { T: x.dtype }, params: { total }, grid: total }] };
    },
  });
  const reference = (inputs: { x: { data: ArrayLike<number> } }) => ({
    y: Float64Array.from(inputs.x.data, (value) => 2 * value),
  });
  const row = [{ name: 'a', inputs: { x: normal([2, 3]) }, grad: ['x'] }];

  it('is verified with its gradient rule', async () => {
    const operation = defineOperation({
      kernel: doubled,
      reference,
      gradient: ({ grads: { y: g } }) => ({ x: mul(g, 2) }),
    });
    const results = await verifyOperation(gpu, operation, { cases: row });
    expect(results.map(({ status, message }) => [status, message])).toEqual([
      ['ok', ''],
      ['ok', ''],
    ]);
  });

  it('is found out where the rule or the kernel is wrong', async () => {
    const wrongRule = defineOperation({
      kernel: doubled,
      reference,
      gradient: ({ grads: { y: g } }) => ({ x: mul(g, 3) }),
    });
    const [forward, back] = await verifyOperation(gpu, wrongRule, { cases: row });
    expect(forward).toMatchObject({ status: 'ok' });
    expect(back).toMatchObject({ status: 'failed', message: expect.stringContaining('finite differences') });
    const wrongKernel = defineOperation({
      kernel: doubled,
      reference: ({ x }) => ({ y: Float64Array.from(x.data, (value) => 2.5 * value) }),
      gradient: null,
    });
    const [only] = await verifyOperation(gpu, wrongKernel, { cases: [{ ...row[0]!, grad: [] }] });
    expect(only).toMatchObject({ status: 'failed', message: expect.stringMatching(/^y\[\d\]: got/) });
  });

  it('needs a reference to be verified, and a rule to be differentiated', async () => {
    const bare = defineOperation({ kernel: doubled, gradient: null });
    await expect(verifyOperation(gpu, bare, { cases: row })).rejects.toThrow(
      'doubled has no reference; give one to defineOperation',
    );
    const loss = sum(apply(bare, { x: leaf([1], [1]) }).y);
    expect(() => backward(loss)).toThrow('doubled is not differentiable; detach() its inputs');
    expect(() => apply(bare, { x: 3 as never })).toThrow('doubled: x is 3, no tensor');
    expect([...(await apply(bare, { x: tensor([4]) }).y.data(gpu))]).toEqual([8]);
  });
});

describe('a built-in operation', () => {
  it('is checked with its own cases, or with the user’s', async () => {
    const rows = await verifyOperation(gpu, 'relu');
    expect(rows.length).toBeGreaterThan(3);
    expect(rows.every(({ op, ok }) => op === 'relu' && ok)).toBe(true);
    const own = await verifyOperation(gpu, 'softmax', {
      cases: [{ name: 'mine', inputs: { x: normal([4, 5]) }, grad: ['x'] }],
    });
    expect(own.map(({ op, name, direction, status }) => [op, name, direction, status])).toEqual([
      ['softmax', 'mine', 'forward', 'ok'],
      ['softmax', 'mine', 'backward', 'ok'],
    ]);
  });

  it('must be one', async () => {
    await expect(verifyOperation(gpu, 'make_coffee' as never)).rejects.toThrow(
      'no operation is called make_coffee',
    );
    await expect(verifyOperation(gpu, 'toString' as never)).rejects.toThrow(FoveaError);
    const row = { name: 'a', inputs: { y: integers([2], 0, 3) } };
    await expect(verifyOperation(gpu, 'relu', { cases: [row] })).rejects.toThrow('no input is called y');
  });

  it('ends with the device, where that is lost in the middle', async () => {
    const mortal = await openGpu();
    const seen: string[] = [];
    const run = verifyOperation(mortal.device.device, 'relu', {
      onRow: ({ name }) => {
        seen.push(name);
        mortal.device.device.destroy();
      },
    });
    await expect(run).rejects.toThrow(DeviceLostError);
    expect(seen.length).toBe(1);
  });

  it('says what options it does not know', async () => {
    for (const repeat of [0, 1.5, Number.NaN]) {
      await expect(verifyOperation(gpu, 'relu', { repeat })).rejects.toThrow(`repeat is ${repeat}`);
    }
    const wrong = { dtype: 'f64' as never };
    await expect(verifyOperation(gpu, 'relu', { ...wrong })).rejects.toThrow(
      'dtype is "f64"; choose f32 or f16',
    );
  });
});
