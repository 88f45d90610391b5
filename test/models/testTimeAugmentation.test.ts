import { afterAll, describe, expect, it } from 'vitest';
import { ShapeError } from '../../src/errors.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { flip } from '../../src/graph/functions/shape.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import type { DetectOptions } from '../../src/models/detection.ts';
import { MaskRCNN } from '../../src/models/maskRcnn.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import {
  type AnyDetections,
  type DetectingModel,
  type TestTimeAugmentationOptions,
  testTimeAugmentation,
} from '../../src/models/testTimeAugmentation.ts';
import { UNet } from '../../src/models/unet.ts';
import { yolov3Tiny } from '../../src/models/yolo.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { twoScene } from '../tasks/scenes.ts';

const gpu = await sharedGpu();
afterAll(() => gpu.dispose());

type Box = readonly [number, number, number, number];
/** What a pretended model finds in what it is shown: a box in shares of the image, a score. */
interface Sight {
  readonly box: Box;
  readonly score: number;
  readonly label?: number;
  readonly mask?: readonly number[];
}

/** A model that finds in the nth view what it is told to, in each image alike, and notes what it was shown. */
function pretended(sights: readonly (readonly Sight[])[], resize?: { minSize: number; maxSize: number }) {
  const views: { images: Tensor | readonly Tensor[]; options: DetectOptions }[] = [];
  const detect = (images: Tensor | readonly Tensor[], options: DetectOptions = {}): AnyDetections => {
    const sizes = Array.isArray(images)
      ? (images as readonly Tensor[]).map(({ shape }) => shape)
      : new Array<readonly number[]>((images as Tensor).shape[0]!).fill((images as Tensor).shape.slice(1));
    const sight = sights[views.length]!;
    views.push({ images, options });
    // Padded, as models do.
    const [N, D] = [sizes.length, 3];
    const rows = <T>(values: (sight: Sight, size: readonly number[]) => readonly T[], zeros: readonly T[]) =>
      sizes.flatMap((size) =>
        Array.from({ length: D }, (_, i) => (sight[i] ? values(sight[i], size) : zeros)).flat(),
      );
    const boxes = rows(
      ({ box: [x1, y1, x2, y2] }, [h, w]) => [x1 * w!, y1 * h!, x2 * w!, y2 * h!],
      [0, 0, 0, 0],
    );
    const masked = sights[0]![0]?.mask !== undefined;
    return {
      boxes: tensor(boxes, [N, D, 4]),
      scores: tensor(
        rows<number>(({ score }) => [score], [0]),
        [N, D],
      ),
      labels: tensor(Int32Array.from(rows<number>(({ label = 0 }) => [label], [0])), [N, D]),
      count: tensor(new Int32Array(N).fill(sight.length)),
      ...(masked
        ? {
            masks: tensor(
              rows<number>(({ mask }) => mask!, [0, 0, 0, 0]),
              [N, D, 2, 2],
            ),
          }
        : {}),
    };
  };
  return { detect, views, ...(resize ? { config: { resize } } : {}) };
}

/** The detections of image n, by the references. */
function foundIn(found: AnyDetections, n = 0) {
  const names = ['boxes', 'scores', 'labels', 'count'] as const;
  const [boxes, scores, labels, count] = evaluate(names.map((name) => found[name]));
  const D = found.scores.shape[1]!;
  const here = Array.from({ length: count![n]! }, (_, i) => n * D + i);
  const rest = Array.from({ length: D - count![n]! }, (_, i) => n * D + count![n]! + i);
  expect(rest.every((i) => scores![i] === 0 && labels![i] === 0 && boxes![4 * i + 2] === 0)).toBe(true);
  return here.map((i) => ({
    box: Array.from(boxes!.slice(4 * i, 4 * i + 4)),
    score: scores![i]!,
    label: labels![i]!,
  }));
}

const noise = (shape: readonly number[], name = 'noise'): Tensor => {
  const random = new Random(name);
  return tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.range(0, 1)),
    shape,
  );
};

/** A small RetinaNet that is as sure as not of everything. */
function retinanet(): RetinaNet {
  const model = new RetinaNet({ numClasses: 2, resize: { minSize: 64, maxSize: 96 }, seed: 3 });
  model.head.classification_head.cls_logits.bias!.state.initial.fill(0);
  return model.eval();
}

const whole: Box = [0.25, 0.25, 0.5, 0.5];

