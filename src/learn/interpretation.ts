import { expectArguments, shownValue } from '../arguments.ts';
import { type Batch, DataLoader, type HostTensor, type Loader } from '../data/loader.ts';
import { ShapeError, UsageError } from '../errors.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import { arrayOf } from '../tasks/metrics.ts';
import { type ClassificationReport, classificationReport } from '../vision/metrics/classification.ts';
import { ConfusionMatrix } from '../vision/metrics/confusion.ts';
import { Learner } from './learner.ts';
import { predicted } from './predicted.ts';

/** Options of `Interpretation.of`. */
export interface InterpretationOptions<Item, B extends Batch> {
  /** What is predicted. Default: the Learner's `valid`. */
  readonly loader?: Loader<Item, B>;
  /** The names of the classes. Default: their numbers. */
  readonly classNames?: readonly string[];
  /** What `Task.predict` calls the scores before softmax, [N, K]. Default `logits`. */
  readonly prediction?: string;
  /** What the batch calls the classes, [N]. Default `labels`. Items with a negative one are left out. */
  readonly target?: string;
}

/** One item as a classifier saw it. */
export interface InterpretedItem<Item> {
  readonly item: Item;
  /** Its number among all that were predicted. */
  readonly index: number;
  /** The number of its class. */
  readonly target: number;
  /** The number of the class with the highest score; of equal ones, the first. */
  readonly predicted: number;
  /** The share of the predicted class, 0..1: its softmax. */
  readonly probability: number;
  /** The cross-entropy: minus the logarithm of the share of the target. */
  readonly loss: number;
}

/** Two classes, of which one was taken for the other. */
export interface Confused {
  readonly target: string;
  readonly predicted: string;
  readonly count: number;
}

/** What a classifier made of each item of a set (fastai's ClassificationInterpretation). */
export class Interpretation<Item> {
  /** The items, in the order of the loader. */
  readonly items: readonly InterpretedItem<Item>[];
  readonly classNames: readonly string[];

  private constructor(items: readonly InterpretedItem<Item>[], classNames: readonly string[]) {
    this.items = items;
    this.classNames = classNames;
  }

  /**
   * Predicts each item of a loader, in evaluation mode. The modes of the modules are as before afterwards.
   *
   * @param learner The Learner, whose task predicts the scores of classes.
   * @param options What is predicted, and what its arrays are called.
   * @throws UsageError without a loader or without such arrays, ShapeError for scores that do not fit the labels or the names.
   */
  static async of<Item, M extends Module, B extends Batch>(
    learner: Learner<Item, M, B>,
    options: InterpretationOptions<Item, B> = {},
  ): Promise<Interpretation<Item>> {
    if (!(learner instanceof Learner)) {
      throw new UsageError(`Interpretation: learner is ${shownValue(learner)}; give a Learner`);
    }
    const { loader, classNames, prediction, target } = withDefaults('Interpretation', options, {
      loader: learner.valid,
      classNames: undefined,
      prediction: 'logits',
      target: 'labels',
    });
    if (!loader) throw new UsageError('Interpretation: there is nothing to predict; give loader');
    // A loader may fill its last batch up with items that it has given before.
    const limit = loader instanceof DataLoader ? loader.dataset.length : Number.POSITIVE_INFINITY;
    const found: InterpretedItem<Item>[] = [];
    let classes = classNames?.length ?? 0;
    let index = 0;
    for await (const { batch, items, predictions } of predicted(learner, loader)) {
      const scores = arrayOf('Interpretation', predictions, prediction, 'what is predicted');
      const labels = arrayOf('Interpretation', batch, target, 'the batch');
      classes = expectScores(scores, labels, items.length, classes);
      for (const [row, item] of items.entries()) {
        if (index === limit) break;
        const label = labels.data[row]!;
        const own = scores.data.subarray(row * classes, (row + 1) * classes);
        if (label >= 0) found.push(interpreted(item, index, label, own));
        index++;
      }
    }
    return new Interpretation(found, classNames ?? Array.from({ length: classes }, (_, c) => String(c)));
  }

  /** How often each class was predicted as each other: counts [target, predicted]. */
  confusionMatrix(): ConfusionMatrix {
    const matrix = new ConfusionMatrix(this.classNames.length);
    matrix.add(
      this.items.map(({ predicted }) => predicted),
      this.items.map(({ target }) => target),
      // No class is -1, so nothing is ignored.
      { ignoreIndex: -1 },
    );
    return matrix;
  }

  /**
   * The pairs of classes of which one was taken for the other, the most frequent first.
   *
   * @param minCount Leaves out pairs that were confused less often. Default 1.
   */
  mostConfused(minCount = 1): Confused[] {
    expectArguments('mostConfused', { minCount }, { minCount: 'number' });
    const { counts, numClasses } = this.confusionMatrix();
    return [...counts]
      .map((count, i) => ({ row: Math.floor(i / numClasses), column: i % numClasses, count }))
      .filter(({ row, column, count }) => row !== column && count > 0 && count >= minCount)
      .sort((a, b) => b.count - a.count)
      .map(({ row, column, count }) => ({
        target: this.classNames[row]!,
        predicted: this.classNames[column]!,
        count,
      }));
  }

  /**
   * The items with the highest losses, the highest first: what the model is most wrong about, or what is labelled wrong.
   *
   * @param k How many. Default: all.
   */
  topLosses(k = this.items.length): InterpretedItem<Item>[] {
    if (!Number.isSafeInteger(k) || k < 0) {
      throw new UsageError(`topLosses: k is ${k}; give a whole number of at least 0`);
    }
    return this.items.toSorted((a, b) => b.loss - a.loss).slice(0, k);
  }

  /** Precision, recall and F1 of each class, and their means, as scikit-learn's `classification_report`. */
  report(): ClassificationReport {
    return classificationReport(this.confusionMatrix(), this.classNames);
  }
}

/** The number of classes. Throws ShapeError where scores, labels, items and names do not fit. */
function expectScores(scores: HostTensor, labels: HostTensor, items: number, known: number): number {
  const [rows, classes = 0] = scores.shape;
  const isMatrix = scores.shape.length === 2 && classes > 1;
  if (!isMatrix || rows !== items || labels.data.length !== items || (known > 0 && classes !== known)) {
    throw new ShapeError(
      `Interpretation: scores [${scores.shape}] and labels [${labels.shape}] of ${items} items${known > 0 ? ` and ${known} classes` : ''}; give one row of scores per item, one score per class, and one label per item`,
    );
  }
  const wrong = labels.data.find((label) => label >= classes || !Number.isInteger(label));
  if (wrong === undefined) return classes;
  throw new ShapeError(`Interpretation: label ${wrong} with ${classes} scores; give labels below ${classes}`);
}

function interpreted<Item>(
  item: Item,
  index: number,
  target: number,
  scores: ArrayLike<number>,
): InterpretedItem<Item> {
  const highest = Math.max(...Array.from(scores));
  const best = Array.from(scores).indexOf(highest);
  let sum = 0;
  for (let c = 0; c < scores.length; c++) sum += Math.exp(scores[c]! - highest);
  return {
    item,
    index,
    target,
    predicted: best,
    probability: 1 / sum,
    loss: Math.log(sum) + highest - scores[target]!,
  };
}
