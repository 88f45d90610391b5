import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { add, mul, relu } from '../../src/graph/functions/elementwise.ts';
import { crossEntropy, sigmoidFocalLoss } from '../../src/graph/functions/losses.ts';
import { mean, sum } from '../../src/graph/functions/reduce.ts';
import { cast } from '../../src/graph/functions/shape.ts';
import { Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const leaf = (shape: readonly number[], scale = 1): Tensor => {
  const size = shape.reduce((product, n) => product * n, 1);
  const data = Float32Array.from({ length: size }, (_, i) => scale * Math.sin(7 * i + 1));
  return new Tensor({ shape, dtype: 'f32' }, { kind: 'constant', data }, true);
};

/** The operations that a tensor is computed by. */
function operationsOf(value: Tensor, seen = new Set<Tensor>()): string[] {
  if (seen.has(value)) return [];
  seen.add(value);
  const { origin } = value;
  if (origin.kind === 'view') return operationsOf(origin.base, seen);
  if (origin.kind !== 'op') return [];
  return [origin.node.op, ...Object.values(origin.node.inputs).flatMap((input) => operationsOf(input, seen))];
}

describe('the gradient of a sum', () => {
  it('is read from its one value, not written out', () => {
    const x = leaf([6, 4]);
    const target = tensor(new Float32Array(24).fill(1), [6, 4]);
    const losses = [
      sigmoidFocalLoss(x, target, { reduction: 'sum' }),
      sigmoidFocalLoss(x, target, { reduction: 'mean' }),
      crossEntropy(x, tensor(Int32Array.of(0, 1, 2, 3, 0, 1), [6])),
    ];
    for (const loss of losses) expect(operationsOf(grad([loss], [x])[0]!)).not.toContain('expand');
  });

  it.each([
    ['everything', undefined],
    ['rows', 0],
    ['columns', 1],
  ] as const)('over %s arrives everywhere, with the shape of what it is of', async (_name, dim) => {
    const x = leaf([6, 4]);
    const row = leaf([4], 2);
    const total = sum(mul(relu(add(x, row)), row), dim === undefined ? {} : { dim });
    const weights = leaf(total.shape, 3);
    const [dx, drow] = grad([sum(mul(total, weights))], [x, row]) as [Tensor, Tensor];
    expect([dx.shape, drow.shape]).toEqual([[6, 4], [4]]);
    const [gx, grow] = await gpu.read(dx, drow);
    const value = (t: Tensor, i: number): number => (t.origin as { data: Float32Array }).data[i]!;
    const wantRow = [0, 0, 0, 0];
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 4; j++) {
        const g = value(weights, dim === undefined ? 0 : dim === 0 ? j : i);
        const z = value(x, 4 * i + j) + value(row, j);
        const slope = z > 0 ? g * value(row, j) : 0;
        expect(gx![4 * i + j]).toBeCloseTo(slope, 5);
        wantRow[j]! += slope + g * Math.max(z, 0);
      }
    }
    wantRow.forEach((want, j) => {
      expect(grow![j]).toBeCloseTo(want, 4);
    });
  });

  it('keeps the types of what it is of', () => {
    const x = leaf([6, 4]);
    const half = cast(x, 'f16');
    const wide = mul(half, leaf([6, 4], 2));
    const [dhalf] = grad([mean(wide)], [half]);
    expect(dhalf).toMatchObject({ dtype: 'f16', shape: [6, 4] });
  });
});
