import { expectArguments } from '../../arguments.ts';
import { DataError, ShapeError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { mean } from './common.ts';

/** What `precisionRecallCurve` returns, as scikit-learn: one point per threshold, ascending, and a last one at recall 0. */
export interface PrecisionRecallCurve {
  /** One value more than `thresholds`; the last is 1. */
  readonly precision: readonly number[];
  /** One value more than `thresholds`; the last is 0. */
  readonly recall: readonly number[];
  /** Scores of at least this count as positive. */
  readonly thresholds: readonly number[];
}

/** What `rocCurve` returns, as scikit-learn: points by descending threshold, from (0, 0) on. */
export interface RocCurve {
  /** False positives over negatives: 1 - specificity. */
  readonly fpr: readonly number[];
  /** True positives over positives: recall. */
  readonly tpr: readonly number[];
  /** Descending. The first is Infinity: nothing counts as positive. */
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
 * Computes precision TP / (TP + FP) and recall TP / (TP + FN) at every score that occurs, ascending, as scikit-learn's
 * `precision_recall_curve`. Equal scores are one point, and a point (recall 0, precision 1) is added at the end. Recall
 * is NaN without positives (scikit-learn: 1).
 *
 * @param yTrue Labels: 0 or 1, or booleans.
 * @param yScore A score per label.
 * @throws ShapeError for different lengths and for no samples, DataError for other labels and scores that are not
 * finite.
 */
export function precisionRecallCurve(
  yTrue: ArrayLike<number | boolean>,
  yScore: ArrayLike<number>,
): PrecisionRecallCurve {
  expectArguments('precisionRecallCurve', { yTrue, yScore }, { yTrue: 'values', yScore: 'values' });
  const { tps, fps, thresholds } = countsByScore('precisionRecallCurve', yTrue, yScore);
  const positives = tps.at(-1)!;
  return {
    precision: [...tps.map((tp, i) => tp / (tp + fps[i]!)).reverse(), 1],
    recall: [...tps.map((tp) => tp / positives).reverse(), 0],
    thresholds: thresholds.reverse(),
  };
}

/**
 * Computes the area under the precision-recall curve as the sum of (R_n - R_{n-1}) P_n over descending thresholds,
 * without interpolation, as scikit-learn's `average_precision_score`. NaN without positives (scikit-learn: 0). Throws
 * as `precisionRecallCurve`.
 */
export function averagePrecisionScore(yTrue: ArrayLike<number | boolean>, yScore: ArrayLike<number>): number {
  expectArguments('averagePrecisionScore', { yTrue, yScore }, { yTrue: 'values', yScore: 'values' });
  const { precision, recall } = precisionRecallCurve(yTrue, yScore);
  let sum = 0;
  for (let i = recall.length - 2; i >= 0; i--) sum += (recall[i]! - recall[i + 1]!) * precision[i]!;
  return sum;
}

/**
 * Computes the true positive rate over the false positive rate at every score that occurs, descending, as
 * scikit-learn's `roc_curve`. `tpr` is NaN without positives, `fpr` without negatives. Throws as
 * `precisionRecallCurve`.
 *
 * @param options `dropIntermediate` (default true): leaves out points on straight segments, which change neither the
 * plot nor the area.
 */
export function rocCurve(
  yTrue: ArrayLike<number | boolean>,
  yScore: ArrayLike<number>,
  options: { readonly dropIntermediate?: boolean } = {},
): RocCurve {
  expectArguments('rocCurve', { yTrue, yScore }, { yTrue: 'values', yScore: 'values' });
  const { dropIntermediate } = withDefaults('rocCurve', options, { dropIntermediate: true });
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
 * Computes the area under the ROC curve by trapezoids: the fraction of pairs of a positive and a negative in which the
 * positive scores higher; equal scores count half. As scikit-learn's `roc_auc_score`, except that it is NaN (there an
 * error) if all labels are equal. Throws as `precisionRecallCurve`.
 */
export function rocAucScore(yTrue: ArrayLike<number | boolean>, yScore: ArrayLike<number>): number {
  expectArguments('rocAucScore', { yTrue, yScore }, { yTrue: 'values', yScore: 'values' });
  const { fpr, tpr } = rocCurve(yTrue, yScore);
  return auc(fpr, tpr);
}

/**
 * Computes the area under a line through points of ascending or descending x, by trapezoids, as scikit-learn's `auc`.
 * Throws ShapeError for different lengths, fewer than two points, and an x that is neither ascending nor descending.
 */
export function auc(x: readonly number[], y: readonly number[]): number {
  expectArguments('auc', { x, y }, { x: 'values', y: 'values' });
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
