import { ShapeError, UsageError } from '../../errors.ts';
import {
  abs,
  add,
  affine,
  clamp,
  div,
  equal,
  greater,
  log,
  mul,
  neg,
  square,
  sub,
  where,
} from '../../graph/functions/elementwise.ts';
import { binaryCrossEntropyWithLogits, crossEntropy } from '../../graph/functions/losses.ts';
import { argmax, logSoftmax, mean, sum } from '../../graph/functions/reduce.ts';
import { cast, oneHot } from '../../graph/functions/shape.ts';
import type { Tensor } from '../../graph/tensor.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { numel } from '../../shape.ts';

/** Losses by Keras's names, in camelCase. */
export type KerasLossName =
  | 'categoricalCrossentropy'
  | 'sparseCategoricalCrossentropy'
  | 'binaryCrossentropy'
  | 'meanSquaredError'
  | 'mse'
  | 'meanAbsoluteError'
  | 'mae'
  | 'huber';

/** A loss with settings. */
export interface KerasLossOptions {
  readonly name: KerasLossName;
  /** Cross-entropies: whether predictions are logits, not probabilities. Default false. */
  readonly fromLogits?: boolean;
  /** Cross-entropies of given probabilities: the share of each target that is spread over all classes, 0 to 1. Default 0. */
  readonly labelSmoothing?: number;
  /** `huber`: the difference at which it becomes linear. Default 1. */
  readonly delta?: number;
}

/** Computes a loss or a metric of each sample, or of all: Keras's order, targets first. */
export type KerasFunction = (targets: Tensor, predictions: Tensor) => Tensor;

/** A loss: its name, its name and settings, or a function. */
export type KerasLoss = KerasLossName | KerasLossOptions | KerasFunction;

/** Metrics by Keras's names, in camelCase. `accuracy` is the one that fits the shapes, as in Keras. */
export type KerasMetricName =
  | 'accuracy'
  | 'binaryAccuracy'
  | 'categoricalAccuracy'
  | 'sparseCategoricalAccuracy'
  | 'meanSquaredError'
  | 'mse'
  | 'meanAbsoluteError'
  | 'mae';

/** A metric: its name, a function, which is called by its own name and less is better, or one with both said. */
export type KerasMetric =
  | KerasMetricName
  | KerasFunction
  | { readonly name: string; readonly fn: KerasFunction; readonly mode?: 'max' | 'min' };

/** Keras's epsilon: probabilities are clipped to it. */
const EPSILON = 1e-7;

/** Targets as numbers of the predictions' shape. */
function likePredictions(targets: Tensor, predictions: Tensor): Tensor {
  if (numel(targets.shape) !== numel(predictions.shape)) {
    throw new ShapeError(
      `KerasModel: targets [${targets.shape}] and predictions [${predictions.shape}]; give as many of both, or a sparse loss for class numbers`,
    );
  }
  const wide = targets.dtype === 'f32' ? targets : cast(targets, 'f32');
  return wide.reshape(predictions.shape);
}

/** Class numbers of the shape of predictions but for their last dimension. */
function classNumbers(targets: Tensor, predictions: Tensor): Tensor {
  const shape = predictions.shape.slice(0, -1);
  if (numel(targets.shape) !== numel(shape)) {
    throw new ShapeError(
      `KerasModel: class numbers [${targets.shape}] for predictions [${predictions.shape}]; give one number per row of predictions`,
    );
  }
  return (targets.dtype === 'i32' ? targets : cast(targets, 'i32')).reshape(shape);
}

const last = { dim: -1 } as const;

/** The cross-entropy of given and predicted probabilities, along the last dimension. */
const categorical = (targets: Tensor, predictions: Tensor, fromLogits: boolean): Tensor => {
  const logs = fromLogits
    ? logSoftmax(predictions)
    : log(clamp(div(predictions, sum(predictions, { dim: -1, keepdim: true })), EPSILON, 1 - EPSILON));
  return neg(sum(mul(targets, logs), last));
};

/** Losses of each sample and place: means over the last dimension. */
const LOSSES: Readonly<Record<KerasLossName, (options: Required<KerasLossOptions>) => KerasFunction>> = {
  categoricalCrossentropy:
    ({ fromLogits, labelSmoothing }) =>
    (targets, predictions) => {
      const wide = likePredictions(targets, predictions);
      const smooth = affine(wide, 1 - labelSmoothing, labelSmoothing / predictions.shape.at(-1)!);
      return categorical(smooth, predictions, fromLogits);
    },
  sparseCategoricalCrossentropy:
    ({ fromLogits }) =>
    (targets, predictions) => {
      const labels = classNumbers(targets, predictions);
      if (fromLogits) return crossEntropy(predictions, labels, { reduction: 'none' }).reshape(labels.shape);
      return categorical(oneHot(labels, predictions.shape.at(-1)!), predictions, false);
    },
  binaryCrossentropy:
    ({ fromLogits, labelSmoothing }) =>
    (targets, predictions) => {
      const wide = affine(likePredictions(targets, predictions), 1 - labelSmoothing, labelSmoothing / 2);
      if (fromLogits) {
        return mean(binaryCrossEntropyWithLogits(predictions, wide, { reduction: 'none' }), last);
      }
      const p = clamp(predictions, EPSILON, 1 - EPSILON);
      const own = add(mul(wide, log(p)), mul(affine(wide, -1, 1), log(affine(p, -1, 1))));
      return neg(mean(own, last));
    },
  meanSquaredError: () => (targets, predictions) =>
    mean(square(sub(likePredictions(targets, predictions), predictions)), last),
  mse: (options) => LOSSES.meanSquaredError(options),
  meanAbsoluteError: () => (targets, predictions) =>
    mean(abs(sub(likePredictions(targets, predictions), predictions)), last),
  mae: (options) => LOSSES.meanAbsoluteError(options),
  huber:
    ({ delta }) =>
    (targets, predictions) => {
      const distance = abs(sub(likePredictions(targets, predictions), predictions));
      const far = affine(distance, delta, (-delta * delta) / 2);
      return mean(where(greater(distance, delta), far, affine(square(distance), 0.5)), last);
    },
};

