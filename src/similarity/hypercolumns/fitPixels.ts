import { expectArguments, GPU } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { grad } from '../../graph/backward.ts';
import { mul, relu, sub } from '../../graph/functions/elementwise.ts';
import { crossEntropy } from '../../graph/functions/losses.ts';
import { linear, softmax, sum } from '../../graph/functions/reduce.ts';
import { slice } from '../../graph/functions/shape.ts';
import { type Tensor, tensor } from '../../graph/tensor.ts';
import { expectCounts } from '../../nn/heeded.ts';
import type { Parameter } from '../../nn/module.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import type { Gpu } from '../../plan/gpu.ts';
import { numel } from '../../shape.ts';
import { minimize } from './lbfgs.ts';
import { PixelClassifier } from './pixelClassifier.ts';
import { drawPixels, type PixelRows, type PixelSample } from './pixelRows.ts';

/** Options of `fitPixelClassifier`: `numClasses` must be given. */
export interface FitPixelsOptions {
  /** The number of classes, labels 0 to numClasses - 1. */
  readonly numClasses: number;
  /** The width of a layer between columns and classes. Default 0: none, which is logistic regression. */
  readonly hiddenDim?: number;
  /** How many pixels of each image are learned from, drawn at random from those with a label or a score. Default 2000. */
  readonly pixels?: number;
  /** `balanced`: each class counts the same, as scikit-learn's. Default `none`. */
  readonly classWeight?: 'balanced' | 'none';
  /** The label that `scores` of samples are for. Default 1. */
  readonly scoreLabel?: number;
  /** The strength of the L2 penalty, alpha / 2 times the sum of the squares of the weights. Default 1e-4. */
  readonly alpha?: number;
  /** Steps of L-BFGS at most. Default 200. */
  readonly maxIter?: number;
  /** It ends where no derivative of the loss is larger, or where rounding in f32 lets none get smaller. Default 1e-5. */
  readonly tol?: number;
  /** Draws the pixels and, of a hidden layer, the initial weights. Default 0. */
  readonly seed?: number;
}

/** Bytes of columns that a program gets at a time. */
const BLOCK = 2 ** 23;

/**
 * Fits a classifier of pixels to hypercolumns with labels, scores or both. It minimizes, over the drawn pixels i with weights w, scores s
 * and probabilities p,
 *
 *     sum of w_i (-log p_i[label_i]) / sum of w - sum of s_i p_i[scoreLabel] / number of pixels with a score + alpha / 2 |W|²
 *
 * by L-BFGS over all of them, in blocks. Without a hidden layer and scores, this is scikit-learn's LogisticRegression with C = 1 / (alpha
 * sum of w) on standardised columns, which has one minimum; else a minimum near where `seed` starts. The same input gives the same bits.
 *
 * @param gpu Where it runs.
 * @param samples Images, by the same layers.
 * @param options The number of classes, and how it is fitted.
 * @throws UsageError for labels, weights and options that cannot be, and where no pixel has a label or score; ShapeError for maps of
 * another size, and for other layers.
 */
export async function fitPixelClassifier(
  gpu: Gpu,
  samples: readonly PixelSample[],
  options: FitPixelsOptions,
): Promise<PixelClassifier> {
  const call = 'fitPixelClassifier';
  expectArguments(call, { gpu }, { gpu: GPU });
  const { numClasses, hiddenDim, pixels, classWeight, scoreLabel, alpha, maxIter, tol, seed } = withDefaults(
    call,
    options,
    {
      numClasses: options?.numClasses,
      hiddenDim: 0,
      pixels: 2000,
      classWeight: 'none',
      scoreLabel: 1,
      alpha: 1e-4,
      maxIter: 200,
      tol: 1e-5,
      seed: 0,
    },
  );
  expectCounts(call, { numClasses, pixels, maxIter }, UsageError);
  expectOneOf(call, 'classWeight', classWeight, ['balanced', 'none']);
  for (const [name, value] of Object.entries({ alpha, tol })) {
    if (value >= 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`${call}: ${name} is ${value}; give a number of at least 0`);
  }
  if (!(Number.isInteger(scoreLabel) && scoreLabel >= 0 && scoreLabel < numClasses)) {
    throw new UsageError(`${call}: scoreLabel is ${scoreLabel}; give 0 to ${numClasses - 1}`);
  }
  const rows = drawPixels(call, samples, { numClasses, pixels, seed });
  const channels = samples[0]!.columns.maps.map((map) => map.channels);
  const classifier = new PixelClassifier({ channels, numClasses, hiddenDim, seed });
  standardise(classifier, rows);
  if (classWeight === 'balanced') balance(rows, numClasses);
  share(rows);
  const layers = [classifier.hidden, classifier.out].filter((layer) => layer !== undefined);
  const parameters = layers.flatMap(({ weight, bias }) => [weight, bias!]);
  const penalised = new Set<Parameter>(layers.map(({ weight }) => weight));
  const initial = await gpu.read(...parameters.map((parameter) => parameter.tensor));
  const start = Float64Array.from(initial.flatMap((values) => [...values]));
  // Without a hidden layer one start is as good as another, and none should be seen in the result.
  if (hiddenDim === 0) start.fill(0);
  const loss = blockLoss(gpu, rows, parameters, { scoreLabel });
  try {
    const { x } = await minimize(
      async (at) => {
        const { value, gradient } = await loss.at(at);
        let penalty = 0;
        for (const [parameter, place, size] of placesOf(parameters)) {
          if (!penalised.has(parameter)) continue;
          for (let i = place; i < place + size; i++) {
            penalty += at[i]! ** 2;
            gradient[i]! += alpha * at[i]!;
          }
        }
        return { value: value + (alpha / 2) * penalty, gradient };
      },
      start,
      { maxIter, tol },
    );
    for (const [parameter, place, size] of placesOf(parameters)) {
      parameter.state.set(Float32Array.from(x.subarray(place, place + size)));
    }
  } finally {
    loss.dispose();
  }
  return classifier.eval();
}

