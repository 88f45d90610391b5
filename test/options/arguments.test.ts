import { describe, expect, it } from 'vitest';
import { FoveaError, ShapeError, UsageError } from '../../src/errors.ts';
import { einsum, flip, permute, tensor } from '../../src/graph/index.ts';
import '../../src/graph/methods.ts';
import { defineElementwise, defineKernel } from '../../src/kernels/index.ts';
import * as nn from '../../src/nn/index.ts';
import { borrowGpu } from '../../src/plan/gpu.ts';
import { normal, verifyOperation } from '../../src/verify/index.ts';

const net = new nn.Linear(2, 3);
const x = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);

describe('a wrong argument is told what is wanted', () => {
  it.each([
    [
      'a model for parameters',
      () => new nn.SGD(net as never),
      UsageError,
      'SGD: takes a list of parameters; pass',
    ],
    ['a list of models', () => new nn.AdamW([net] as never), UsageError, 'pass model.parameters()'],
    [
      'a number of modules',
      () => new nn.ModuleList(5 as never),
      UsageError,
      'ModuleList: takes a list of modules, got 5',
    ],
    [
      'numbers as modules',
      () => new nn.ModuleList([5] as never),
      UsageError,
      'ModuleList: member 0 is 5, no module',
    ],
    ['a list of layers', () => new nn.Sequential([net] as never), UsageError, 'Sequential: member 0 is'],
    [
      'no modules by name',
      () => new nn.ModuleDict(5 as never),
      UsageError,
      'ModuleDict: takes modules by name, got 5',
    ],
    [
      'numbers by name',
      () => new nn.ModuleDict({ a: 5 } as never),
      UsageError,
      'ModuleDict: a is 5, no module',
    ],
    ['no equation', () => einsum(undefined as never, x), ShapeError, 'einsum: the equation is undefined'],
    ['one dimension', () => permute(x, 1 as never), ShapeError, 'permute: dims is 1; give a list'],
    ['one dimension', () => flip(x, 1 as never), ShapeError, 'flip: dims is 1; give a list'],
    [
      'sizes one by one',
      () => x.reshape(6 as never),
      ShapeError,
      'reshape: shape is 6; give a list of sizes, such as [6]',
    ],
    ['Fovea’s device', () => borrowGpu({ device: {} } as never), FoveaError, 'pass gpu.device.device'],
    ['nothing', () => borrowGpu(undefined as never), FoveaError, 'that is no GPUDevice'],
    [
      'no gradient',
      () => defineElementwise({ name: 'soft', args: ['x'], wgsl: 'x' } as never),
      FoveaError,
      'defineElementwise: soft needs backward',
    ],
  ] as const)('%s', (_title, call, type, message) => {
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });

  it('where it is waited for', async () => {
    await expect(net.stateDict(undefined as never)).rejects.toThrow(
      'stateDict: takes what reads a state; pass',
    );
    await expect(net.randomState(3 as never)).rejects.toThrow(UsageError);
    await expect(verifyOperation(5 as never, 'relu')).rejects.toThrow('neither a Gpu nor a GPUDevice');
    await expect(verifyOperation(5 as never, 'reluu' as never)).rejects.toThrow('did you mean relu?');
    await expect(verifyOperation(5 as never, 'relu', { cases: {} as never })).rejects.toThrow(
      'cases must be a list',
    );
    const row = { name: 'a', input: { x: normal([2]) } };
    await expect(verifyOperation(5 as never, 'relu', { cases: [row as never] })).rejects.toThrow(
      'did you mean inputs?',
    );
  });
});

describe('methods take dimensions and sizes one by one, as PyTorch’s', () => {
  it('or as a list', () => {
    expect(x.permute(1, 0).shape).toEqual([3, 2]);
    expect(x.permute([1, 0]).shape).toEqual([3, 2]);
    expect(x.flip(0).shape).toEqual([2, 3]);
    expect(tensor([[1], [2]]).expand(2, 4).shape).toEqual([2, 4]);
  });
});

describe('a plan of one’s own is checked against its shader', () => {
  const shader = `// twice.wgsl: y = 2 x.
struct Params { total: u32, gain: f32, shift: i32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = 2.0 * x[id.x]; }
`;
  const params = { total: 4, gain: 0.5, shift: -1 };
  const plan = (change: object) => () => {
    const kernel = defineKernel({
      name: 'twice',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x: spec }) => ({ y: spec }),
      dispatches: () => ({ dispatches: [{ shader, params, grid: 4, ...change }] }),
    });
    const spec = { shape: [4], dtype: 'f32' } as const;
    return kernel.dispatches({} as never, { x: spec }, { y: spec }, {});
  };

  it.each([
    [
      'a fraction for a u32',
      { params: { ...params, total: 1.5 } },
      'params: total is 1.5, no u32; give a whole number',
    ],
    ['a negative number for a u32', { params: { ...params, total: -1 } }, 'params: total is -1, no u32'],
    ['a fraction for an i32', { params: { ...params, shift: 0.5 } }, 'params: shift is 0.5, no i32'],
    ['a missing parameter', { params: { total: 4, gain: 1 } }, 'params: shift is undefined; give a number'],
    ['an unknown parameter', { params: { ...params, gainn: 1 } }, 'no gainn; did you mean gain?'],
    ['an unknown variable', { bind: { z: 'x' } }, 'bind: the shader has no variable z, only x, y'],
    [
      'a variable without a tensor',
      { bind: { y: 'out' } },
      'the variable y has no tensor out; there are x, y',
    ],
    ['no grid', { grid: undefined }, 'grid is undefined; give a number of invocations'],
    [
      'a type that no parameter has',
      { shader: shader.replace('gain: f32', 'gain: vec2f') },
      'struct Params: gain is vec2f; it must be u32, i32 or f32',
    ],
  ])('%s', (_title, change, message) => {
    expect(plan({})).not.toThrow();
    expect(plan(change)).toThrow(ShapeError);
    expect(plan(change)).toThrow('twice: twice.wgsl: ');
    expect(plan(change)).toThrow(message);
  });
});
