import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.ts';
import type { Box } from '../../../src/vision/boxes.ts';
import { ConfusionMatrix, detectionConfusion } from '../../../src/vision/index.ts';
import { expectEqual, known } from './known.ts';

describe('ConfusionMatrix', () => {
  it('measures a small map, over two calls', () => {
    const matrix = new ConfusionMatrix(3);
    matrix.add([0, 0, 1], [0, 1, 1]);
    matrix.add([1, 0, 7], [1, 0, 255]);
    // Class 0: both 2, predicted 3, target 2. Class 1: both 2, predicted 2, target 3. Class 2: never.
    expect([...matrix.counts]).toEqual([2, 0, 0, 1, 2, 0, 0, 0, 0]);
    expect(matrix.iou()).toEqual([2 / 3, 2 / 3, Number.NaN]);
    expect(matrix.dice()).toEqual([4 / 5, 4 / 5, Number.NaN]);
    expect(matrix.meanIou).toBeCloseTo(2 / 3, 15);
    expect(matrix.pixelAccuracy).toBe(4 / 5);
  });

  it('is NaN before anything is counted, and 0 for a class that is only predicted', () => {
    const matrix = new ConfusionMatrix(2);
    expect(matrix.meanIou).toBeNaN();
    expect(matrix.pixelAccuracy).toBeNaN();
    matrix.add([1, 1], [0, 0]);
    expect(matrix.iou()).toEqual([0, 0]);
    expect(matrix.meanIou).toBe(0);
  });

  it('counts nothing of a map that it refuses', () => {
    const matrix = new ConfusionMatrix(2);
    expect(() => matrix.add([0, 2], [0, 0])).toThrow(DataError);
    expect(() => matrix.add([0, 0], [0, -1])).toThrow(/target -1/);
    expect(() => matrix.add([0], [0, 0])).toThrow(ShapeError);
    expect(matrix.counts.every((count) => count === 0)).toBe(true);
  });

  it.each(known.confusion.map((one) => [one.name, one] as const))('gives scikit-learn’s for %s', (_, one) => {
    const matrix = new ConfusionMatrix(one.classes);
    matrix.add(one.predicted, one.target);
    expectEqual(matrix.counts, one.counts);
    for (const norm of ['true', 'pred', 'all'] as const) expectEqual(matrix.normalized(norm), one[norm]);
    for (const measure of ['precision', 'recall', 'specificity', 'iou', 'dice'] as const) {
      expectEqual(matrix[measure](), one[measure]);
    }
    expectEqual(matrix.fbeta(2), one.fbeta2);
    expectEqual(matrix.fbeta(0.5), one.fbetaHalf);
    expect(matrix.pixelAccuracy).toBeCloseTo(one.accuracy, 12);
  });

  it('is NaN where there is nothing to divide by', () => {
    const matrix = new ConfusionMatrix(3);
    matrix.add([0, 0, 1], [0, 0, 0]);
    expect(matrix.precision()).toEqual([1, 0, Number.NaN]);
    expect(matrix.recall()).toEqual([2 / 3, Number.NaN, Number.NaN]);
    expect(matrix.specificity()).toEqual([Number.NaN, 2 / 3, 1]);
    expect([...matrix.normalized('true').slice(0, 6)]).toEqual([
      2 / 3,
      1 / 3,
      0,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(matrix.meanDice).toBe(0.4);
    expect(() => matrix.fbeta(0)).toThrow(ShapeError);
  });
});

describe('detectionConfusion', () => {
  const A: Box = [0, 0, 10, 10];
  const B: Box = [20, 0, 30, 10];
  const FAR: Box = [50, 50, 60, 60];
  const rows = (matrix: ConfusionMatrix): number[][] =>
    Array.from({ length: matrix.numClasses }, (_, r) => [
      ...matrix.counts.slice(r * matrix.numClasses, (r + 1) * matrix.numClasses),
    ]);

  it('counts what is taken for what, missed, and found where nothing is', () => {
    const matrix = detectionConfusion(
      [
        {
          groundTruth: [
            { label: 'a', box: A },
            { label: 'b', box: B },
            { label: 'c', box: FAR },
          ],
          predictions: [
            { label: 'a', box: A, score: 0.9 },
            { label: 'a', box: B, score: 0.8 },
            { label: 'b', box: [0, 50, 10, 60], score: 0.7 },
            { label: 'c', box: FAR, score: 0.1 },
            { label: 'other', box: FAR, score: 1 },
          ],
        },
        { groundTruth: [], predictions: [] },
      ],
      { classes: ['a', 'b', 'c'] },
    );
    // Columns a, b, c, background.
    expect(rows(matrix)).toEqual([
      [1, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 1],
      [0, 1, 0, 0],
    ]);
    expect(matrix.recall().slice(0, 3)).toEqual([1, 0, 0]);
    expect(matrix.precision().slice(0, 3)).toEqual([0.5, 0, Number.NaN]);
  });

  it('pairs by IoU, then class, then score', () => {
    const at = (label: string, box: Box, score: number) => ({ label, box, score });
    const confused = (predictions: ReturnType<typeof at>[]) =>
      rows(
        detectionConfusion([{ groundTruth: [{ label: 'a', box: A }], predictions }], {
          classes: ['a', 'b'],
          scoreThreshold: 0.2,
        }),
      );
    const near: Box = [0, 0, 10, 9];
    // The better box wins over the right class and the higher score.
    expect(confused([at('a', near, 0.9), at('b', A, 0.3)])[0]).toEqual([0, 1, 0]);
    expect(confused([at('b', A, 0.9), at('a', A, 0.3)])).toEqual([
      [1, 0, 0],
      [0, 0, 0],
      [0, 1, 0],
    ]);
    expect(confused([at('a', A, 0.3), at('a', A, 0.9)])[2]).toEqual([1, 0, 0]);
    // An IoU of exactly the threshold counts, a score of exactly the threshold too.
    expect(confused([at('a', [0, 0, 10, 5], 0.2)])[0]).toEqual([1, 0, 0]);
  });

  it('asks for no crowd, and does not count what lies on one', () => {
    const crowd = { label: 'a', box: [0, 0, 100, 10] as Box, iscrowd: true };
    const ignored = { label: 'a', box: FAR, ignore: true };
    const predictions = [
      { label: 'a', box: A, score: 0.9 }, // a tenth of the crowd, and all of it inside
      { label: 'b', box: FAR, score: 0.9 },
      { label: 'b', box: [0, 80, 10, 90] as Box, score: 0.9 },
    ];
    const classes = ['a', 'b'];
    const matrix = detectionConfusion([{ groundTruth: [crowd, ignored], predictions }], { classes });
    expect(rows(matrix)).toEqual([
      [0, 0, 0],
      [0, 0, 0],
      [0, 1, 0],
    ]);
  });

  it('refuses scores that are not finite', () => {
    const image = { groundTruth: [], predictions: [{ label: 'a', box: A, score: Number.NaN }] };
    expect(() => detectionConfusion([image], { classes: ['a'] })).toThrow(DataError);
  });
});
