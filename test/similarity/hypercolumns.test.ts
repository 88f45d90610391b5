import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../src/errors.ts';
import { slice } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { IMAGENET, normalizeImages } from '../../src/models/preprocess.ts';
import { ResNet } from '../../src/models/resnet.ts';
import { UNet } from '../../src/models/unet.ts';
import { VisionTransformer } from '../../src/models/vit.ts';
import { Module } from '../../src/nn/module.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { type FeatureMap, Hypercolumns } from '../../src/similarity/hypercolumns/columns.ts';
import { HypercolumnExtractor, hypercolumns } from '../../src/similarity/hypercolumns/extractor.ts';
import { type FitPixelsOptions, fitPixelClassifier } from '../../src/similarity/hypercolumns/fitPixels.ts';
import { PixelClassifier } from '../../src/similarity/hypercolumns/pixelClassifier.ts';
import type { PixelSample } from '../../src/similarity/hypercolumns/pixelRows.ts';
import { sharedGpu } from '../sharedGpu.ts';

/** Values of torch and scikit-learn: see hypercolumns.py, which has the same formulas. */
const wanted = JSON.parse(
  readFileSync(new URL('../fixtures/hypercolumns.json', import.meta.url), 'utf8'),
) as Readonly<Record<'columns' | 'plain' | 'weighted' | 'balanced', number[]>>;

const [width, height] = [13, 9];
const size = { width, height };
const map = (h: number, w: number, channels: number, seed: number): FeatureMap => ({
  name: `layer${seed}`,
  height: h,
  width: w,
  channels,
  data: Float32Array.from(
    { length: h * w * channels },
    (_, i) => (Math.sin(1.3 * i + seed) + 0.2 * Math.sin(0.37 * i)) * (1 + 50 * (i % channels)) + 3 * seed,
  ),
});
const columns = new Hypercolumns(size, [map(3, 4, 2, 1), map(7, 5, 3, 2), map(1, 1, 1, 3), map(9, 13, 1, 4)]);
const perPixel = (value: (p: number) => number) => Array.from({ length: width * height }, (_, p) => value(p));
const labels = perPixel((p) =>
  p % 6 === 0 ? 255 : (Math.floor((p % width) / 5) + Number((p * 7) % 11 === 0)) % 3,
);

const image = (w: number, h: number, seed = 1) => {
  const random = generator(seed);
  return {
    width: w,
    height: h,
    channels: 3 as const,
    data: Float32Array.from({ length: w * h * 3 }, () => random()),
  };
};

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu.dispose());

const expectClose = (found: ArrayLike<number>, values: ArrayLike<number>, tolerance: number) => {
  expect(found.length).toBe(values.length);
  for (let i = 0; i < values.length; i++) {
    expect(Math.abs(found[i]! - values[i]!), `value ${i}`).toBeLessThan(tolerance);
  }
};

describe('Hypercolumns', () => {
  it('has the values of torch’s interpolate, layer by layer', () => {
    expect([columns.width, columns.height, columns.channels]).toEqual([13, 9, 7]);
    expectClose(columns.at(), wanted.columns, 2e-5);
    const some = [116, 0, 5, 5];
    const all = columns.at();
    expect([...columns.at(some)]).toEqual(some.flatMap((p) => [...all.subarray(p * 7, p * 7 + 7)]));
    expect(columns.at([])).toHaveLength(0);
  });

  it('refuses what cannot be', () => {
    expect(() => columns.at([117])).toThrow('pixel 117 of an image with 117');
    expect(() => columns.at([0.5])).toThrow(UsageError);
    expect(() => new Hypercolumns(size, [])).toThrow('no maps');
    expect(() => new Hypercolumns({ width: 0, height: 1 }, [map(1, 1, 1, 1)])).toThrow('a size of 0x1');
    expect(() => new Hypercolumns(size, [{ ...map(2, 2, 2, 1), channels: 3 }])).toThrow(ShapeError);
  });
});

