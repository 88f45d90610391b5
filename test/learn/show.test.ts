import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../src/data/dataset.ts';
import type { RgbaImage } from '../../src/draw/index.ts';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { mean } from '../../src/graph/functions/reduce.ts';
import { tensor } from '../../src/graph/tensor.ts';
import {
  type Batch,
  DataLoader,
  Learner,
  showBatch,
  showPredictions,
  showResults,
  type Task,
} from '../../src/learn/index.ts';
import { Linear } from '../../src/nn/layers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import type { ObjectDetector, PixelSegmenter } from '../../src/tasks/infer.ts';
import { sharedGpu } from '../sharedGpu.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

const at = ({ width, data }: RgbaImage, x: number, y: number): number[] => [
  ...data.subarray(4 * (y * width + x), 4 * (y * width + x) + 3),
];

/** How many pixels have a colour. */
function countOf({ data }: RgbaImage, [r, g, b]: readonly [number, number, number]): number {
  let count = 0;
  for (let i = 0; i < data.length; i += 4) {
    if (data[i] === r && data[i + 1] === g && data[i + 2] === b && data[i + 3] === 255) count++;
  }
  return count;
}

const SIDE = 64;
const floats = (shape: number[], value: number) => ({
  data: new Float32Array(shape.reduce((a, b) => a * b)).fill(value),
  shape,
});
const ints = (shape: number[], ...values: number[]) => ({ data: Int32Array.from(values), shape });

/** Two grey images: one with a box of class 1, one without an object. */
const detectBatch = {
  images: floats([2, SIDE, SIDE, 3], 0.5),
  boxes: { data: Float32Array.of(10, 20, 40, 50, 0, 0, 0, 0), shape: [2, 1, 4] },
  labels: ints([2, 1], 1, -1),
  counts: ints([2], 1, 0),
};

describe('showBatch', () => {
  it('draws boxes on the images, which it enlarges', async () => {
    const grid = await showBatch(detectBatch, { side: 128 });
    // Two images of 128, margins of 8.
    expect([grid.width, grid.height]).toEqual([8 + 2 * 136, 8 + 136]);
    const box = [0xd5, 0x5e, 0x00];
    for (const x of [8 + 20, 8 + 80]) expect(at(grid, x, 8 + 70)).toEqual(box);
    expect(at(grid, 8 + 50, 8 + 70)).toEqual([128, 128, 128]);
    expect(at(grid, 8 + 136 + 20, 8 + 70)).toEqual([128, 128, 128]);
  });

  it('tints masks and label maps, and names classes above', async () => {
    const mask = new Float32Array(2 * SIDE * SIDE).fill(1, 0, SIDE);
    const masks = await showBatch(
      { ...detectBatch, masks: { data: mask, shape: [2, 1, SIDE, SIDE] } },
      { side: SIDE },
    );
    expect(at(masks, 8 + 32, 8 + 10)).toEqual([128, 128, 128]);
    expect(at(masks, 8 + 60, 8 + 0)[0]).toBeGreaterThan(150);
    const labels = { data: new Int32Array(2 * SIDE * SIDE).fill(1, 0, SIDE * SIDE), shape: [2, SIDE, SIDE] };
    const map = await showBatch({ images: detectBatch.images, labels }, { side: SIDE });
    expect(at(map, 8 + 32, 8 + 32)).toEqual([77, 122, 148]);
    expect(at(map, 8 + 72 + 32, 8 + 32)).toEqual([128, 128, 128]);
    const { images } = detectBatch;
    const classes = await showBatch(
      { images, labels: ints([2], 0, 1) },
      { classNames: ['cat', 'dog'], side: SIDE },
    );
    expect([classes.width, classes.height]).toEqual([8 + 2 * 72, 8 + 22 + 72]);
    expect(countOf(classes, [0x24, 0x29, 0x2f])).toBeGreaterThan(1000);
  });

  it('takes as many items of a loader as are wanted, and undoes normalisation', async () => {
    const loader = new DataLoader([0, 1, 2, 3, 4], {
      batchSize: 2,
      collate: (items) => ({ pixels: floats([items.length, 4, 4, 1], -1) }),
    });
    const grid = await showBatch(loader, {
      maxItems: 3,
      columns: 3,
      side: 16,
      images: 'pixels',
      mean: [0.5],
      std: [0.25],
    });
    expect([grid.width, grid.height]).toEqual([8 + 3 * 24, 8 + 24]);
    expect(at(grid, 60, 20)).toEqual([64, 64, 64]);
    const points = { data: Float32Array.of(2, 2, 1, 3, 3, 0), shape: [1, 2, 3] };
    const dots = await showBatch({ images: floats([1, 4, 4, 3], 0), points }, { side: 64 });
    expect(at(dots, 8 + 32, 8 + 32)).toEqual([0xe6, 0x9f, 0]);
    expect(at(dots, 8 + 48, 8 + 48)).toEqual([0, 0, 0]);
  });

  it('refuses what it cannot show', async () => {
    await expect(showBatch({ image: floats([1, 2, 2, 3], 0) })).rejects.toThrow(
      'showBatch: the batch has no images, but image',
    );
    await expect(showBatch({ images: floats([1, 3, 2, 2], 0) })).rejects.toThrow(
      'showBatch: images have shape [1,3,2,2]; give [N, H, W, 3], or [N, H, W, 1] for grey ones',
    );
    await expect(showBatch({ ...detectBatch, boxes: floats([2, 4], 0) })).rejects.toThrow(ShapeError);
    await expect(showBatch(detectBatch, { maxItems: 0 })).rejects.toThrow(UsageError);
  });
});

