import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { VisionTransformer, ViTSegmenter } from '../../src/models/vit.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { attentionMaps, attentionRollout, type HeadFusion } from '../../src/similarity/attention/maps.ts';
import { type AttentionWeights, attentionWeights } from '../../src/similarity/attention/weights.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

/** Values of torchvision's ViT: see attention.py, which has the same formulas. */
const torch = JSON.parse(readFileSync(new URL('../fixtures/attention.json', import.meta.url), 'utf8')) as {
  readonly columnSums: number[][];
  readonly firstRows: number[][];
  readonly rollouts: Readonly<Record<string, number[]>>;
  readonly ofPatch: number[];
};

const config = {
  imageSize: 16,
  patchSize: 4,
  numLayers: 3,
  numHeads: 2,
  hiddenDim: 8,
  mlpDim: 16,
  numClasses: 3,
};
const image = {
  width: 16,
  height: 16,
  channels: 3 as const,
  data: Float32Array.from({ length: 16 * 16 * 3 }, (_, i) => ((i * 37) % 101) / 100),
};

let gpu: Gpu;
let attention: AttentionWeights;
beforeAll(async () => {
  gpu = await sharedGpu();
  const model = new VisionTransformer(config);
  const state = await model.stateDict((s) => gpu.download(s), { layout: 'pytorch' });
  for (const [number, name] of [...state.keys()].sort().entries()) {
    const isScale = name.includes('.ln') && name.endsWith('weight');
    state.get(name)!.data.forEach((_, i, data) => {
      const wave = Math.sin(1.7 * i + number);
      data[i] = isScale ? 1 + 0.3 * wave : 0.9 * wave;
    });
  }
  model.loadStateDict(state);
  // In training, dropout must not change what is seen.
  attention = await attentionWeights(gpu, model, image);
  expect(model.training).toBe(true);
});
afterAll(() => gpu.dispose());

const expectClose = (found: ArrayLike<number>, wanted: readonly number[], within = 2e-5) => {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of wanted.entries()) expect(Math.abs(found[i]! - value)).toBeLessThan(within);
};

describe('attentionWeights', () => {
  it('gives those of torchvision', () => {
    expect(attention.rows).toBe(4);
    expect(attention.columns).toBe(4);
    expect(attention.layers.map(({ name }) => name)).toEqual(
      [0, 1, 2].map((i) => `encoder.layers.encoder_layer_${i}.self_attention`),
    );
    for (const [i, { heads, tokens, weights }] of attention.layers.entries()) {
      expect([heads, tokens, weights.length]).toEqual([2, 17, 2 * 17 * 17]);
      const row = (head: number, token: number) =>
        weights.subarray((head * 17 + token) * 17, (head * 17 + token + 1) * 17);
      expectClose([...row(0, 0), ...row(1, 0)], torch.firstRows[i]!);
      const sums = [0, 1].flatMap((head) =>
        Array.from({ length: 17 }, (_, key) =>
          Array.from({ length: 17 }, (_, query) => row(head, query)[key]!).reduce((a, b) => a + b),
        ),
      );
      // Each of the 17 terms may be off by as much as one weight.
      expectClose(sums, torch.columnSums[i]!, 17 * 2e-5);
    }
  });

  it('drops nothing, and stretches images to the size of the model', async () => {
    const model = new ViTSegmenter({ ...config, dropout: 0.5, attentionDropout: 0.5, seed: 2 });
    const large = {
      width: 32,
      height: 16,
      channels: 3 as const,
      data: new Float32Array(32 * 16 * 3).fill(0.3),
    };
    const small = { ...image, data: new Float32Array(16 * 16 * 3).fill(0.3) };
    const [a, b] = [await attentionWeights(gpu, model, large), await attentionWeights(gpu, model, small)];
    for (const [i, { weights }] of a.layers.entries()) expectClose(weights, [...b.layers[i]!.weights]);
    for (let row = 0; row < 2 * 17; row++) {
      const sum = a.layers[2]!.weights.subarray(row * 17, (row + 1) * 17).reduce((x, y) => x + y);
      expect(sum).toBeCloseTo(1, 5);
    }
    expect([...model.modules()].every(({ training }) => training)).toBe(true);
  });

  it('refuses other models', async () => {
    await expect(attentionWeights(gpu, {} as never, image)).rejects.toThrow(
      'attentionWeights: the model is Object; give a VisionTransformer',
    );
    await expect(attentionWeights(gpu, undefined as never, image)).rejects.toThrow(UsageError);
  });
});