describe('HypercolumnExtractor', () => {
  const resnet = new ResNet({ block: 'basic', depth: [1, 1, 1, 1], width: 4, stem: 'small', seed: 1 });

  it('gives the maps of layers, in evaluation, for images of several sizes', async () => {
    const extractor = new HypercolumnExtractor(gpu, resnet, { layers: ['layer2', 'layer1'] });
    for (const [w, h] of [
      [32, 16],
      [48, 32],
    ] as const) {
      const found = await extractor.extract(image(w, h));
      const x = normalizeImages(tensor(image(w, h).data, [1, h, w, 3]), IMAGENET);
      const [c2, c3] = resnet.eval().features(x);
      const values = await gpu.read(c3, c2);
      resnet.train();
      expect([found.width, found.height, found.channels]).toEqual([w, h, 12]);
      expect(found.maps.map(({ name, ...m }) => [name, m.width, m.height, m.channels])).toEqual([
        ['layer2', w / 8, h / 8, 8],
        ['layer1', w / 4, h / 4, 4],
      ]);
      for (const [i, m] of found.maps.entries()) expectClose(m.data, values[i]!, 1e-5);
    }
    expect([...resnet.modules()].every(({ training }) => training)).toBe(true);
    extractor.dispose();
  });

  it('resizes what the model gets, and has colours and another grid on wish', async () => {
    const found = await hypercolumns(gpu, resnet, image(20, 10), {
      layers: ['layer1'],
      inputSize: [16, 32],
      size: [5, 7],
      color: true,
    });
    expect([found.width, found.height]).toEqual([7, 5]);
    expect(found.maps.map((m) => [m.name, m.width, m.height, m.channels])).toEqual([
      ['color', 32, 16, 3],
      ['layer1', 8, 4, 4],
    ]);
  });

  it('takes maps of U-Nets, tokens of transformers and vectors', async () => {
    const unet = new UNet({ numClasses: 2, width: 4, depth: 1 });
    const vit = new VisionTransformer({ numClasses: 5, numLayers: 1, hiddenDim: 8, numHeads: 2, mlpDim: 8 });
    const of = (model: UNet | VisionTransformer, layers: string[], side: number) =>
      hypercolumns(gpu, model, image(side, side), { layers });
    const sizes = ({ maps }: Hypercolumns) => maps.map((m) => [m.width, m.height, m.channels]);
    expect(sizes(await of(unet, ['down', 'merge.0', 'out'], 8))).toEqual([
      [4, 4, 8],
      [8, 8, 4],
      [8, 8, 2],
    ]);
    const layers = ['encoder.layers.encoder_layer_0', 'conv_proj', 'heads.head'];
    const found = await of(vit, layers, 64);
    expect(sizes(found)).toEqual([
      [8, 8, 8],
      [8, 8, 8],
      [1, 1, 5],
    ]);
  });

  it('refuses what is no layer or gives no map', async () => {
    expect(() => new HypercolumnExtractor(gpu, resnet, { layers: ['layer9'] })).toThrow('no layer "layer9"');
    expect(() => new HypercolumnExtractor(gpu, resnet, {} as never)).toThrow('options.layers is undefined');
    expect(() => new HypercolumnExtractor(gpu, resnet, { layers: ['layer1'], size: 5 as never })).toThrow(
      'size is 5; give two numbers',
    );
    class Odd extends Module {
      flat = new (class extends Module {
        forward = (x: Tensor) => slice(x, [[], [], [0, 1]]).reshape([1, x.shape[1]!, 3]);
      })();

      forward(x: Tensor): Tensor {
        return this.flat.forward(x);
      }
    }
    // 7 tokens are no square, neither with nor without a class token.
    await expect(hypercolumns(gpu, new Odd(), image(4, 7), { layers: ['flat'] })).rejects.toThrow(
      'layer flat gives [1,7,3], which is no map [1,h,w,C], vector [1,C] or square of tokens',
    );
  });
});

