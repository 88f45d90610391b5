import { expectArguments } from '../arguments.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import { DataError, ShapeError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { type ClassificationScores, classificationReport } from '../vision/metrics/classification.ts';
import { ConfusionMatrix } from '../vision/metrics/confusion.ts';
import { TOP_K } from './metrics.ts';

/** What `evaluateClassifier` returns. */
export interface ClassificationEvaluation {
  /** The share of the images whose class is the most probable one, 0..1. */
  readonly accuracy: number;
  /** The share of the images whose class is among the five most probable ones; undefined of five classes or fewer. */
  readonly top5: number | undefined;
  /** The mean cross entropy. */
  readonly loss: number;
  /** Means of precision, recall and F1 over the classes that occur, as scikit-learn's `macro avg`. */
  readonly macro: ClassificationScores;
  /** Means in which each class counts as often as it occurs, as scikit-learn's `weighted avg`. */
  readonly weighted: ClassificationScores;
  /** Precision, recall, F1, number of images and mean cross entropy of each class; NaN for a class that does not occur. */
  readonly perClass: readonly (ClassificationScores & { readonly label: string; readonly loss: number })[];
  /** How often each class was predicted as each other: counts [target, predicted]. */
  readonly confusion: ConfusionMatrix;
}

/** The smallest probability that the cross entropy is computed of: that of a float. */
const LEAST_PROBABILITY = 2 ** -149;

/** The number of the class of a sample. Throws DataError for a label that there is not. */
export function classOf(
  call: string,
  { name, label }: Pick<ClassSample, 'name' | 'label'>,
  classNames: readonly string[],
): number {
  const target = classNames.indexOf(label);
  if (target >= 0) return target;
  throw new DataError(
    `${call}: ${name} has label "${label}", the classes are ${classNames.join(', ')}; leave it out`,
  );
}

/** What `ClassificationEvaluator` needs to know. */
export interface ClassificationEvaluatorOptions {
  /** The classes. */
  readonly classNames: readonly string[];
}

/**
 * Evaluates probabilities of classes that were computed elsewhere, as in other processes or by another framework: `evaluateClassifier` without the
 * classifier. The same probabilities in the same order give the same numbers.
 */
export class ClassificationEvaluator {
  readonly #classes: readonly string[];
  readonly #confusion: ConfusionMatrix;
  readonly #losses: number[];
  #count = 0;
  #among = 0;

  /**
   * @param options The classes.
   * @throws UsageError for options that cannot be.
   */
  constructor(options: ClassificationEvaluatorOptions) {
    const call = 'ClassificationEvaluator';
    const { classNames } = withDefaults(call, options, { classNames: undefined as never });
    expectArguments(call, { options }, { options: { classNames: ['text'] } });
    this.#classes = classNames;
    this.#confusion = new ConfusionMatrix(classNames.length);
    this.#losses = classNames.map(() => 0);
  }

  /**
   * Adds an image.
   *
   * @param sample Its name and its class.
   * @param probabilities The probability of each class.
   * @throws DataError for a label that is no class, ShapeError for another number of probabilities than classes.
   */
  add(sample: Pick<ClassSample, 'name' | 'label'>, probabilities: ArrayLike<number>): void {
    const call = 'ClassificationEvaluator.add';
    expectArguments(call, { sample, probabilities }, { sample: { label: 'text' }, probabilities: 'object' });
    const [classes, shares] = [this.#classes, Array.from(probabilities)];
    const target = classOf(call, sample, classes);
    if (shares.length !== classes.length) {
      throw new ShapeError(
        `${call}: ${sample.name} has ${shares.length} probabilities, and there are ${classes.length} classes; give one for each`,
      );
    }
    this.#count++;
    const own = shares[target]!;
    const place = shares.reduce(
      (before, share, c) => before + Number(share > own || (share === own && c < target)),
      0,
    );
    if (place < TOP_K) this.#among++;
    // No class is -1, so nothing is ignored.
    this.#confusion.add([shares.indexOf(Math.max(...shares))], [target], { ignoreIndex: -1 });
    this.#losses[target]! -= Math.log(Math.max(own, LEAST_PROBABILITY));
  }

  /** The metrics of all images that were added. Throws DataError where there is none. */
  result(): ClassificationEvaluation {
    const [classes, losses, count] = [this.#classes, this.#losses, this.#count];
    if (count === 0) throw new DataError('ClassificationEvaluator: there are no samples; give at least one');
    const report = classificationReport(this.#confusion, classes);
    const { accuracy, macro, weighted } = report;
    return {
      accuracy,
      top5: classes.length > TOP_K ? this.#among / count : undefined,
      loss: losses.reduce((a, b) => a + b, 0) / count,
      macro,
      weighted,
      perClass: report.classes.map(({ name: label, ...scores }, c) => ({
        label,
        ...scores,
        loss: losses[c]! / scores.support,
      })),
      confusion: this.#confusion,
    };
  }
}
