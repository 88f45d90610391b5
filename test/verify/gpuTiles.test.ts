import { createRequire } from 'node:module';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { MATRIX_FEATURE } from '../../src/device/caps.ts';
import { compilesMatrices, hasMatrixUnits } from '../../src/device/matrixUnits.ts';
import { loadStrategies, strategiesOf } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { toHalf } from '../../src/half.ts';
import { type Kernel, type Specs, shaderOf } from '../../src/kernels/kernel.ts';
import { kernelOf, type OpName } from '../../src/kernels/ops.ts';
import { type Candidate, candidates, namesIn, type Purpose } from '../../src/kernels/strategy.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { references } from '../../src/reference/ops.ts';
import { type DType, numel, type TensorSpec } from '../../src/shape.ts';
import {
  boxes,
  type CaseRow,
  fillInputs,
  type HostTensor,
  type HostTensors,
  hostTensor,
  normal,
} from '../../src/verify/cases/case.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { inputsInHalves } from '../../src/verify/f16.ts';
import { otherKernels } from '../../src/verify/otherKernels.ts';
import {
  attributesOf,
  compare,
  referenceTensors,
  runKernel,
  runReference,
} from '../../src/verify/runKernel.ts';
import { largestOf } from '../../src/verify/validate.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { emulated } from './matrixEmulation.ts';

await loadStrategies(Object.values(operations));

/** What a GPU offers, on whatever device the tests have. */
const LARGE_GPU: Caps = {
  family: 'tile',
  subgroupSize: 0,
  f16: true,
  maxBindingSize: 2 ** 27,
  maxStorageBuffers: 8,
};
const HOPPER: Caps = { ...LARGE_GPU, matrixUnits: true, workgroupBytes: 49152 };

const TILES = ['tile128x128', 'tile128x64', 'tile32x32', 'tile32x64', 'tile64x32', 'tile64x64'];

/** `tiles` are those that run: each takes a second or more to compile. */
type Row = { readonly op: OpName; readonly tiles: readonly string[] } & CaseRow;

const PYRAMID = [
  [12, 14],
  [6, 7],
  [3, 1],
  [1, 1],
] as const;

/** Every operand: taps, strides, dilations, phases, groups, broadcast and batched matrices; sizes beyond tiles' edges. */
const rows: readonly Row[] = [
  {
    op: 'conv2d',
    name: 'strides, dilation, groups, columns in no fours',
    tiles: ['tile32x32'],
    inputs: { x: normal([1, 9, 11, 24]), weight: normal([3, 5, 12, 10], 0.3), bias: normal([10]) },
    attrs: { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 },
  },
  {
    op: 'conv2d',
    name: 'few pixels of many channels: parts of the inner sum',
    tiles: ['tile64x64'],
    inputs: { x: normal([1, 7, 7, 136]), weight: normal([3, 3, 136, 136], 0.1), bias: normal([136]) },
    attrs: { padding: [1, 1] },
  },
  {
    op: 'conv2d',
    name: 'levels of a pyramid, more pixels than a tile',
    tiles: ['tile128x64', 'tile64x32'],
    inputs: { x: normal([2, 1, 214, 24]), weight: normal([3, 3, 24, 72], 0.3), bias: normal([72]) },
    attrs: { padding: [1, 1], levels: PYRAMID },
  },
  {
    op: 'conv2d_backward_weight',
    name: 'levels of a pyramid, narrower than a step',
    tiles: ['tile64x64', 'tile32x32'],
    inputs: { x: normal([3, 1, 214, 16]), dy: normal([3, 1, 214, 72], 0.3) },
    attrs: { padding: [1, 1], kernelSize: [3, 3], levels: PYRAMID },
  },
  {
    op: 'conv2d_backward_weight',
    name: 'strides, groups',
    tiles: ['tile128x64'],
    inputs: { x: normal([3, 23, 14, 16]), dy: normal([3, 12, 12, 16], 0.3) },
    attrs: { stride: [2, 1], padding: [1, 0], groups: 2, kernelSize: [3, 3] },
  },
  {
    op: 'conv_transpose2d',
    name: 'phases',
    tiles: ['tile64x64'],
    inputs: { x: normal([2, 7, 6, 8]), weight: normal([3, 3, 40, 8], 0.3), bias: normal([40]) },
    attrs: { stride: [2, 3], padding: [1, 0], outputPadding: [1, 0] },
  },
  {
    op: 'linear',
    name: 'more columns than a tile',
    tiles: ['tile128x128'],
    inputs: { x: normal([3, 45, 24]), weight: normal([24, 136], 0.3), bias: normal([136]) },
  },
  {
    op: 'matmul',
    name: 'batches, one matrix of the left for all',
    tiles: ['tile32x32', 'tile64x32'],
    inputs: { a: normal([40, 16]), b: normal([3, 16, 24]) },
  },
  {
    op: 'cdist',
    name: 'sums of squares, columns in no fours',
    tiles: ['tile32x32'],
    inputs: { a: normal([45, 20]), b: normal([70, 20]) },
  },
  {
    op: 'cdist',
    name: 'absolute differences',
    tiles: ['tile32x64'],
    inputs: { a: normal([45, 20]), b: normal([68, 20]) },
    attrs: { p: 1 },
  },
];

