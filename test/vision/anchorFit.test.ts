import { describe, expect, it } from 'vitest';
import {
  ANCHOR_LAYOUTS,
  anchorFit,
  anchorsOf,
  type BoxSize,
  boxSizeIou,
  clusterBoxSizes,
  fitAnchors,
  sampleBoxSizes,
} from '../../src/vision/anchorFit.ts';
import { generateAnchors } from '../../src/vision/anchors.ts';
import { boxIou } from '../../src/vision/boxes.ts';
import { Random } from '../../src/vision/random.ts';

const random = new Random('sides');
const boxes = (count: number): BoxSize[] =>
  Array.from({ length: count }, () => {
    const size = Math.exp(random.range(2, 6));
    const shape = Math.exp(random.range(-0.7, 0.7));
    return [size / shape, size * shape];
  });

describe('anchors for boxes', () => {
  it('IoU is that of boxes with one corner in common', () => {
    for (const [a, b] of boxes(40).map((side, i, all) => [side, all[(i * 7) % 40]!] as const)) {
      expect(boxSizeIou(a, b)).toBeCloseTo(boxIou([0, 0, ...a], [0, 0, ...b]), 14);
    }
  });

  it('a fit is the mean of the best, and the share from 0.5 on', () => {
    const anchors: BoxSize[] = [
      [10, 10],
      [40, 40],
    ];
    const fit = anchorFit(
      [
        [10, 10],
        [10, 20],
        [40, 19],
        [20, 20],
      ],
      anchors,
    );
    expect(fit.meanIou).toBeCloseTo((1 + 0.5 + 760 / 1600 + 0.25) / 4, 14);
    expect(fit.recall).toBe(0.5);
    expect(anchorFit([], anchors)).toEqual({ meanIou: NaN, recall: NaN });
  });

  it('more clusters fit better, and as many as boxes fit all', () => {
    const all = boxes(150);
    const fits = [1, 2, 4, 8, 16].map((k) => anchorFit(all, clusterBoxSizes(all, k)).meanIou);
    expect(fits).toEqual([...fits].sort((a, b) => a - b));
    const few = all.slice(0, 12);
    expect(anchorFit(few, clusterBoxSizes(few, 12))).toEqual({ meanIou: 1, recall: 1 });
    // Medoids are boxes of the data, smallest first.
    const five = clusterBoxSizes(all, 5);
    for (const side of five) expect(all).toContain(side);
    const areas = five.map(([w, h]) => w * h);
    expect(areas).toEqual([...areas].sort((a, b) => a - b));
  });

  it('many boxes are sampled: the same by the same seed', () => {
    const all = boxes(3000);
    expect(sampleBoxSizes(all, { seed: 1 })).toHaveLength(1000);
    expect(sampleBoxSizes(all, { seed: 1 })).toEqual(sampleBoxSizes(all, { seed: 1 }));
    expect(sampleBoxSizes(all, { seed: 1 })).not.toEqual(sampleBoxSizes(all, { seed: 2 }));
    expect(sampleBoxSizes(all.slice(0, 9), { seed: 1 })).toHaveLength(9);
    expect(clusterBoxSizes(all, 3, { seed: 5 })).toEqual(clusterBoxSizes(all, 3, { seed: 5 }));
    expect(anchorFit(all, clusterBoxSizes(all, 9)).meanIou).toBeGreaterThan(0.6);
  });

  it('are laid out as the model has them, and fit better than its own', () => {
    // Small and wide: nothing that COCO's anchors expect.
    const own = boxes(200).map(([w, h]): BoxSize => [w / 2, h / 6]);
    for (const layout of Object.values(ANCHOR_LAYOUTS)) {
      const fitted = fitAnchors(own, layout);
      expect(fitted.kind).toBe(layout.kind);
      expect(anchorsOf(fitted)).toHaveLength(anchorsOf(layout).length);
      expect(anchorFit(own, anchorsOf(fitted)).meanIou).toBeGreaterThan(
        anchorFit(own, anchorsOf(layout)).meanIou,
      );
      if (fitted.kind === 'pyramid' && layout.kind === 'pyramid') {
        expect(fitted.sizes.map(({ length }) => length)).toEqual(layout.sizes.map(({ length }) => length));
        const sizes = fitted.sizes.flat();
        expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
        expect(fitted.aspectRatios).toEqual([...fitted.aspectRatios].sort((a, b) => a - b));
        expect(Math.max(...fitted.aspectRatios)).toBeLessThan(1.5);
      }
    }
    const more = fitAnchors(own, ANCHOR_LAYOUTS.fasterrcnn, { count: 10 });
    expect(more.kind === 'pyramid' && more.sizes.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2]);
  });

  it('the pyramids are torchvision’s, as generateAnchors makes them', () => {
    const { sizes, aspectRatios } = ANCHOR_LAYOUTS.retinanet;
    expect(sizes).toEqual([
      [32, 40, 50],
      [64, 80, 101],
      [128, 161, 203],
      [256, 322, 406],
      [512, 645, 812],
    ]);
    const { boxes: generated } = generateAnchors({
      imageSize: [128, 128],
      strides: [128],
      sizes: [[256]],
      aspectRatios: [aspectRatios],
    });
    const own = anchorsOf({ kind: 'pyramid', sizes: [[256]], aspectRatios });
    own.forEach(([w, h], i) => {
      expect(Math.abs(generated[4 * i + 2]! - generated[4 * i]! - w)).toBeLessThanOrEqual(1);
      expect(Math.abs(generated[4 * i + 3]! - generated[4 * i + 1]! - h)).toBeLessThanOrEqual(1);
    });
  });

  it('are fewer where there are fewer different boxes', () => {
    const few: [number, number][] = [4, 5, 6, 7].map((side) => [side, side]);
    expect(anchorsOf(fitAnchors(few, ANCHOR_LAYOUTS.yolov3))).toHaveLength(3);
    expect(anchorsOf(fitAnchors(few, ANCHOR_LAYOUTS['yolov3-tiny']))).toHaveLength(4);
    const more: [number, number][] = [4, 5, 6, 7, 8, 9].map((side) => [side, side]);
    expect(fitAnchors(more, ANCHOR_LAYOUTS.retinanet)).toMatchObject({
      sizes: [4, 5, 6, 7, 8].map(() => [expect.any(Number)]),
      aspectRatios: [1],
    });
    // Neighbouring levels, or thirds of a list, have the same where there are fewer.
    expect(fitAnchors(few.slice(0, 3), ANCHOR_LAYOUTS.retinanet)).toEqual({
      kind: 'pyramid',
      sizes: [[4], [4], [5], [5], [6]],
      aspectRatios: [1],
    });
    expect(fitAnchors(few.slice(0, 2), ANCHOR_LAYOUTS.yolov3)).toEqual({
      kind: 'list',
      count: 3,
      anchors: [few[0], few[0], few[1]],
    });
    expect(() => fitAnchors(few, ANCHOR_LAYOUTS.retinanet, { count: 5 })).toThrow(
      /k is 5, and there are 4 different/,
    );
    expect(() => fitAnchors([], ANCHOR_LAYOUTS.retinanet)).toThrow(/there are 0 different boxes/);
  });

  it('cannot be more than there are different boxes, nor be shared out unevenly', () => {
    const same: BoxSize[] = [
      [3, 4],
      [3, 4],
      [6, 8],
    ];
    expect(() => clusterBoxSizes(same, 3)).toThrow(
      /k is 3, and there are 2 different boxes; ask for at most 2, or label more objects/,
    );
    expect(() => fitAnchors(boxes(50), ANCHOR_LAYOUTS.retinanet, { count: 7 })).toThrow(
      /7 sizes for 5 levels; give a multiple of 5, for example 10/,
    );
  });
});
