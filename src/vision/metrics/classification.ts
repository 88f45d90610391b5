import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import { mean } from './common.ts';
import { ConfusionMatrix } from './confusion.ts';

/** Measures of one class, or means of those. */
export interface ClassificationScores {
  /** The share of the predictions of the class that are right; 0 if it is never predicted. */
  readonly precision: number;
  /** The share of the targets of the class that are found; 0 if it is never a target. */
  readonly recall: number;
  /** The harmonic mean of both; 0 where both are 0. */
  readonly f1: number;
  /** The number of targets. */
  readonly support: number;
}

/** What `classificationReport` returns. */
export interface ClassificationReport {
  /** The classes, in the order of the matrix. The measures of a class that does not occur are NaN. */
  readonly classes: readonly (ClassificationScores & { readonly name: string })[];
  /** The share of all predictions that are right; NaN without any. */
  readonly accuracy: number;
  /** Means over the classes that occur as target or prediction. */
  readonly macro: ClassificationScores;
  /** Means in which each class counts as often as it is a target. */
  readonly weighted: ClassificationScores;
}

/**
 * Computes precision, recall and F1 of each class, and their means, as scikit-learn's `classification_report`: where a denominator
 * is 0, so is the measure.
 *
 * @param matrix How often each class was predicted as each other.
 * @param names The names of the classes. Default: their numbers.
 * @throws ShapeError for another number of names than classes.
 */
export function classificationReport(
  matrix: ConfusionMatrix,
  names?: readonly string[],
): ClassificationReport {
  expectArguments(
    'classificationReport',
    { matrix, names: names ?? [] },
    { matrix: { numClasses: 'number', counts: 'values' }, names: ['text'] },
  );
  if (!(matrix instanceof ConfusionMatrix) || (names && names.length !== matrix.numClasses)) {
    throw new ShapeError(
      `classificationReport: ${names?.length} names for ${matrix.numClasses} classes; give one name per class of a ConfusionMatrix`,
    );
  }
  const { numClasses, counts } = matrix;
  const [precision, recall, f1] = [matrix.precision(), matrix.recall(), matrix.dice()];
  const classes = Array.from({ length: numClasses }, (_, c) => {
    const support = counts.slice(c * numClasses, (c + 1) * numClasses).reduce((a, b) => a + b, 0);
    // The F1 score is NaN only for a class that does not occur.
    const measure = (value: number): number => (Number.isNaN(value) && !Number.isNaN(f1[c]!) ? 0 : value);
    return {
      name: names?.[c] ?? String(c),
      precision: measure(precision[c]!),
      recall: measure(recall[c]!),
      f1: f1[c]!,
      support,
    };
  });
  const occurring = classes.filter((one) => !Number.isNaN(one.f1));
  const support = classes.reduce((sum, one) => sum + one.support, 0);
  const means = (of: (measure: 'precision' | 'recall' | 'f1') => number): ClassificationScores => ({
    precision: of('precision'),
    recall: of('recall'),
    f1: of('f1'),
    support,
  });
  return {
    classes,
    accuracy: matrix.pixelAccuracy,
    macro: means((measure) => mean(occurring.map((one) => one[measure]))),
    weighted: means(
      (measure) => occurring.reduce((sum, one) => sum + one[measure] * one.support, 0) / support,
    ),
  };
}
