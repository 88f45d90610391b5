import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeviceLimitError } from '../../src/errors.ts';
import {
  add,
  amax,
  argmax,
  cast,
  concat,
  cosineSimilarityMatrix,
  diceLoss,
  linear,
  matmul,
  mean,
  mseLoss,
  nms,
  permute,
  scaledDotProductAttention,
  slice,
  sort,
  sum,
  type Tensor,
  tensor,
  topk,
  zeros,
} from '../../src/graph/index.ts';
import { nms as nmsKernel } from '../../src/kernels/boxes/nms.ts';
import { defineKernel } from '../../src/kernels/kernel.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { numel } from '../../src/shape.ts';
import { sharedGpu } from '../sharedGpu.ts';

// What does not fit the table of cases: sizes at which grids fold, indices are large and memory runs out. All of
// it within WebGPU's default limits, compared with plain loops, bit by bit.

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ limits: 'default' });
});
afterAll(() => gpu?.dispose());

/** More than 65,535 workgroups of 64, of a size that four does not divide. */
const ROWS = 4_200_001;

/** Small whole numbers, in no order. */
const whole = (i: number): number => (Math.imul(i, 2654435761) >>> 8) % 2001;
const wholes = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => whole(i) - 1000);

/** The index of the first element that differs, and both values. */
function difference(got: ArrayLike<number>, length: number, want: (i: number) => number): string {
  if (got.length !== length) return `${got.length} elements instead of ${length}`;
  for (let i = 0; i < length; i++) {
    if (!Object.is(got[i], want(i))) return `[${i}]: got ${got[i]}, want ${want(i)}`;
  }
  return '';
}

async function expectValues(y: Tensor, want: (i: number) => number): Promise<void> {
  expect(difference((await gpu.read(y))[0]!, y.size, want)).toBe('');
}

describe('more than 65,535 workgroups', () => {
  it('elementwise, one at a time and by fours', async () => {
    const x = tensor(wholes(ROWS));
    await expectValues(add(x, 0.5), (i) => whole(i) - 999.5);
    const fours = 4 * (ROWS - 1);
    await expectValues(add(tensor(wholes(fours)), 0.5), (i) => whole(i) - 999.5);
  });

  it('copies', async () => {
    const [H, W] = [2049, 2051];
    const x = tensor(wholes(H * W), [H, W]);
    await expectValues(permute(x, [1, 0]), (i) => whole((i % H) * W + Math.floor(i / H)) - 1000);
    await expectValues(cast(x, 'i32'), (i) => whole(i) - 1000);
    const doubled = concat([x, x], 0);
    await expectValues(doubled, (i) => whole(i % (H * W)) - 1000);
    await expectValues(slice(doubled, [[1], [1]]), (i) => {
      const [row, column] = [1 + Math.floor(i / (W - 1)), 1 + (i % (W - 1))];
      return whole((row * W + column) % (H * W)) - 1000;
    });
  });

  it('reductions, of many rows and of one', async () => {
    const x = tensor(wholes(3 * ROWS), [ROWS, 3]);
    const at = (row: number, column: number) => whole(3 * row + column) - 1000;
    await expectValues(sum(x, { dim: 1 }), (i) => at(i, 0) + at(i, 1) + at(i, 2));
    await expectValues(amax(x, { dim: 1 }), (i) => Math.max(at(i, 0), at(i, 1), at(i, 2)));
    await expectValues(argmax(x, { dim: -1 }), (i) => {
      const row = [at(i, 0), at(i, 1), at(i, 2)];
      return row.indexOf(Math.max(...row));
    });
    let total = 0;
    for (let i = 0; i < ROWS; i++) total += whole(i) % 3;
    await expectValues(sum(tensor(Float32Array.from({ length: ROWS }, (_, i) => whole(i) % 3))), () => total);
  });

  it('matrix products', async () => {
    // The tiles that GPUs get hold 64 rows and 256 invocations: on a software adapter minutes for so many.
    const other = await sharedGpu();
    const rows = 1_100_003;
    const x = tensor(wholes(2 * rows), [rows, 2]);
    const at = (row: number, column: number) => whole(2 * row + column) - 1000;
    const columns = [
      (i: number) => at(i, 0) + 2 * at(i, 1),
      (i: number) => 3 * at(i, 0) - at(i, 1),
      (i: number) => at(i, 1) + 7,
    ];
    const y = linear(x, tensor([1, 3, 0, 2, -1, 1], [2, 3]), tensor([0, 0, 7]));
    // More matrices than a grid's third dimension holds.
    const matrices = 70_001;
    const [a, b] = [
      tensor(wholes(6 * matrices), [matrices, 3, 2]),
      tensor(wholes(4 * matrices), [matrices, 2, 2]),
    ];
    const [got, products] = await other.read(y, matmul(a, b));
    other.dispose();
    const value = (i: number) => whole(i) - 1000;
    const product = (i: number) => {
      const [n, row, column] = [Math.floor(i / 6), Math.floor(i / 2), i % 2];
      return value(2 * row) * value(4 * n + column) + value(2 * row + 1) * value(4 * n + 2 + column) + 0;
    };
    expect(difference(products!, 6 * matrices, product)).toBe('');
    expect(difference(got!, 3 * rows, (i) => columns[i % 3]!(Math.floor(i / 3)))).toBe('');
  });
});

