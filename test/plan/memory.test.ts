import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { boxIou } from '../../src/graph/functions/boxes.ts';
import { conv2d, groupNorm, interpolate, maxPool2d } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import {
  cdist,
  cosineSimilarityMatrix,
  hammingDistance,
  mean,
  sum,
} from '../../src/graph/functions/reduce.ts';
import { concat, expand, flip, slice } from '../../src/graph/functions/shape.ts';
import { silhouetteSamples } from '../../src/graph/functions/silhouette.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { record } from '../../src/graph/recorder.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { type MemoryPlan, planMemory } from '../../src/plan/memory.ts';
import { type Lowered, type LoweredDispatch, type Storage, sizeOf } from '../../src/plan/storage.ts';
import type { DType, Shape } from '../../src/shape.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectReference, leaf, random } from './graphs.ts';
import { ADAPTERS, lowered, networks } from './networks.ts';

await loadStrategies(Object.values(operations));

const bytesOf = ({ slotSizes }: MemoryPlan): number => slotSizes.reduce((sum, size) => sum + size, 0);

/** Every temporary has a place of its own as long as it lives. Returns the bytes alive at the worst time. */
function expectApart({ ops }: Lowered, { placeOf, slotSizes }: MemoryPlan): number {
  const spans = new Map<Storage, { from: number; to: number }>();
  ops.forEach((op, i) => {
    for (const storage of [...op.reads, ...op.writes, ...op.scratch]) {
      spans.set(storage, { from: i, ...spans.get(storage), to: i });
    }
  });
  const tenants = [...spans].flatMap(([storage, span]) => {
    const place = placeOf.get(storage);
    if (storage.kept || storage.home) expect(place).toBeUndefined();
    else expect(place).toBeDefined();
    return place ? [{ ...span, ...place, end: place.offset + sizeOf(storage) }] : [];
  });
  let clashes = 0;
  tenants.forEach((a, i) => {
    expect(a.offset % 256).toBe(0);
    expect(a.end).toBeLessThanOrEqual(slotSizes[a.slot]!);
    for (const b of tenants.slice(i + 1)) {
      const together = a.slot === b.slot && a.from <= b.to && b.from <= a.to;
      if (together && a.offset < b.end && b.offset < a.end) clashes++;
    }
  });
  expect(clashes).toBe(0);
  return Math.max(
    0,
    ...ops.map((_, i) =>
      tenants.reduce((sum, { from, to, offset, end }) => sum + (from <= i && i <= to ? end - offset : 0), 0),
    ),
  );
}

/** What a dispatch binds in slots that it also writes, as the shader reads it. */
function readBesideWritten({ shader, bindings }: LoweredDispatch, { placeOf }: MemoryPlan): Storage[] {
  const written = new Set<number>();
  const kindOf = (index: number) => shader.bindings.find((binding) => binding.index === index)!.kind;
  const temporary = bindings.filter(({ storage }) => placeOf.has(storage));
  for (const { index, storage } of temporary) {
    if (kindOf(index) === 'storage') written.add(placeOf.get(storage)!.slot);
  }
  return temporary
    .filter(({ index, storage }) => kindOf(index) !== 'storage' && written.has(placeOf.get(storage)!.slot))
    .map(({ storage }) => storage);
}

describe('the memory of N x N distances', () => {
  const input = (shape: Shape, dtype: DType = 'f32') =>
    new Tensor({ shape, dtype }, { kind: 'input', name: 'x' });

  it.each(
    Object.entries(ADAPTERS),
  )('silhouette_samples of 20,000 x 784 takes 128 MiB on %s', (_name, caps) => {
    const y = silhouetteSamples(input([20_000, 784]), input([20_000], 'i32'), 10);
    const plan = planMemory(lower({ ...caps, maxBindingSize: 2 ** 27 }, [y], []));
    expect(bytesOf(plan)).toBeLessThan(2 ** 27);
  });

  it('its gradient keeps no distances of other blocks', () => {
    const { result } = record(() => {
      const x = tensor(new Float32Array(6000 * 4), [6000, 4], { requiresGrad: true });
      return grad(sum(silhouetteSamples(x, input([6000], 'i32'), 3)), [x])[0];
    });
    const plan = planMemory(lower(ADAPTERS.gpu, [result], []));
    // The distances alone are 6,000 x 6,000 of 4 bytes: 137 MiB.
    expect(bytesOf(plan)).toBeLessThan(2 ** 27);
  });

  it.each<[string, () => Tensor]>([
    ['cdist', () => cdist(input([20_000, 8]), input([20_000, 8]))],
    ['matmul', () => cosineSimilarityMatrix(input([20_000, 8]), input([20_000, 8]))],
    ['hamming_distance', () => hammingDistance(input([20_000, 8], 'i32'), input([20_000, 8], 'i32'))],
    ['box_iou', () => boxIou(input([20_000, 4]), input([20_000, 4]))],
  ])('%s that cannot be bound throws with both sizes, before it runs', (op, make) => {
    expect(() => lower({ ...ADAPTERS.gpu, maxBindingSize: 2 ** 27 }, [make()], [])).toThrow(
      new RegExp(`${op}: .* takes \\d+ bytes, the device binds at most 134217728`),
    );
  });
});

