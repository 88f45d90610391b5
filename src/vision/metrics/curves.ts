import { DataError, ShapeError } from '../../errors.ts';
import { mean } from './common.ts';

/** scikit-learn's `precision_recall_curve`: one point for each threshold, rising, and the end at recall 0. */
export interface PrecisionRecallCurve {
  /** One longer than `thresholds`: the last is 1. */
  readonly precision: readonly number[];
  /** One longer than `thresholds`: the last is 0. */
  readonly recall: readonly number[];
  /** What scores at least so much counts as positive. */
  readonly thresholds: readonly number[];
}

/** scikit-learn's `roc_curve`, by falling threshold from (0, 0) on. */
export interface RocCurve {
  /** False positives over negatives: 1 - specificity. */
  readonly fpr: readonly number[];
  /** True positives over positives: recall. */
  readonly tpr: readonly number[];
  /** The first is Infinity: nothing counts as positive. */
  readonly thresholds: readonly number[];
}

/**
 * Counts of true and false positives where all of at least each score that occurs are taken, by falling score. Equal
 * scores are taken together.
 */
function countsByScore(
  op: string,
  yTrue: ArrayLike<number | boolean>,
  yScore: ArrayLike<number>,
): { tps: number[]; fps: number[]; thresholds: number[] } {
  if (yTrue.length !== yScore.length || yTrue.length === 0) {
    throw new ShapeError(
      `${op}: ${yTrue.length} labels and ${yScore.length} scores; pass one score per label, at least one`,
    );
  }
  for (let i = 0; i < yTrue.length; i++) {
    if ((Number(yTrue[i]) !== 0 && Number(yTrue[i]) !== 1) || !Number.isFinite(yScore[i])) {
      throw new DataError(
        `${op}: sample ${i} has label ${yTrue[i]} and score ${yScore[i]}; labels are 0 or 1, scores finite`,
      );
    }
  }
  const order = Array.from(yScore, (_, i) => i).sort((a, b) => yScore[b]! - yScore[a]!);
  const counts = { tps: [] as number[], fps: [] as number[], thresholds: [] as number[] };
  let tp = 0;
  order.forEach((sample, i) => {
    tp += Number(yTrue[sample]);
    const next = order[i + 1];
    if (next !== undefined && yScore[next] === yScore[sample]) return;
    counts.tps.push(tp);
    counts.fps.push(i + 1 - tp);
    counts.thresholds.push(yScore[sample]!);
  });
  return counts;
}

/**
 * Precision TP / (TP + FP) and recall TP / (TP + FN) at every score that occurs, from the lowest on, as scikit-learn's
 * `precision_recall_curve`: labels are 0 or 1 (or booleans), equal scores are one point, and a point (recall 0,
 * precision 1) stands at the end. Recall is NaN without positives (scikit-learn: 1).
 *
 * Throws ShapeError for different lengths and no samples, DataError for other labels and scores that are not finite.
 */
export function precisionRecallCurve(
  yTrue: ArrayLike<number | boolean>,
  yScore: ArrayLike<number>,
): PrecisionRecallCurve {
  const { tps, fps, thresholds } = countsByScore('precisionRecallCurve', yTrue, yScore);
  const positives = tps.at(-1)!;
  return {
    precision: [...tps.map((tp, i) => tp / (tp + fps[i]!)).reverse(), 1],
    recall: [...tps.map((tp) => tp / positives).reverse(), 0],
    thresholds: thresholds.reverse(),
  };
}

/**
 * The area under the precision-recall curve as the sum of (R_n - R_{n-1}) P_n over falling thresholds, without
 * interpolation, as scikit-learn's `average_precision_score`. NaN without positives (scikit-learn: 0). Errors as
 * `precisionRecallCurve`.
 */
export function averagePrecisionScore(yTrue: ArrayLike<number | boolean>, yScore: ArrayLike<number>): number {
  const { precision, recall } = precisionRecallCurve(yTrue, yScore);
  let sum = 0;
  for (let i = recall.length - 2; i >= 0; i--) sum += (recall[i]! - recall[i + 1]!) * precision[i]!;
  return sum;
}

/**
 * The share of positives found over the share of negatives taken for positives, at every score that occurs, from the
 * highest on, as scikit-learn's `roc_curve`. With `dropIntermediate` (default), points inside of straight pieces, which
 * are neither seen in a plot nor change the area, are left out. `tpr` is NaN without positives, `fpr` without negatives.
 * Errors as `precisionRecallCurve`.
 */
export function rocCurve(
  yTrue: ArrayLike<number | boolean>,
  yScore: ArrayLike<number>,
  { dropIntermediate = true } = {},
): RocCurve {
  const { tps, fps, thresholds } = countsByScore('rocCurve', yTrue, yScore);
  const bends = (values: readonly number[], i: number): boolean =>
    values[i + 1]! - 2 * values[i]! + values[i - 1]! !== 0;
  const last = tps.length - 1;
  const kept = [...tps.keys()].filter(
    (i) => !dropIntermediate || i === 0 || i === last || bends(tps, i) || bends(fps, i),
  );
  return {
    fpr: [0, ...kept.map((i) => fps[i]!)].map((fp) => fp / fps[last]!),
    tpr: [0, ...kept.map((i) => tps[i]!)].map((tp) => tp / tps[last]!),
    thresholds: [Infinity, ...kept.map((i) => thresholds[i]!)],
  };
}

/**
 * The area under the ROC curve, by trapezoids: the share of pairs of a positive and a negative in which the positive
 * scores higher, equal scores counted half. As scikit-learn's `roc_auc_score`; NaN where all labels are equal (there an
 * error). Errors as `precisionRecallCurve`.
 */
export function rocAucScore(yTrue: ArrayLike<number | boolean>, yScore: ArrayLike<number>): number {
  const { fpr, tpr } = rocCurve(yTrue, yScore);
  return auc(fpr, tpr);
}

/**
 * The area under a line through points of rising or falling x, by trapezoids, as scikit-learn's `auc`. Throws ShapeError
 * for different lengths, fewer than two points, and an x that turns back.
 */
export function auc(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length || x.length < 2) {
    throw new ShapeError(`auc: ${x.length} x and ${y.length} y; pass the same number of both, at least two`);
  }
  const steps = x.slice(1).map((value, i) => value - x[i]!);
  if (steps.some((step) => step > 0) && steps.some((step) => step < 0)) {
    throw new ShapeError('auc: x rises and falls; sort the points by x');
  }
  const direction = steps.some((step) => step < 0) ? -1 : 1;
  return direction * steps.reduce((sum, step, i) => sum + step * mean([y[i]!, y[i + 1]!]), 0);
}
