import { DataError, ShapeError } from '../errors.ts';
import type { Box } from './boxes.ts';
import { boxIou } from './boxes.ts';

export type Label = string | number;

/** What is in one image, and what a detector says is in it. */
export interface DetectionImage<L extends Label> {
  readonly groundTruth: readonly { readonly box: Box; readonly label: L }[];
  readonly predictions: readonly { readonly box: Box; readonly label: L; readonly score: number }[];
}

export interface DetectionOptions<L extends Label> {
  /** The labels to evaluate; boxes of other labels are left out. */
  readonly classes: readonly L[];
  /** Default 0.5, 0.55 … 0.95, as pycocotools' `linspace(.5, .95, 10)` gives them in float64. */
  readonly iouThresholds?: readonly number[];
  /** For each image and class, only this many predictions count, best scores first. Default 100. */
  readonly maxDetections?: number;
}

/**
 * The curve after each prediction, by falling score: `recall[i]` and `precision[i]` (not interpolated) are
 * what a detector reaches that keeps scores of at least `scores[i]`. Recall is NaN without ground truth.
 */
export interface PrecisionRecall {
  recall: number[];
  precision: number[];
  scores: number[];
}

export interface ClassResult<L extends Label> {
  label: L;
  /** NaN where the class has no ground truth. */
  ap50: number;
  ap: number;
  groundTruths: number;
  /** At IoU 0.5. */
  precisionRecall: PrecisionRecall;
}

export interface DetectionResult<L extends Label> {
  /** The mean over the classes that have ground truth, at IoU 0.5; NaN (COCO's -1) where none has. */
  ap50: number;
  /** The same, averaged over `iouThresholds` too. */
  ap: number;
  perClass: ClassResult<L>[];
  /** At IoU 0.5, the predictions and ground truth of all classes in one curve. */
  precisionRecall: PrecisionRecall;
}

/** Predictions of one class over all images, or of all classes: which score, and whether it is right. */
interface Ranked {
  readonly score: number;
  readonly truePositive: boolean;
}

const COCO_THRESHOLDS = Array.from({ length: 10 }, (_, i) => (i === 9 ? 0.95 : 0.5 + ((0.95 - 0.5) / 9) * i));

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** By falling score; equal scores keep their order (`Array.sort` is stable, like NumPy's mergesort). */
const byScore = <T extends { readonly score: number }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => b.score - a.score);

/**
 * Average precision of boxes as COCO defines it, by the rules of pycocotools' `COCOeval` (area range
 * "all", no crowd boxes):
 *
 * - In each image and class, predictions are taken by falling score (equal scores in the order given), the
 *   first `maxDetections` of them. Each takes the ground truth, not taken yet, with the highest IoU of at
 *   least the threshold; of equal IoUs, the last one. The others are false positives, duplicates included.
 * - Over all images, predictions are ranked by score (equal scores in the order of the images). With
 *   precision made monotonic from the right, AP is its mean at the recalls 0, 0.01 … 1, in each case at the
 *   first prediction that reaches the recall, and 0 beyond the last recall reached.
 * - Means leave out classes without ground truth. A class without predictions has AP 0.
 *
 * Lin et al. 2014, "Microsoft COCO". Throws DataError for a score or box that is not finite.
 */
export function evaluateDetections<L extends Label>(
  images: readonly DetectionImage<L>[],
  { classes, iouThresholds = COCO_THRESHOLDS, maxDetections = 100 }: DetectionOptions<L>,
): DetectionResult<L> {
  images.forEach((image, i) => {
    for (const { box, score } of [
      ...image.predictions,
      ...image.groundTruth.map((g) => ({ ...g, score: 0 })),
    ]) {
      if (![score, ...box].every(Number.isFinite)) {
        throw new DataError(
          `evaluateDetections: image ${i} has box [${box.join(', ')}] with score ${score}; drop what is not finite`,
        );
      }
    }
  });
  const pooled: Ranked[] = [];
  const perClass = classes.map((label): ClassResult<L> => {
    const perImage = images.map((image) => ({
      truths: image.groundTruth.filter((g) => g.label === label).map((g) => g.box),
      predictions: byScore(image.predictions.filter((p) => p.label === label)).slice(0, maxDetections),
    }));
    const groundTruths = perImage.reduce((sum, { truths }) => sum + truths.length, 0);
    const ious = perImage.map(({ truths, predictions }) =>
      predictions.map((p) => truths.map((t) => boxIou(p.box, t))),
    );
    const rank = (threshold: number): Ranked[] =>
      byScore(
        perImage.flatMap(({ predictions }, i) => {
          const matched = matchGreedily(ious[i]!, threshold);
          return predictions.map(({ score }, j) => ({ score, truePositive: matched[j]! }));
        }),
      );
    const at50 = rank(0.5);
    pooled.push(...at50);
    return {
      label,
      ap50: averagePrecision(at50, groundTruths),
      ap: mean(iouThresholds.map((threshold) => averagePrecision(rank(threshold), groundTruths))),
      groundTruths,
      precisionRecall: curve(at50, groundTruths),
    };
  });
  const present = perClass.filter(({ groundTruths }) => groundTruths > 0);
  return {
    ap50: mean(present.map(({ ap50 }) => ap50)),
    ap: mean(present.map(({ ap }) => ap)),
    perClass,
    precisionRecall: curve(
      byScore(pooled),
      present.reduce((sum, { groundTruths }) => sum + groundTruths, 0),
    ),
  };
}