describe('what a model is shown, and the way back', () => {
  it('resizes a batch to the nearest multiples, and boxes back exactly', () => {
    const sights = [0.5, 0.9, 0.7].map((score) => [{ box: whole, score }]);
    for (const merge of ['nms', 'wbf'] as const) {
      const model = pretended(sights);
      const augmented = testTimeAugmentation(model, { scales: [0.5, 1, 1.25], flip: false, merge });
      const found = augmented.detect(noise([2, 96, 64, 3]));
      expect(model.views.map(({ images }) => (images as Tensor).shape)).toEqual([
        [2, 64, 32, 3],
        [2, 96, 64, 3],
        [2, 128, 96, 3],
      ]);
      for (const n of [0, 1]) {
        const [only, ...others] = foundIn(found, n);
        expect(others).toEqual([]);
        only!.box.forEach((side, k) => {
          expect(side).toBeCloseTo([16, 24, 32, 48][k]!, 5);
        });
        expect(only!.score).toBeCloseTo(merge === 'nms' ? 0.9 : 0.7, 6);
      }
    }
  });

  it('takes the model’s stride, another multiple where one is given, and at least one of them', () => {
    const shown = (options: TestTimeAugmentationOptions, stride?: number) => {
      const model = pretended([[], []]);
      testTimeAugmentation({ ...model, ...(stride ? { stride } : {}) }, { flip: false, ...options }).detect(
        noise([1, 40, 56, 3]),
      );
      return model.views.map(({ images }) => (images as Tensor).shape.slice(1, 3));
    };
    expect(shown({ scales: [0.5, 2] }, 16)).toEqual([
      [16, 32],
      [80, 112],
    ]);
    expect(shown({ scales: [0.5, 2], multiple: 8 }, 16)).toEqual([
      [24, 32],
      [80, 112],
    ]);
    // Of images as they are nothing is asked.
    expect(shown({ scales: [1, 0.01] })).toEqual([
      [40, 56],
      [32, 32],
    ]);
  });

  it('mirrors images and boxes', async () => {
    const model = pretended([[], [{ box: [0, 0.25, 0.25, 1], score: 0.5 }]]);
    const images = noise([2, 32, 64, 3]);
    const found = testTimeAugmentation(model).detect(images);
    expect(foundIn(found)).toEqual([{ box: [48, 8, 64, 32], score: 0.5, label: 0 }]);
    const [shown, mirrored] = evaluate([model.views[1]!.images as Tensor, flip(images, [2])]);
    expect(shown).toEqual(mirrored);
    expect(model.views[0]!.images).toBe(images);
  });

  it('has images in an array resized by the model to more or less, each mirrored by its own width', () => {
    const left: Sight = { box: [0, 0, 0.25, 1], score: 0.5 };
    const model = pretended([[], [left], [], []], { minSize: 100, maxSize: 150 });
    const images = [noise([32, 64, 3]), noise([48, 40, 3])];
    const found = testTimeAugmentation(model, { scales: [1, 0.333] }).detect(images);
    const resizes = model.views.map(({ options }) => options.resize);
    const third = { minSize: 33, maxSize: 50 };
    expect(resizes).toEqual([undefined, undefined, third, third]);
    expect(foundIn(found, 0)).toEqual([{ box: [48, 0, 64, 32], score: 0.5, label: 0 }]);
    expect(foundIn(found, 1)).toEqual([{ box: [30, 0, 40, 48], score: 0.5, label: 0 }]);
  });
});

