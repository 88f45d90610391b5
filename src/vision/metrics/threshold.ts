import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';

/** The goal of `chooseThreshold`. */
export type ThresholdGoal =
  /** The highest F-beta, (1 + β²) P R / (β² P + R); β 1 by default. */
  | { readonly best: 'fbeta'; readonly beta?: number }
  /** The highest recall with at least this precision. */
  | { readonly best: 'recall'; readonly precision: number }
  /** The highest precision with at least this recall. */
  | { readonly best: 'precision'; readonly recall: number };

/** A threshold, and the metrics at it. */
export interface ChosenThreshold {
  /** Detections with at least this score are kept. */
  readonly threshold: number;
  /** Precision at this threshold. */
  readonly precision: number;
  /** Recall at this threshold. */
  readonly recall: number;
  /** F-beta with the β of the goal, or 1. */
  readonly fbeta: number;
}

/**
 * Chooses the threshold of a precision-recall curve that reaches a goal best; undefined if none reaches it. Of several
 * that reach it equally well, chooses the one with the higher other metric (precision for recall, recall for
 * precision), then the highest threshold.
 *
 * The curve may be that of `precisionRecallCurve`, or that of an evaluated detector, with its `scores` as `thresholds`.
 * Of neighbours with equal thresholds only the last is considered, since a threshold keeps all detections of one score.
 * Points with NaN are left out.
 *
 * @throws ShapeError for a goal outside of 0..1, a beta that is not above 0, and fewer points than thresholds.
 */
export function chooseThreshold(
  curve: {
    readonly precision: ArrayLike<number>;
    readonly recall: ArrayLike<number>;
    readonly thresholds: ArrayLike<number>;
  },
  goal: ThresholdGoal,
): ChosenThreshold | undefined {
  expectArguments(
    'chooseThreshold',
    { curve, goal },
    { curve: { precision: 'values', recall: 'values', thresholds: 'values' }, goal: 'object' },
  );
  const { precision, recall, thresholds } = curve;
  if (precision.length < thresholds.length || recall.length < thresholds.length) {
    throw new ShapeError(
      `chooseThreshold: ${thresholds.length} thresholds for ${precision.length} precisions and ${recall.length} recalls; pass a point for each`,
    );
  }
  const beta = goal.best === 'fbeta' ? (goal.beta ?? 1) : 1;
  if (!(beta > 0 && Number.isFinite(beta))) {
    throw new ShapeError(`chooseThreshold: beta ${beta}; give a number above 0`);
  }
  const least = goal.best === 'recall' ? goal.precision : goal.best === 'precision' ? goal.recall : 0;
  if (!(least >= 0 && least <= 1)) {
    throw new ShapeError(
      `chooseThreshold: ${goal.best === 'recall' ? 'precision' : 'recall'} ${least}; give a number from 0 to 1`,
    );
  }
  /** What is compared, the most important first. */
  const merits = ({ precision: p, recall: r, fbeta, threshold }: ChosenThreshold): number[] =>
    goal.best === 'fbeta'
      ? [fbeta, threshold]
      : goal.best === 'recall'
        ? [r, p, threshold]
        : [p, r, threshold];
  let best: ChosenThreshold | undefined;
  for (let i = 0; i < thresholds.length; i++) {
    const [p, r, threshold] = [precision[i]!, recall[i]!, thresholds[i]!];
    if (Number.isNaN(p) || Number.isNaN(r)) continue;
    if (i + 1 < thresholds.length && thresholds[i + 1] === threshold) continue;
    if ((goal.best === 'recall' && p < least) || (goal.best === 'precision' && r < least)) continue;
    const weighted = beta * beta * p + r;
    const point = {
      threshold,
      precision: p,
      recall: r,
      fbeta: weighted === 0 ? 0 : ((1 + beta * beta) * p * r) / weighted,
    };
    if (best === undefined || isBetter(merits(point), merits(best))) best = point;
  }
  return best;
}

function isBetter(merits: readonly number[], others: readonly number[]): boolean {
  const first = merits.findIndex((merit, i) => merit !== others[i]);
  return first >= 0 && merits[first]! > others[first]!;
}
