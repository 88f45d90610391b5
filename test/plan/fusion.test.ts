import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grad } from '../../src/graph/backward.ts';
import { conv2d, convTranspose2d } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { matmul, mean } from '../../src/graph/functions/reduce.ts';
import { batchNorm } from '../../src/graph/operations/norm.ts';
import { apply, type Tensor, tensor } from '../../src/graph/tensor.ts';
import type { Conv2dAttrs } from '../../src/kernels/conv/conv2d.ts';
import type { Given } from '../../src/kernels/kernel.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { block, expectBoth, leaf, random } from './graphs.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu({ fusion: true, validate: false });
});
afterAll(() => gpu?.dispose());

/** What follows a convolution in a network: values of a channel, a residual, an activation. */
function perChannel(y: Tensor): Tensor {
  const channels = [y.shape.at(-1)!];
  const scaled = e.add(e.mul(y, random('scale', channels)), random('shift', channels));
  return e.relu(e.add(scaled, random('residual', y.shape)));
}

describe('fusion changes no value', () => {
  it.each([8, 5])('of a residual block with %i channels and its gradients', async (channels) => {
    const { z, leaves } = block(channels);
    const grads = grad([mean(e.mul(z, z))], leaves).map((g) => g!);
    const [fused, whole] = await expectBoth(gpu, z, ...grads);
    expect(fused).toBeLessThan(whole - 3);
  });

  it('of a chain that is reshaped in the middle', async () => {
    const x = random('x', [2, 3, 4]);
    const y = e.mul(x, random('b', [4]));
    await expectBoth(gpu, e.relu(y.reshape([24])));
    await expectBoth(gpu, e.add(y.reshape([6, 4]), random('c', [6, 1])));
    await expectBoth(gpu, e.add(y.reshape([1, 24]), random('d', [24])));
    const rows = e.mul(random('m', [4, 6]), random('n', [4, 1]));
    await expectBoth(gpu, e.relu(rows.reshape([-1])));
    await expectBoth(gpu, e.relu(rows.reshape([6, 4, 1])));
    await expectBoth(gpu, e.add(rows.reshape([2, 2, 6]), random('c', [2, 6])));
    await expectBoth(gpu, e.add(rows.reshape([4, 2, 3]), random('c', [4, 1, 1])));
    const rooted = e.add(conv2d(random('x', [1, 4, 4, 3]), random('w', [1, 1, 3, 4])), random('b', [4]));
    await expectBoth(gpu, e.relu(rooted.reshape([64])));
    await expectBoth(gpu, e.sub(e.relu(rooted.reshape([4, 4, 4])), random('k', [4, 1])));
  });

  it('of values that broadcast in every way', async () => {
    const x = random('x', [2, 3, 4, 8]);
    const others = [[8], [4, 8], [2, 1, 1, 1], [2, 3, 1, 1], [1], [3, 1, 8], [2, 3, 4, 1], [2, 3, 4, 8]];
    const y = others.reduce((sum, shape, i) => e.add(e.relu(sum), random(`o${i}`, shape)), x);
    await expectBoth(gpu, y);
    await expectBoth(gpu, e.mul(random('a', [4, 1]), random('b', [1, 5])));
  });

  it('of a value that several read, or that is a result itself', async () => {
    const x = random('x', [4, 8]);
    const y = e.exp(x);
    await expectBoth(gpu, e.mul(y, y), e.add(e.neg(y), y));
    await expectBoth(gpu, y, e.relu(y), e.sub(e.relu(y), 1));
    const z = conv2d(random('i', [1, 5, 5, 4]), random('w', [3, 3, 4, 4]));
    await expectBoth(gpu, z, e.relu(z));
    await expectBoth(gpu, e.mul(e.sigmoid(z), z));
  });

  // Shapes that the usual kernel takes, and those for few columns, few channels, neighbouring pixels and Winograd.
  it.each<[string, number[], number[], Given<Conv2dAttrs>]>([
    ['two blocks of columns', [1, 5, 5, 8], [3, 3, 8, 36], {}],
    ['columns that do not divide by 4', [1, 5, 5, 8], [3, 3, 8, 37], {}],
    ['groups', [1, 5, 5, 8], [3, 3, 4, 8], { groups: 2 }],
    ['groups of three columns', [2, 4, 4, 8], [1, 1, 4, 6], { groups: 2 }],
    ['few columns', [1, 5, 5, 4], [3, 3, 4, 4], {}],
    ['few columns side by side', [1, 4, 16, 4], [3, 3, 4, 3], { padding: 1 }],
    ['few channels', [1, 7, 7, 3], [3, 3, 3, 36], { stride: 2 }],
    ['one row', [1, 1, 1, 8], [1, 1, 8, 12], {}],
    ['tiles', [1, 15, 17, 64], [3, 3, 64, 64], { padding: 1 }],
    ['a channel a group, 3x3', [1, 6, 7, 8], [3, 3, 1, 8], { groups: 8, padding: 1 }],
    ['a channel a group, 5x5', [1, 6, 7, 6], [5, 5, 1, 6], { groups: 6, stride: 2 }],
  ])('of values of a channel at the end of a convolution: %s', async (_, shape, weight, attrs) => {
    const y = conv2d(random('x', shape), random('w', weight, 0.1), random('b', [weight[3]!]), attrs);
    const [fused] = await expectBoth(gpu, perChannel(y));
    expect(fused).toBe(1);
  });

  it('of values of a channel at the end of a transposed convolution and of a batch of products', async () => {
    const x = random('x', [1, 3, 5, 8]);
    const each = convTranspose2d(x, random('e', [3, 3, 1, 8]), undefined, { stride: 2, groups: 8 });
    await expectBoth(gpu, perChannel(each));
    for (const channels of [12, 6]) {
      await expectBoth(
        gpu,
        perChannel(convTranspose2d(x, random('w', [3, 3, channels, 8]), undefined, { stride: 2 })),
      );
      await expectBoth(gpu, perChannel(matmul(random('a', [3, 20, 7]), random('v', [3, 7, channels]))));
    }
  });

  it('of two kernels that meet', async () => {
    const a = conv2d(random('a', [1, 5, 5, 4]), random('w', [3, 3, 4, 8]));
    const b = conv2d(random('b', [1, 5, 5, 4]), random('v', [3, 3, 4, 8]));
    const [fused] = await expectBoth(gpu, e.relu(e.add(e.relu(a), e.sigmoid(b))));
    expect(fused).toBeLessThanOrEqual(3);
    await expectBoth(gpu, e.add(e.add(a, b), e.add(b, a)));
  });

  it('of one operation with two settings in a chain', async () => {
    const x = random('x', [7]);
    await expectBoth(gpu, e.affine(e.affine(e.clamp(e.clamp(x, -1), -3, 0.5), 2, 1), -3, 1e-7));
  });

  it('of chains with more steps or inputs than one dispatch holds', async () => {
    let x = random('x', [3, 5]);
    for (let i = 0; i < 30; i++) x = e.affine(e.tanh(x), 1.1, 0.1);
    await expectBoth(gpu, x);
    let y = random('y', [3, 5]);
    for (let i = 0; i < 20; i++) y = e.add(y, random(`y${i}`, [3, 5]));
    await expectBoth(gpu, y);
  });

  it('where a kernel has a second output that others read before', async () => {
    const x = leaf('x', [3, 4, 4, 4]);
    const [weight, bias] = [random('weight', [4]), random('bias', [4])];
    const [runningMean, runningVar] = [random('runningMean', [4]), random('runningVar', [4])];
    const inputs = { x, weight, bias, runningMean, runningVar };
    const { y, mean: average } = apply(batchNorm, inputs, { momentum: 0.1, eps: 1e-5 });
    const first = e.relu(y);
    const between = e.exp(average);
    await expectBoth(gpu, e.add(e.mul(first, 2), matmul(between.reshape([1, 4]), random('m', [4, 4]))));
  });

  it('of integers, scalars and conditions', async () => {
    const i = tensor(Int32Array.of(1, -2, 3, 7));
    await expectBoth(gpu, e.add(e.mul(i, 3), i), e.remainder(i, 2));
    const s = tensor([2], []);
    await expectBoth(gpu, e.mul(e.add(s, 1), s), e.exp(e.neg(s)));
    const x = random('x', [4, 3]);
    await expectBoth(gpu, e.where(e.greater(x, 0), e.neg(x), e.affine(x, 2)));
  });
});