/** More boxes than lanes have words, most of which are removed; and a limit that is reached. */
const crowds: readonly CaseRow[] = [300, 20].map((maxDetections) => ({
  name: `a crowd, ${maxDetections} at most`,
  inputs: {
    boxes: boxes([2, 700, 4], 12),
    scores: normal([2, 700]),
  },
  attrs: { iouThreshold: 0.5, scoreThreshold: -1, maxDetections },
}));

const named = rows.map((row) => [`${row.op}: ${row.name}`, row] as const);

/** The cheapest first. */
function candidatesFor(op: OpName, caps: Caps, specs: Specs, given: object, purpose: Purpose): Candidate[] {
  const { kernel } = operations[op];
  const attrs = attributesOf(kernel, given);
  const problem = { caps, specs, outputs: kernel.infer(specs, attrs), attrs, purpose };
  return candidates(strategiesOf(operations[op]), problem).sort((a, b) => a.cost - b.cost);
}

const planned = (caps: Caps, { op, inputs, attrs = {} }: Row, dtype: DType): Candidate[] => {
  const specs = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]): [string, TensorSpec] => [name, { shape, dtype }]),
  );
  return candidatesFor(op, caps, specs, attrs, { training: true });
};

const isMatrix = ({ name }: Candidate): boolean => name.startsWith('matrix');
const channelsInEights = ({ inputs }: Row): boolean =>
  Object.values(inputs).every(({ shape }) => shape.at(-1)! % 8 === 0);

/** Operands of halves in words, the bias in f32: what an emulated dispatch binds. */
const packed = (inputs: HostTensors): HostTensors =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]): [string, HostTensor] => {
      if (name === 'bias') return [name, hostTensor({ shape, dtype: 'f32' }, data)];
      const words = new Uint32Array(toHalf(data).buffer);
      return [name, { shape: [words.length], dtype: 'u32', data: words }];
    }),
  );

