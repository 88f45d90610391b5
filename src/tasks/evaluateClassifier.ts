import { expectArguments } from '../arguments.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import { DataError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { type ClassificationScores, classificationReport } from '../vision/metrics/classification.ts';
import { ConfusionMatrix } from '../vision/metrics/confusion.ts';
import type { ImageClassifier } from './classifier.ts';
import { TOP_K } from './metrics.ts';

/** An image that was evaluated. */
export interface ClassifiedImage {
  /** Its place among the samples, from 0. */
  readonly index: number;
  readonly sample: ClassSample;
  /** The probability of each class. */
  readonly probabilities: Float32Array;
}

/** Options of `evaluateClassifier`. */
export interface EvaluateClassifierOptions {
  /** Called after each image with what was found. The next image waits for it. */
  readonly onImage?: (image: ClassifiedImage) => void | Promise<void>;
}

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

/**
 * Computes accuracy, precision, recall and F1 of a classifier on labelled images. Of equal probabilities the first class is taken.
 *
 * @param classifier The classifier.
 * @param samples Labelled images: a list, or an iterable that reads one after another.
 * @param options A callback.
 * @throws DataError for no samples, and a label that the classifier does not have.
 */
export async function evaluateClassifier(
  classifier: ImageClassifier,
  samples: readonly ClassSample[] | AsyncIterable<ClassSample>,
  options: EvaluateClassifierOptions = {},
): Promise<ClassificationEvaluation> {
  const { onImage } = withDefaults('evaluateClassifier', options, { onImage: undefined });
  expectArguments(
    'evaluateClassifier',
    { classifier, samples },
    { classifier: { classNames: ['text'], probabilities: 'function' }, samples: 'object' },
  );
  const { classNames } = classifier;
  const confusion = new ConfusionMatrix(classNames.length);
  const losses = classNames.map(() => 0);
  let [count, among] = [0, 0];
  for await (const sample of samples) {
    expectArguments('evaluateClassifier', { sample }, { sample: { image: 'object', label: 'text' } });
    const target = classNames.indexOf(sample.label);
    if (target < 0) {
      throw new DataError(
        `evaluateClassifier: ${sample.name} has label "${sample.label}", the classes are ${classNames.join(', ')}; leave it out`,
      );
    }
    const probabilities = await classifier.probabilities(sample.image);
    const index = count++;
    await onImage?.({ index, sample, probabilities });
    const own = probabilities[target]!;
    const place = probabilities.reduce(
      (before, share, c) => before + Number(share > own || (share === own && c < target)),
      0,
    );
    if (place < TOP_K) among++;
    // No class is -1, so nothing is ignored.
    confusion.add([probabilities.indexOf(Math.max(...probabilities))], [target], { ignoreIndex: -1 });
    losses[target]! -= Math.log(Math.max(own, LEAST_PROBABILITY));
  }
  if (count === 0) throw new DataError('evaluateClassifier: there are no samples; give at least one');
  const { accuracy, macro, weighted, classes } = classificationReport(confusion, classNames);
  return {
    accuracy,
    top5: classNames.length > TOP_K ? among / count : undefined,
    loss: losses.reduce((a, b) => a + b, 0) / count,
    macro,
    weighted,
    perClass: classes.map(({ name: label, ...scores }, c) => ({
      label,
      ...scores,
      loss: losses[c]! / scores.support,
    })),
    confusion,
  };
}
