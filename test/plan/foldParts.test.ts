import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Caps } from '../../src/device/caps.ts';
import { Device } from '../../src/device/device.ts';
import { grad } from '../../src/graph/backward.ts';
import { batchNormTrain, conv2d, groupNorm } from '../../src/graph/functions/conv.ts';
import * as e from '../../src/graph/functions/elementwise.ts';
import { linear, mean } from '../../src/graph/functions/reduce.ts';
import type { Tensor } from '../../src/graph/tensor.ts';
import { Gpu } from '../../src/plan/gpu.ts';
import { lower } from '../../src/plan/lower.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { expectBoth, expectReference, leaf, random } from './graphs.ts';

/** The shared device, with the kernels that GPUs get. */
let gpu: Gpu;
beforeAll(async () => {
  const { device } = await sharedGpu({ validate: false });
  const large = new Device(device.device, false);
  Object.assign(large, { caps: { ...large.caps, family: 'tile', subgroupSize: 0 } });
  gpu = new Gpu(large, { fusion: true, validate: false, autotune: false });
});
afterAll(() => gpu?.dispose());

/** Few pixels of many channels: the inner sum of the product is split. */
const product = (channels = 64): Tensor =>
  conv2d(leaf('x', [2, 6, 6, 64]), leaf('w', [3, 3, 64, channels], 0.05), undefined, { padding: 1 });

const normalized = (y: Tensor): Tensor => {
  const channels = [y.shape.at(-1)!];
  const [runningMean, runningVar] = [random('m', channels), random('v', channels)];
  return batchNormTrain(
    y,
    { weight: leaf('s', channels), bias: leaf('t', channels), runningMean, runningVar },
    { momentum: 0.1, eps: 1e-5 },
  ).y;
};

const labels = (tensors: Tensor[], changes: Partial<Caps> = {}, fusion = true): string[] =>
  lower({ ...gpu.device.caps, ...changes }, tensors, [], { fusion }).ops.map(({ label }) => label);
const shaders = (tensors: Tensor[]): string[] =>
  lower(gpu.device.caps, tensors, []).ops.flatMap(({ dispatches }) =>
    dispatches.map(({ shader }) => shader.name),
  );

describe('parts of a product are added up by the normalisation that reads their sum', () => {
  it('in batch norm, with its gradients', async () => {
    const x = leaf('x', [2, 6, 6, 64]);
    const weight = leaf('w', [3, 3, 64, 64], 0.05);
    const second = leaf('u', [3, 3, 64, 64], 0.05);
    const middle = e.relu(normalized(conv2d(x, weight, undefined, { padding: 1 })));
    const z = e.relu(e.add(normalized(conv2d(middle, second, undefined, { padding: 1 })), x));
    const grads = grad([mean(e.mul(z, z))], [x, weight, second]).map((g) => g!);
    const all = [z, ...grads];
    expect(labels(all)).toContain('conv2d+batch_norm+relu');
    expect(labels(all)).toContain('conv2d+batch_norm+add+relu');
    expect(labels(all)).toContain('conv_transpose2d+relu_backward_x+batch_norm_backward');
    // The gradient of x alone is read by no normalisation.
    expect(shaders(all).filter((name) => name === 'sum_parts.wgsl')).toHaveLength(1);
    const [folded, apart] = await expectBoth(gpu, ...all);
    expect(folded).toBeLessThan(apart);
  });

  it('in group norm, behind a bias and a chain with inputs of its own', async () => {
    const biased = conv2d(leaf('x', [1, 5, 5, 64]), leaf('w', [3, 3, 64, 64], 0.05), leaf('b', [64]), {
      padding: 1,
    });
    const chain = e.add(e.mul(biased, random('k', [64])), random('r', [1, 5, 5, 64]));
    for (const groups of [1, 8, 16, 64]) {
      const y = groupNorm(chain, groups, { weight: leaf('s', [64]), bias: leaf('t', [64]) });
      expect(labels([y])).toEqual(['conv2d+mul+add+group_norm']);
      await expectBoth(gpu, y, chain);
    }
  });

  it('in group norm of several levels', async () => {
    const sum = linear(leaf('x', [2, 1, 21, 2048], 0.1), leaf('w', [2048, 64], 0.1));
    const levels = [
      [4, 4],
      [2, 2],
      [1, 1],
    ] as const;
    const y = groupNorm(sum, 8, { levels, weight: leaf('s', [64]), bias: leaf('t', [64]) });
    expect(labels([y])).toEqual(['linear+group_norm']);
    await expectBoth(gpu, y, sum);
  });

  it('in blocks of channels, with their gradients', async () => {
    const blocks = new Gpu(gpu.device, {
      fusion: true,
      validate: false,
      autotune: false,
      strategy: 'blocks',
    });
    const x = leaf('x', [2, 6, 6, 64]);
    const weight = leaf('w', [3, 3, 64, 64], 0.05);
    const y = e.relu(normalized(conv2d(x, weight, undefined, { padding: 1 })));
    const z = groupNorm(conv2d(y, leaf('u', [3, 3, 64, 64], 0.05), undefined, { padding: 1 }), 8);
    const all = [z, ...grad([mean(e.mul(z, z))], [x, weight]).map((g) => g!)];
    const { ops } = lower(gpu.device.caps, all, [], { strategyOf: () => 'blocks' });
    const folded = ops.filter(({ label }) => /conv.*norm/.test(label));
    expect(folded.map(({ dispatches }) => dispatches.at(-1)!.shader.name)).toEqual([
      'norm_block_apply.wgsl',
      'norm_block_apply.wgsl',
      'norm_block_backward_apply.wgsl',
    ]);
    await expectReference(blocks, ...all);
  });

  it('unless another operation reads the sum before, or there are too few bindings', () => {
    const y = product();
    const early = mean(y);
    const late = normalized(e.mul(y, 1));
    for (const both of [
      [early, normalized(y)],
      [normalized(y), early],
    ]) {
      expect(labels(both)).toEqual(expect.arrayContaining(['conv2d', 'batch_norm']));
    }
    expect(labels([late])).toEqual(['conv2d+mul+batch_norm']);
    expect(labels([late], { maxStorageBuffers: 10 })).toEqual(['conv2d+mul', 'batch_norm']);
    expect(labels([late], {}, false)).toEqual(['conv2d', 'mul', 'batch_norm']);
  });
});