describe('four million elements', () => {
  const n = 4_194_304;
  // Many ties, NaN, and zeros of both signs.
  const list = Float32Array.from({ length: n }, (_, i) => {
    const value = whole(i);
    return value === 2000 ? Number.NaN : value === 1000 ? (i % 2 === 0 ? 0 : -0) : value - 1000;
  });
  const keyOf = (i: number) => (Number.isNaN(list[i]!) ? 5000 : list[i]! + 1000);

  /** The stable order: keys and places in one number, which Float64Array sorts fast. */
  function orderOf(descending: boolean): (place: number) => number {
    const keys = Float64Array.from(list, (_, i) => (descending ? 5000 - keyOf(i) : keyOf(i)) * n + i).sort();
    return (place) => keys[place]! % n;
  }

  it('are sorted, stably', async () => {
    const { values, indices } = sort(tensor(list));
    const [gotValues, gotIndices] = await gpu.read(values, indices);
    const place = orderOf(false);
    expect(difference(gotIndices!, n, place)).toBe('');
    expect(difference(gotValues!, n, (i) => list[place(i)]!)).toBe('');
  });

  it('give their greatest and their first maximum', async () => {
    const x = tensor(list);
    const best = topk(x, 3000);
    const [values, indices, first] = await gpu.read(best.values, best.indices, argmax(x));
    const place = orderOf(true);
    expect(difference(indices!, 3000, place)).toBe('');
    expect(difference(values!, 3000, (i) => list[place(i)]!)).toBe('');
    expect([...first!]).toEqual([list.findIndex(Number.isNaN)]);
  });
});

describe('nms of 100,000 boxes', () => {
  const [count, extent] = [100_000, 400];
  const corners = new Float32Array(4 * count);
  const scores = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [w, h] = [8 + (whole(i) % 25), 8 + (whole(3 * i + 1) % 25)];
    const [x, y] = [(whole(5 * i + 2) + whole(i)) % extent, (whole(7 * i + 3) + whole(2 * i)) % extent];
    corners.set([x, y, x + w, y + h], 4 * i);
    scores[i] = whole(11 * i + 5);
  }

  /** Greedy suppression, kept boxes by cells that no box is larger than. */
  function greedy(threshold: number): number[] {
    const order = Array.from(scores, (_, i) => i).sort((i, j) => scores[j]! - scores[i]! || i - j);
    const [cell, across] = [32, Math.ceil(extent / 32) + 2];
    const cells = Array.from({ length: across * across }, (): number[] => []);
    const overlaps = (i: number, j: number): boolean => {
      const [a, b] = [corners.subarray(4 * i, 4 * i + 4), corners.subarray(4 * j, 4 * j + 4)];
      const width = Math.min(a[2]!, b[2]!) - Math.max(a[0]!, b[0]!);
      const height = Math.min(a[3]!, b[3]!) - Math.max(a[1]!, b[1]!);
      if (width <= 0 || height <= 0) return false;
      const [shared, area] = [width * height, (c: Float32Array) => (c[2]! - c[0]!) * (c[3]! - c[1]!)];
      return shared > threshold * (area(a) + area(b) - shared);
    };
    return order.filter((i) => {
      const [x, y] = [Math.floor(corners[4 * i]! / cell) + 1, Math.floor(corners[4 * i + 1]! / cell) + 1];
      for (let v = y - 1; v <= y + 1; v++) {
        for (let u = x - 1; u <= x + 1; u++) {
          if (cells[v * across + u]!.some((k) => overlaps(k, i))) return false;
        }
      }
      cells[y * across + x]!.push(i);
      return true;
    });
  }

  it('agrees with plain greedy suppression', async () => {
    const boxes = tensor(corners, [count, 4]);
    const { indices, count: found } = nms(boxes, tensor(scores), { iouThreshold: 0.5 });
    const [got, number] = await gpu.read(indices, found);
    const want = greedy(0.5);
    expect([...number!]).toEqual([want.length]);
    expect(difference(got!, count, (i) => want[i] ?? -1)).toBe('');
  });

  it('takes memory that grows with the boxes, not with their square', () => {
    const spec = {
      boxes: { shape: [1, count, 4], dtype: 'f32' },
      scores: { shape: [1, count], dtype: 'f32' },
    } as const;
    const attrs = { iouThreshold: 0.5 };
    const { scratch } = nmsKernel.dispatches(gpu.device.caps, spec, nmsKernel.infer(spec, attrs), attrs);
    const bytes = Object.values(scratch!).reduce((total, size) => total + size, 0);
    expect(bytes).toBeLessThan(100 * count);
  });
});

