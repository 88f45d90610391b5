import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { grad } from '../../src/graph/backward.ts';
import { sum } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { expectedScore } from '../../src/models/expectedScore.ts';
import { segmentationLoss } from '../../src/models/segmentation.ts';
import { UNet } from '../../src/models/unet.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

const [N, H, W, K] = [2, 3, 4, 3];
const random = generator(5);
const values = (length: number, low: number, high: number) =>
  Float32Array.from({ length }, () => low + (high - low) * random());
const logits = values(N * H * W * K, -2, 2);
const labels = Int32Array.from({ length: N * H * W }, (_, i) => (i % 7 === 0 ? 255 : i % K));
const weights = values(N * H * W, 0, 3);
const scores = values(N * H * W, -1, 1);
const shape = [N, H, W];
const softmaxOf = (i: number) => {
  const row = [...logits.subarray(i * K, i * K + K)].map(Math.exp);
  return row.map((value) => value / row.reduce((a, b) => a + b));
};

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const loss = async (pixelWeights: Float32Array, options: object = {}, dice = false) => {
  const x = tensor(logits, [N, H, W, K]);
  const given = { pixelWeights: tensor(pixelWeights, shape), ...options };
  return (await gpu.read(segmentationLoss(x, tensor(labels, shape), { dice }, given)))[0]![0]!;
};
/** The mean of -log p by weight. */
const weighted = (weightOf: (i: number) => number) => {
  let [total, all] = [0, 0];
  for (const [i, label] of labels.entries()) {
    if (label === 255) continue;
    total -= weightOf(i) * Math.log(softmaxOf(i)[label]!);
    all += weightOf(i);
  }
  return total / all;
};

describe('pixelWeights', () => {
  it('weigh the cross-entropy of pixels, beside ignored ones and weights of classes', async () => {
    expect(await loss(weights)).toBeCloseTo(
      weighted((i) => weights[i]!),
      5,
    );
    const classWeights = [1, 0.5, 4];
    expect(await loss(weights, { classWeights })).toBeCloseTo(
      weighted((i) => weights[i]! * classWeights[labels[i]!]!),
      5,
    );
    // Of ones, and of any constant, it is the loss without.
    const plain = (
      await gpu.read(segmentationLoss(tensor(logits, [N, H, W, K]), tensor(labels, shape), {}))
    )[0]![0]!;
    expect(await loss(new Float32Array(N * H * W).fill(1))).toBeCloseTo(plain, 5);
    expect(await loss(new Float32Array(N * H * W).fill(7))).toBeCloseTo(plain, 5);
    expect(await loss(new Float32Array(N * H * W))).toBe(0);
  });

  it('leave the Dice loss as it is', async () => {
    const ones = new Float32Array(N * H * W).fill(1);
    const dice = (await loss(ones, {}, true)) - (await loss(ones));
    expect((await loss(weights, {}, true)) - (await loss(weights))).toBeCloseTo(dice, 5);
  });

  it('are an option of the losses of segmenters', async () => {
    const unet = new UNet({ numClasses: K, width: 4, depth: 1, seed: 1 });
    const images = () => tensor(new Float32Array(2 * 4 * 4 * 3).fill(0.4), [2, 4, 4, 3]);
    const masks = () =>
      tensor(
        Int32Array.from({ length: 32 }, (_, i) => i % K),
        [2, 4, 4],
      );
    // Only the first pixel counts.
    const first = Float32Array.from({ length: 32 }, (_, i) => Number(i === 0));
    const { segmentation } = unet.losses(images(), masks(), { pixelWeights: tensor(first, [2, 4, 4]) });
    const [found, own] = await gpu.read(segmentation, unet.forward(images()));
    const row = [...own!.slice(0, K)];
    const wanted = Math.log(row.reduce((a, b) => a + Math.exp(b), 0)) - row[0]!;
    expect(found![0]).toBeCloseTo(wanted, 5);
    expect(() => unet.losses(images(), masks(), { pixelWeights: tensor([1, 2], [2]) })).toThrow(ShapeError);
  });
});

describe('expectedScore', () => {
  const of = (options = {}) =>
    expectedScore(tensor(logits, [N, H, W, K], { requiresGrad: true }), tensor(scores, shape), options);

  it.each([0, 1, 2])('is the mean of score times probability, for class %i', async (label) => {
    const wanted =
      scores.reduce((total, score, i) => total + score * softmaxOf(i)[label]!, 0) / scores.length;
    expect((await gpu.read(of({ label })))[0]![0]).toBeCloseTo(wanted, 6);
    if (label === 1) expect((await gpu.read(of()))[0]![0]).toBeCloseTo(wanted, 6);
  });

  it('grows where a wanted pixel becomes more probable', async () => {
    const x = tensor(logits, [N, H, W, K], { requiresGrad: true });
    const [slope] = grad(expectedScore(x, tensor(scores, shape)), [x]);
    const [found, total] = await gpu.read(slope!, sum(slope!));
    for (const [i, score] of scores.entries()) {
      const p = softmaxOf(i)[1]!;
      expect(found![i * K + 1]).toBeCloseTo((score * p * (1 - p)) / scores.length, 6);
    }
    expect(total![0]).toBeCloseTo(0, 6);
  });

  it('refuses what does not fit', () => {
    expect(() => of({ label: 3 })).toThrow('expectedScore: label is 3; give 0 to 2');
    expect(() => of({ lable: 1 })).toThrow(UsageError);
    const x = tensor(logits, [N, H, W, K]);
    expect(() => expectedScore(x, tensor([1], [1]))).toThrow(
      'scores [1] must be [N,H,W] of logits [2,3,4,3]',
    );
    expect(() => expectedScore(x, undefined as never)).toThrow('scores is undefined, no tensor');
  });
});
