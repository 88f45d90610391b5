import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor, zeros } from '../../src/graph/tensor.ts';
import {
  DEFAULT_RESIZE,
  imageBatch,
  masksToNetwork,
  resizedSize,
  toImages,
  toNetwork,
} from '../../src/models/detection.ts';
import { IMAGENET } from '../../src/models/preprocess.ts';
import { inChunks, largeEnough, sampleBalanced } from '../../src/models/sampling.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

describe('images as a batch', () => {
  it('have the sizes that torchvision gives them', () => {
    const file = join(import.meta.dirname, '../fixtures/resizedSizes.json');
    const rows = JSON.parse(readFileSync(file, 'utf8')) as number[][];
    expect(rows.length).toBeGreaterThan(100);
    for (const [h, w, minSize, maxSize, height, width] of rows) {
      expect([h, w, ...resizedSize([h!, w!], { minSize: minSize!, maxSize: maxSize! })]).toEqual([
        h,
        w,
        height,
        width,
      ]);
    }
  });

  it('are padded to multiples of 32 with what is zero after normalising', async () => {
    const resize = { minSize: 40, maxSize: 60 };
    const images = [tensor(new Float32Array(20 * 30 * 3).fill(0.7), [20, 30, 3]), zeros([50, 40, 3])];
    let batch: ReturnType<typeof imageBatch> | undefined;
    const { x } = await gpu.run(() => {
      batch = imageBatch('test', images, { normalization: IMAGENET, resize });
      return { x: batch.images };
    });
    expect(batch!.images.shape).toEqual([2, 64, 64, 3]);
    expect(batch!.sizes).toEqual([
      [40, 60],
      [50, 40],
    ]);
    const at = (n: number, row: number, column: number) =>
      Array.from(x.subarray(((n * 64 + row) * 64 + column) * 3).slice(0, 3));
    const normal = (value: number) => IMAGENET.mean.map((mean, c) => (value - mean) / IMAGENET.std[c]!);
    at(0, 39, 59).forEach((value, c) => {
      expect(value).toBeCloseTo(normal(0.7)[c]!, 4);
    });
    at(1, 49, 39).forEach((value, c) => {
      expect(value).toBeCloseTo(normal(0)[c]!, 4);
    });
    const outside = [at(0, 40, 0), at(0, 0, 60), at(1, 50, 0), at(1, 0, 40)];
    for (const pixel of outside) expect(pixel).toEqual([0, 0, 0]);
  });

  it('take boxes to the network and back', async () => {
    const images = [zeros([20, 30, 3]), zeros([50, 40, 3])];
    const boxes = tensor([1, 2, 11, 12, 3, 4, 33, 44], [2, 1, 4]);
    const { there, back } = await gpu.run(() => {
      const batch = imageBatch('test', images, {
        normalization: IMAGENET,
        resize: { minSize: 40, maxSize: 60 },
      });
      const network = toNetwork(boxes, batch);
      return { there: network, back: toImages(network, batch) };
    });
    expect(Array.from(there)).toEqual([2, 4, 22, 24, 3, 4, 33, 44]);
    back.forEach((value, i) => {
      expect(value).toBeCloseTo([1, 2, 11, 12, 3, 4, 33, 44][i]!, 5);
    });
  });

  it('that do not fit are errors that say what does', () => {
    const batch = (images: never) =>
      imageBatch('RetinaNet', images, { normalization: IMAGENET, resize: DEFAULT_RESIZE });
    expect(() => batch(zeros([2, 8, 8, 4]) as never)).toThrow(
      'RetinaNet: images [2,8,8,4] must be [N,H,W,3], or [H,W,3] each in an array',
    );
    expect(() => batch([zeros([8, 8, 3]), zeros([8, 8, 1])] as never)).toThrow(
      'RetinaNet: image 1 [8,8,1] must be [H,W,3]',
    );
    expect(() => batch([] as never)).toThrow('an empty array of images');
    const exact = { normalization: IMAGENET, resize: { minSize: 8, maxSize: 8 } };
    const one = imageBatch('x', [zeros([8, 8, 3])], exact);
    expect(() => masksToNetwork('MaskRCNN', [zeros([2, 8, 8])], one, 3)).toThrow(
      'MaskRCNN: masks 0 [2,8,8] must be [3,8,8]',
    );
    expect(() => masksToNetwork('MaskRCNN', [], one, 3)).toThrow('MaskRCNN: 0 masks for 1 images');
    expect(() => masksToNetwork('MaskRCNN', zeros([1, 3, 8, 8]), one, 3)).toThrow('must be [1,3,32,32]');
  });
});

