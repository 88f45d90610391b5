import { describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import {
  completeBoxIouLoss,
  distanceBoxIouLoss,
  generalizedBoxIouLoss,
} from '../../src/graph/functions/boxLosses.ts';
import { less, lessEqual, reciprocal, square } from '../../src/graph/functions/elementwise.ts';
import { type GridSampleOptions, gridSample } from '../../src/graph/functions/gridSample.ts';
import { logicalNot, maskedFill } from '../../src/graph/functions/logical.ts';
import { squeeze, unsqueeze } from '../../src/graph/functions/shape.ts';
import { silhouetteSamples } from '../../src/graph/functions/silhouette.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Shape } from '../../src/shape.ts';
import { values } from '../plan/graphs.ts';

// Operations made of others, on the references alone: kernels are checked elsewhere.

const leaf = (data: Float32Array, shape: Shape): Tensor =>
  new Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data }, true);

/** d sum(y²) by the graph against central differences, element by element. */
function expectGradient(input: Tensor, y: Tensor): void {
  const [before] = evaluate([y]);
  const cotangent = tensor(
    Float64Array.from(before!, (v) => 2 * v),
    y.shape,
  );
  const [gradient] = evaluate([grad([y], [input], [cotangent])[0]!]);
  const { origin } = input;
  const center = Float64Array.from(origin.kind === 'constant' ? origin.data : []);
  const loss = (i: number, step: number) => {
    const moved = center.with(i, center[i]! + step);
    const [result] = evaluate([y], new Map([[input, moved]]));
    return Array.from(result!).reduce((total, v) => total + v * v, 0);
  };
  center.forEach((_, i) => {
    expect((loss(i, 1e-5) - loss(i, -1e-5)) / 2e-5).toBeCloseTo(gradient![i]!, 5);
  });
}

describe('grid_sample', () => {
  const [H, W, C] = [4, 5, 2];
  const image = values('image', [1, H, W, C]);
  const points = values('points', [1, 3, 4, 2]).map((v) => 0.9 * v);

  /** PyTorch's GridSampler.h, one point at a time. */
  function sample(gx: number, gy: number, options: Required<GridSampleOptions>): number[] {
    const { mode, paddingMode, alignCorners } = options;
    const place = (g: number, size: number) => {
      let at = alignCorners ? ((g + 1) / 2) * (size - 1) : ((g + 1) * size - 1) / 2;
      if (paddingMode === 'reflection') {
        const [low, high] = alignCorners ? [0, size - 1] : [-0.5, size - 0.5];
        while (at < low || at > high) at = at < low ? 2 * low - at : 2 * high - at;
      }
      return paddingMode === 'zeros' ? at : Math.min(Math.max(at, 0), size - 1);
    };
    const [px, py] = [place(gx, W), place(gy, H)];
    const pixel = (x: number, y: number, c: number) =>
      x < 0 || y < 0 || x >= W || y >= H ? 0 : image[(y * W + x) * C + c]!;
    return [0, 1].map((c) => {
      if (mode === 'nearest') return pixel(Math.round(px), Math.round(py), c);
      let total = 0;
      for (const x of [Math.floor(px), Math.floor(px) + 1]) {
        for (const y of [Math.floor(py), Math.floor(py) + 1]) {
          total += (1 - Math.abs(px - x)) * (1 - Math.abs(py - y)) * pixel(x, y, c);
        }
      }
      return total;
    });
  }

  const all = (['bilinear', 'nearest'] as const).flatMap((mode) =>
    (['zeros', 'border', 'reflection'] as const).flatMap((paddingMode) =>
      [false, true].map((alignCorners) => ({ mode, paddingMode, alignCorners })),
    ),
  );
  it.each(all)('$mode, $paddingMode, corners aligned: $alignCorners', (options) => {
    const x = leaf(image, [1, H, W, C]);
    const grid = leaf(points, [1, 3, 4, 2]);
    const y = gridSample(x, grid, options);
    expect(y.shape).toEqual([1, 3, 4, C]);
    const [got] = evaluate([y]);
    for (let i = 0; i < 12; i++) {
      const want = sample(points[2 * i]!, points[2 * i + 1]!, options);
      expect(got![2 * i]).toBeCloseTo(want[0]!, 6);
      expect(got![2 * i + 1]).toBeCloseTo(want[1]!, 6);
    }
    expectGradient(x, y);
    if (options.mode === 'bilinear') expectGradient(grid, y);
  });

  it('takes the even pixel halfway between two', () => {
    const x = tensor([10, 11, 12, 13], [1, 1, 4, 1]);
    const grid = tensor([-0.5, 0, 0, 0, 0.5, 0], [1, 1, 3, 2]);
    expect([...evaluate([gridSample(x, grid, { mode: 'nearest' })])[0]!]).toEqual([10, 12, 12]);
  });
});