/** The function of a loss. Throws UsageError for one that is unknown. */
export function lossOf(loss: KerasLoss): KerasFunction {
  if (typeof loss === 'function') return loss;
  const given = typeof loss === 'string' ? { name: loss } : loss;
  const options = withDefaults('KerasModel.compile: loss', given, {
    name: given?.name,
    fromLogits: false,
    labelSmoothing: 0,
    delta: 1,
  });
  const { name, labelSmoothing, delta } = options;
  expectOneOf('KerasModel.compile', 'loss', name, Object.keys(LOSSES) as KerasLossName[]);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new UsageError(
      `KerasModel.compile: labelSmoothing is ${labelSmoothing}; give a number from 0 to 1`,
    );
  }
  if (!(delta > 0)) throw new UsageError(`KerasModel.compile: delta is ${delta}; give a number above 0`);
  return LOSSES[name](options);
}

const shareOf = (right: Tensor): Tensor => mean(cast(right, 'f32'));
const asF32 = (x: Tensor): Tensor => (x.dtype === 'f32' ? x : cast(x, 'f32'));

const sparseAccuracy: KerasFunction = (targets, predictions) => {
  const found = argmax(predictions, last);
  return shareOf(equal(asF32(found), asF32(classNumbers(targets, predictions).reshape(found.shape))));
};
const categoricalAccuracy: KerasFunction = (targets, predictions) =>
  shareOf(
    equal(asF32(argmax(predictions, last)), asF32(argmax(likePredictions(targets, predictions), last))),
  );
const binaryAccuracy: KerasFunction = (targets, predictions) =>
  shareOf(equal(likePredictions(targets, predictions), asF32(greater(predictions, 0.5))));

const error = (name: 'mse' | 'mae'): KerasFunction => {
  const loss = lossOf(name);
  return (targets, predictions) => mean(loss(targets, predictions));
};

const METRICS: Readonly<
  Record<KerasMetricName, { readonly fn: KerasFunction; readonly mode: 'max' | 'min' }>
> = {
  accuracy: {
    fn: (targets, predictions) => {
      if (predictions.shape.at(-1) === 1) return binaryAccuracy(targets, predictions);
      const isSparse = numel(targets.shape) < numel(predictions.shape);
      return (isSparse ? sparseAccuracy : categoricalAccuracy)(targets, predictions);
    },
    mode: 'max',
  },
  binaryAccuracy: { fn: binaryAccuracy, mode: 'max' },
  categoricalAccuracy: { fn: categoricalAccuracy, mode: 'max' },
  sparseCategoricalAccuracy: { fn: sparseAccuracy, mode: 'max' },
  meanSquaredError: { fn: error('mse'), mode: 'min' },
  mse: { fn: error('mse'), mode: 'min' },
  meanAbsoluteError: { fn: error('mae'), mode: 'min' },
  mae: { fn: error('mae'), mode: 'min' },
};

/** A metric's name in the logs, and how it is computed. */
export interface NamedMetric {
  readonly name: string;
  readonly fn: KerasFunction;
  readonly mode: 'max' | 'min';
}

/** The metrics by name. Throws UsageError for one that is unknown, and for a name that occurs twice. */
export function metricsOf(metrics: readonly KerasMetric[]): NamedMetric[] {
  if (!Array.isArray(metrics)) {
    throw new UsageError(
      `KerasModel.compile: metrics are ${String(metrics)}; give a list, such as ['accuracy']`,
    );
  }
  const named = metrics.map((metric: KerasMetric): NamedMetric => {
    if (typeof metric === 'function') return { name: metric.name || 'metric', fn: metric, mode: 'min' };
    if (typeof metric === 'object' && metric !== null) return { mode: 'min', ...metric };
    expectOneOf('KerasModel.compile', 'metrics', metric, Object.keys(METRICS) as KerasMetricName[]);
    return { name: metric, ...METRICS[metric] };
  });
  const twice = named.find(
    ({ name }, i) => name === 'loss' || named.some((one, k) => k < i && one.name === name),
  );
  if (twice)
    throw new UsageError(
      `KerasModel.compile: two values are called ${twice.name}; give a metric another name`,
    );
  return named;
}