describe('what the device cannot bind', () => {
  const limit = 128 * 1024 * 1024;

  it('a tensor is refused, with both sizes', async () => {
    const y = zeros([limit / 4 + 1]);
    await expect(gpu.read(add(y, 1))).rejects.toThrow(DeviceLimitError);
    await expect(gpu.read(add(y, 1))).rejects.toThrow(
      `takes ${limit + 4} bytes, the device binds at most ${limit}`,
    );
  });

  it('memory between dispatches is refused too', async () => {
    const wasteful = defineKernel({
      name: 'wasteful',
      inputs: ['x'],
      outputs: ['y'],
      infer: ({ x }) => ({ y: x }),
      dispatches: () => ({ dispatches: [], scratch: { heap: limit + 16 } }),
    });
    const plan = () => wasteful.plan(gpu.device.device, { x: [4] }, {});
    expect(plan).toThrow(DeviceLimitError);
    expect(plan).toThrow(
      `wasteful: its memory heap takes ${limit + 16} bytes, the device binds at most ${limit}`,
    );
    // Batches that broadcast both ways are copied out first: to 40 times the size of a.
    const y = matmul(zeros([256, 1, 64, 64]), zeros([40, 64, 1]));
    await expect(gpu.read(y)).rejects.toThrow(DeviceLimitError);
    await expect(gpu.read(y)).rejects.toThrow('matmul: its memory expanded_a takes 167772160 bytes');
  });
});

describe('nothing', () => {
  const none = (...shape: number[]) => tensor(new Float32Array(numel(shape)), shape);

  it('has a mean that is no number, and a sum of 0', async () => {
    const empty = none(0, 3);
    await expectValues(mean(empty), () => Number.NaN);
    await expectValues(mean(empty, { dim: 0 }), () => Number.NaN);
    await expectValues(mean(empty, { dim: 1 }), () => 0);
    await expectValues(mseLoss(empty, empty), () => Number.NaN);
    await expectValues(mseLoss(empty, empty, { reduction: 'sum' }), () => 0);
    await expectValues(diceLoss(empty, empty), () => Number.NaN);
  });

  it('goes through what is made of several operations', async () => {
    await expectValues(scaledDotProductAttention(none(2, 5, 4), none(2, 0, 4), none(2, 0, 6)), () => 0);
    await expectValues(scaledDotProductAttention(none(2, 0, 4), none(2, 5, 4), none(2, 5, 6)), () => 0);
    await expectValues(cosineSimilarityMatrix(none(0, 4), none(3, 4)), () => 0);
    await expectValues(matmul(none(3, 0), none(0, 2)), () => 0);
    const { indices, count } = nms(none(0, 4), none(0), { iouThreshold: 0.5 });
    expect(indices.shape).toEqual([0]);
    await expectValues(count, () => 0);
  });
});
