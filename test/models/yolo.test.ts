import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backward, grad } from '../../src/graph/backward.ts';
import { evaluate } from '../../src/graph/evaluate.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { YOLO, yolov3, yolov3Tiny } from '../../src/models/yolo.ts';
import { AdamW } from '../../src/nn/optimizers.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { checkGradient } from '../../src/verify/gradcheck.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { twoScene } from '../tasks/scenes.ts';
import {
  cfg,
  channelsLast,
  darknetLevels,
  expected,
  H,
  largestDifference,
  pixels,
  small,
  targetsOf,
  total,
  W,
  withLevels,
} from './smallYolo.ts';

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

describe('against Darknet', () => {
  it('every yolo layer predicts from the same values', async () => {
    const levels = await gpu.read(...small().forward(tensor(pixels, [1, H, W, 3])));
    levels.forEach((level, k) => {
      const { rows, columns, raw } = expected.heads[k]!;
      expect(level.length).toBe(raw.length);
      expect(largestDifference(level, channelsLast(raw, rows, columns))).toBeLessThan(2e-5);
    });
  });

  it('the same boxes, classes and scores are found', async () => {
    const options = { scoreThreshold: expected.thresh, iouThreshold: expected.nms };
    const found = await gpu.run(() => small().detect(tensor(pixels, [1, H, W, 3]), options));
    const clip = (box: readonly number[]) =>
      box.map((value, i) => Math.min(Math.max(value, 0), i % 2 === 0 ? W : H));
    const wanted = [...expected.detections].sort((a, b) => b.score - a.score);
    expect(found.count[0]).toBe(wanted.length);
    expect(wanted.length).toBeGreaterThan(20);
    wanted.forEach(({ label, score, box }, i) => {
      expect(found.labels[i]).toBe(label);
      expect(Math.abs(found.scores[i]! - score)).toBeLessThan(1e-5);
      expect(largestDifference(clip(box), found.boxes.slice(4 * i, 4 * i + 4))).toBeLessThan(1e-3);
    });
    expect(Array.from(found.scores.slice(wanted.length)).every((score) => score === 0)).toBe(true);
  });

  it('the gradients of the losses are its deltas, also where truths share a prediction', async () => {
    // Twice the same image, as losses are means over images.
    const levels = darknetLevels(2);
    const targets = targetsOf([expected.truths, expected.truths]);
    const loss = total(
      withLevels(levels).losses(tensor(new Float32Array(2 * H * W * 3), [2, H, W, 3]), targets),
    );
    const grads = await gpu.read(
      ...grad(
        [loss],
        levels.map((level) => level.tensor),
      ).map((g) => g!),
    );
    expected.deltas.forEach(({ delta }, k) => {
      const { rows, columns } = expected.heads[k]!;
      const wanted = channelsLast(delta, rows, columns).map((value) => -value / 2);
      const both = [...wanted, ...wanted];
      expect(largestDifference(grads[k]!, both)).toBeLessThan(5e-6);
      // Something is ignored or learned here: it has no delta as of an empty place.
      expect(wanted.filter((value) => value === 0).length).toBeLessThan(wanted.length - 10);
    });
    const objectness = expected.deltas.flatMap(({ delta }, k) => {
      const { rows, columns } = expected.heads[k]!;
      return Array.from(channelsLast(delta, rows, columns)).filter((_, i) => i % 8 === 4);
    });
    expect(objectness.filter((value) => value === 0)).toHaveLength(2);
    expect(objectness.filter((value) => value > 0)).toHaveLength(4);
  });
});

