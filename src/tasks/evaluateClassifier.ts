import { expectArguments } from '../arguments.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import { DataError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import {
  type ClassificationEvaluation,
  ClassificationEvaluator,
  classOf,
} from './classificationEvaluator.ts';
import type { ImageClassifier } from './classifier.ts';

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
  const evaluator = new ClassificationEvaluator({ classNames });
  let index = 0;
  for await (const sample of samples) {
    expectArguments('evaluateClassifier', { sample }, { sample: { image: 'object', label: 'text' } });
    // Before anything is computed.
    classOf('evaluateClassifier', sample, classNames);
    const probabilities = await classifier.probabilities(sample.image);
    await onImage?.({ index, sample, probabilities });
    evaluator.add(sample, probabilities);
    index++;
  }
  if (index === 0) throw new DataError('evaluateClassifier: there are no samples; give at least one');
  return evaluator.result();
}
