import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

interface Curve {
  fpr: number[];
  tpr: number[];
  thresholds: number[];
}

/** scikit-learn's values: test/fixtures/metrics.py. */
export const known = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../fixtures/metrics.json'), 'utf8'),
) as {
  binary: {
    name: string;
    labels: number[];
    scores: number[];
    precisionRecall: { precision: number[]; recall: number[]; thresholds: number[] };
    averagePrecision: number;
    rocAuc: number;
    roc: Curve;
    rocWhole: Curve;
  }[];
  confusion: ({
    name: string;
    classes: number;
    target: number[];
    predicted: number[];
    accuracy: number;
    /** By the number of the class, `macro avg` and `weighted avg`. */
    report: Record<string, Record<'precision' | 'recall' | 'f1-score' | 'support', number>>;
  } & Record<
    | 'counts'
    | 'true'
    | 'pred'
    | 'all'
    | 'dice'
    | 'fbeta2'
    | 'fbetaHalf'
    | 'precision'
    | 'recall'
    | 'iou'
    | 'specificity',
    number[]
  >)[];
};

/** Equal to 1e-12; NaN where scikit-learn says 0, as there is nothing to divide by. */
export function expectEqual(got: ArrayLike<number>, want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  const far = want.flatMap((value, i) =>
    Math.abs((Number.isNaN(got[i]!) ? 0 : got[i]!) - value) <= 1e-12 ? [] : [{ i, got: got[i], want: value }],
  );
  expect(far).toEqual([]);
}