describe('losses', () => {
  it('have the gradients of finite differences', async () => {
    const levels = darknetLevels();
    const model = withLevels(levels);
    const parts = model.losses(tensor(pixels, [1, H, W, 3]), targetsOf([expected.truths]));
    for (const [name, loss] of Object.entries(parts)) {
      const [gradient] = await gpu.read(grad([loss], [levels[1]!.tensor])[0]!);
      const check = checkGradient({
        input: name,
        center: Float64Array.from(levels[1]!.state.initial),
        gradient: evaluate([grad([loss], [levels[1]!.tensor])[0]!])[0]!,
        seed: name,
        at: (values) => [
          {
            values: evaluate([loss], new Map([[levels[1]!.tensor, values]]))[0]!,
            weights: Float64Array.of(1),
          },
        ],
      });
      expect(check.message).toBe('');
      expect(check.ok).toBe(true);
      const exact = evaluate([grad([loss], [levels[1]!.tensor])[0]!])[0]!;
      expect(largestDifference(gradient!, exact)).toBeLessThan(1e-5);
    }
  });

  it('of images without objects are the objectness of all predictions', async () => {
    const levels = darknetLevels();
    const images = tensor(pixels, [1, H, W, 3]);
    const none = await gpu.run(() => withLevels(levels).losses(images, targetsOf([[]])));
    expect([none.box[0], none.classification[0]]).toEqual([0, 0]);
    const all = levels.flatMap(({ state }) => Array.from(state.initial).filter((_, i) => i % 8 === 4));
    const wanted = all.reduce((sum, x) => sum + Math.log1p(Math.exp(x)), 0);
    expect(Math.abs(none.objectness[0]! / wanted - 1)).toBeLessThan(1e-5);
  });

  it('are means over images, and leave out objects without area', async () => {
    const one = tensor(pixels, [1, H, W, 3]);
    const both = tensor(new Float32Array(2 * H * W * 3), [2, H, W, 3]);
    const flat = [40, 20, 0, 12, 1];
    const alone = await gpu.run(() => withLevels(darknetLevels()).losses(one, targetsOf([expected.truths])));
    const empty = await gpu.run(() => withLevels(darknetLevels()).losses(one, targetsOf([[flat]])));
    const pair = await gpu.run(() =>
      withLevels(darknetLevels(2)).losses(both, targetsOf([[...expected.truths, flat], []])),
    );
    for (const name of ['box', 'objectness', 'classification'] as const) {
      const wanted = (alone[name][0]! + empty[name][0]!) / 2;
      expect(Math.abs(pair[name][0]! - wanted)).toBeLessThan(1e-4 * Math.max(1, wanted));
    }
    expect(empty.box[0]).toBe(0);
  });

  it('refuse what they do not compute', () => {
    const model = new YOLO({ cfg: cfg.replace('truth_thresh = 1', 'truth_thresh = .7') });
    expect(() => model.losses(tensor(pixels, [1, H, W, 3]), targetsOf([[]]))).toThrow(/truth_thresh=0.7/);
  });
});

describe('YOLOv3-tiny', () => {
  it('refuses what shapes no network', () => {
    expect(() => yolov3Tiny({ numClasses: 1, anchors: [[1, 2]] })).toThrow(/1 anchors for 2 yolo layers/);
    expect(() => yolov3Tiny({ numClasses: 0 })).toThrow(/numClasses 0/);
    expect(() => yolov3({ numClasses: 2, width: -1 })).toThrow(/width -1/);
  });

  it('overfits one image and finds its objects, in one submission a step', async () => {
    const side = 64;
    const { image, annotation } = twoScene(side);
    const model = yolov3Tiny({
      numClasses: 2,
      width: 0.25,
      anchors: [
        [16, 16],
        [32, 32],
      ],
    });
    const optimizer = new AdamW(model.parameters(), { lr: 0.01, clipNorm: 10 });
    const images = tensor(image.data, [1, side, side, 3]);
    const names = ['ball', 'crate'];
    const truths = annotation.shapes.map(({ box: [x1, y1, x2, y2], label }) => [
      (x1 + x2) / 2,
      (y1 + y2) / 2,
      x2 - x1,
      y2 - y1,
      names.indexOf(label),
    ]);
    const { boxes, labels, counts } = targetsOf([truths]);
    const step = gpu.capture((x, b, l, c) => {
      const loss = total(model.losses(x!, { boxes: b!, labels: l!, counts: c! }));
      backward(loss);
      optimizer.step();
      return { loss };
    });
    let submissions = 0;
    const { queue } = gpu.device.device;
    const submit = queue.submit.bind(queue);
    const losses: number[] = [];
    for (let i = 0; i < 40; i++) {
      const counting = (buffers: GPUCommandBuffer[]) => {
        submissions++;
        return submit(buffers);
      };
      if (i === 39) Object.defineProperty(queue, 'submit', { configurable: true, value: counting });
      const run = await step(images, boxes, labels, counts).finally(() => {
        delete (queue as unknown as Record<string, unknown>).submit;
      });
      losses.push((await run.loss.data())[0]!);
    }
    expect(submissions).toBe(1);
    step.dispose();
    expect(losses.at(-1)! / losses[0]!).toBeLessThan(0.1);
    const found = await gpu.run(() => model.eval().detect(images, { scoreThreshold: 0.3 }));
    expect(found.count[0]).toBe(2);
    for (const [x, y, w, h, label] of truths) {
      const i = Array.from(found.labels).indexOf(label!);
      const box = found.boxes.slice(4 * i, 4 * i + 4);
      const wanted = [x! - w! / 2, y! - h! / 2, x! + w! / 2, y! + h! / 2];
      expect(largestDifference(wanted, box)).toBeLessThan(6);
    }
  });
});
