import { describe, expect, it } from 'vitest';
import { DataError } from '../../../src/errors.ts';
import type { Box } from '../../../src/vision/boxes.ts';
import { evaluateDetections } from '../../../src/vision/index.ts';
import { scattered } from './scattered.ts';

const truth = (box: Box, label = 'coin') => ({ box, label });
const found = (box: Box, score: number, label = 'coin') => ({ box, label, score });
const A: Box = [0, 0, 10, 10];
const B: Box = [20, 0, 30, 10];
const FAR: Box = [50, 50, 60, 60];
const classes = ['coin'];

describe('evaluateDetections', () => {
  it('is 1 for all found, 0 for nothing found, NaN for nothing to find', () => {
    const all = { groundTruth: [truth(A), truth(B)], predictions: [found(B, 0.9), found(A, 0.2)] };
    const perfect = evaluateDetections([all], { classes });
    expect(perfect.ap).toBe(1);
    expect(perfect.ap50).toBe(1);
    expect(perfect.precisionRecall).toEqual({ recall: [0.5, 1], precision: [1, 1], scores: [0.9, 0.2] });
    expect(evaluateDetections([{ ...all, predictions: [] }], { classes })).toMatchObject({ ap: 0, ap50: 0 });
    const none = evaluateDetections([{ groundTruth: [], predictions: [found(A, 1)] }], { classes });
    expect(none.ap50).toBeNaN();
    expect(none.perClass[0]!.ap).toBeNaN();
    expect(evaluateDetections([], { classes }).ap).toBeNaN();
  });

  it('counts duplicates as false positives and interpolates over 101 recalls', () => {
    // Ranked: A right, A again wrong, B right. Precision 1, 1/2, 2/3; monotonic: 1, 2/3, 2/3.
    // Recall 0.5 is reached by the first at the 51 points 0 to 0.5, the other 50 get 2/3.
    const result = evaluateDetections(
      [{ groundTruth: [truth(A), truth(B)], predictions: [found(A, 0.9), found(A, 0.8), found(B, 0.7)] }],
      { classes },
    );
    expect(result.ap50).toBeCloseTo((51 + (50 * 2) / 3) / 101, 12);
    expect(result.precisionRecall.precision).toEqual([1, 1 / 2, 2 / 3]);
    expect(result.precisionRecall.recall).toEqual([0.5, 0.5, 1]);
  });

  it('keeps the order given among equal scores, over images too', () => {
    const image = (...predictions: ReturnType<typeof found>[]) => ({ groundTruth: [truth(A)], predictions });
    const rightFirst = evaluateDetections([image(found(A, 0.5), found(FAR, 0.5))], { classes });
    const wrongFirst = evaluateDetections([image(found(FAR, 0.5), found(A, 0.5))], { classes });
    expect(rightFirst.ap50).toBe(1);
    expect(wrongFirst.ap50).toBeCloseTo(0.5, 12);
    const images = [image(found(FAR, 0.5)), image(found(A, 0.5))];
    // Wrong then right: precision 1/2 up to recall 0.5, 51 points. The other way: 1.
    expect(evaluateDetections(images, { classes }).ap50).toBeCloseTo(51 / 2 / 101, 12);
    expect(evaluateDetections(images.toReversed(), { classes }).ap50).toBeCloseTo(51 / 101, 12);
  });

  it('gives a prediction the best ground truth left, the last of equals', () => {
    // The first prediction has IoU 0.6 with both truths (12 of 20), and takes the last; the second, equal to
    // that one, has only 6/19 with the other and is wrong.
    const left: Box = [0, 0, 8, 2];
    const right: Box = [4, 0, 12, 2];
    const result = evaluateDetections(
      [
        {
          groundTruth: [truth(left), truth(right)],
          predictions: [found([2, 0, 10, 2], 0.9), found(right, 0.8)],
        },
      ],
      { classes },
    );
    expect(result.precisionRecall.precision).toEqual([1, 0.5]);
    expect(result.precisionRecall.recall).toEqual([0.5, 0.5]);
  });

  it('counts an IoU of exactly the threshold, at 0.5 and at 0.95', () => {
    const image = { groundTruth: [truth([0, 0, 20, 1])], predictions: [found([0, 0, 10, 1], 1)] };
    const half = evaluateDetections([image], { classes });
    expect(half.ap50).toBe(1);
    expect(half.ap).toBeCloseTo(0.1, 12);
    const most = evaluateDetections([{ ...image, predictions: [found([0, 0, 19, 1], 1)] }], { classes });
    expect(most.ap).toBe(1);
    const same = { groundTruth: [truth(A)], predictions: [found(A, 1)] };
    expect(evaluateDetections([same], { classes, iouThresholds: [1] }).ap).toBe(1);
  });

  it('compares recall with i * 0.01 in float64, as pycocotools does', () => {
    // 7 of 20 is 0.35, and 35 * 0.01 is 0.35000000000000003: that point is not reached, 0 to 0.34 are.
    const groundTruth = Array.from({ length: 20 }, (_, i) => truth([20 * i, 0, 20 * i + 10, 10]));
    const predictions = groundTruth.slice(0, 7).map(({ box }) => found(box, 0.5));
    expect(evaluateDetections([{ groundTruth, predictions }], { classes }).ap50).toBeCloseTo(35 / 101, 12);
  });

  it('limits predictions for each image and class, the best kept', () => {
    const predictions = [found(FAR, 0.1), found(FAR, 0.2), found(A, 0.3), found(B, 0.4, 'other')];
    const { perClass } = evaluateDetections([{ groundTruth: [truth(A), truth(B, 'other')], predictions }], {
      classes: ['coin', 'other'],
      maxDetections: 1,
    });
    expect(perClass.map(({ ap50, precisionRecall }) => [ap50, precisionRecall.scores.length])).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('averages over classes with ground truth only, and pools the curve of all', () => {
    const result = evaluateDetections(
      [
        {
          groundTruth: [truth(A, 'a'), truth(B, 'b')],
          predictions: [
            found(A, 0.9, 'a'),
            found(FAR, 0.95, 'c'),
            found(B, 0.8, 'a'),
            found(A, 0.7, 'ignored'),
          ],
        },
      ],
      { classes: ['a', 'b', 'c'] },
    );
    expect(result.perClass.map(({ ap50 }) => ap50)).toEqual([1, 0, Number.NaN]);
    expect(result.perClass.map(({ groundTruths }) => groundTruths)).toEqual([1, 1, 0]);
    expect(result.ap50).toBe(0.5);
    expect(result.precisionRecall.scores).toEqual([0.95, 0.9, 0.8]);
    expect(result.precisionRecall.recall).toEqual([0, 0.5, 0.5]);
    expect(result.precisionRecall.precision).toEqual([0, 1 / 2, 1 / 3]);
  });

  it('refuses scores and boxes that are not finite', () => {
    const image = { groundTruth: [truth(A)], predictions: [found(A, Number.NaN)] };
    expect(() => evaluateDetections([image], { classes })).toThrow(DataError);
  });

  it('gives what pycocotools 2.0 gives for scattered boxes of three classes', () => {
    const result = evaluateDetections(scattered(), { classes: [0, 1, 2] });
    expect(result.ap).toBeCloseTo(0.1920840833627283, 12);
    expect(result.ap50).toBeCloseTo(0.4474486232407024, 12);
  });
});