describe('fitPixelClassifier', () => {
  const fitted = (sample: Omit<PixelSample, 'columns'>, options: Partial<FitPixelsOptions> = {}) =>
    fitPixelClassifier(gpu, [{ columns, ...sample }], { numClasses: 3, alpha: 0.01, ...options });
  const weights = perPixel((p) => 0.5 + ((p * 5) % 7) / 4);

  it.each([
    ['plain', {}, {}],
    ['weighted', { weights }, {}],
    ['balanced', {}, { classWeight: 'balanced' }],
  ] as const)('%s, it is scikit-learn’s LogisticRegression', async (name, more, options) => {
    const classifier = await fitted({ labels, ...more }, { tol: 1e-7, ...options });
    expectClose(await classifier.predictProba(gpu, columns), wanted[name], 5e-6);
  });

  it('gives the same bits again, and the most probable labels', async () => {
    const [a, b] = [await fitted({ labels }, { hiddenDim: 6 }), await fitted({ labels }, { hiddenDim: 6 })];
    const [p, q] = [await a.predictProba(gpu, columns), await b.predictProba(gpu, columns)];
    expect(p).toEqual(q);
    const found = await a.predict(gpu, columns);
    expect([found.width, found.height]).toEqual([13, 9]);
    for (let i = 0; i < 117; i++) {
      const row = [...p.subarray(i * 3, i * 3 + 3)];
      expect(found.labels[i]).toBe(row.indexOf(Math.max(...row)));
    }
  });

  it('learns with a hidden layer what no linear function tells', async () => {
    const data = Float32Array.from({ length: 16 * 16 * 2 }, (_, i) => Math.sin(i * i * 0.7));
    const noise = new Hypercolumns({ width: 16, height: 16 }, [
      { name: 'a', width: 16, height: 16, channels: 2, data },
    ]);
    const xor = Array.from({ length: 256 }, (_, p) => Number(data[2 * p]! > 0 !== data[2 * p + 1]! > 0));
    const accuracy = async (hiddenDim: number) => {
      const options = { numClasses: 2, hiddenDim, alpha: 1e-5 };
      const classifier = await fitPixelClassifier(gpu, [{ columns: noise, labels: xor }], options);
      const found = (await classifier.predict(gpu, noise)).labels;
      return xor.filter((label, p) => label === found[p]).length / 256;
    };
    expect(await accuracy(0)).toBeLessThan(0.7);
    expect(await accuracy(16)).toBeGreaterThan(0.95);
  });

  it('learns from scores alone what is wanted and what is not', async () => {
    const scores = perPixel((p) => (p % width < 4 ? 1 : p % width > 8 ? -1 : 0));
    const position = new Hypercolumns(size, [
      { name: 'x', width, height, channels: 1, data: Float32Array.from(perPixel((p) => p % width)) },
    ]);
    const classifier = await fitPixelClassifier(gpu, [{ columns: position, scores }], { numClasses: 2 });
    const found = await classifier.predict(gpu, position);
    for (const [p, score] of scores.entries())
      if (score !== 0) expect(found.labels[p]).toBe(Number(score > 0));
  });

  it('weighs the labels of an image: where no weight is, nothing is learned', async () => {
    // Two opposite opinions; the weights choose one.
    const left = perPixel((p) => Number(p % width < 6));
    const only = (side: number) => perPixel((p) => Number(Number(p % width < 6) === side));
    const flipped = perPixel((p) => (p % width < 6 ? 1 : Number(p % 2 === 0)));
    const a = await fitted({ labels: flipped, weights: only(1) }, { numClasses: 2 });
    expect(new Set((await a.predict(gpu, columns)).labels)).toEqual(new Set([1]));
    const b = await fitted({ labels: left }, { numClasses: 2 });
    expect(new Set((await b.predict(gpu, columns)).labels)).toEqual(new Set([0, 1]));
  });

  it('learns from drawn pixels of several images', async () => {
    const second = new Hypercolumns({ width: 4, height: 2 }, [
      map(2, 2, 2, 1),
      map(2, 2, 3, 2),
      map(1, 1, 1, 3),
      map(2, 4, 1, 4),
    ]);
    const samples = [
      { columns, labels },
      { columns: second, labels: [0, 0, 1, 1, 2, 2, 255, 255] },
    ];
    const of = (options: object) => fitPixelClassifier(gpu, samples, { numClasses: 3, ...options });
    const proba = async (options: object) => (await of(options)).predictProba(gpu, columns);
    expect(await proba({ pixels: 20, seed: 1 })).toEqual(await proba({ pixels: 20, seed: 1 }));
    expect(await proba({ pixels: 20, seed: 1 })).not.toEqual(await proba({ pixels: 20, seed: 2 }));
    // 97 and 6 pixels are all there are.
    expect(await proba({ pixels: 97 })).toEqual(await proba({ pixels: 1000, seed: 3 }));
  });

  it('takes columns that fill several blocks', async () => {
    // Copies of a column share its weight, so with as much more penalty the probabilities are the same.
    const copies = 352;
    const few = map(3, 3, 4, 1);
    const many = { ...few, channels: 4 * copies, data: new Float32Array(9 * 4 * copies) };
    many.data.forEach((_, i, data) => {
      data[i] = few.data[Math.floor(i / (4 * copies)) * 4 + (i % 4)]!;
    });
    const square = { width: 40, height: 40 };
    const target = Array.from({ length: 1600 }, (_, p) => Number(Math.sin(p / 90) > 0));
    const proba = async (one: FeatureMap, alpha: number) => {
      const whole = new Hypercolumns(square, [one]);
      const options = { numClasses: 2, alpha, tol: 1e-6 };
      const classifier = await fitPixelClassifier(gpu, [{ columns: whole, labels: target }], options);
      return classifier.predictProba(gpu, whole);
    };
    expectClose(await proba(many, 0.01 * copies), await proba(few, 0.01), 2e-5);
  });

  it('is saved and loaded as any module', async () => {
    const classifier = await fitted({ labels }, { hiddenDim: 3 });
    const state = await classifier.stateDict((s) => gpu.download(s));
    expect([...state.keys()]).toEqual([
      'mean',
      'std',
      'hidden.weight',
      'hidden.bias',
      'out.weight',
      'out.bias',
    ]);
    const copy = new PixelClassifier({ channels: [2, 3, 1, 1], numClasses: 3, hiddenDim: 3 });
    copy.loadStateDict(state);
    expect(await copy.predictProba(gpu, columns)).toEqual(await classifier.predictProba(gpu, columns));
  });

  it('classifies as its columns, put together, would be', async () => {
    const classifier = await fitted({ labels }, { hiddenDim: 3 });
    const found = await classifier.predictProba(gpu, columns);
    // One map with the columns themselves: nothing is resized.
    const dense = new Hypercolumns(size, [{ name: 'all', ...size, channels: 7, data: columns.at() }]);
    const copy = new PixelClassifier({ channels: [7], numClasses: 3, hiddenDim: 3 });
    copy.loadStateDict(await classifier.stateDict((s) => gpu.download(s)));
    expectClose(found, await copy.predictProba(gpu, dense), 1e-4);
  });

  it('refuses what cannot be', async () => {
    const refused = (sample: object, options: object = {}) => expect(fitted(sample, options)).rejects;
    await refused({}).toThrow('samples[0] has neither labels nor scores');
    await refused({ labels: [1] }).toThrow('samples[0]: 1 labels for 13x9 pixels; give one for each');
    await refused({ labels: perPixel(() => 3) }).toThrow(
      'labels is 3 at pixel 0; give 0 to 2, or 255 to ignore it',
    );
    await refused({ labels, weights: perPixel(() => -1) }).toThrow('weights is -1 at pixel 0');
    await refused({ scores: perPixel(() => Number.NaN) }).toThrow('scores is NaN at pixel 0; give a number');
    await refused({ labels: perPixel(() => 255) }).toThrow('no pixel has a label with a weight, or a score');
    await refused({ labels }, { classWeight: 'auto' }).toThrow('choose balanced, none');
    await refused({ labels }, { numClasses: 0 }).toThrow('numClasses is 0');
    await refused({ labels }, { alpha: -1 }).toThrow('alpha is -1');
    await refused({ labels }, { scoreLabel: 3 }).toThrow('scoreLabel is 3; give 0 to 2');
    await refused({ labels }, { hidenDim: 3 }).toThrow('did you mean hiddenDim?');
    await expect(fitPixelClassifier(gpu, [], { numClasses: 2 })).rejects.toThrow('no samples');
    const classifier = await fitted({ labels });
    const other = new Hypercolumns(size, [map(3, 4, 2, 1)]);
    await expect(classifier.predict(gpu, other)).rejects.toThrow(
      'layers of 2 channels, the classifier was fitted to 2, 3, 1, 1; give the same layers',
    );
    const bad = new Hypercolumns(size, [{ ...map(3, 4, 2, 1), data: new Float32Array(24).fill(Number.NaN) }]);
    await expect(fitPixelClassifier(gpu, [{ columns: bad, labels }], { numClasses: 3 })).rejects.toThrow(
      'a column has NaN',
    );
    expect(() => new PixelClassifier({ channels: [], numClasses: 2 })).toThrow('channels is an empty list');
    expect(() => new PixelClassifier({ channels: [2], numClasses: 256 })).toThrow('give at most 255');
  });
});
