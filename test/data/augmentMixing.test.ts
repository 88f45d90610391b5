import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { drawLayers, mixBatch, mostParts, type Part, splitAugment } from '../../src/data/augment/mixing.ts';
import type { Augment } from '../../src/data/augment/parameters.ts';
import {
  crop,
  cutMix,
  flip,
  mixUp,
  mosaic,
  perspective,
  rotate,
  zoom,
} from '../../src/data/augment/transforms.ts';
import { cropBoxes } from '../../src/data/cropTargets.ts';
import { type BatchOptions, BatchSource, type Sample } from '../../src/data/dataset.ts';
import { UsageError } from '../../src/errors.ts';
import type { Box, Point } from '../../src/vision/boxes.ts';
import { boxesFromMask } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';
import { blank, expectNear } from './pixels.ts';

const SIZE = [48, 64] as const;
const [H, W] = SIZE;
const CLASSES = ['red', 'green'];

/** An image with a disk in the colour of its class: channel 0 or 1 is 1. Blue says which image it is. */
function sample(k: number, width: number, height: number): Sample {
  const label = CLASSES[k % 2]!;
  const [cx, cy, radius] = [width * 0.45, height * 0.5, Math.min(width, height) * 0.3];
  const points = Array.from({ length: 120 }, (_, i): Point => {
    const angle = (i * Math.PI) / 60;
    return [cx + radius * Math.cos(angle), cy + radius * Math.sin(angle)];
  });
  const image = blank(width, height);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [(i % width) + 0.5, Math.floor(i / width) + 0.5];
    image.data[3 * i + 2] = (k + 1) / 8;
    if ((x - cx) ** 2 + (y - cy) ** 2 < radius ** 2) image.data[3 * i + (k % 2)] = 1;
  }
  const shape: AnnotatedShape = {
    label,
    box: [cx - radius, cy - radius, cx + radius, cy + radius],
    points,
    groupId: null,
  };
  return { name: `${k}`, image, annotation: { width, height, shapes: [shape] } };
}

const samples = [
  sample(0, 90, 70),
  sample(1, 120, 100),
  sample(2, 40, 40),
  sample(3, 100, 60),
  sample(4, 70, 110),
];

const options = <T extends 'detect' | 'segment'>(task: T, augment: Augment): BatchOptions<T> => ({
  ...{ task, batchSize: 3, size: SIZE, classNames: CLASSES, seed: 5, augment },
  minVisible: 0,
  masks: task === 'detect',
});

const DARK = crop({ fill: 0 });
const LISTS: Readonly<Record<string, Augment>> = {
  mosaic: [mosaic(), DARK],
  'turned mosaic': [mosaic(), zoom({ scale: [0.5, 1.2] }), rotate({ degrees: 40 }), flip(), DARK],
  'mosaic in perspective': [zoom({ scale: [0.6, 1] }), perspective({ distortionScale: 0.4 }), mosaic(), DARK],
  cutMix: [cutMix(), DARK],
  'cutMix of turned crops': [rotate({ degrees: 180 }), cutMix({ alpha: 4 }), DARK],
  'all of it': [
    mosaic({ p: 0.5 }),
    zoom(),
    rotate({ degrees: 20, p: 0.5 }),
    cutMix({ p: 0.7 }),
    cutMix({ p: 0.5 }),
    DARK,
  ],
};

/** The class of each pixel, seen in its colour. */
const classesIn = (images: Float32Array, n: number): Int32Array =>
  Int32Array.from({ length: H * W }, (_, i) => {
    const at = 3 * (n * H * W + i);
    return images[at]! >= 0.5 ? 1 : images[at + 1]! >= 0.5 ? 2 : 0;
  });

/** The number of pixels, borders of areas aside, where two maps differ. */
function differing(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = 0;
  for (let v = 1; v + 1 < H; v++) {
    for (let u = 1; u + 1 < W; u++) {
      const i = v * W + u;
      if (a[i] === b[i]) continue;
      const around = [i - 1, i + 1, i - W, i + W, i - W - 1, i - W + 1, i + W - 1, i + W + 1];
      if (around.every((k) => a[k] === a[i]) || around.every((k) => b[k] === b[i])) count++;
    }
  }
  return count;
}

