import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { flip, mixUp, rotate90 } from '../../src/data/augment/transforms.ts';
import type { PointsSample } from '../../src/data/keypoints.ts';
import type { RgbaImage } from '../../src/draw/index.ts';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import { Learner, type PointsTensors, pointsTask, showBatch, showResults } from '../../src/learn/index.ts';
import { Flatten, ReLU, Sequential } from '../../src/nn/index.ts';
import { Conv2d, Linear } from '../../src/nn/layers.ts';
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

const NAMES = ['left', 'right'];

/** A grey image with these points. */
const sampleOf = (points: PointsSample['points'], width = 16, height = 8): PointsSample => ({
  name: 'a.png',
  image: { width, height, channels: 3, data: new Float32Array(width * height * 3).fill(0.25) },
  points,
});
const context = () => ({ random: new Random('points'), epoch: 0, index: 0, other: () => undefined });

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

/** Two images of 4 x 8 pixels; the second point of the second image is not visible. */
const batch: PointsTensors = {
  images: { data: new Float32Array(2 * 4 * 8 * 3), shape: [2, 4, 8, 3] },
  points: { data: Float32Array.of(1, 1, 6, 3, 4, 2, 0, 0), shape: [2, 2, 2] },
  visible: { data: Float32Array.of(1, 1, 1, 0), shape: [2, 2] },
};
const OUTPUTS = [-0.5, 0.25, 2, 0.5, 0, -1, 0.75, 0.5];

async function computed(outputs: readonly number[], given: PointsTensors, beta: number) {
  const task = pointsTask({ pointNames: NAMES, size: [4, 8], beta });
  const model = new Constant(outputs, [2, 4]);
  const step = gpu.capture((images: Tensor, points: Tensor, visible: Tensor) => {
    const tensors = { images, points, visible };
    const { points: predicted } = task.predict!(model, tensors);
    const [loss] = Object.values(task.losses(model, tensors));
    return { points: predicted!, loss: loss! };
  });
  const { images, points, visible } = given;
  const found = await step(
    ...([images, points, visible].map(({ data, shape }) => tensor(data, shape)) as [Tensor, Tensor, Tensor]),
  );
  const result = { points: await found.points.data(), loss: (await found.loss.data())[0]! };
  step.dispose();
  return result;
}

/** PyTorch's smooth L1 loss of the visible points, in float64. */
function reference(outputs: readonly number[], { points, visible }: PointsTensors, beta: number): number {
  let [total, count] = [0, 0];
  outputs.forEach((output, i) => {
    if (visible.data[i >> 1] === 0) return;
    const d = Math.abs(output - ((2 * points.data[i]!) / (i % 2 === 0 ? 8 : 4) - 1));
    total += d < beta ? d ** 2 / 2 / beta : d - beta / 2;
    count++;
  });
  return total / count;
}

describe('the loss', () => {
  it.each([1, 0.25])('is the smooth L1 loss of visible points, with beta %d', async (beta) => {
    const { loss } = await computed(OUTPUTS, batch, beta);
    expect(loss).toBeCloseTo(reference(OUTPUTS, batch, beta), 6);
    expect(loss).toBeGreaterThan(0.05);
  });

  it('does not depend on points that are not visible, and is 0 without any', async () => {
    const other = [...OUTPUTS.slice(0, 6), -3, 9];
    const moved = { ...batch, points: { ...batch.points, data: Float32Array.of(1, 1, 6, 3, 4, 2, 7, 1) } };
    const { loss } = await computed(OUTPUTS, batch, 1);
    expect((await computed(other, moved, 1)).loss).toBe(loss);
    const none = { ...batch, visible: { data: new Float32Array(4), shape: [2, 2] } };
    expect((await computed(OUTPUTS, none, 1)).loss).toBe(0);
  });
});