describe('register tiles, on any device', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu({ limits: 'guaranteed' });
  });
  afterAll(() => gpu?.dispose());

  it('every operation has a row here', () => {
    const tiled = Object.values(operations).filter((operation) =>
      namesIn(strategiesOf(operation)).includes('tile32x32'),
    );
    expect(new Set(rows.map(({ op }) => op))).toEqual(new Set(tiled.map(({ name }) => name)));
  });

  const check = async (row: Row, dtype: 'f32' | 'f16', only = row.tiles): Promise<void> => {
    const own = kernelOf(row.op);
    const filled = fillInputs(row.op, row);
    const inputs = dtype === 'f16' ? inputsInHalves(own, filled) : filled;
    const attrs = attributesOf(own, row.attrs);
    const others = [...otherKernels(operations[row.op], LARGE_GPU, inputs, attrs, { training: true })];
    expect(others.flatMap(([name]) => (/^tile\d/.test(name) ? name : [])).sort()).toEqual(TILES);
    const want = runReference(own, references[row.op] as never, referenceTensors(inputs), row.attrs);
    const [output] = own.outputs as readonly [string];
    for (const [strategy, kernel] of others.filter(([name]) => only.includes(name))) {
      const got = await runKernel(gpu.device, kernel, inputs, attrs);
      const allowed = (dtype === 'f16' ? 2e-3 : 3e-6) * largestOf(want[output]!);
      const { message } = compare(`${strategy}: ${output}`, got[output]!, want[output]!, 0, allowed);
      expect(message).toBe('');
    }
  };

  it.each(named)('%s', (_, row) => check(row, 'f32'));

  it('Winograd takes tiles for its products', async () => {
    const row = rows[1]!;
    const specs = planned(LARGE_GPU, row, 'f32').find(({ name }) => name === 'winograd2')!;
    const names = specs.plan().dispatches.map((dispatch) => shaderOf(dispatch).name);
    expect(new Set(names)).toContain('gemm_gpu.wgsl');
    expect(new Set(names)).not.toContain('gemm_tile.wgsl');
    await check(row, 'f32', ['winograd2']);
  });

  it('nms from bits keeps the same boxes', async () => {
    const own = kernelOf('nms');
    const table = cases.filter(({ op, inputs }) => op === 'nms' && numel(inputs.boxes!.shape) > 0);
    for (const row of [...table, ...crowds]) {
      const inputs = fillInputs('nms', row);
      const attrs = attributesOf(own, row.attrs);
      const bitmask = otherKernels(operations.nms, LARGE_GPU, inputs, attrs, { training: false }).get(
        'bitmask',
      );
      const want = runReference(own, references.nms as never, referenceTensors(inputs), row.attrs);
      const got = await runKernel(gpu.device, bitmask!, inputs, attrs);
      for (const name of own.outputs) {
        expect(compare(`${row.name}: ${name}`, got[name]!, want[name]!, 0, 0).message).toBe('');
      }
    }
    expect(table.length).toBeGreaterThan(5);
  });

  it('reads and writes halves where the device has them', async () => {
    const halves = [rows[0]!, rows[1]!, rows[2]!].filter(() => gpu.device.caps.f16);
    for (const row of halves) await check(row, 'f16', ['tile32x32']);
  });

  // Shared memory for the larger tile, where the device has it.
  it.each(
    named.filter(([, row]) => channelsInEights(row) && row.op.startsWith('conv2d')),
  )('matrix units, emulated: %s', async (_, row) => {
    const own = kernelOf(row.op);
    const inputs = inputsInHalves(own, fillInputs(row.op, row));
    const want = runReference(own, references[row.op] as never, referenceTensors(inputs), row.attrs);
    const [output] = own.outputs as readonly [string];
    const { workgroupBytes } = gpu.device.caps;
    const matrix = planned({ ...HOPPER, workgroupBytes: workgroupBytes! }, row, 'f16').filter(isMatrix);
    // The larger tile where the device has the memory, in one of the rows.
    const size = row.op === 'conv2d' ? 'matrix128x128' : 'matrix64x64';
    for (const { name, plan } of [matrix.find((candidate) => candidate.name === size) ?? matrix[0]!]) {
      const { dispatches, ...rest } = plan();
      const kernel: Kernel = {
        ...own,
        infer: () => ({ [output]: { shape: [want[output]!.length], dtype: 'f32' } }),
        dispatches: () => ({ ...rest, dispatches: dispatches.map(emulated) }),
      };
      const got = await runKernel(gpu.device, kernel, packed(inputs));
      const { message } = compare(name, got[output]!, want[output]!, 0, 3e-6 * largestOf(want[output]!));
      expect(message).toBe('');
    }
  });
});

