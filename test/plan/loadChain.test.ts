import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { sigmoidFocalLoss } from '../../src/graph/functions/losses.ts';
import { amax, mean, prod, sum } from '../../src/graph/functions/reduce.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectBoth, leaf, random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ fusion: true, validate: false });
});
afterAll(() => gpu?.dispose());

const labels = (...tensors: Tensor[]): string[] =>
  lower(gpu.device.caps, tensors, []).ops.map(({ label }) => label);

describe('a reduction computes what it alone reads', () => {
  it.each([
    ['a long row, in fours', [3000]],
    ['a row in no fours', [1501]],
    ['rows', [7, 1024]],
    ['a matrix with an odd end', [13, 37]],
  ])('%s', async (_, shape) => {
    const x = random('x', shape);
    const square = e.mul(e.add(x, 1), x);
    expect(labels(sum(square))).toEqual(['add+mul+sum']);
    await expectBoth(gpu, sum(square));
    await expectBoth(gpu, mean(e.abs(x), { dim: -1 }));
    await expectBoth(gpu, amax(e.sub(x, random('y', shape)), { dim: 0 }));
  });

  it('over any dimensions, with inputs that broadcast', async () => {
    const x = random('x', [4, 6, 5, 8]);
    const y = e.relu(e.add(e.mul(x, random('c', [8])), random('r', [4, 1, 1, 1])));
    for (const dim of [[0], [1, 2], [3], [0, 3], [0, 1, 2, 3]]) {
      expect(labels(sum(y, { dim }))).toHaveLength(1);
      await expectBoth(gpu, sum(y, { dim }));
    }
    await expectBoth(gpu, prod(e.mul(random('p', [3, 8]), 0.5), { dim: 1 }));
    await expectBoth(gpu, sum(e.relu(x).reshape([24, 40]), { dim: 1 }));
  });

  it('in a loss with its gradient', async () => {
    const x = leaf('x', [20, 12]);
    const target = e.sigmoid(random('t', [20, 12]));
    const loss = sigmoidFocalLoss(x, target, { reduction: 'sum' });
    const [dx] = grad([loss], [x]);
    await expectBoth(gpu, loss, dx!);
  });

  it('unless it is a result, or somebody else reads it', async () => {
    const y = e.mul(random('x', [9, 4]), 3);
    expect(labels(sum(y), y)).toEqual(['mul', 'sum']);
    expect(labels(sum(y, { dim: 0 }), amax(y, { dim: 0 }))).toEqual(['mul', 'sum', 'amax']);
    await expectBoth(gpu, sum(y, { dim: 0 }), amax(y, { dim: 0 }));
  });
});