describe.each(Object.keys(networks))('the memory of %s', (name) => {
  it.each(['inference', 'training'] as const)('is within 1.15 of the least possible in %s', (mode) => {
    for (const [adapter, caps] of Object.entries(ADAPTERS)) {
      const program = lowered(networks[name]!(), mode, caps);
      const plan = planMemory(program);
      expect(expectApart(program, plan)).toBe(plan.lowerBound);
      const ratio = bytesOf(plan) / plan.lowerBound;
      expect(ratio, adapter).toBeGreaterThanOrEqual(1);
      expect(ratio, adapter).toBeLessThanOrEqual(1.15);
      for (const dispatch of program.ops.flatMap((op) => op.dispatches)) {
        // Bound as writable, it may be bound once only.
        const beside = readBesideWritten(dispatch, plan);
        expect(new Set(beside).size).toBe(beside.length);
      }
    }
  });
});

it('no slot is larger than a buffer may be', () => {
  const program = lowered(networks['U-Net at 64, batch 1']!(), 'training', ADAPTERS.gpu);
  const largest = Math.max(...Array.from(planMemory(program).placeOf.keys(), sizeOf));
  const plan = planMemory(program, largest);
  expectApart(program, plan);
  expect(Math.max(...plan.slotSizes)).toBe(largest);
  expect(bytesOf(plan)).toBeLessThanOrEqual(1.15 * plan.lowerBound);
});

describe('memory that is shared changes no value', () => {
  let gpu: Gpu;
  beforeAll(async () => {
    gpu = await sharedGpu({ fusion: true, validate: false });
  });
  afterAll(() => gpu?.dispose());

  it('of a network with skips and its gradients', async () => {
    const parameters: Tensor[] = [];
    let count = 0;
    const conv = (x: Tensor, channels: number) => {
      const weight = leaf(`w${count++}`, [3, 3, x.shape[3]!, channels], 0.1);
      const bias = leaf(`b${count++}`, [channels]);
      const [scale, shift] = [leaf(`s${count++}`, [channels]), leaf(`t${count++}`, [channels])];
      parameters.push(weight, bias, scale, shift);
      return e.relu(groupNorm(conv2d(x, weight, bias, { padding: 1 }), 4, { weight: scale, bias: shift }));
    };
    const up = (x: Tensor) => {
      const [, h, w] = x.shape as [number, number, number, number];
      return interpolate(x, { size: [2 * h, 2 * w] });
    };
    const one = conv(conv(random('image', [1, 32, 32, 4]), 8), 8);
    const two = conv(conv(maxPool2d(one, 2), 16), 16);
    const three = conv(conv(maxPool2d(two, 2), 32), 32);
    const four = conv(conv(concat([up(three), two], 3), 16), 16);
    const five = conv(conv(concat([up(four), one], 3), 8), 8);
    const loss = mean(e.mul(five, five));
    await expectReference(gpu, loss, ...grad([loss], parameters).map((g) => g!));
  });

  it('where a dispatch reads and writes one buffer', async () => {
    // Into the first, which is read alone, the others fit beside each other; in buffers of their own they would not.
    const first = flip(random('x', [3, 1 << 16]), [1]);
    const wide = expand(
      slice(first, [
        [1, 2],
        [0, 16],
      ]).reshape([1, 16]),
      [4096, 16],
    );
    const last = slice(flip(wide, [1]), [[0, 5]]);
    const program = lower(gpu.device.caps, [last], []);
    const plan = planMemory(program);
    expectApart(program, plan);
    const dispatches = program.ops.flatMap((op) => op.dispatches);
    expect(dispatches.some((dispatch) => readBesideWritten(dispatch, plan).length > 0)).toBe(true);
    expect(bytesOf(plan)).toBeLessThanOrEqual(1.15 * plan.lowerBound);
    await expectReference(gpu, last);
  });
});
