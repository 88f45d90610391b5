import { expectArguments } from '../../arguments.ts';
import { DataError, ShapeError } from '../../errors.ts';
import { expectOptions, withDefaults } from '../../options.ts';
import { boxIou } from '../boxes.ts';
import { type ClassLabel, checkImage, overlap } from './cocoImage.ts';
import { meanOfNumbers } from './common.ts';
import type { DetectionImage } from './detection.ts';

/**
 * Counts how often each class was predicted as each other: of pixels (semantic segmentation), images (classification) or
 * boxes (`detectionConfusion`). The metrics of a class are one-versus-rest. They equal scikit-learn's, except that
 * scikit-learn has 0 where these have NaN: where the denominator is 0.
 */
export class ConfusionMatrix {
  /** The number of classes. */
  readonly numClasses: number;
  /** Counts [target, predicted], row by row. */
  readonly counts: Float64Array;

  /**
   * @param numClasses The number of classes.
   * @throws ShapeError unless it is an integer of at least 1.
   */
  constructor(numClasses: number) {
    if (!Number.isInteger(numClasses) || numClasses < 1) {
      throw new ShapeError(`ConfusionMatrix: numClasses is ${numClasses}; give an integer of at least 1`);
    }
    this.numClasses = numClasses;
    this.counts = new Float64Array(numClasses * numClasses);
  }

  /**
   * Adds predictions. Nothing is counted if it throws.
   *
   * @param predicted The predicted classes, 0..numClasses - 1.
   * @param target The true classes, of the same length.
   * @param options `ignoreIndex` (default 255): elements with this target are not counted.
   * @throws ShapeError for different lengths, DataError for a class outside of 0..numClasses - 1.
   */
  add(
    predicted: ArrayLike<number>,
    target: ArrayLike<number>,
    options: { readonly ignoreIndex?: number } = {},
  ): void {
    const { ignoreIndex } = withDefaults('ConfusionMatrix.add', options, { ignoreIndex: 255 });
    const n = this.numClasses;
    if (predicted.length !== target.length) {
      throw new ShapeError(
        `ConfusionMatrix.add: there are ${predicted.length} predictions and ${target.length} targets; pass arrays of the same length`,
      );
    }
    const isClass = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < n;
    for (let i = 0; i < target.length; i++) {
      if (target[i] !== ignoreIndex && !(isClass(target[i]!) && isClass(predicted[i]!))) {
        throw new DataError(
          `ConfusionMatrix.add: element ${i} has target ${target[i]} and prediction ${predicted[i]}; both must be 0 to ${n - 1}, or the target ${ignoreIndex}, which is ignored`,
        );
      }
    }
    for (let i = 0; i < target.length; i++) {
      if (target[i] !== ignoreIndex) this.counts[target[i]! * n + predicted[i]!]!++;
    }
  }

  /** Intersection over union of each class (Jaccard index): TP / (TP + FP + FN). NaN for a class that does not occur. */
  iou(): number[] {
    return this.#perClass((both, predicted, target) => both / (predicted + target - both));
  }

  /** Dice coefficient of each class (F1 score): 2 TP / (2 TP + FP + FN). NaN for a class that does not occur. */
  dice(): number[] {
    return this.fbeta(1);
  }

  /** Precision of each class: TP / (TP + FP). NaN for a class that is never predicted. */
  precision(): number[] {
    return this.#perClass((both, predicted) => both / predicted);
  }

  /** Recall (sensitivity) of each class: TP / (TP + FN). NaN for a class that is never a target. */
  recall(): number[] {
    return this.#perClass((both, _, target) => both / target);
  }