describe('merging', () => {
  const near: Box = [0.25, 0.25, 0.5, 0.53125];
  const other: Box = [0.5, 0.5, 1, 1];
  const image = noise([1, 64, 64, 3]);
  const merged = (sights: readonly Sight[][], options: TestTimeAugmentationOptions, asked?: DetectOptions) =>
    foundIn(testTimeAugmentation(pretended(sights), { flip: false, ...options }).detect(image, asked));
  const two = [
    [{ box: whole, score: 0.75 }],
    [
      { box: near, score: 0.25 },
      { box: other, score: 0.125, label: 1 },
    ],
  ];
  const scales = [1, 1];

  it('by nms keeps the best of each class', () => {
    expect(merged(two, { scales })).toEqual([
      { box: [16, 16, 32, 32], score: 0.75, label: 0 },
      { box: [32, 32, 64, 64], score: 0.125, label: 1 },
    ]);
    expect(merged(two, { scales, iouThreshold: 0.95 }).length).toBe(3);
  });

  it('by wbf takes the mean, and believes little in what one view found', () => {
    expect(merged(two, { scales, merge: 'wbf' })).toEqual([
      { box: [16, 16, 32, 32.5], score: 0.5, label: 0 },
      { box: [32, 32, 64, 64], score: 0.0625, label: 1 },
    ]);
    expect(merged(two, { scales, merge: 'wbf', iouThreshold: 0.95 }).map(({ score }) => score)).toEqual([
      0.375, 0.125, 0.0625,
    ]);
  });

  it('gives what is asked for, and shows the model what it needs for that', () => {
    const asked = { scoreThreshold: 0.25, candidates: 7 };
    expect(merged(two, { scales, merge: 'wbf' }, asked).map(({ score }) => score)).toEqual([0.5]);
    const shown = (options: TestTimeAugmentationOptions, wish?: DetectOptions) => {
      const model = pretended([[], []]);
      testTimeAugmentation(model, { flip: false, ...options }).detect(image, wish);
      return model.views.map(({ options: given }) => given)[0];
    };
    expect(shown({ scales })).toEqual({});
    expect(shown({ scales, merge: 'wbf' })).toEqual({});
    expect(shown({ scales }, asked)).toEqual(asked);
    expect(shown({ scales, merge: 'wbf' }, asked)).toEqual({ ...asked, scoreThreshold: 0.05 });
    expect(shown({ scales, merge: 'wbf' }, { scoreThreshold: 0.01 })).toEqual({ scoreThreshold: 0.01 });
    expect(shown({ scales, merge: 'wbf', scoreThreshold: 0.2 }, asked)).toEqual({
      ...asked,
      scoreThreshold: 0.2,
    });
    expect(shown({ scales, scoreThreshold: 0.2 }, asked)).toEqual(asked);
    // One view is the result.
    expect(shown({ merge: 'wbf' }, asked)).toEqual(asked);
    expect(shown({ maxDetections: 5 })).toEqual({ maxDetections: 5 });
    expect(shown({ maxDetections: 5 }, { maxDetections: 6 })).toEqual({ maxDetections: 6 });
  });

  it('keeps masks with their boxes, mirrored back', () => {
    const sights = [
      [{ box: whole, score: 0.5, mask: [1, 2, 3, 4] }],
      [{ box: [0.5, 0.25, 0.75, 0.5] as const, score: 0.75, mask: [5, 6, 7, 8] }],
    ];
    const { masks, scores } = testTimeAugmentation(pretended(sights)).detect(image);
    expect(masks!.shape).toEqual([1, 3, 2, 2]);
    const [m, s] = evaluate([masks!, scores]);
    expect([...s!]).toEqual([0.75, 0, 0]);
    expect([...m!].slice(0, 4)).toEqual([6, 5, 8, 7]);
    const fusing = () => testTimeAugmentation(pretended(sights), { merge: 'wbf' }).detect(image);
    expect(fusing).toThrow(ShapeError);
    expect(fusing).toThrow(/not masks.*use merge 'nms'/);
  });
});