/** The box around the points of a fine grid on the crop that show the disk. */
function denseBox({
  sample: { annotation },
  crop: { toImage, region, windows },
}: Part<Sample>): Box | undefined {
  const [x1, y1, x2, y2] = annotation.shapes[0]!.box;
  const [cx, cy, radius] = [(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) / 2];
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  const [a, b, c, d, e, f, g, h, i] = toImage;
  const step = 1 / 8;
  for (let v = step / 2; v < H; v += step) {
    for (let u = step / 2; u < W; u += step) {
      const w = g * u + h * v + i;
      const [x, y] = [(a * u + b * v + c) / w, (d * u + e * v + f) / w];
      if (w <= 0 || x < region[0] || y < region[1] || x > region[2] || y > region[3]) continue;
      if ((x - cx) ** 2 + (y - cy) ** 2 > radius ** 2) continue;
      const isShown = (window: Box): boolean =>
        u >= window[0] && v >= window[1] && u < window[2] && v < window[3];
      if (windows && !windows.some(isShown)) continue;
      box[0] = Math.min(box[0], u - step / 2);
      box[1] = Math.min(box[1], v - step / 2);
      box[2] = Math.max(box[2], u + step / 2);
      box[3] = Math.max(box[3], v + step / 2);
    }
  }
  return box[0] < box[2] ? box : undefined;
}

describe.each(Object.entries(LISTS))('%s', (_, augment) => {
  it('has the labels of its pixels', () => {
    const source = new BatchSource(samples, options('segment', augment));
    let images = 0;
    for (let batch = 0; batch < 8; batch++) {
      const { images: pixels, labels } = source.next();
      for (let n = 0; n < 3; n++) {
        const map = labels.subarray(n * H * W, (n + 1) * H * W);
        // In a corner between areas a pixel may have no neighbour of its class.
        expect(differing(map, classesIn(pixels, n)), `batch ${batch}, image ${n}`).toBeLessThan(3);
        const blues = new Set<number>();
        for (let i = 0; i < H * W; i++) blues.add(Math.round(pixels[3 * (n * H * W + i) + 2]! * 8));
        images = Math.max(images, blues.size);
      }
    }
    expect(images).toBeGreaterThan(1);
  });

  it('has the boxes and masks of what is to be seen', () => {
    const source = new BatchSource(samples, options('detect', augment));
    expect(source.maxBoxes).toBe(mostParts(augment));
    const segment = new BatchSource(samples, options('segment', augment));
    let objects = 0;
    for (let batch = 0; batch < 8; batch++) {
      const { boxes, labels, counts, masks } = source.next();
      const maps = segment.next().labels;
      for (let n = 0; n < 3; n++) {
        const covered = new Int32Array(H * W);
        for (let k = 0; k < counts[n]!; k++) {
          const place = n * source.maxBoxes + k;
          const mask = masks!.subarray(place * H * W, (place + 1) * H * W);
          mask.forEach((value, i) => {
            if (value === 1) covered[i] = labels[place]! + 1;
          });
          const [drawn] = boxesFromMask(mask, { width: W, height: H });
          const box = boxes.subarray(4 * place, 4 * place + 4);
          // Of a thin slice no centre of a pixel may be inside.
          if (!drawn || box[2]! - box[0]! < 4 || box[3]! - box[1]! < 4) continue;
          objects++;
          drawn.box.forEach((side, s) => {
            // The box encloses the centres of the pixels.
            expect((s < 2 ? side + 0.5 - box[s]! : box[s]! - side + 0.5) > -1e-3).toBe(true);
          });
        }
        const map = maps.subarray(n * H * W, (n + 1) * H * W);
        // Slivers are no objects, and have labels all the same.
        expect(map.filter((value, i) => value !== covered[i]).length).toBeLessThan(40);
      }
    }
    expect(objects).toBeGreaterThan(20);
  });

  it('has boxes that are exact', () => {
    const random = new Random(8);
    const others = (own: Random): Sample => samples[own.integer(samples.length)]!;
    let objects = 0;
    for (let round = 0; round < 20; round++) {
      const layers = drawLayers(samples[round % 5]!, SIZE, augment, others, random.fork(round));
      for (const part of layers.flatMap(({ parts }) => parts)) {
        const [found] = cropBoxes(part.sample.annotation.shapes, part.crop, { minVisible: 0 });
        const wanted = denseBox(part);
        if (!wanted || !found) continue;
        objects++;
        // Of the corners where a disk meets a border, a point of the grid may miss the outermost.
        expectNear(found.box, wanted, 0.8);
      }
    }
    expect(objects).toBeGreaterThan(15);
  });

  it('depends on the seed, the batch and the list alone', () => {
    const source = new BatchSource(samples, options('detect', augment));
    const first = Array.from({ length: 3 }, () => source.next());
    const again = new BatchSource(samples, options('detect', augment));
    again.restore({ ...again.state(), batch: 2 });
    expect(again.next()).toEqual(first[2]);
    const other = new BatchSource(samples, { ...options('detect', augment), seed: 6 });
    expect(other.next()).not.toEqual(first[0]);
  });
});

