import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../../src/errors.ts';
import {
  auc,
  averagePrecisionScore,
  chooseThreshold,
  precisionRecallCurve,
  rocAucScore,
  rocCurve,
} from '../../../src/vision/index.ts';
import { expectEqual, known } from './known.ts';

describe('curves of scores', () => {
  it.each(known.binary.map((one) => [one.name, one] as const))('are scikit-learn’s for %s', (_, one) => {
    const { precision, recall, thresholds } = precisionRecallCurve(one.labels, one.scores);
    expectEqual(precision, one.precisionRecall.precision);
    expectEqual(recall, one.precisionRecall.recall);
    expect(thresholds).toEqual(one.precisionRecall.thresholds);
    expect(averagePrecisionScore(one.labels, one.scores)).toBeCloseTo(one.averagePrecision, 12);
    expect(rocAucScore(one.labels, one.scores)).toBeCloseTo(one.rocAuc, 12);
    for (const [dropIntermediate, want] of [
      [true, one.roc],
      [false, one.rocWhole],
    ] as const) {
      const roc = rocCurve(one.labels, one.scores, { dropIntermediate });
      expectEqual(roc.fpr, want.fpr);
      expectEqual(roc.tpr, want.tpr);
      expect(roc.thresholds).toEqual([Infinity, ...want.thresholds]);
    }
  });

  it('take booleans', () => {
    expect(rocAucScore([true, false, true], [0.9, 0.5, 0.1])).toBe(0.5);
  });

  it('are NaN without positives or negatives', () => {
    expect(precisionRecallCurve([0, 0], [0.1, 0.2])).toEqual({
      precision: [0, 0, 1],
      recall: [Number.NaN, Number.NaN, 0],
      thresholds: [0.1, 0.2],
    });
    expect(averagePrecisionScore([0, 0], [0.1, 0.2])).toBeNaN();
    expect(rocAucScore([0, 0], [0.1, 0.2])).toBeNaN();
    expect(rocAucScore([1, 1], [0.1, 0.2])).toBeNaN();
  });

  it('refuse what is no label or score', () => {
    expect(() => rocCurve([0, 1], [1])).toThrow(ShapeError);
    expect(() => rocCurve([], [])).toThrow(ShapeError);
    expect(() => precisionRecallCurve([0, 2], [1, 1])).toThrow(/sample 1 has label 2/);
    expect(() => precisionRecallCurve([0, 1], [1, Number.NaN])).toThrow(DataError);
  });

  it('have an area in both directions, and none where x turns back', () => {
    expect(auc([0, 1, 3], [0, 2, 2])).toBe(5);
    expect(auc([3, 1, 0], [2, 2, 0])).toBe(5);
    expect(() => auc([0, 2, 1], [0, 0, 0])).toThrow(ShapeError);
    expect(() => auc([0], [0])).toThrow(ShapeError);
  });
});

describe('chooseThreshold', () => {
  //                        scores 0.1  0.2  0.4  0.6  0.8  0.9
  const labels = [0, 1, 0, 1, 0, 1];
  const scores = [0.1, 0.2, 0.4, 0.6, 0.8, 0.9];
  const curve = precisionRecallCurve(labels, scores);
  // Precision 3/6, 3/5, 2/4, 2/3, 1/2, 1; recall 1, 1, 2/3, 2/3, 1/3, 1/3.

  it('finds the best F-beta', () => {
    const best = chooseThreshold(curve, { best: 'fbeta' })!;
    expect(best).toMatchObject({ threshold: 0.2, precision: 0.6, recall: 1 });
    expect(best.fbeta).toBeCloseTo(0.75, 12);
    expect(chooseThreshold(curve, { best: 'fbeta', beta: 0.2 })!.threshold).toBe(0.9);
  });

  it('finds the highest recall at a precision, and the highest precision at a recall', () => {
    expect(chooseThreshold(curve, { best: 'recall', precision: 0.65 })).toMatchObject({
      threshold: 0.6,
      recall: 2 / 3,
    });
    expect(chooseThreshold(curve, { best: 'recall', precision: 0.6 })).toMatchObject({ threshold: 0.2 });
    // Of the two with recall 1, the one with the higher precision.
    expect(chooseThreshold(curve, { best: 'recall', precision: 0.5 })).toMatchObject({ threshold: 0.2 });
    expect(chooseThreshold(curve, { best: 'precision', recall: 0.5 })).toMatchObject({ threshold: 0.6 });
    expect(chooseThreshold(curve, { best: 'precision', recall: 0 })).toMatchObject({
      threshold: 0.9,
      precision: 1,
    });
    expect(
      chooseThreshold(precisionRecallCurve([0, 1], [0.9, 0.1]), { best: 'recall', precision: 0.8 }),
    ).toBeUndefined();
  });

  it('looks at the last of equal scores only, and at no NaN', () => {
    // A detector's curve by falling score: keeping 0.5 keeps the wrong one too.
    const detector = { precision: [1, 0.5], recall: [1, 1], thresholds: [0.5, 0.5] };
    expect(chooseThreshold(detector, { best: 'recall', precision: 0.9 })).toBeUndefined();
    expect(chooseThreshold(detector, { best: 'fbeta' })!.precision).toBe(0.5);
    const none = { precision: [0, 0], recall: [Number.NaN, Number.NaN], thresholds: [2, 1] };
    expect(chooseThreshold(none, { best: 'fbeta' })).toBeUndefined();
  });

  it('has F-beta 0 where nothing is right', () => {
    expect(
      chooseThreshold({ precision: [0], recall: [0], thresholds: [0.5] }, { best: 'fbeta' })!.fbeta,
    ).toBe(0);
  });

  it('refuses goals that mean nothing', () => {
    expect(() => chooseThreshold(curve, { best: 'recall', precision: 90 })).toThrow(/precision 90/);
    expect(() => chooseThreshold(curve, { best: 'fbeta', beta: 0 })).toThrow(ShapeError);
    expect(() => chooseThreshold({ ...curve, precision: [] }, { best: 'fbeta' })).toThrow(ShapeError);
  });
});
