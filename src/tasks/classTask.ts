import { expectArguments } from '../arguments.ts';
import type { ClassSample } from '../data/classify/sample.ts';
import type { Collate } from '../data/loader.ts';
import { UsageError } from '../errors.ts';
import { affine, mul } from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { logSoftmax, sum } from '../graph/functions/reduce.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { expectOptions } from '../options.ts';
import { type ClassTensors, preparedCollate } from './classLoader.ts';
import { checkClassWeights } from './classWeights.ts';
import { accuracy, TOP_K } from './metrics.ts';
import type { Preprocessing } from './preprocessing.ts';
import type { ClassificationModel } from './step.ts';
import type { Task, TensorsOf } from './task.ts';

/** Options of the loss of classifiers. */
export interface ClassLossOptions {
  /** The share of each target that is spread over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** The weight of each class in the loss, such as `balancedClassWeights`. Default: 1 each. */
  readonly classWeights?: readonly number[];
}

/** Options of `classifyTask`. */
export interface ClassTaskOptions extends ClassLossOptions {
  /** The classes, in the order of their labels. */
  readonly classNames: readonly string[];
  /** How images are prepared for validation. */
  readonly preprocessing: Preprocessing;
}

/**
 * Computes weights of classes by which rare ones count as much as frequent ones: `images / (classes * images of the class)`, as
 * scikit-learn's `class_weight='balanced'`. A class without images has weight 1.
 *
 * @param samples The training data.
 * @param classNames The classes, in the order of their labels.
 * @returns The weight of each class.
 */
export function balancedClassWeights(
  samples: readonly Pick<ClassSample, 'label'>[],
  classNames: readonly string[],
): number[] {
  expectArguments(
    'balancedClassWeights',
    { samples, classNames },
    { samples: [{ label: 'text' }], classNames: ['text'] },
  );
  const counts = new Map<string, number>();
  for (const { label } of samples) counts.set(label, (counts.get(label) ?? 0) + 1);
  const present = classNames.filter((name) => counts.has(name));
  const known = present.reduce((total, name) => total + counts.get(name)!, 0);
  return classNames.map((name) => (counts.has(name) ? known / (present.length * counts.get(name)!) : 1));
}

/**
 * Computes the loss of a classifier, `classification`: PyTorch's cross entropy with label smoothing and class weights. Batches with `targets` use the
 * form for class probabilities, averaged over the images.
 */
export function classificationLosses(
  model: ClassificationModel,
  { images, labels, targets }: TensorsOf<ClassTensors>,
  { labelSmoothing = 0, classWeights }: ClassLossOptions = {},
): Readonly<Record<string, Tensor>> {
  const logits = model.forward(images);
  const weight = classWeights && tensor([...classWeights]);
  if (!targets) {
    const options = { labelSmoothing, ...(weight ? { weight } : {}) };
    return { classification: crossEntropy(logits, labels, options) };
  }
  const [N = 1, K = 1] = logits.shape;
  const smooth = labelSmoothing > 0 ? affine(targets, 1 - labelSmoothing, labelSmoothing / K) : targets;
  const weighted = weight ? mul(smooth, weight) : smooth;
  return { classification: affine(sum(mul(weighted, logSoftmax(logits))), -1 / N) };
}

/** The task that `classifyTask` returns, with the collate function for validation. */
export interface ClassTask extends Task<ClassSample, ClassificationModel, ClassTensors> {
  readonly collateValid: Collate<ClassSample, ClassTensors>;
}

/**
 * Classification of whole images: cross entropy on the batches of a `ClassLoader`. Validation on prepared images computes `accuracy` and, for more
 * than five classes, `top5`: the share of images whose class is among the five most probable ones.
 *
 * @param options The classes, how images are prepared, and the loss.
 * @throws UsageError for options that cannot be used.
 */
export function classifyTask(options: ClassTaskOptions): ClassTask {
  expectOptions('classifyTask', options, ['classNames', 'preprocessing', 'labelSmoothing', 'classWeights']);
  expectArguments(
    'classifyTask',
    { options },
    { options: { classNames: ['text'], preprocessing: 'object' } },
  );
  const { classNames, preprocessing } = options;
  checkClassLoss('classifyTask', classNames, options);
  return {
    collateValid: preparedCollate(preprocessing, classNames),
    losses: (model, batch) => classificationLosses(model, batch, options),
    predict: (model, { images }) => ({ logits: model.forward(images) }),
    metrics: () => ({
      accuracy: accuracy(),
      ...(classNames.length > TOP_K ? { top5: accuracy({ topK: TOP_K }) } : {}),
    }),
    nameOf: ({ name }) => name,
  };
}

/** Throws UsageError for options of the loss that cannot be used. */
export function checkClassLoss(
  call: string,
  classNames: readonly string[],
  { labelSmoothing = 0, classWeights }: ClassLossOptions,
): void {
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new UsageError(`${call}: labelSmoothing is ${labelSmoothing}; give a number from 0 to 1`);
  }
  if (classWeights) checkClassWeights(call, classNames, classWeights);
}