describe('mosaic', () => {
  it('is full where the images are large enough, and shows each of the four', () => {
    const large = [0, 1, 2, 3].map((k) => sample(k, 200, 180));
    const source = new BatchSource(large, options('segment', [mosaic(), crop({ fill: 1 })]));
    const seen = new Set<number>();
    for (let batch = 0; batch < 10; batch++) {
      const { images } = source.next();
      for (let i = 2; i < images.length; i += 3) seen.add(images[i]!);
    }
    expect([...seen].sort()).toEqual([1, 2, 3, 4].map((k) => k / 8));
  });

  it('meets anywhere in the crop', () => {
    const plain = [0, 1, 2, 3, 4, 5].map((k) => sample(k, 200, 180));
    const source = new BatchSource(plain, options('segment', [mosaic()]));
    const columns = new Set<number>();
    for (let batch = 0; batch < 40; batch++) {
      const { images } = source.next();
      for (let n = 0; n < 3; n++) {
        const row = Array.from({ length: W }, (_, u) => images[3 * (n * H * W + u) + 2]!);
        const change = row.findIndex((value, u) => u > 0 && value !== row[u - 1]);
        if (change > 0) columns.add(Math.floor((change * 4) / W));
      }
    }
    expect([...columns].sort()).toEqual([0, 1, 2, 3]);
  });
});

describe('mixUp', () => {
  it('blends images, and unites their objects', () => {
    const [plain, mixed] = ['none', 'mixUp'].map(
      (name) => new BatchSource(samples, options('detect', name === 'none' ? [] : [mixUp({ alpha: 8 })])),
    );
    let weights = 0;
    for (let batch = 0; batch < 20; batch++) {
      const [one, two] = [plain!.next(), mixed!.next()];
      for (let n = 0; n < 3; n++) {
        expect(two.counts[n]!).toBeGreaterThanOrEqual(one.counts[n]!);
        // The first objects are those of the first image.
        const [a, b] = [one.boxes.subarray(n * 4, n * 4 + 4), two.boxes.subarray(n * 8, n * 8 + 4)];
        if (one.counts[n]! > 0) expect(b).toEqual(a);
        // Where the first image is 1 and the second 0, or the other way around, is the weight.
        const at = 3 * n * H * W;
        for (let i = at; i < at + 3 * H * W; i++) if (two.images[i]! > 1 || two.images[i]! < 0) expect.fail();
        const ones = [...one.images.subarray(at, at + 3 * H * W).keys()].filter(
          (i) => one.images[at + i] === 1,
        );
        if (ones.length === 0) continue;
        const least = Math.min(...ones.map((i) => two.images[at + i]!));
        weights += Number(least > 0.1 && least < 0.9);
      }
    }
    expect(weights).toBeGreaterThan(20);
  });

  it('is refused for label maps', () => {
    expect(() => new BatchSource(samples, options('segment', [mixUp()]))).toThrow(UsageError);
    expect(() => new BatchSource(samples, options('segment', [mixUp()]))).toThrow(
      'BatchSource: augment has mixUp, which has no label maps; use cutMix',
    );
  });
});

