import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.ts';
import type { Box } from '../../../src/vision/boxes.ts';
import { evaluateVoc } from '../../../src/vision/index.ts';
import { scattered } from './scattered.ts';

const A: Box = [0, 0, 10, 10];
const NEAR: Box = [0, 0, 10, 9];
const FAR: Box = [50, 50, 60, 60];
const truth = (box: Box, difficult = false) => ({ box, label: 'a', difficult });
const found = (box: Box, score: number) => ({ box, label: 'a', score });
const classes = ['a'];

describe('evaluateVoc', () => {
  it('gives py-faster-rcnn’s voc_eval for scattered boxes, every fourth difficult', () => {
    const images = scattered().map(({ groundTruth, predictions }) => ({
      groundTruth: groundTruth.map((g, i) => ({ ...g, difficult: i % 4 === 3 })),
      predictions,
    }));
    const ap = (use07Metric: boolean, iouThreshold: number) =>
      evaluateVoc(images, { classes: [0, 1, 2], use07Metric, iouThreshold }).perClass.map((c) => c.ap);
    const want: [boolean, number, number[]][] = [
      [true, 0.5, [0.2741597796143251, 0.5357142857142857, 0.5371212121212121]],
      [true, 0.75, [0.11964809384164224, 0.17589442815249265, 0.16233766233766234]],
      [false, 0.5, [0.26145262145262144, 0.5371223758320532, 0.5425925925925925]],
      [false, 0.75, [0.12534562211981568, 0.15155487284519542, 0.1607142857142857]],
    ];
    for (const [use07Metric, iou, values] of want) {
      ap(use07Metric, iou).forEach((value, c) => {
        expect(value).toBeCloseTo(values[c]!, 12);
      });
    }
  });

  it('averages the area or eleven points', () => {
    // Right, wrong, right of 2: precision 1, 1/2, 2/3 at recall 0.5, 0.5, 1.
    const image = {
      groundTruth: [truth(A), truth(FAR)],
      predictions: [found(A, 0.9), found([90, 90, 99, 99], 0.8), found(FAR, 0.7)],
    };
    expect(evaluateVoc([image], { classes }).map).toBeCloseTo(0.5 + 1 / 3, 12);
    expect(evaluateVoc([image], { classes, use07Metric: true }).map).toBeCloseTo((6 + (5 * 2) / 3) / 11, 12);
    expect(evaluateVoc([image], { classes }).perClass[0]!.precisionRecall).toEqual({
      recall: [0.5, 0.5, 1],
      precision: [1, 1 / 2, 2 / 3],
      scores: [0.9, 0.8, 0.7],
    });
  });

  it('takes the best object only, taken or not', () => {
    // The second lies best on A, which is taken: in COCO's rules it would get the object beside it.
    const image = { groundTruth: [truth(A), truth(NEAR)], predictions: [found(A, 0.9), found(A, 0.8)] };
    expect(evaluateVoc([image], { classes }).perClass[0]!.precisionRecall.precision).toEqual([1, 0.5]);
  });

  it('leaves out difficult objects and what finds them, and other labels', () => {
    const image = {
      groundTruth: [truth(A), truth(FAR, true)],
      predictions: [found(FAR, 0.9), found(A, 0.8), found(FAR, 0.7), { ...found(FAR, 1), label: 'b' }],
    };
    const { map, perClass } = evaluateVoc([image], { classes });
    expect(map).toBe(1);
    expect(perClass[0]).toMatchObject({ groundTruths: 1, precisionRecall: { scores: [0.8] } });
  });

  it('tells objects apart that are one and the same in memory', () => {
    const object = truth(A);
    const image = { groundTruth: [object], predictions: [found(A, 0.5)] };
    expect(evaluateVoc([image, image], { classes }).map).toBe(1);
  });

  it('is NaN without objects, 0 where none is found', () => {
    const none = evaluateVoc([{ groundTruth: [truth(A, true)], predictions: [found(A, 1)] }], { classes });
    expect(none.map).toBeNaN();
    expect(evaluateVoc([{ groundTruth: [truth(A)], predictions: [] }], { classes }).map).toBe(0);
    expect(
      evaluateVoc([{ groundTruth: [truth(A)], predictions: [] }], { classes, use07Metric: true }).map,
    ).toBe(0);
  });

  it('refuses thresholds and boxes that mean nothing', () => {
    expect(() => evaluateVoc([], { classes, iouThreshold: 50 })).toThrow(ShapeError);
    const image = { groundTruth: [], predictions: [found(A, Number.NaN)] };
    expect(() => evaluateVoc([image], { classes })).toThrow(DataError);
  });
});