describe('with real models', () => {
  const { data } = twoScene(64).image;
  const batch = tensor(data, [1, 64, 64, 3]);
  const largest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

  it('at scale 1 without flips gives what the model does', async () => {
    const model = retinanet();
    const list = [noise([50, 40, 3]), noise([64, 90, 3], 'other')];
    for (const merge of ['nms', 'wbf'] as const) {
      const augmented = testTimeAugmentation(model, { scales: [1], flip: false, merge });
      for (const images of [batch, list]) {
        const own = await gpu.run(() => model.detect(images, { maxDetections: 20 }));
        const found = await gpu.run(() => augmented.detect(images, { maxDetections: 20 }));
        expect(own.count[0]).toBe(20);
        expect(found).toEqual(own);
      }
    }
  });

  it.each(['nms', 'wbf'] as const)('finds in the mirrored image the mirror image, by %s', async (merge) => {
    const augmented = testTimeAugmentation(retinanet(), { scales: [0.5, 1], merge, maxDetections: 10 });
    const one = await gpu.run(() => augmented.detect(batch));
    const two = await gpu.run(() => augmented.detect(flip(batch, [2])));
    expect(one.count[0]).toBe(10);
    expect(largest(one.scores, two.scores)).toBeLessThan(1e-5);
    const mirrored = Array.from(two.boxes, (_, i) => {
      const box = two.boxes.slice(i - (i % 4), i - (i % 4) + 4);
      return [64 - box[2]!, box[1]!, 64 - box[0]!, box[3]!][i % 4]!;
    });
    expect(largest(one.boxes, mirrored)).toBeLessThan(1e-3);
    // Seen once it is another image.
    const plain = await gpu.run(() => retinanet().detect(batch, { maxDetections: 10 }));
    expect(largest(one.scores, plain.scores)).toBeGreaterThan(1e-4);
  });

  it('finds the masks of the mirrored image mirrored', async () => {
    const model = new MaskRCNN({ numClasses: 2, seed: 5 }).eval();
    const augmented = testTimeAugmentation(model, { maxDetections: 4 });
    const found = (images: Tensor) =>
      gpu.run(() => {
        const { scores, masks, count } = augmented.detect(images, { scoreThreshold: 0 });
        return { scores, masks, mirrored: flip(masks, [3]), count };
      });
    const [one, two] = [await found(batch), await found(flip(batch, [2]))];
    expect(one.count[0]).toBe(4);
    expect(largest(one.scores, two.scores)).toBeLessThan(1e-5);
    expect(largest(one.masks, two.mirrored)).toBeLessThan(1e-4);
    expect(largest(one.masks, two.masks)).toBeGreaterThan(0.5);
  });

  it('is one submission', async () => {
    for (const merge of ['nms', 'wbf'] as const) {
      const augmented = testTimeAugmentation(retinanet(), { scales: [0.5, 1, 1.5], merge });
      const step = gpu.capture((images) => augmented.detect(images!));
      await step(batch);
      const { queue } = gpu.device.device;
      const submit = queue.submit.bind(queue);
      let submissions = 0;
      const counting = (buffers: GPUCommandBuffer[]) => {
        submissions++;
        return submit(buffers);
      };
      Object.defineProperty(queue, 'submit', { configurable: true, value: counting });
      const run = await step(batch).finally(() => {
        delete (queue as unknown as Record<string, unknown>).submit;
      });
      expect(submissions).toBe(1);
      expect((await run.count.data())[0]).toBeGreaterThan(0);
      step.dispose();
    }
  });

  it('shows YOLO multiples of its stride', async () => {
    const model = yolov3Tiny({ numClasses: 2, width: 0.25, seed: 0 }).eval();
    const augmented = testTimeAugmentation(model, { scales: [1, 1.4], merge: 'wbf' });
    const found = await gpu.run(() => augmented.detect(batch, { scoreThreshold: 0 }));
    expect(found.count[0]).toBeGreaterThan(0);
    expect(() => augmented.detect([noise([64, 64, 3])])).toThrow(/no config.resize.*\[N,H,W,3\]/);
  });
});

describe('wrong options are typed errors', () => {
  const model = pretended([]);
  const refused: readonly (readonly [TestTimeAugmentationOptions, RegExp])[] = [
    [{ scales: [] }, /no scales/],
    [{ scales: [1, 0] }, /scale 0 /],
    [{ scales: [-1] }, /scale -1 /],
    [{ scales: [Number.NaN] }, /scale NaN /],
    [{ scales: [Number.POSITIVE_INFINITY] }, /scale Infinity /],
    [{ merge: 'mean' as never }, /merge must be nms or wbf, got mean/],
    [{ iouThreshold: -0.5 }, /iouThreshold .* got -0.5/],
    [{ scoreThreshold: Number.NaN }, /scoreThreshold .* got NaN/],
    [{ maxDetections: 0 }, /maxDetections 0 /],
    [{ multiple: 1.5 }, /multiple 1.5 /],
  ];
  it.each(refused)('%o', (options, message) => {
    const call = () => testTimeAugmentation(model, options);
    expect(call).toThrow(ShapeError);
    expect(call).toThrow(message);
    expect(call).toThrow(/^testTimeAugmentation: /);
  });

  it('a model without detect, and images that are none', () => {
    const unet = new UNet({ numClasses: 2 }) as unknown as DetectingModel;
    expect(() => testTimeAugmentation(unet)).toThrow(/no detect; give a detector/);
    expect(() => testTimeAugmentation(model).detect(noise([8, 8, 3]))).toThrow(
      /\[8,8,3\] must be \[N,H,W,3\]/,
    );
  });
});
