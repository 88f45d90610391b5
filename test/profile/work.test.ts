import { describe, expect, it } from 'vitest';
import { flopsOf } from '../../src/graph/flops.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { recordOperation, Tensor } from '../../src/graph/tensor.ts';
import { add, concat, conv2d, convTranspose2d, linear, matmul, mul, relu } from '../../src/index.ts';
import { choicesOf, lower, prepareLowering } from '../../src/plan/lower.ts';
import { accessesOf } from '../../src/profile/access.ts';
import { ADAPTER_CLASSES } from '../../src/profile/adapterClasses.ts';
import { blockOf, paramsOf } from '../../src/profile/products.ts';
import { predict } from '../../src/profile/roofline.ts';
import { workOf } from '../../src/profile/work.ts';

const GPU = ADAPTER_CLASSES.h100.caps;
const CPU = { ...GPU, family: 'subgroup', subgroupSize: 8 } as const;
const input = (...shape: number[]) => new Tensor({ shape, dtype: 'f32' }, { kind: 'input', name: 'x' });

/** What the operations of one result do, by their dispatches. */
async function worksOf(y: Tensor, strategy?: string, caps: typeof GPU | typeof CPU = GPU) {
  await prepareLowering([y], []);
  const { ops } = lower(caps, [y], [], strategy ? { strategyOf: () => strategy as never } : {});
  return ops.map((op) => ({ op, works: workOf(op) }));
}

