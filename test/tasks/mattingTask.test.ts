import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { colorJitter, cutMix, flip, randomResizedCrop, rotate } from '../../src/data/augment/transforms.ts';
import type { MattingSample } from '../../src/data/matte.ts';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Learner, type MattingTaskOptions, type MattingTensors, mattingTask } from '../../src/learn/index.ts';
import { Conv2d } from '../../src/nn/layers.ts';
import { Module } from '../../src/nn/module.ts';
import { generator } from '../../src/nn/random.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** An image whose three channels are its matte: so what happens to both can be compared. */
function sampleOf(width: number, height: number): MattingSample {
  const data = Float32Array.from({ length: width * height }, (_, i) => ((i * 37) % 256) / 255);
  return {
    name: 'a.png',
    image: {
      width,
      height,
      channels: 3,
      data: Float32Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]!),
    },
    matte: { width, height, data },
  };
}
const context = () => ({ random: new Random('mattes'), epoch: 0, index: 0, other: () => undefined });

/** A model that says the same of every batch. */
class Constant extends Module {
  readonly #outputs: readonly number[];
  readonly #shape: readonly number[];

  constructor(outputs: readonly number[], shape: readonly number[]) {
    super();
    this.#outputs = outputs;
    this.#shape = shape;
  }

  forward(_images: Tensor): Tensor {
    return tensor(Float32Array.from(this.#outputs), this.#shape);
  }
}

/** Five pixels of which the last is outside of the image. */
const ALPHA = [0, 1, 0.25, 0.6, -1];
const LOGITS = [-1, 2, 0.5, -3, 40];
const batch: MattingTensors = {
  images: { data: new Float32Array(15), shape: [1, 1, 5, 3] },
  mattes: { data: Float32Array.from(ALPHA), shape: [1, 1, 5, 1] },
};

async function computed(
  model: Module & { forward(images: Tensor): Tensor },
  options: Partial<MattingTaskOptions> = {},
) {
  const task = mattingTask({ size: [1, 5], ...options });
  const step = gpu.capture((images: Tensor, mattes: Tensor) => ({
    ...task.predict!(model, { images, mattes }),
    ...(task.losses(model, { images, mattes }) as Record<string, Tensor>),
  }));
  const run = await step(
    ...([batch.images, batch.mattes].map(({ data, shape }) => tensor(data, shape)) as [Tensor, Tensor]),
  );
  const found: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(run)) found[name] = [...((await value.data()) as Float32Array)];
  step.dispose();
  return found;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const meanOf = (measure: (alpha: number, logit: number) => number) =>
  [0, 1, 2, 3].reduce((sum, i) => sum + measure(ALPHA[i]!, LOGITS[i]!), 0) / 4;

describe('the loss', () => {
  const error = meanOf((alpha, logit) => Math.abs(sigmoid(logit) - alpha));
  const entropy = meanOf(
    (alpha, logit) => -alpha * Math.log(sigmoid(logit)) - (1 - alpha) * Math.log(sigmoid(-logit)),
  );

  it('is the mean absolute error and the cross entropy with soft targets, of pixels inside of the image', async () => {
    const { l1, entropy: found, alpha } = await computed(new Constant(LOGITS, [1, 1, 5, 1]));
    expect(l1![0]).toBeCloseTo(error, 5);
    expect(found![0]).toBeCloseTo(entropy / 2, 5);
    LOGITS.forEach((logit, i) => {
      expect(alpha![i]).toBeCloseTo(sigmoid(logit), 5);
    });
  });

  it('is the same of two logits, background and foreground', async () => {
    const pairs = LOGITS.flatMap((logit, i) => [i / 2, logit + i / 2]);
    const two = await computed(new Constant(pairs, [1, 1, 5, 2]), { entropyWeight: 2 });
    expect(two.l1![0]).toBeCloseTo(error, 5);
    expect(two.entropy![0]).toBeCloseTo(2 * entropy, 4);
    expect(await computed(new Constant(LOGITS, [1, 1, 5, 1]), { entropyWeight: 0 })).not.toHaveProperty(
      'entropy',
    );
  });

  it.each([[[1, 1, 5, 3]], [[1, 5, 1, 1]], [[1, 5]]])('refuses a model that returns %j', async (shape) => {
    const model = new Constant(new Array(shape.reduce((a, b) => a * b)).fill(0), shape);
    await expect(computed(model)).rejects.toThrow(ShapeError);
    await expect(computed(model)).rejects.toThrow(
      `mattingTask: the model returns [${shape}] for images [1,1,5,3]`,
    );
  });
});

describe('metrics', () => {
  it('are means over the pixels of all batches that are inside of an image', () => {
    const { mae, mse } = mattingTask({ size: [1, 5] }).metrics!() as Record<
      'mae' | 'mse',
      ReturnType<NonNullable<ReturnType<typeof mattingTask>['metrics']>>[string]
    >;
    expect([mae.mode, mse.mode, mae.value()]).toEqual(['min', 'min', Number.NaN]);
    const alpha = { data: Float32Array.of(0.5, 1, 0, 0.6, 0.7), shape: [1, 1, 5, 1] };
    for (const metric of [mae, mse]) metric.add({ alpha }, batch, []);
    expect(mae.value()).toBeCloseTo(0.75 / 4, 6);
    expect(mse.value()).toBeCloseTo((0.25 + 0.0625) / 4, 6);
    mae.add({ alpha: batch.mattes }, batch, []);
    expect(mae.value()).toBeCloseTo(0.75 / 8, 6);
    expect(() => mae.add({ alpha: batch.images }, batch, [])).toThrow(ShapeError);
  });
});

describe('batches', () => {
  it('have the whole image in their middle, to validate; outside of it the matte is -1', async () => {
    const { collateValid } = mattingTask({ size: [8, 8], augment: [flip({ horizontal: 1 })] });
    const sample = sampleOf(8, 4);
    const { images, mattes } = await collateValid([sample], context());
    expect([images.shape, mattes.shape]).toEqual([
      [1, 8, 8, 3],
      [1, 8, 8, 1],
    ]);
    const expected = new Float32Array(64).fill(-1);
    expected.set(sample.matte.data, 16);
    expect(mattes.data).toEqual(expected);
    expect([images.data[0], images.data[3 * 16]]).toEqual([0.5, sample.matte.data[0]]);
  });

  it.each<[string, Partial<MattingTaskOptions>]>([
    ['mirrored', { augment: [flip({ horizontal: 1 })] }],
    ['turned and resized', { augment: [rotate({ degrees: [20, 40] }), randomResizedCrop()] }],
    ['shrunk', { size: [5, 3] }],
    ['enlarged', { size: [24, 40] }],
  ])('%s: mattes stay with their images, and soft', async (_, options) => {
    const sample = sampleOf(16, 16);
    const task = mattingTask({ size: [12, 12], ...options });
    const { images, mattes } = await task.collate([sample, sample], context());
    let soft = 0;
    mattes.data.forEach((alpha, i) => {
      if (alpha < 0) return;
      expect(images.data[3 * i]).toBe(alpha);
      if (alpha > 0 && alpha < 1) soft++;
    });
    expect(soft).toBeGreaterThan(mattes.data.length / 2);
  });

  it('change colours of images alone', async () => {
    const sample = sampleOf(4, 4);
    const task = mattingTask({ size: [4, 4], augment: [colorJitter({ brightness: 0.5 })] });
    const { images, mattes } = await task.collate([sample], context());
    expect(mattes.data).toEqual(sample.matte.data);
    expect(images.data).not.toEqual(sample.image.data);
  });

  it.each<[object, string]>([
    [{ width: 2, height: 8, data: new Float32Array(16) }, 'a.png is 4x4, its matte 2x8 with 16 values'],
    [{ width: 4, height: 4, data: new Float32Array(3) }, 'a.png is 4x4, its matte 4x4 with 3 values'],
    [
      { width: 4, height: 4, data: new Float32Array(16).fill(255, 6) },
      'the matte of a.png is 255 at (2, 1); give numbers from 0 to 1',
    ],
    [
      { width: 4, height: 4, data: new Float32Array(16).fill(Number.NaN) },
      'the matte of a.png is NaN at (0, 0)',
    ],
  ])('refuse mattes that are none', (matte, message) => {
    const { collate } = mattingTask({ size: [4, 4] });
    const given = [{ ...sampleOf(4, 4), matte: matte as never }];
    expect(() => collate(given, context())).toThrow(DataError);
    expect(() => collate(given, context())).toThrow(message);
  });
});

it('trains a model that tells brightness', async () => {
  const samples = Array.from({ length: 8 }, () => sampleOf(8, 8));
  const learner = new Learner(gpu, {
    model: new Conv2d(3, 1, 1, { generator: generator(1) }),
    task: mattingTask({ size: [8, 8] }),
    train: samples,
    valid: samples.slice(4),
    batchSize: 4,
  });
  const before = (await learner.validate()).val_mae!;
  const { best } = await learner.fitOneCycle(8, { lrMax: 0.5 });
  expect(best!.value).toBeLessThan(before / 3);
  learner.dispose();
});

it.each<[object, string]>([
  [{}, 'mattingTask: size is undefined; give two numbers'],
  [{ size: [8.5, 8] }, 'mattingTask: size is [8.5, 8]; give height and width in whole pixels'],
  [{ size: [8, 8], entropyWeight: -1 }, 'mattingTask: entropyWeight is -1; give a number of at least 0'],
  [
    { size: [8, 8], augment: [cutMix()] },
    'mattingTask: augment has cutMix, which mixes mattes; leave it out',
  ],
  [{ size: [8, 8], paddding: 1 }, 'paddding'],
])('refuses %j', (options, message) => {
  expect(() => mattingTask(options as never)).toThrow(UsageError);
  expect(() => mattingTask(options as never)).toThrow(message);
});
