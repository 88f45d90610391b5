import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { mul, relu } from '../../src/graph/functions/elementwise.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { concat, slice } from '../../src/graph/functions/shape.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import type { PyramidLevels } from '../../src/kernels/levels.ts';
import { GroupNorm } from '../../src/nn/norms.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectReference, leaf, random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ validate: false });
});
afterAll(() => gpu?.dispose());

const pixelsOf = (levels: PyramidLevels): number => levels.reduce((all, [h, w]) => all + h * w, 0);
const SIZES: PyramidLevels = [
  [12, 9],
  [6, 5],
  [3, 3],
  [2, 1],
  [1, 1],
];

/** A normalisation of all levels at once, its gradients, and the leaves that they are of. */
function atOnce(levels: PyramidLevels, norm = new GroupNorm(4, 16)) {
  const x = leaf('x', [2, 1, pixelsOf(levels), 16]);
  const y = norm.forward(x, levels);
  return { x, norm, all: withGradients(x, norm, y) };
}

const withGradients = (x: Tensor, { weight, bias }: GroupNorm, y: Tensor): Tensor[] => {
  const loss = sum(mul(y, random('dy', y.shape)));
  return [y, ...grad([loss], [x, weight.tensor, bias.tensor]).map((g) => g!)];
};

describe('group norm of the levels of a pyramid', () => {
  it('is that of each level alone, with its gradients', () => {
    const { x, norm, all } = atOnce(SIZES);
    let end = 0;
    const parts = SIZES.map(([h, w]) => {
      end += h * w;
      return norm
        .forward(slice(x, [[], [], [end - h * w, end]]).reshape([2, h, w, 16]))
        .reshape([2, 1, h * w, 16]);
    });
    const apart = evaluate(withGradients(x, norm, concat(parts, 2)));
    evaluate(all).forEach((values, i) => {
      expect(values.length).toBe(apart[i]!.length);
      for (const [k, value] of values.entries()) expect(value).toBeCloseTo(apart[i]![k]!, 9);
    });
  });

  it('has the values of its reference, with what is fused behind it', async () => {
    const { all } = atOnce(SIZES);
    await expectReference(gpu, relu(all[0]!), ...all.slice(1));
  });

  it.each(['subgroup', 'tile'] as const)('takes as many dispatches as one level does: %s', (family) => {
    const caps = { ...gpu.device.caps, family };
    const dispatches = (levels: PyramidLevels) =>
      lower(caps, atOnce(levels).all, []).ops.flatMap((op) => op.dispatches).length;
    expect(dispatches(SIZES)).toBe(dispatches(SIZES.slice(0, 2)));
    expect(dispatches(SIZES)).toBeLessThanOrEqual(dispatches([[140, 9]]));
  });
});
