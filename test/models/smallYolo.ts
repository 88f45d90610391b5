// The small network of fixtures/darknet, and what Darknet computes for it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { add } from '../../src/graph/functions/elementwise.ts';
import { type Tensor, tensor } from '../../src/graph/tensor.ts';
import type { DetectionTargets } from '../../src/models/detection.ts';
import { YOLO } from '../../src/models/yolo.ts';
import { Parameter } from '../../src/nn/module.ts';

/** What Darknet gives for small.cfg: see fixtures/darknet/make.py. */
interface Expected {
  readonly thresh: number;
  readonly nms: number;
  readonly truths: readonly (readonly [number, number, number, number, number])[];
  readonly heads: readonly { rows: number; columns: number; anchors: number; raw: number[] }[];
  readonly detections: readonly Detection[];
  readonly deltas: readonly { delta: number[] }[];
}

interface Detection {
  readonly label: number;
  readonly score: number;
  readonly box: readonly number[];
}

const folder = join(import.meta.dirname, '../fixtures/darknet');
export const cfg = readFileSync(join(folder, 'small.cfg'), 'utf8');
/** A Node Buffer, somewhere inside of its pool. */
export const trained: Uint8Array = readFileSync(join(folder, 'small.weights'));
export const expected: Expected = JSON.parse(readFileSync(join(folder, 'small.json'), 'utf8'));
export const [H, W] = [64, 96];

/** make.py's `pixels`, as [1,H,W,3]. */
export const pixels = Float32Array.from({ length: H * W * 3 }, (_, i) => {
  const [c, x, y] = [i % 3, Math.floor(i / 3) % W, Math.floor(i / 3 / W)];
  return ((x * x * (c + 3) + y * y * 7 + x * y * (c + 1)) % 256) / 255;
});

/** Darknet's [C,H,W] as [1,H,W,C]. */
export function channelsLast(values: readonly number[], rows: number, columns: number): Float32Array {
  const pixelCount = rows * columns;
  const channels = values.length / pixelCount;
  return Float32Array.from(values, (_, i) => values[(i % channels) * pixelCount + Math.floor(i / channels)]!);
}

export const small = (): YOLO => YOLO.fromDarknet(cfg, trained, { name: 'small.cfg' }).eval();

/** One image a row of objects, padded with what must not count. */
export function targetsOf(images: readonly (readonly (readonly number[])[])[]): DetectionTargets {
  const G = Math.max(1, ...images.map((objects) => objects.length));
  const boxes = new Float32Array(images.length * G * 4).fill(30).map((v, i) => (i % 4 < 2 ? 5 : v));
  const labels = new Int32Array(images.length * G).fill(-1);
  images.forEach((objects, n) => {
    objects.forEach(([x, y, w, h, label], g) => {
      boxes.set([x! - w! / 2, y! - h! / 2, x! + w! / 2, y! + h! / 2], (n * G + g) * 4);
      labels[n * G + g] = label!;
    });
  });
  return {
    boxes: tensor(boxes, [images.length, G, 4]),
    labels: tensor(labels, [images.length, G]),
    counts: tensor(Int32Array.from(images, (objects) => objects.length)),
  };
}

export const total = (losses: Record<string, Tensor>): Tensor =>
  Object.values(losses).reduce((a, b) => add(a, b));

/** A model whose yolo layers predict from given values: [N,h,w,C] each. */
export function withLevels(levels: readonly Parameter[]): YOLO {
  const model = small();
  model.forward = () => levels.map((level) => level.tensor);
  return model;
}

export const darknetLevels = (copies = 1): Parameter[] =>
  expected.heads.map(({ rows, columns, raw }) => {
    const one = channelsLast(raw, rows, columns);
    const all = new Float32Array(one.length * copies);
    for (let i = 0; i < copies; i++) all.set(one, i * one.length);
    return new Parameter([copies, rows, columns, raw.length / (rows * columns)], all);
  });

export const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