describe('showResults', () => {
  type Predict = NonNullable<Task<number, Linear, Batch>['predict']>;
  const learnerOf = (batch: (items: readonly number[]) => Batch, predict?: Predict) =>
    new Learner<number, Linear, Batch>(gpu, {
      model: new Linear(2, 2),
      train: [0, 1, 2, 3],
      batchSize: 2,
      task: {
        collate: batch,
        losses: (model) => mean(model.forward(tensor([[1, 2]]))),
        ...(predict ? { predict } : {}),
      },
    });

  it('names the class and the predicted one, in green where they are the same', async () => {
    const batch = () => ({ images: floats([2, SIDE, SIDE, 3], 0.5), labels: ints([2], 0, 1) });
    const learner = learnerOf(batch, () => ({
      logits: tensor([
        [3, 0],
        [1, 0],
      ]),
    }));
    const grid = await showResults(learner, { classNames: ['cat', 'dog'], side: SIDE, columns: 4 });
    expect([grid.width, grid.height]).toEqual([8 + 4 * 72, 8 + 22 + 72]);
    expect(countOf(grid, [0x3f, 0xb9, 0x50])).toBeGreaterThan(20);
    expect(countOf(grid, [0xff, 0x7b, 0x72])).toBeGreaterThan(20);
    learner.dispose();
  });

  it('shows boxes and label maps beside the truth', async () => {
    const boxes = learnerOf(
      () => detectBatch,
      () => ({
        boxes: tensor([[[30, 30, 50, 50]], [[0, 0, 0, 0]]]),
        scores: tensor([[0.9], [0]]),
        labels: tensor(Int32Array.of(0, -1), [2, 1]),
        count: tensor(Int32Array.of(1, 0), [2]),
      }),
    );
    const grid = await showResults(boxes, { side: SIDE, maxItems: 1 });
    expect([grid.width, grid.height]).toEqual([8 + 2 * 72, 8 + 22 + 72]);
    // The truth is of class 1, what was predicted of class 0.
    expect(countOf(grid, [0xd5, 0x5e, 0x00])).toBeGreaterThan(50);
    expect(countOf(grid, [0x00, 0x72, 0xb2])).toBeGreaterThan(100);
    boxes.dispose();
    const pixels = learnerOf(
      () => ({ images: floats([2, 2, 2, 3], 0), labels: ints([2, 2, 2], 0, 0, 0, 0, 0, 0, 0, 0) }),
      () => ({
        logits: tensor(
          Float32Array.from({ length: 16 }, (_, i) => i % 2),
          [2, 2, 2, 2],
        ),
      }),
    );
    const maps = await showResults(pixels, { side: 64, maxItems: 1 });
    expect(at(maps, 8 + 32, 8 + 22 + 20)).toEqual([0, 0, 0]);
    expect(at(maps, 8 + 72 + 20, 8 + 22 + 20)).toEqual([0, 46, 71]);
    pixels.dispose();
  });

  it('refuses what it cannot show', async () => {
    const nothing = learnerOf(() => detectBatch);
    await expect(showResults(nothing)).rejects.toThrow(
      'showResults: the task predicts nothing; let it predict logits, boxes, masks or points, or use showPredictions',
    );
    nothing.dispose();
    await expect(showResults({} as never)).rejects.toThrow(UsageError);
  });
});

