import type { Batch, HostTensor } from '../data/loader.ts';
import { ShapeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { Metric } from './task.ts';

/** Finds two arrays of a batch that a metric compares. */
export interface MetricNames {
  /** The name of the predictions in what `Task.predict` returns. Default `logits`. */
  readonly prediction?: string;
  /** The name of the targets in the batch. Default `labels`. */
  readonly target?: string;
}

/** An array of a batch, by its name. Throws UsageError where there is none. */
export function arrayOf(metric: string, arrays: Batch, name: string, where: string): HostTensor {
  const found = arrays[name];
  if (found) return found;
  throw new UsageError(
    `${metric}: ${where} has no ${name}, but ${Object.keys(arrays).join(', ') || 'nothing'}`,
  );
}

/** A mean over the rows of all batches. */
abstract class RowMean implements Metric {
  abstract readonly mode: 'max' | 'min';
  readonly #names: Required<MetricNames>;
  readonly #call: string;
  #sum = 0;
  #count = 0;

  constructor(call: string, { prediction, target }: Required<MetricNames>) {
    this.#call = call;
    this.#names = { prediction, target };
  }

  add(predictions: Batch, batch: Batch): void {
    const prediction = arrayOf(this.#call, predictions, this.#names.prediction, 'what is predicted');
    const target = arrayOf(this.#call, batch, this.#names.target, 'the batch');
    const { sum, count } = this.compare(prediction, target);
    this.#sum += sum;
    this.#count += count;
  }

  protected abstract compare(prediction: HostTensor, target: HostTensor): { sum: number; count: number };

  value(): number {
    return this.#sum / this.#count;
  }
}

/** The k of the top-k accuracy of classifiers (ImageNet's). It is reported only of more classes than this: of fewer it is always 1. */
export const TOP_K = 5;

/** Options of `accuracy`. */
export interface AccuracyOptions extends MetricNames {
  /** A prediction is right if the label is among the `topK` classes with the highest scores. Default 1. */
  readonly topK?: number;
}

/**
 * The share of rows whose label has the highest score, 0..1. Predictions [N, K], labels [N]: classes from 0; negative labels are not counted.
 * Of equal scores the first counts as the higher one.
 */
export function accuracy(options: AccuracyOptions = {}): Metric {
  const { topK, prediction, target } = withDefaults('accuracy', options, {
    topK: 1,
    prediction: 'logits',
    target: 'labels',
  });
  if (!Number.isSafeInteger(topK) || topK < 1) {
    throw new UsageError(`accuracy: topK is ${topK}; give a whole number of at least 1`);
  }
  return new (class Accuracy extends RowMean {
    readonly mode = 'max';
    protected compare({ data, shape }: HostTensor, { data: labels }: HostTensor) {
      const classes = shape.at(-1)!;
      if (labels.length * classes !== data.length) {
        throw new ShapeError(
          `accuracy: scores [${shape}] and ${labels.length} labels; give one row of scores per label`,
        );
      }
      let [sum, count] = [0, 0];
      for (let n = 0; n < labels.length; n++) {
        const label = labels[n]!;
        if (label < 0) continue;
        count++;
        let above = 0;
        const own = data[n * classes + label]!;
        for (let k = 0; k < classes; k++) {
          const score = data[n * classes + k]!;
          if (score > own || (score === own && k < label)) above++;
        }
        if (above < topK) sum++;
      }
      return { sum, count };
    }
  })('accuracy', { prediction, target });
}

const elementwise = (call: string, names: MetricNames, distance: (difference: number) => number): Metric =>
  new (class ElementMean extends RowMean {
    readonly mode = 'min';
    protected compare(given: HostTensor, wanted: HostTensor) {
      if (given.data.length !== wanted.data.length) {
        throw new ShapeError(
          `${call}: predictions [${given.shape}] and targets [${wanted.shape}]; give the same shape`,
        );
      }
      let sum = 0;
      for (let i = 0; i < given.data.length; i++) sum += distance(given.data[i]! - wanted.data[i]!);
      return { sum, count: given.data.length };
    }
  })(call, withDefaults(call, names, { prediction: 'predictions', target: 'targets' }));

/** The mean of |prediction - target| over all elements. Default names: `predictions` and `targets`. */
export const meanAbsoluteError = (names: MetricNames = {}): Metric =>
  elementwise('meanAbsoluteError', names, Math.abs);

/** The mean of (prediction - target)^2 over all elements. Default names: `predictions` and `targets`. */
export const meanSquaredError = (names: MetricNames = {}): Metric =>
  elementwise('meanSquaredError', names, (difference) => difference * difference);
