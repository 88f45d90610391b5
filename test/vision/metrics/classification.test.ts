import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../../../src/errors.ts';
import {
  type ClassificationScores,
  ConfusionMatrix,
  classificationReport,
} from '../../../src/vision/index.ts';
import { expectEqual, known } from './known.ts';

describe('classificationReport', () => {
  it.each(
    known.confusion.map((one) => [one.name, one] as const),
  )('gives scikit-learn\u2019s for %s', (_, one) => {
    const matrix = new ConfusionMatrix(one.classes);
    matrix.add(one.predicted, one.target);
    const { classes, macro, weighted, accuracy } = classificationReport(matrix);
    const values = ({ precision, recall, f1, support }: ClassificationScores) => [
      precision,
      recall,
      f1,
      support,
    ];
    const wanted = (name: string) => {
      const { precision, recall, support, 'f1-score': f1 } = one.report[name]!;
      return [precision, recall, f1, support];
    };
    for (const scores of classes) {
      if (one.report[scores.name]) expectEqual(values(scores), wanted(scores.name));
      else expect(values(scores)).toEqual([Number.NaN, Number.NaN, Number.NaN, 0]);
    }
    expectEqual(values(macro), wanted('macro avg'));
    expectEqual(values(weighted), wanted('weighted avg'));
    expect(accuracy).toBeCloseTo(one.accuracy, 12);
  });

  it('names the classes, and refuses other numbers of names', () => {
    const matrix = new ConfusionMatrix(2);
    matrix.add([0, 1], [0, 0]);
    expect(classificationReport(matrix, ['cat', 'dog']).classes.map(({ name }) => name)).toEqual([
      'cat',
      'dog',
    ]);
    expect(() => classificationReport(matrix, ['cat'])).toThrow(ShapeError);
    expect(() => classificationReport({} as never)).toThrow(UsageError);
  });
});
