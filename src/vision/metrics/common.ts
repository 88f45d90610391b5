/**
 * The curve after each prediction, by falling score: `recall[i]` and `precision[i]` (not interpolated) are
 * what a detector reaches that keeps scores of at least `scores[i]`; of equal scores, the last says so. Recall is NaN
 * without ground truth.
 */
export interface PrecisionRecall {
  /** Fraction of the objects that are found. */
  recall: number[];
  /** Fraction of the detections that are correct. */
  precision: number[];
  /** Scores of the detections, descending. */
  scores: number[];
}

/** NaN for no values. */
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** The mean of what is not NaN; NaN where nothing is. */
export const meanOfNumbers = (values: readonly number[]): number =>
  mean(values.filter((value) => !Number.isNaN(value)));