describe('predictions and metrics', () => {
  it('are in pixels', async () => {
    const { points } = await computed(OUTPUTS, batch, 1);
    expect([...points]).toEqual([2, 2.5, 12, 3, 4, 0, 7, 3]);
  });

  it('count visible points only', async () => {
    const { points } = await computed(OUTPUTS, batch, 1);
    const predictions = { points: { data: points, shape: [2, 2, 2] } };
    const measure = (pckThreshold?: number) => {
      const task = pointsTask({
        pointNames: NAMES,
        size: [4, 8],
        ...(pckThreshold === undefined ? {} : { pckThreshold }),
      });
      const metrics = task.metrics!();
      for (const metric of Object.values(metrics)) metric.add(predictions, batch, []);
      return metrics;
    };
    const { mean_distance, pck } = measure(0.25);
    // Distances are 1.8, 6 and 2; a quarter of the longer side is 2.
    expect(mean_distance!.value()).toBeCloseTo((Math.hypot(1, 1.5) + 6 + 2) / 3, 6);
    expect(pck!.value()).toBeCloseTo(2 / 3, 12);
    expect([mean_distance!.mode, pck!.mode]).toEqual(['min', 'max']);
    expect(measure().pck!.value()).toBe(0);
    expect(Object.values(pointsTask({ pointNames: NAMES, size: [4, 8] }).metrics!())[0]!.value()).toBeNaN();
    // Of all batches together.
    pck!.add({ points: batch.points }, batch, []);
    expect(pck!.value()).toBeCloseTo(5 / 6, 12);
    expect(() => pck!.add({ points: batch.visible }, batch, [])).toThrow(ShapeError);
  });
});

describe('batches', () => {
  it('have the whole image in their middle, to validate', async () => {
    const { collateValid } = pointsTask({ pointNames: NAMES, size: [16, 16], augment: [rotate90()] });
    const sample = sampleOf(
      [
        [2, 1, 2],
        [30, 1, 1],
      ],
      32,
      16,
    );
    const { images, points, visible } = await collateValid(
      [
        sample,
        sampleOf([
          [0, 8, 1],
          [3, 3, 0],
        ]),
      ],
      context(),
    );
    expect(images.shape).toEqual([2, 16, 16, 3]);
    expect(points).toEqual({ data: Float32Array.of(1, 4.5, 15, 4.5, 0, 12, 0, 0), shape: [2, 2, 2] });
    expect(visible).toEqual({ data: Float32Array.of(1, 1, 1, 0), shape: [2, 2] });
    expect([images.data[0], images.data[3 * 16 * 8]]).toEqual([0.5, 0.25]);
  });

  it('are mirrored with their points, which change places by flipIndices', async () => {
    const given = { pointNames: NAMES, size: [8, 16] as const, augment: [flip({ horizontal: 1 })] };
    const sample = sampleOf([
      [2, 1, 2],
      [13, 3, 2],
    ]);
    const plain = await pointsTask(given).collate([sample], context());
    expect([...plain.points.data]).toEqual([14, 1, 3, 3]);
    const swapped = await pointsTask({ ...given, flipIndices: [1, 0] }).collate([sample], context());
    expect([...swapped.points.data]).toEqual([3, 3, 14, 1]);
    const hidden = sampleOf([
      [2, 1, 2],
      [13, 3, 0],
    ]);
    const { points, visible } = await pointsTask({ ...given, flipIndices: [1, 0] }).collate(
      [hidden],
      context(),
    );
    expect([...points.data, ...visible.data]).toEqual([0, 0, 14, 1, 0, 1]);
  });

  it('are cut from the region of a sample, without the points outside of it', async () => {
    const sample = {
      ...sampleOf([
        [2, 1, 2],
        [13, 3, 2],
      ]),
      region: [8, 0, 16, 8] as const,
    };
    const { collate } = pointsTask({ pointNames: NAMES, size: [16, 16] });
    const { points, visible } = await collate([sample], context());
    expect([...points.data, ...visible.data]).toEqual([0, 0, 10, 6, 0, 1]);
  });

  it('are drawn with the points that are visible', async () => {
    const task = pointsTask({ pointNames: NAMES, size: [16, 16] });
    const sample = sampleOf(
      [
        [8, 8, 2],
        [2, 2, 0],
      ],
      16,
      16,
    );
    const orange = [0xe6, 0x9f, 0];
    const at = ({ width, data }: RgbaImage, x: number, y: number) => [
      ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3),
    ];
    const grid = await showBatch(await task.collate([sample], context()), { side: 64 });
    expect(at(grid, 8 + 32, 8 + 32)).toEqual(orange);
    for (const place of [0, 8]) expect(at(grid, 8 + place, 8 + place)).toEqual([64, 64, 64]);
    const model = new Sequential(new Flatten(), new Linear(16 * 16 * 3, 4));
    const learner = new Learner(gpu, { model, task, train: [sample], batchSize: 1 });
    // The truth, and what is predicted.
    expect((await showResults(learner, { side: 64 })).width).toBe(8 + 2 * 72);
    learner.dispose();
  });
});