  /** Specificity of each class: TN / (TN + FP). NaN if every target is of that class. */
  specificity(): number[] {
    return this.#perClass(
      (both, predicted, target, all) => (all - target - (predicted - both)) / (all - target),
    );
  }

  /**
   * F-beta score of each class: (1 + β²) TP / ((1 + β²) TP + β² FN + FP), the weighted harmonic mean of precision and recall.
   * NaN for a class that does not occur.
   *
   * @param beta How many times as important recall is as precision.
   * @throws ShapeError unless beta is finite and above 0.
   */
  fbeta(beta: number): number[] {
    if (!(beta > 0 && Number.isFinite(beta))) {
      throw new ShapeError(`ConfusionMatrix.fbeta: beta is ${beta}; give a finite number above 0`);
    }
    const b = beta * beta;
    return this.#perClass((both, predicted, target) => ((1 + b) * both) / (b * target + predicted));
  }

  /**
   * Returns the counts as fractions, as scikit-learn's `confusion_matrix(normalize=…)`.
   *
   * @param normalize Divides by the sum of each target's row (`true`), of each prediction's column (`pred`), or of all counts (`all`).
   * @returns [target, predicted], row by row; NaN (scikit-learn: 0) for rows or columns without counts.
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

  /** Mean intersection over union of the classes that occur; NaN if nothing was counted. */
  get meanIou(): number {
    return meanOfNumbers(this.iou());
  }

  /** Mean Dice coefficient of the classes that occur; NaN if nothing was counted. */
  get meanDice(): number {
    return meanOfNumbers(this.dice());
  }

  /** Fraction of the counted elements that are correct; NaN if nothing was counted. */
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

/** Options of `detectionConfusion`. */
export interface DetectionConfusionOptions<L extends ClassLabel> {
  /** The classes to evaluate, in the order of the rows; boxes of other classes are ignored. */
  readonly classes: readonly L[];
  /** Ignores detections with a lower score. Default 0.5. */
  readonly scoreThreshold?: number;
  /** The lowest IoU at which a detection and an object are paired. Default 0.5. */
  readonly iouThreshold?: number;
}

/**
 * Computes the confusion matrix of a detector at one score threshold.
 *
 * The matrix has a row and a column for each class, and a last one for the background: false positives are counted in the
 * last row, objects not found in the last column. In each image, detections and objects of any class are paired by
 * descending IoU, each at most once. Of equal IoUs, pairs of the same class come first, then those with the higher score,
 * then the order given. Crowds and objects with `ignore` are never paired; unpaired detections that overlap one (IoU as in
 * `CocoEvaluator`) are not counted.
 *
 * @param images Objects and detections of each image.
 * @param options Classes and thresholds.
 * @throws DataError for a score or box that is not finite.
 */
export function detectionConfusion<L extends ClassLabel>(
  images: readonly DetectionImage<L>[],
  options: DetectionConfusionOptions<L>,
): ConfusionMatrix {
  expectOptions('detectionConfusion', options, ['classes', 'scoreThreshold', 'iouThreshold']);
  expectArguments(
    'detectionConfusion',
    { images, options },
    {
      images: [{ groundTruth: [{ box: 'box' }], predictions: [{ box: 'box' }] }],
      options: { classes: ['label'] },
    },
  );
  const { classes, scoreThreshold = 0.5, iouThreshold = 0.5 } = options;
  const matrix = new ConfusionMatrix(classes.length + 1);
  const background = classes.length;
  images.forEach((image, number) => {
    checkImage('detectionConfusion', number, image, 'bbox');
    const objects = image.groundTruth.filter(({ label }) => classes.includes(label));
    const truths = objects.filter(({ iscrowd, ignore }) => !iscrowd && !ignore);
    const ignored = objects.filter((object) => !truths.includes(object));
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
      (p, i) => !paired.has(i) && !ignored.some((g) => overlap(p.box, g.box, g.iscrowd) >= iouThreshold),
    );
    const predicted = truths.map((_, j) => {
      const i = takenBy.get(j);
      return i === undefined ? background : classes.indexOf(found[i]!.label);
    });
    // No class is -1, so nothing is ignored.
    matrix.add(
      [...predicted, ...wrong.map(({ label }) => classes.indexOf(label))],
      [...truths.map(({ label }) => classes.indexOf(label)), ...wrong.map(() => background)],
      { ignoreIndex: -1 },
    );
  });
  return matrix;
}
