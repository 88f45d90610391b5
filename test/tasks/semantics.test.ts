import { describe, expect, it } from 'vitest';
import type { AnnotatedShape } from '../../src/data/annotation.ts';
import { sampleCrop } from '../../src/data/augment/crop.ts';
import { cropBoxes, IGNORE_INDEX } from '../../src/data/cropTargets.ts';
import type { Sample } from '../../src/data/dataset.ts';
import { objectsOf } from '../../src/data/objects.ts';
import { shrinkSample } from '../../src/data/resize.ts';
import { evaluateDetector, evaluateSegmenter } from '../../src/tasks/evaluate.ts';
import type { Detector, Segmenter } from '../../src/tasks/infer.ts';
import { labelMap } from '../../src/tasks/labelMap.ts';
import { prepareImage } from '../../src/tasks/prepare.ts';
import { cropsPerEpoch, defaultSettings } from '../../src/tasks/settings.ts';
import { Random } from '../../src/vision/random.ts';
import { scene, twoScene } from './scenes.ts';

const shape = (label: string, box: AnnotatedShape['box'], groupId: number | null = null): AnnotatedShape => ({
  label,
  box,
  groupId,
});

/** An image of two objects: one in two parts, and one alone that shares the group's number under another label. */
const grouped: Sample = {
  ...scene('grouped', [], 64),
  annotation: {
    width: 64,
    height: 64,
    shapes: [
      shape('a', [0, 0, 10, 10], 1),
      shape('b', [40, 40, 60, 60], 1),
      shape('a', [20, 0, 30, 12], 1),
      shape('a', [0, 40, 9, 60]),
    ],
  },
};
const OBJECTS = [
  { label: 'a', box: [0, 0, 30, 12] },
  { label: 'b', box: [40, 40, 60, 60] },
  { label: 'a', box: [0, 40, 9, 60] },
];

describe('shapes of one group', () => {
  it('are one object in training and in evaluation', async () => {
    expect(objectsOf(grouped.annotation.shapes)).toMatchObject(OBJECTS);
    const crop = sampleCrop(grouped.image, { size: [64, 64] }, new Random(0));
    expect(cropBoxes(grouped.annotation.shapes, crop)).toMatchObject(OBJECTS);
    const classNames = ['a', 'b'];
    const detect = async () => OBJECTS.map((found) => ({ ...found, score: 0.9 }));
    const { result } = await evaluateDetector({ classNames, detect } as unknown as Detector, [grouped]);
    expect(result.perClass.map(({ groundTruths }) => groundTruths)).toEqual([2, 1]);
    expect([result.ap50, result.ap].map((ap) => ap.toFixed(6))).toEqual(['1.000000', '1.000000']);
  });

  it('count or not as one: by the centre of the whole', async () => {
    const { annotation } = grouped;
    const classNames = ['a', 'b'];
    const labels = labelMap(annotation, classNames);
    const wrongOutside = labels.map((value, i) => (i % 64 < 16 && value === 1 ? 2 : value));
    const segment = async () => ({ width: 64, height: 64, labels: wrongOutside });
    // The group's centre is (15, 6); that of its first part (5, 5), that of the last object (4.5, 50).
    const objects = ([x]: readonly [number, number]) => x > 14;
    const { perClass } = await evaluateSegmenter({ classNames, segment } as unknown as Segmenter, [grouped], {
      objects,
    });
    // 100 pixels of the group's first part are wrong, 120 of the second right; the last object is ignored.
    expect(perClass[0]!.iou).toBeCloseTo(120 / 220);
    expect(IGNORE_INDEX).toBe(255);
  });
});

describe('the length of a training', () => {
  const image = (width: number, height: number): Sample => ({
    ...twoScene(48),
    image: { ...twoScene(48).image, width, height },
  });
  it('is epochs x crops / batch, rounded, and at least one step', () => {
    const samples = [image(200, 100), image(64, 64), image(20, 20)];
    expect(cropsPerEpoch(samples, { maxSide: 512, cropSize: 64 })).toEqual([5, 1, 1]);
    // 200x100 becomes 100x50: 1.2 crops.
    expect(cropsPerEpoch(samples, { maxSide: 100, cropSize: 64 })).toEqual([1, 1, 1]);
    const steps = (epochs: number, batchSize: number) =>
      defaultSettings('retinanet', samples, { cropSize: 64, batchSize, epochs }).steps;
    expect(steps(4, 4)).toBe(7);
    expect(steps(1, 7)).toBe(1);
    expect(steps(3, 2)).toBe(11);
    expect(steps(1, 100)).toBe(1);
    expect(defaultSettings('retinanet', samples, { epochs: 3, steps: 5 }).steps).toBe(5);
    expect(defaultSettings('retinanet', samples).steps).toBe(2500);
    const one = samples.map((sample) => ({
      ...sample,
      annotation: { ...sample.annotation, shapes: sample.annotation.shapes.slice(0, 1) },
    }));
    expect(defaultSettings('retinanet', one).steps).toBe(1000);
  });
  it('counts a region, not the image', () => {
    const sample: Sample = { ...image(200, 100), region: [0, 0, 64, 64] };
    expect(cropsPerEpoch([sample], { maxSide: 512, cropSize: 32 })).toEqual([4]);
    expect(cropsPerEpoch([sample], { maxSide: 100, cropSize: 32 })).toEqual([1]);
  });
});

describe('shrinking', () => {
  it('fills the whole size, whatever way the sides round', () => {
    // 1000x333 at 512 is 512x170: by one factor for both sides, it would be 511 wide with a column of grey.
    const sample: Sample = {
      ...scene('odd', [], 1000, 333),
      annotation: { width: 1000, height: 333, shapes: [shape('a', [900, 0, 1000, 333])] },
    };
    sample.image.data.fill(1);
    const small = shrinkSample(sample, 512);
    expect([small.image.width, small.image.height]).toEqual([512, 170]);
    expect(small.image.data.reduce((a, b) => Math.min(a, b))).toBeCloseTo(1, 5);
    expect(small.annotation.shapes[0]!.box.map((side) => Number(side.toFixed(3)))).toEqual([
      460.8, 0, 512, 170,
    ]);
    const prepared = prepareImage(sample.image, { maxSide: 512 }, 32);
    expect([prepared.width, prepared.height]).toEqual([512, 192]);
    expect(prepared.data.subarray(0, 512 * 170 * 3).reduce((a, b) => Math.min(a, b))).toBeCloseTo(1, 5);
    expect(prepared.data[512 * 170 * 3]).toBe(0.5);
  });
});