describe('samples of candidates', () => {
  const N = 3;
  const A = 400;
  // Of the images many, few and none are positive; the last quarter takes no part.
  const positives = [60, 5, 0];
  const positive = Float32Array.from({ length: N * A }, (_, i) =>
    Number(i % A < positives[Math.floor(i / A)]!),
  );
  const negative = Float32Array.from({ length: N * A }, (_, i) => Number(!positive[i] && i % A < 300));
  const index = tensor(
    Float32Array.from({ length: N * A }, (_, i) => i % A),
    [N, A],
  );
  const drawn = async (seed: number, options = { batchSizePerImage: 64, positiveFraction: 0.25 }) => {
    const { taken, valid } = await gpu.run(() => {
      const kinds = { positive: tensor(positive, [N, A]), negative: tensor(negative, [N, A]) };
      const sample = sampleBalanced(kinds, { ...options, seed: tensor(Int32Array.of(seed), []), stream: 1 });
      return { taken: sample.take(index), valid: sample.valid };
    });
    const size = valid.length / N;
    return positives.map((_, n) =>
      Array.from(taken.subarray(n * size, (n + 1) * size)).filter((_, i) => valid[n * size + i]),
    );
  };

  it('have at most the share of positive ones, and negative ones fill up', async () => {
    const images = await drawn(1);
    images.forEach((rows, n) => {
      const found = rows.filter((row) => row < positives[n]!);
      expect(found.length).toBe(Math.min(16, positives[n]!));
      expect(rows.length).toBe(64);
      expect(new Set(rows).size).toBe(64);
      expect(Math.max(...rows)).toBeLessThan(300);
      // Positive ones come first.
      expect(rows.slice(0, found.length).every((row) => row < positives[n]!)).toBe(true);
    });
  });

  it('are the same for the same seed, others for another, and even', async () => {
    expect(await drawn(1)).toEqual(await drawn(1));
    expect(await drawn(2)).not.toEqual(await drawn(1));
    const counts = new Map<number, number>();
    for (let seed = 0; seed < 40; seed++) {
      for (const row of (await drawn(seed))[0]!) if (row < 60) counts.set(row, (counts.get(row) ?? 0) + 1);
    }
    // 40 draws of 16 out of 60: 10.7 on average; each is drawn, none much more often than others.
    expect(counts.size).toBe(60);
    expect(Math.max(...counts.values())).toBeLessThan(24);
  });

  it('are everything, in order, where it fits', async () => {
    const images = await drawn(1, { batchSizePerImage: 1e6, positiveFraction: 0.5 });
    for (const rows of images) expect(rows).toEqual(Array.from({ length: 300 }, (_, i) => i));
  });

  it('can be none', async () => {
    const { valid } = await gpu.run(() => {
      const none = zeros([2, 50]);
      const options = { batchSizePerImage: 8, positiveFraction: 0.5, stream: 0 };
      const seed = tensor(Int32Array.of(0), []);
      return { valid: sampleBalanced({ positive: none, negative: none }, { ...options, seed }).valid };
    });
    expect(Array.from(valid)).toEqual(new Array(16).fill(0));
  });
});

describe('regions', () => {
  it('are computed in parts that every device can bind, with the same result', async () => {
    const [N, R] = [2, 7];
    const x = tensor(
      Float32Array.from({ length: N * R * 3 }, (_, i) => i),
      [N, R, 3],
    );
    const sizes: number[] = [];
    const { whole, parts } = await gpu.run(() => {
      const compute = (part: (value: typeof x) => typeof x) => {
        const rows = part(x);
        sizes.push(rows.shape[1]!);
        return { y: rows.reshape([-1, 3]) };
      };
      return {
        whole: inChunks({ images: N, regions: R, bytes: 12 }, compute).y,
        // Three rows an image reach the limit.
        parts: inChunks({ images: N, regions: R, bytes: 2 ** 27 / 6 }, compute).y,
      };
    });
    expect(sizes).toEqual([7, 2, 3, 2]);
    expect(Array.from(parts)).toEqual(Array.from(whole));
  });

  it('too small to be found are told', async () => {
    const boxes = tensor([0, 0, 1, 1, 0, 0, 0.5, 3, 2, 2, 1, 1, 0, 0, 3, 0.99], [4, 4]);
    const [large] = await gpu.read(largeEnough(boxes, 1));
    expect(Array.from(large!)).toEqual([1, 0, 0, 0]);
  });
});
