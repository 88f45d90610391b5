import { DataError, ShapeError } from '../../errors.ts';
import { boxIou } from '../boxes.ts';
import { checkImage, type Label, overlap } from './cocoImage.ts';
import { meanOfNumbers } from './common.ts';
import type { DetectionImage } from './detection.ts';

/**
 * How often one class was taken for another: of pixels (semantic segmentation), images (classification) or boxes
 * (`detectionConfusion`). The measures of a class count it against all others. They equal scikit-learn's, which has 0
 * where these have NaN: where there is nothing to divide by.
 */
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
    return this.fbeta(1);
  }

  /** TP / (TP + FP) of each class; NaN for one never predicted. */
  precision(): number[] {
    return this.#perClass((both, predicted) => both / predicted);
  }

  /** TP / (TP + FN) of each class, its own accuracy (sensitivity); NaN for one that never is a target. */
  recall(): number[] {
    return this.#perClass((both, _, target) => both / target);
  }

  /** TN / (TN + FP) of each class; NaN where every target is of that class. */
  specificity(): number[] {
    return this.#perClass(
      (both, predicted, target, all) => (all - target - (predicted - both)) / (all - target),
    );
  }

  /**
   * (1 + β²) TP / ((1 + β²) TP + β² FN + FP) of each class: the harmonic mean of precision and β times as much
   * recall. NaN as for `iou`. Throws ShapeError for a beta that is not finite and above 0.
   */
  fbeta(beta: number): number[] {
    if (!(beta > 0 && Number.isFinite(beta))) {
      throw new ShapeError(`ConfusionMatrix.fbeta: beta ${beta}; give a number above 0`);
    }
    const b = beta * beta;
    return this.#perClass((both, predicted, target) => ((1 + b) * both) / (b * target + predicted));
  }

  /**
   * The counts as shares: of each target's row (`true`), each prediction's column (`pred`) or of all (`all`), as
   * scikit-learn's `confusion_matrix(normalize=…)`; NaN (there 0) for rows or columns without counts.
   */
  normalized(normalize: 'true' | 'pred' | 'all' = 'true'): Float64Array {
    const n = this.numClasses;
    const sum = (part: (k: number) => number, length: number): number => {
      let total = 0;
      for (let k = 0; k < length; k++) total += this.counts[part(k)]!;
      return total;
    };
    const all = sum((k) => k, n * n);
    return this.counts.map((count, i) => {
      if (normalize === 'all') return count / all;
      if (normalize === 'true') return count / sum((k) => i - (i % n) + k, n);
      return count / sum((k) => k * n + (i % n), n);
    });
  }

  /** The mean IoU of the classes that occur; NaN where nothing was counted. */
  get meanIou(): number {
    return meanOfNumbers(this.iou());
  }

  /** The mean Dice of the classes that occur; NaN where nothing was counted. */
  get meanDice(): number {
    return meanOfNumbers(this.dice());
  }

  /** The share of counted pixels that are right; NaN where nothing was counted. */
  get pixelAccuracy(): number {
    let right = 0;
    for (let c = 0; c < this.numClasses; c++) right += this.counts[c * this.numClasses + c]!;
    return right / this.counts.reduce((sum, count) => sum + count, 0);
  }

  #perClass(measure: (both: number, predicted: number, target: number, all: number) => number): number[] {
    const n = this.numClasses;
    const all = this.counts.reduce((sum, count) => sum + count, 0);
    return Array.from({ length: n }, (_, c) => {
      let predicted = 0;
      let target = 0;
      for (let k = 0; k < n; k++) {
        predicted += this.counts[k * n + c]!;
        target += this.counts[c * n + k]!;
      }
      return measure(this.counts[c * n + c]!, predicted, target, all);
    });
  }
}

/**
 * What a detector takes for what, at one score threshold. The matrix has a row for each class and a last one
 * for the background, likewise columns: in the last row stand detections of nothing, in the last column objects not found.
 *
 * In each image, detections of at least `scoreThreshold` (default 0.5) and objects of any class are paired by falling
 * IoU, each once, as long as it is at least `iouThreshold` (default 0.5). Of equal IoUs, pairs of one class go first, then
 * the higher score, then the order given. Crowds and objects with `ignore` need not be found: they are in no pair, and
 * detections left over that lie on one (IoU as in `CocoEvaluator`) are not counted. Boxes of other classes are left out.
 * Throws DataError for a score or box that is not finite.
 */
export function detectionConfusion<L extends Label>(
  images: readonly DetectionImage<L>[],
  {
    classes,
    scoreThreshold = 0.5,
    iouThreshold = 0.5,
  }: { readonly classes: readonly L[]; readonly scoreThreshold?: number; readonly iouThreshold?: number },
): ConfusionMatrix {
  const matrix = new ConfusionMatrix(classes.length + 1);
  const background = classes.length;
  images.forEach((image, number) => {
    checkImage('detectionConfusion', number, image, 'bbox');
    const objects = image.groundTruth.filter(({ label }) => classes.includes(label));
    const truths = objects.filter(({ iscrowd, ignore }) => !iscrowd && !ignore);
    const excuses = objects.filter((object) => !truths.includes(object));
    const found = image.predictions.filter(
      ({ label, score }) => classes.includes(label) && score >= scoreThreshold,
    );
    const pairs = found.flatMap((p, i) =>
      truths.map((g, j) => ({ i, j, iou: boxIou(p.box, g.box), same: p.label === g.label, score: p.score })),
    );
    pairs.sort((a, b) => b.iou - a.iou || Number(b.same) - Number(a.same) || b.score - a.score);
    const takenBy = new Map<number, number>();
    const paired = new Set<number>();
    for (const { i, j, iou } of pairs) {
      if (iou < iouThreshold || paired.has(i) || takenBy.has(j)) continue;
      takenBy.set(j, i);
      paired.add(i);
    }
    const wrong = found.filter(
      (p, i) => !paired.has(i) && !excuses.some((g) => overlap(p.box, g.box, g.iscrowd) >= iouThreshold),
    );
    const predicted = truths.map((_, j) => {
      const i = takenBy.get(j);
      return i === undefined ? background : classes.indexOf(found[i]!.label);
    });
    // No class has the number -1: nothing is left out.
    matrix.add(
      [...predicted, ...wrong.map(({ label }) => classes.indexOf(label))],
      [...truths.map(({ label }) => classes.indexOf(label)), ...wrong.map(() => background)],
      -1,
    );
  });
  return matrix;
}