describe('showPredictions', () => {
  const sampleOf = (name: string, count: number): Sample => ({
    name,
    image: { width: 100, height: 60, channels: 3, data: new Float32Array(100 * 60 * 3).fill(0.5) },
    annotation: {
      width: 100,
      height: 60,
      shapes: Array.from({ length: count }, (_, i) => ({
        label: 'coin',
        box: [5 + 30 * i, 20, 25 + 30 * i, 50] as const,
        groupId: null,
      })),
    },
  });
  const samples = [sampleOf('one', 1), sampleOf('three', 3)];

  it('shows the worst images of a detector first', async () => {
    const asked: number[] = [];
    const detector: ObjectDetector = {
      classNames: ['coin'],
      hasMasks: false,
      detect: async (_, { scoreThreshold = 1 } = {}) => {
        asked.push(scoreThreshold);
        return [{ box: [5, 20, 25, 50], label: 'coin', score: 0.9 }];
      },
      dispose: () => undefined,
    };
    const grid = await showPredictions(detector, samples, { worstFirst: true });
    expect(asked).toHaveLength(2);
    expect([grid.width, grid.height]).toEqual([8 + 2 * 108, 8 + 2 * (22 + 60 + 8)]);
    const blue = [0x00, 0x72, 0xb2];
    // The first row has three objects, of which one was found.
    expect(at(grid, 8 + 108 + 5, 8 + 22 + 40)).toEqual(blue);
    expect(at(grid, 8 + 108 + 35, 8 + 22 + 40)).toEqual([128, 128, 128]);
    const order = await showPredictions(detector, samples, { maxItems: 1, side: 50 });
    expect([order.width, order.height]).toEqual([8 + 2 * 58, 8 + 22 + 38]);
  });

  it('shows what a segmenter finds', async () => {
    const segmenter: PixelSegmenter = {
      classNames: ['coin'],
      segment: async ({ width, height }) => ({
        width,
        height,
        labels: new Uint8Array(width * height).fill(1),
      }),
      dispose: () => undefined,
    };
    const grid = await showPredictions(segmenter, samples, { worstFirst: true });
    // Fewer pixels are right where there is one object.
    expect(at(grid, 8 + 50, 8 + 22 + 35)).toEqual([128, 128, 128]);
    expect(at(grid, 8 + 108 + 50, 8 + 22 + 35)).toEqual([77, 122, 148]);
    expect(at(grid, 8 + 45, 8 + 90 + 22 + 35)).toEqual([77, 122, 148]);
  });

  it('refuses what it cannot show', async () => {
    const detector = { classNames: [], detect: () => Promise.resolve([]) };
    await expect(showPredictions(detector as never, [])).rejects.toThrow(DataError);
    await expect(showPredictions(detector as never, samples, { side: 0.5 })).rejects.toThrow(UsageError);
  });
});