describe('mixBatch', () => {
  const [count, classes] = [400, 3];
  const size = [6, 8] as const;
  const pixels = size[0] * size[1] * 3;
  const images = Float32Array.from({ length: count * pixels }, (_, i) => Math.floor(i / pixels));
  const targets = Float32Array.from({ length: count * classes }, (_, i) =>
    Number(i % classes === Math.floor(i / classes) % classes),
  );
  const batch = { images, targets };
  const partner = (n: number): number => (n + count - 1) % count;

  it('blends each image with the one before it, and the targets alike', () => {
    const mixed = mixBatch(batch, { size, augment: [mixUp()] }, new Random(1));
    const weights = Array.from({ length: count }, (_, n) => {
      const value = mixed.images[n * pixels]!;
      const weight = (value - n) / (partner(n) - n);
      expect(mixed.images.subarray(n * pixels, (n + 1) * pixels).every((other) => other === value)).toBe(
        true,
      );
      for (let k = 0; k < classes; k++) {
        const wanted = (1 - weight) * targets[n * classes + k]! + weight * targets[partner(n) * classes + k]!;
        expect(mixed.targets[n * classes + k]).toBeCloseTo(wanted, 3);
      }
      return weight;
    });
    expect(weights.every((weight) => weight > -1e-4 && weight < 1 + 1e-4)).toBe(true);
    expect(images[pixels]).toBe(1);
  });

  it.each([0.3, 1, 32])('draws weights of Beta(%d, itself)', (alpha) => {
    const mixed = mixBatch(batch, { size, augment: [mixUp({ alpha })] }, new Random(2));
    const weights = Array.from({ length: count - 1 }, (_, k) => k + 1 - mixed.images[(k + 1) * pixels]!);
    const mean = weights.reduce((a, b) => a + b, 0) / weights.length;
    const variance = weights.reduce((sum, x) => sum + (x - mean) ** 2, 0) / weights.length;
    const wanted = 1 / (4 * (2 * alpha + 1));
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(wanted / weights.length));
    expect(variance / wanted).toBeGreaterThan(0.75);
    expect(variance / wanted).toBeLessThan(1.33);
  });

  it('pastes boxes, and weights the targets by area', () => {
    const mixed = mixBatch(batch, { size, augment: [cutMix()] }, new Random(3));
    let pasted = 0;
    for (let n = 0; n < count; n++) {
      const own = mixed.images.subarray(n * pixels, (n + 1) * pixels);
      const mask = Uint8Array.from({ length: pixels / 3 }, (_, i) => Number(own[3 * i] === partner(n)));
      expect(own.every((value) => value === n || value === partner(n))).toBe(true);
      const [found] = boxesFromMask(mask, { width: size[1], height: size[0] });
      const area = mask.reduce((a, b) => a + b, 0);
      if (found) {
        const [x1, y1, x2, y2] = found.box;
        expect(area).toBe((x2 - x1) * (y2 - y1));
        pasted++;
      }
      const weight = area / (size[0] * size[1]);
      for (let k = 0; k < classes; k++) {
        const wanted = (1 - weight) * targets[n * classes + k]! + weight * targets[partner(n) * classes + k]!;
        expect(mixed.targets[n * classes + k]).toBeCloseTo(wanted, 5);
      }
    }
    expect(pasted).toBeGreaterThan(count / 2);
  });

  it('is applied by p, takes the mixing part of a list, and is the same for the same seed', () => {
    const { single, mixing } = splitAugment([flip(), mixUp({ p: 0.25 }), zoom()]);
    expect(single.map(({ name }) => name)).toEqual(['flip', 'zoom']);
    expect(mixing.map(({ name }) => name)).toEqual(['mixUp']);
    const mixed = mixBatch(batch, { size, augment: [flip(), mixUp({ p: 0.25 }), zoom()] }, new Random(4));
    const changed = Array.from({ length: count }, (_, n) => Number(mixed.images[n * pixels] !== n));
    const total = changed.reduce((a, b) => a + b, 0);
    expect(Math.abs(total - count / 4)).toBeLessThan(4 * Math.sqrt((count * 3) / 16));
    expect(mixBatch(batch, { size, augment: mixing }, new Random(4))).toEqual(mixed);
    expect(mixBatch(batch, { size, augment: single }, new Random(4))).toEqual(batch);
  });

  it('refuses what does not fit', () => {
    const random = new Random(0);
    expect(() => mixBatch(batch, { size, augment: [mosaic()] }, random)).toThrow('no class labels');
    expect(() => mixBatch(batch, { size: [7, 8], augment: [] }, random)).toThrow(/are no images of 7x8/);
    expect(() => mixBatch({ images, targets: targets.subarray(1) }, { size, augment: [] }, random)).toThrow(
      UsageError,
    );
  });
});