/** The same of a result that is one operation. */
async function onlyWork(...given: Parameters<typeof worksOf>) {
  const found = await worksOf(...given);
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe('bytes and FLOPs', () => {
  it('of a chain of elementwise operations: each input once, the result once, one FLOP an element and operation', async () => {
    const [x, y, z] = [input(10, 100), input(10, 100), input(100)];
    const { op, works } = await onlyWork(relu(add(mul(x, y), z)));
    expect(op.label).toBe('mul+add+relu');
    expect(works).toMatchObject([{ bytesRead: 4000 + 4000 + 400, bytesWritten: 4000, flops: 3000 }]);
  });

  it('of a convolution with a bias and what is fused to it', async () => {
    const y = relu(conv2d(input(2, 16, 16, 4), input(3, 3, 4, 8), input(8), { padding: 1 }));
    const { works } = await onlyWork(y, 'plain');
    const results = 2 * 16 * 16 * 8;
    expect(works).toMatchObject([
      {
        bytesRead: 4 * (2 * 16 * 16 * 4 + 3 * 3 * 4 * 8 + 8),
        bytesWritten: 4 * results,
        flops: 2 * results * 3 * 3 * 4 + results,
      },
    ]);
  });

  it('of a depthwise convolution', async () => {
    const y = conv2d(input(1, 8, 8, 16), input(3, 3, 1, 16), undefined, { groups: 16, padding: 1 });
    const { works } = await onlyWork(y, 'depthwise');
    expect(works).toMatchObject([
      { bytesRead: 4 * (8 * 8 * 16 + 9 * 16), bytesWritten: 4 * 8 * 8 * 16, flops: 2 * 8 * 8 * 16 * 9 },
    ]);
  });

  it('of a linear layer', async () => {
    const { works } = await onlyWork(linear(input(32, 64), input(64, 16), input(16)), 'plain');
    expect(works).toMatchObject([
      { bytesRead: 4 * (32 * 64 + 64 * 16 + 16), bytesWritten: 4 * 32 * 16, flops: 2 * 32 * 16 * 64 },
    ]);
  });

  it('of a batch of products', async () => {
    const { works } = await onlyWork(matmul(input(5, 32, 64), input(5, 64, 16)), 'plain');
    expect(works).toMatchObject([
      { bytesRead: 4 * 5 * (32 * 64 + 64 * 16), bytesWritten: 4 * 5 * 32 * 16, flops: 5 * 2 * 32 * 16 * 64 },
    ]);
  });

  it('of dispatches that write a tensor in parts: each its own part', async () => {
    const { works } = await onlyWork(concat([input(64, 8), input(192, 8)], 0));
    expect(works).toMatchObject([
      { bytesRead: 2048, bytesWritten: 2048, flops: 1024 },
      { bytesRead: 6144, bytesWritten: 6144, flops: 3072 },
    ]);
  });

  it('in blocks: what a matrix kernel does beyond the edges of its result', async () => {
    const { op, works } = await onlyWork(matmul(input(40, 64), input(64, 20)), 'plain', CPU);
    expect(blockOf(op.dispatches[0]!.shader)).toMatchObject({ columns: 32 });
    const { phase_rows } = paramsOf(op.dispatches[0]!);
    expect(phase_rows).toBeGreaterThanOrEqual(40);
    expect(works).toMatchObject([{ flops: 2 * 40 * 64 * 20, flopsInBlocks: 2 * phase_rows! * 64 * 32 }]);
  });

  it("of Winograd's algorithm are fewer than by the definition: 2.25 and 4 times where tiles fit", async () => {
    const y = conv2d(input(1, 64, 64, 32), input(3, 3, 32, 32), undefined, { padding: 1 });
    for (const [strategy, ratio] of [
      ['winograd2', 2.25],
      ['winograd4', 4],
    ] as const) {
      const found = await worksOf(y, strategy, CPU);
      const products = found.flatMap(({ op, works }) =>
        works.filter((_, i) => paramsOf(op.dispatches[i]!).M !== undefined),
      );
      const flops = products.reduce((sum, work) => sum + work.flops, 0);
      expect((2 * 64 * 64 * 32 * 9 * 32) / flops).toBe(ratio);
      // Chunks of tiles read the image and write the result once, all together.
      const written = found.flatMap(({ op, works }) =>
        works.filter((_, i) => op.dispatches[i]!.shader.name === 'winograd_output.wgsl'),
      );
      expect(written.reduce((sum, work) => sum + work.bytesWritten, 0)).toBe(4 * 64 * 64 * 32);
    }
  });

  it('by the sizes of matrix kernels are those of the definition, in every strategy', async () => {
    await loadStrategies(Object.values(operations));
    const results = {
      conv: conv2d(input(2, 16, 16, 16), input(3, 3, 16, 32), undefined, { stride: 2, padding: 1 }),
      groups: conv2d(input(2, 16, 16, 16), input(3, 3, 8, 32), undefined, { groups: 2 }),
      transposed: convTranspose2d(input(1, 8, 8, 16), input(2, 2, 8, 16), undefined, { stride: 2 }),
      linear: linear(input(32, 64), input(64, 16)),
      filter: recordOperation(
        operations.conv2d_backward_weight,
        { x: input(2, 16, 16, 16), dy: input(2, 16, 16, 32) },
        { kernelSize: 3, padding: 1 },
      ).dw!,
    };
    for (const [name, y] of Object.entries(results)) {
      for (const caps of [GPU, CPU]) {
        const all = choicesOf(caps, [y], [])[0]?.candidates.map((candidate) => candidate.name) ?? [];
        for (const strategy of all.filter((other) => !/winograd|columns|turned/.test(other))) {
          const { op, works } = await onlyWork(y, strategy, caps);
          const flops = works.filter((_, i) => paramsOf(op.dispatches[i]!).M !== undefined);
          const sum = flops.reduce((total, work) => total + work.flops, 0);
          expect(`${name} ${strategy} ${sum}`).toBe(`${name} ${strategy} ${flopsOf(op.nodes[0]!)}`);
          for (const dispatch of op.dispatches) {
            const { M, IG, OG, KH, KW, UH, UW, blocks, phase_rows } = paramsOf(dispatch);
            if (M === undefined) continue;
            const { rows, columns } = blockOf(dispatch.shader);
            expect(`${name} ${strategy} ${blocks}`).toBe(`${name} ${strategy} ${Math.ceil(OG! / columns)}`);
            const [x, y] = dispatch.workgroups;
            if (name === 'filter') expect(x * y).toBe(Math.ceil((KH! * KW! * IG!) / rows!) * blocks!);
            else expect((phase_rows! * UH! * UW! * blocks!) % (x * y)).toBe(0);
          }
        }
      }
    }
  });
});

describe('what a shader does with a buffer', () => {
  const shader = (body: string) => ({
    ...{ name: 'x', parts: [], params: [], code: `${body}\n// y[0] += 1.0; in a comment` },
    bindings: [{ index: 1, name: 'y', kind: 'storage' as const }],
  });
  it.each([
    ['y[i] = f(x[i]);', false, true],
    ['y[a[i + b[2]]] = 1.0;', false, true],
    ['y[i].x = 1.0;', false, true],
    ['y[i] += 1.0;', true, true],
    ['y[i]++;', true, true],
    ['let a = y[i];', true, false],
    ['if (y[i] == 1.0) { return; }', true, false],
    ['if (y[i] <= 1.0) { y[i] = 2.0; }', true, true],
    ['atomicAdd(&y[i], 1u);', true, true],
    ['let b = y[i] * y[j]; y[i] = b;', true, true],
    ['my_y[i] = 1.0;', false, false],
  ])('%s', (body, reads, writes) => {
    expect(accessesOf(shader(body)).get(1)).toEqual({ reads, writes });
  });
});

describe('the roofline', () => {
  const adapter = {
    ...ADAPTER_CLASSES.m1,
    ...{ gflops: 1000, gbps: 100, units: 8, launchMicroseconds: 10 },
    efficiency: { compute: 0.5, memory: 1 },
  };
  it('is the launch and the longer of memory and compute', () => {
    const work = { bytesRead: 6e6, bytesWritten: 4e6, flops: 1, flopsInBlocks: 1e6 };
    expect(predict(work, 8, adapter)).toEqual({ seconds: 10e-6 + 1e7 / 100e9, bound: 'memory' });
    expect(predict({ ...work, flopsInBlocks: 1e9 }, 8, adapter)).toEqual({
      ...{ seconds: 10e-6 + 1e9 / 500e9, bound: 'compute' },
    });
    const little = { bytesRead: 60, bytesWritten: 40, flops: 1, flopsInBlocks: 1 };
    expect(predict(little, 8, adapter).bound).toBe('launch');
    expect(predict(little, 8, adapter).seconds).toBeCloseTo(10.001e-6, 12);
  });
  it('has of fewer workgroups than units that share of the adapter', () => {
    const work = { bytesRead: 0, bytesWritten: 1e7, flops: 0, flopsInBlocks: 0 };
    expect(predict(work, 2, adapter).seconds).toBeCloseTo(10e-6 + (4 * 1e7) / 100e9, 12);
    expect(predict(work, 800, adapter).seconds).toBeCloseTo(10e-6 + 1e7 / 100e9, 12);
  });
});