/** Each parameter with its place and size in a list of all numbers. */
function placesOf(parameters: readonly Parameter[]): [parameter: Parameter, place: number, size: number][] {
  let end = 0;
  return parameters.map((parameter) => {
    const size = numel(parameter.state.spec.shape);
    end += size;
    return [parameter, end - size, size];
  });
}

/** Gives the rows mean 0 and deviation 1 in each column, and the classifier what that takes. Columns that do not vary become 0. */
function standardise(classifier: PixelClassifier, { rows, columns }: PixelRows): void {
  const C = columns.length / rows;
  const [mean, std] = [new Float32Array(C), new Float32Array(C)];
  for (let c = 0; c < C; c++) {
    let [total, squares] = [0, 0];
    for (let i = c; i < columns.length; i += C) total += columns[i]!;
    mean[c] = total / rows;
    for (let i = c; i < columns.length; i += C) squares += (columns[i]! - mean[c]!) ** 2;
    std[c] = Math.sqrt(squares / rows) || 1;
    for (let i = c; i < columns.length; i += C) columns[i] = (columns[i]! - mean[c]!) / std[c]!;
  }
  classifier.mean.state.set(mean);
  classifier.std.state.set(std);
}

/** Weighs classes by rows / (classes count) (scikit-learn's `balanced`), in which rows count by their weights. */
function balance({ labels, weights }: PixelRows, numClasses: number): void {
  const counts = new Float64Array(numClasses);
  for (const [i, label] of labels.entries()) counts[label]! += weights[i]!;
  const total = counts.reduce((a, b) => a + b, 0);
  const present = counts.filter((count) => count > 0).length;
  for (const [i, label] of labels.entries())
    if (weights[i]! > 0) weights[i]! *= total / (present * counts[label]!);
}

/** Divides weights by their sum, and scores by their number: what is left to do is to add up. */
function share({ weights, scores }: PixelRows): void {
  const total = weights.reduce((a, b) => a + b, 0) || 1;
  const scored = scores.reduce((count, score) => count + Number(score !== 0), 0) || 1;
  for (let i = 0; i < weights.length; i++) {
    weights[i]! /= total;
    scores[i]! /= scored;
  }
}

/** The loss of all rows and its gradient, block by block. */
function blockLoss(
  gpu: Gpu,
  { rows, columns, labels, weights, scores }: PixelRows,
  parameters: readonly Parameter[],
  { scoreLabel }: { readonly scoreLabel: number },
) {
  const C = columns.length / rows;
  const size = Math.min(rows, Math.max(1, Math.floor(BLOCK / (4 * C))));
  // Rows beyond the end have neither a weight nor a score: all blocks are of one size, and so of one program.
  const padded = <T extends Float32Array | Int32Array>(values: T, width: number, start: number): T => {
    const part = values.subarray(start * width, (start + size) * width) as T;
    if (part.length === size * width) return part;
    const whole = new (values.constructor as new (length: number) => T)(size * width);
    whole.set(part);
    return whole;
  };
  const isScored = scores.some((score) => score !== 0);
  const step = gpu.capture((x: Tensor, y: Tensor, w: Tensor, s: Tensor, ...theta: Tensor[]) => {
    const first = linear(x, theta[0]!, theta[1]!);
    const logits = theta.length > 2 ? linear(relu(first), theta[2]!, theta[3]!) : first;
    const entropies = mul(crossEntropy(logits, y, { reduction: 'none' }), w);
    const chosen = () => slice(softmax(logits), [[], [scoreLabel, scoreLabel + 1]]).reshape([size]);
    const losses = isScored ? sub(entropies, mul(chosen(), s)) : entropies;
    const gradients = grad(sum(losses), theta);
    // The sum of the losses is taken in float64: steps near the minimum are seen in its last digits.
    return { losses, ...Object.fromEntries(gradients.map((gradient, i) => [`gradient${i}`, gradient])) };
  });
  const at = async (x: Float64Array) => {
    const gradient = new Float64Array(x.length);
    let value = 0;
    const places = placesOf(parameters);
    const theta = places.map(([{ state }, place, count]) =>
      tensor(Float32Array.from(x.subarray(place, place + count)), state.spec.shape, { requiresGrad: true }),
    );
    for (let start = 0; start < rows; start += size) {
      const run: Readonly<Record<string, { data(): Promise<ArrayLike<number>> }>> = await step(
        tensor(padded(columns, C, start), [size, C]),
        tensor(padded(labels, 1, start), [size]),
        tensor(padded(weights, 1, start), [size]),
        tensor(padded(scores, 1, start), [size]),
        ...theta,
      );
      const [losses, ...parts] = await Promise.all(
        ['losses', ...places.map((_, i) => `gradient${i}`)].map((name) => run[name]!.data()),
      );
      for (let i = 0; i < size; i++) value += losses![i]!;
      for (const [i, [, place, count]] of places.entries()) {
        for (let k = 0; k < count; k++) gradient[place + k]! += parts[i]![k]!;
      }
    }
    return { value, gradient };
  };
  return { at, dispose: () => step.dispose() };
}