describe('what cannot be used', () => {
  const options = { pointNames: NAMES, size: [8, 8] as const };

  it.each([
    [{ ...options, pointNames: [] }, 'pointsTask: pointNames is empty; give one name per point'],
    [{ ...options, pointNames: ['a', 'a'] }, 'pointsTask: pointNames has "a" twice'],
    [
      { ...options, size: [8, 0.5] as const },
      'pointsTask: size is [8, 0.5]; give height and width in whole pixels',
    ],
    [
      { ...options, flipIndices: [1, 1] },
      'pointsTask: flipIndices is [1, 1]; give each of the numbers 0 to 1 once',
    ],
    [{ ...options, flipIndices: [0] }, 'pointsTask: flipIndices is [0]'],
    [{ ...options, beta: -1 }, 'pointsTask: beta is -1; give a number of at least 0'],
    [{ ...options, augment: [mixUp()] }, 'pointsTask: augment has mixUp, which mixes points; leave it out'],
  ])('is refused as an option: %o', (given, message) => {
    expect(() => pointsTask(given)).toThrow(UsageError);
    expect(() => pointsTask(given)).toThrow(message);
  });

  it.each([
    [[], 'pointsTask: a.png has no points; give left, right, or leave out the image'],
    [
      [[1, 1, 2]],
      'pointsTask: a.png has 1 points, there are 2 pointNames (left, right); give one point per name',
    ],
    [
      [
        [1, 1, 2],
        [Number.NaN, 1, 2],
      ],
      'pointsTask: a.png: right is [NaN, 1, 2]; give x, y and visibility',
    ],
  ] as const)('is refused as points: %o', (points, message) => {
    const { collate } = pointsTask(options);
    const make = () => collate([sampleOf(points)], context());
    expect(make).toThrow(DataError);
    expect(make).toThrow(message);
  });

  it('is a model with another number of outputs', () => {
    const { losses } = pointsTask(options);
    const tensors = {
      images: tensor(new Float32Array(2 * 8 * 8 * 3), [2, 8, 8, 3]),
      points: tensor(new Float32Array(8), [2, 2, 2]),
      visible: tensor(new Float32Array(4), [2, 2]),
    };
    expect(() => losses(new Constant([0, 0, 0, 0], [2, 2]), tensors)).toThrow(
      new ShapeError('pointsTask: the model returns [2,2] for 2 images; for 2 points it is to return [2, 4]'),
    );
  });
});

describe('a short training', () => {
  const SIDE = 16;

  /** A red and a blue square in noise, and their middles; the blue one is hidden in every fifth image. */
  function squares(count: number, seed: string): PointsSample[] {
    return Array.from({ length: count }, (_, n) => {
      const random = new Random(seed).fork(n);
      const data = Float32Array.from({ length: SIDE * SIDE * 3 }, () => 0.2 * random.uniform());
      const points = [0, 2].map((channel) => {
        const visible = channel === 2 && n % 5 === 0 ? 0 : 2;
        const [x, y] = [random.integer(SIDE - 4), random.integer(SIDE - 4)];
        for (let i = 0; visible > 0 && i < 16; i++) {
          data[((y + (i >> 2)) * SIDE + x + (i % 4)) * 3 + channel] = 1;
        }
        return [x + 2, y + 2, visible] as const;
      });
      return { name: `${n}`, image: { width: SIDE, height: SIDE, channels: 3, data }, points };
    });
  }

  it('finds unseen points better', async () => {
    const seeded = (seed: number) => ({ generator: generator(seed) });
    const model = new Sequential(
      new Conv2d(3, 16, 3, { stride: 2, padding: 1, ...seeded(1) }),
      new ReLU(),
      new Conv2d(16, 16, 3, { stride: 2, padding: 1, ...seeded(2) }),
      new ReLU(),
      new Flatten(),
      new Linear((SIDE / 4) ** 2 * 16, 4, seeded(3)),
    );
    const learner = new Learner(gpu, {
      model,
      task: pointsTask({
        pointNames: ['red', 'blue'],
        size: [SIDE, SIDE],
        augment: [flip({ horizontal: 0.5, vertical: 0.5 })],
      }),
      train: squares(96, 'train'),
      valid: squares(32, 'valid'),
    });
    const { val_mean_distance: before } = await learner.validate();
    await learner.fitOneCycle(8, { lrMax: 0.01 });
    const { val_mean_distance: after, val_pck } = await learner.validate();
    expect(before).toBeGreaterThan(4);
    expect(after).toBeLessThan(before! / 2);
    expect(val_pck).toBeGreaterThan(0.5);
    expect(learner.history.epochs[0]).toHaveProperty('val_mean_distance');
    learner.dispose();
  });
});