/** For each prediction, best first, whether it takes a ground truth; `ious[prediction][truth]`. */
function matchGreedily(ious: readonly (readonly number[])[], threshold: number): boolean[] {
  const taken = new Set<number>();
  return ious.map((row) => {
    let best = Math.min(threshold, 1 - 1e-10); // pycocotools': a threshold of 1 still takes equal boxes
    let match = -1;
    row.forEach((iou, truth) => {
      if (taken.has(truth) || iou < best) return;
      best = iou;
      match = truth;
    });
    if (match >= 0) taken.add(match);
    return match >= 0;
  });
}

function curve(ranked: readonly Ranked[], groundTruths: number): PrecisionRecall {
  let found = 0;
  const recall: number[] = [];
  const precision: number[] = [];
  ranked.forEach(({ truePositive }, i) => {
    if (truePositive) found++;
    recall.push(found / groundTruths);
    precision.push(found / (i + 1));
  });
  return { recall, precision, scores: ranked.map(({ score }) => score) };
}

/** 101-point interpolation. `i * 0.01` in float64 is what pycocotools compares recalls with. */
function averagePrecision(ranked: readonly Ranked[], groundTruths: number): number {
  if (groundTruths === 0) return Number.NaN;
  const { recall, precision } = curve(ranked, groundTruths);
  for (let i = precision.length - 1; i > 0; i--) {
    precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  }
  let sum = 0;
  for (let point = 0, i = 0; point <= 100; point++) {
    while (i < recall.length && recall[i]! < point * 0.01) i++;
    if (i === recall.length) break;
    sum += precision[i]!;
  }
  return sum / 101;
}

/** How often a pixel of one class was given another: the measures of semantic segmentation. */
export class ConfusionMatrix {
  readonly numClasses: number;
  /** [target, predicted], row by row. */
  readonly counts: Float64Array;

  constructor(numClasses: number) {
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new ShapeError(`ConfusionMatrix: ${numClasses} classes; give a whole number of at least 1`);
    }
    this.numClasses = numClasses;
    this.counts = new Float64Array(numClasses * numClasses);
  }

  /**
   * Counts one pair for each pixel, those whose target is `ignore` excepted. Throws, before anything is
   * counted, ShapeError for different sizes and DataError for a class out of 0..numClasses - 1.
   */
  add(predicted: ArrayLike<number>, target: ArrayLike<number>, ignore = 255): void {
    const n = this.numClasses;
    if (predicted.length !== target.length) {
      throw new ShapeError(
        `ConfusionMatrix.add: ${predicted.length} predicted and ${target.length} target pixels; pass maps of one size`,
      );
    }
    const isClass = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < n;
    for (let i = 0; i < target.length; i++) {
      if (target[i] !== ignore && !(isClass(target[i]!) && isClass(predicted[i]!))) {
        throw new DataError(
          `ConfusionMatrix.add: pixel ${i} has target ${target[i]} and prediction ${predicted[i]}; both must be classes 0 to ${n - 1}, or the target ${ignore} to leave it out`,
        );
      }
    }
    for (let i = 0; i < target.length; i++) {
      if (target[i] !== ignore) this.counts[target[i]! * n + predicted[i]!]!++;
    }
  }

  /** TP / (TP + FP + FN) of each class (Jaccard); NaN for a class in neither targets nor predictions. */
  iou(): number[] {
    return this.#perClass((both, predicted, target) => both / (predicted + target - both));
  }

  /** 2 TP / (2 TP + FP + FN) of each class (Dice, F1); NaN as for `iou`. */
  dice(): number[] {
    return this.#perClass((both, predicted, target) => (2 * both) / (predicted + target));
  }

  /** The mean IoU of the classes that occur; NaN where nothing was counted. */
  get meanIou(): number {
    return mean(this.iou().filter((iou) => !Number.isNaN(iou)));
  }

  /** The share of counted pixels that are right; NaN where nothing was counted. */
  get pixelAccuracy(): number {
    let right = 0;
    for (let c = 0; c < this.numClasses; c++) right += this.counts[c * this.numClasses + c]!;
    return right / this.counts.reduce((sum, count) => sum + count, 0);
  }

  #perClass(measure: (both: number, predicted: number, target: number) => number): number[] {
    const n = this.numClasses;
    return Array.from({ length: n }, (_, c) => {
      let predicted = 0;
      let target = 0;
      for (let k = 0; k < n; k++) {
        predicted += this.counts[k * n + c]!;
        target += this.counts[c * n + k]!;
      }
      return measure(this.counts[c * n + c]!, predicted, target);
    });
  }
}