describe('losses of boxes', () => {
  const boxes = (list: number[]) => leaf(Float32Array.from(list), [list.length / 4, 4]);
  const target = boxes([0, 0, 4, 2, 10, 10, 14, 18, 0, 0, 3, 3]);

  it.each([
    generalizedBoxIouLoss,
    distanceBoxIouLoss,
    completeBoxIouLoss,
  ])('%o is 0 for equal boxes', (loss) => {
    const [y] = evaluate([loss(target, target)]);
    for (const value of y!) expect(value).toBeCloseTo(0, 6);
  });

  it('are above 1 for boxes that do not meet', () => {
    const far = boxes([6, 6, 8, 9, 0, 0, 2, 1, 5, 7, 9, 8]);
    const losses = [generalizedBoxIouLoss, distanceBoxIouLoss, completeBoxIouLoss];
    for (const y of evaluate(losses.map((loss) => loss(far, target)))) {
      for (const value of y) expect(value).toBeGreaterThan(1);
    }
    const [sums] = evaluate([generalizedBoxIouLoss(far, target, { reduction: 'sum' })]);
    expect(sums!.length).toBe(1);
  });

  it('have the gradients of their formulas', () => {
    const near = boxes([0.3, -0.4, 4.2, 2.1, 9, 11, 14.5, 17, 0.1, 0.2, 2.7, 3.3]);
    expectGradient(near, generalizedBoxIouLoss(near, target));
    expectGradient(near, distanceBoxIouLoss(near, target));
  });
});

describe('silhouette_samples', () => {
  it('is 0 for a row alone, and does not count empty clusters', () => {
    const x = tensor([0, 0, 0, 1, 10, 0, 10, 2, 30, 0], [5, 2]);
    const labels = tensor(Int32Array.of(0, 0, 3, 3, 1));
    const [y] = evaluate([silhouetteSamples(x, labels, 6)]);
    const b = (10 + Math.hypot(10, 2)) / 2;
    expect(y![0]).toBeCloseTo((b - 1) / b, 6);
    expect(y![4]).toBe(0);
    for (const value of y!) expect(Math.abs(value)).toBeLessThanOrEqual(1);
  });

  it('is the same for rows in several blocks', () => {
    const [N, clusters] = [3000, 3];
    const at = Float64Array.from({ length: N }, (_, i) => Math.sin(i) + 3 * (i % clusters));
    const labels = Int32Array.from(at, (_, i) => i % clusters);
    const [y] = evaluate([silhouetteSamples(tensor(at, [N, 1]), tensor(labels), clusters)]);
    for (const i of [0, 1500, 2795, 2796, 2999]) {
      const sums = [0, 0, 0];
      at.forEach((other, j) => {
        sums[labels[j]!]! += Math.abs(at[i]! - other);
      });
      const a = sums[labels[i]!]! / (N / clusters - 1);
      const b = Math.min(...sums.filter((_, c) => c !== labels[i])) / (N / clusters);
      expect(y![i]).toBeCloseTo((b - a) / Math.max(a, b), 6);
    }
  });

  it('has a gradient', () => {
    const x = leaf(Float32Array.of(0, 0, 0, 1, 4, 0, 5, 2, 4, 3, 1, 2), [6, 2]);
    expectGradient(x, silhouetteSamples(x, tensor(Int32Array.of(0, 0, 1, 1, 1, 0)), 2));
  });
});

describe('small functions', () => {
  const x = tensor([-2, 0, 0.5, 4]);
  it.each<[string, Tensor, number[]]>([
    ['square', square(x), [4, 0, 0.25, 16]],
    ['reciprocal', reciprocal(x), [-0.5, Number.POSITIVE_INFINITY, 2, 0.25]],
    ['less', less(x, 0.5), [1, 1, 0, 0]],
    ['less, of NaN', less(tensor([Number.NaN]), 1), [0]],
    ['lessEqual', lessEqual(x, 0.5), [1, 1, 1, 0]],
    ['logicalNot', logicalNot(x), [0, 1, 0, 0]],
    ['maskedFill', maskedFill(x, tensor(Int32Array.of(1, 0, 0, -1)), 9), [9, 0, 0.5, 9]],
    ['maskedFill by fractions', maskedFill(tensor(Int32Array.of(1, 2)), tensor([0.5, 0]), 9), [9, 2]],
  ])('%s', (_name, y, wanted) => {
    expect([...evaluate([y])[0]!]).toEqual(wanted);
  });

  it('squeeze takes dimensions of 1 away, and unsqueeze puts one in', () => {
    const image = tensor([1, 2, 3], [1, 3, 1]);
    expect([squeeze(image), squeeze(image, 0), squeeze(image, -1)].map(({ shape }) => shape)).toEqual([
      [3],
      [3, 1],
      [1, 3],
    ]);
    expect([unsqueeze(image, 0), unsqueeze(image, -1)].map(({ shape }) => shape)).toEqual([
      [1, 1, 3, 1],
      [1, 3, 1, 1],
    ]);
    expect([...evaluate([squeeze(unsqueeze(image, 2))])[0]!]).toEqual([1, 2, 3]);
  });
});