describe('the static guess', () => {
  const product = (M: number, K: number, N: number, caps = LARGE_GPU, dtype: DType = 'f32') => {
    const specs = { x: { shape: [M, K], dtype }, weight: { shape: [K, N], dtype } };
    return candidatesFor('linear', caps, specs, {}, { training: false });
  };

  it('takes large tiles where they fill a large GPU, smaller ones and parts where they do not', () => {
    expect(product(4096, 4096, 4096)[0]!.name).toBe('tile128x128');
    expect(product(256, 256, 256)[0]!.name).toBe('tile32x32');
    const [few] = product(49, 4608, 512);
    const { dispatches } = few!.plan();
    expect(dispatches).toHaveLength(2);
    expect(dispatches[0]!.params!.splits).toBeGreaterThan(4);
    expect(product(4096, 4096, 4096)[0]!.plan().dispatches).toHaveLength(1);
  });

  it('leaves tiles of more registers than there are to other GPUs', () => {
    const names = (registers?: number) =>
      product(4096, 4096, 4096, { ...LARGE_GPU, ...(registers ? { registers } : {}) })
        .map(({ name }) => name)
        .sort();
    expect(names()).toEqual(['tile', ...TILES]);
    expect(names(128)).toEqual(['tile', 'tile32x32', 'tile32x64', 'tile64x32']);
  });

  it('takes matrix units for halves in eights, and for nothing else', () => {
    expect(product(4096, 4096, 4096, HOPPER, 'f16')[0]!.name).toBe('matrix128x128');
    const small = product(4096, 4096, 4096, { ...HOPPER, workgroupBytes: 16384 }, 'f16');
    expect(small[0]!.name).toBe('matrix64x64');
    const others = [product(4096, 4096, 4096, HOPPER), product(512, 512, 516, HOPPER, 'f16')].flat();
    expect(others.filter(({ name }) => name.startsWith('matrix'))).toEqual([]);
  });

  it('leaves products of nothing to the kernel itself, whose loops end', () => {
    for (const [M, K, N] of [
      [0, 8, 8],
      [8, 0, 8],
      [8, 8, 0],
    ] as const) {
      expect(product(M, K, N).map(({ name }) => name)).toEqual(['tile']);
    }
    const dw = {
      op: 'conv2d_backward_weight',
      name: 'no images',
      tiles: [],
      attrs: { kernelSize: 1 },
    } as const;
    const inputs = { x: normal([0, 4, 4, 8]), dy: normal([0, 4, 4, 8]) };
    expect(planned(LARGE_GPU, { ...dw, inputs }, 'f32').map(({ name }) => name)).not.toContain('tile32x32');
  });

  it('gives software adapters none of it', () => {
    const names = product(512, 512, 512, { ...LARGE_GPU, family: 'subgroup', subgroupSize: 8 }).map(
      ({ name }) => name,
    );
    expect(names).toEqual(['lanes8']);
  });
});

describe('matrix units', () => {
  // No adapter of a test machine has them: Dawn's null backend checks the shaders and runs nothing.
  let dawn: GPU;
  let device: GPUDevice;
  beforeAll(async () => {
    const { create } = createRequire(import.meta.url)('webgpu') as { create(options: string[]): GPU };
    dawn = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
    const adapter = await dawn.requestAdapter();
    const requiredFeatures = ['shader-f16', 'subgroups', MATRIX_FEATURE] as const;
    device = await adapter!.requestDevice({ requiredFeatures: [...requiredFeatures] });
  });
  afterAll(() => device?.destroy());

  it('the probe compiles, and tells a device that does not list the size apart', async () => {
    expect(await compilesMatrices(device)).toBe(true);
    const info = { subgroupMinSize: 32, subgroupMaxSize: 32 };
    const of = (subgroupMatrixConfigs: object[], more = {}) =>
      hasMatrixUnits(device, { ...info, ...more, subgroupMatrixConfigs } as unknown as GPUAdapterInfo);
    const size = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };
    const other = { ...size, K: 8 };
    expect(await of([other, size])).toBe(true);
    expect(await of([other])).toBe(false);
    expect(await of([size], { subgroupMaxSize: 64 })).toBe(false);
  });

  it.each(
    named.filter(([, row]) => channelsInEights(row)),
  )('Dawn accepts the shaders of %s', async (_, row) => {
    const matrix = planned(HOPPER, row, 'f16').filter(isMatrix);
    expect(matrix.map(({ name }) => name).sort()).toEqual(['matrix128x128', 'matrix64x64']);
    for (const { plan } of matrix) {
      for (const dispatch of plan().dispatches) {
        const { code, name } = shaderOf(dispatch);
        device.pushErrorScope('validation');
        const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
        expect(messages.map(({ message, lineNum }) => `${name}:${lineNum}: ${message}`)).toEqual([]);
        expect(await device.popErrorScope()).toBe(null);
      }
    }
  });
});