describe('attentionMaps', () => {
  it('gives what a token attends to, by head', () => {
    const maps = attentionMaps(attention);
    expect(maps).toHaveLength(2);
    for (const [head, { width, height, data }] of maps.entries()) {
      expect([width, height]).toEqual([4, 4]);
      expectClose(data, torch.firstRows[2]!.slice(head * 17 + 1, head * 17 + 17));
    }
    expectClose(attentionMaps(attention, { layer: 0 })[0]!.data, torch.firstRows[0]!.slice(1, 17));
    expect(attentionMaps(attention, { layer: -3 })).toEqual(attentionMaps(attention, { layer: 0 }));
    const { weights } = attention.layers[1]!;
    expect(attentionMaps(attention, { layer: 1, token: 5 })[1]!.data).toEqual(
      weights.slice((17 + 5) * 17 + 1, (17 + 6) * 17),
    );
  });

  it('refuses what does not exist', () => {
    expect(() => attentionMaps(attention, { layer: 3 })).toThrow(
      'attentionMaps: layer is 3; give 0 to 2, or -1 for the last',
    );
    expect(() => attentionMaps(attention, { layer: 0.5 })).toThrow(UsageError);
    expect(() => attentionMaps(attention, { token: 17 })).toThrow(
      'token is 17; give 0, the class token, to 16',
    );
    expect(() => attentionMaps({ ...attention, rows: 3 })).toThrow(ShapeError);
    expect(() => attentionMaps({ ...attention, layers: [] })).toThrow('attention has no layers');
  });
});

describe('attentionRollout', () => {
  it.each(Object.entries(torch.rollouts))('%s is torch’s', (name, wanted) => {
    const [headFusion, discardRatio, residual] = name.split(' ');
    const map = attentionRollout(attention, {
      headFusion: headFusion as HeadFusion,
      discardRatio: Number(discardRatio),
      residual: Number(residual),
    });
    expectClose(map.data, wanted);
    expect([map.width, map.height]).toEqual([4, 4]);
  });

  it('has the mean, a residual of a half, the class token and all weights as defaults', () => {
    expectClose(attentionRollout(attention).data, torch.rollouts['mean 0 0.5']!);
    expectClose(attentionRollout(attention, { token: 6 }).data, torch.ofPatch);
  });

  it('is the row of a product of matrices, which adds up to 1', () => {
    const random = new Random('rollout');
    const weights = Float32Array.from({ length: 2 * 5 * 5 }, () => random.uniform());
    const layer = { name: 'a', heads: 2, tokens: 5, weights };
    const { data } = attentionRollout({ layers: [layer, layer], rows: 2, columns: 2 }, { residual: 0 });
    const a = Array.from({ length: 5 }, (_, i) => {
      const row = Array.from({ length: 5 }, (_, j) => weights[i * 5 + j]! + weights[25 + i * 5 + j]!);
      const sum = row.reduce((x, y) => x + y);
      return row.map((value) => value / sum);
    });
    const wanted = Array.from({ length: 5 }, (_, j) => a[0]!.reduce((sum, v, i) => sum + v * a[i]![j]!, 0));
    expectClose(data, wanted.slice(1));
  });

  it('discards the first of equal weights first, and never the class token’s own', () => {
    const weights = new Float32Array(25).fill(0.2);
    const of = (discardRatio: number) =>
      attentionRollout(
        { layers: [{ name: 'a', heads: 1, tokens: 5, weights }], rows: 2, columns: 2 },
        { discardRatio, residual: 0 },
      ).data;
    expectClose(of(0.04), [0.2, 0.2, 0.2, 0.2]);
    expectClose(of(0.12), [0, 0, 1 / 3, 1 / 3]);
    expectClose(of(0.96), [0, 0, 0, 0]);
  });

  it('refuses what cannot be', () => {
    expect(() => attentionRollout(attention, { headFusion: 'sum' as never })).toThrow(
      'choose mean, max, min',
    );
    expect(() => attentionRollout(attention, { discardRatio: 1 })).toThrow(
      'discardRatio is 1; give a share of at least 0, below 1',
    );
    expect(() => attentionRollout(attention, { residual: -0.1 })).toThrow('residual is -0.1');
    expect(() => attentionRollout(attention, { token: -1 })).toThrow('token is -1');
    expect(() => attentionRollout(attention, { headfusion: 'max' } as never)).toThrow(
      'did you mean headFusion?',
    );
  });
});
