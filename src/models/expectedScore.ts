import { ShapeError, UsageError } from '../errors.ts';
import { mul } from '../graph/functions/elementwise.ts';
import { mean, softmax } from '../graph/functions/reduce.ts';
import { slice } from '../graph/functions/shape.ts';
import { expectTensors, type Tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import { expectDType, formatShape, sameShape } from '../shape.ts';

/** Options of `expectedScore`. */
export interface ExpectedScoreOptions {
  /** The class that the scores are for. Default 1. */
  readonly label?: number;
}

/**
 * The mean over pixels of score times the probability of a class: what a segmenter earns by a map of what it is worth to call each pixel
 * that class. It is to be maximised: `backward(affine(expectedScore(model.forward(images), scores), -1))`. Negative scores say what must not
 * be called so; a pixel of score 0 is free. Where labels are known but not all matter the same, `pixelWeights` of `losses` weighs them.
 *
 * @param logits [N,H,W,numClasses], as a segmenter's `forward` gives them.
 * @param scores f32 [N,H,W], of any sign.
 * @param options The class.
 * @throws ShapeError for scores of another shape; UsageError for a class that there is not.
 */
export function expectedScore(logits: Tensor, scores: Tensor, options: ExpectedScoreOptions = {}): Tensor {
  const call = 'expectedScore';
  expectTensors(call, { logits, scores });
  expectDType(call, 'logits', logits, 'f32', 'f16');
  expectDType(call, 'scores', scores, 'f32', 'f16');
  const { label } = withDefaults(call, options, { label: 1 });
  const K = logits.shape.at(-1) ?? 0;
  if (logits.shape.length < 2 || !sameShape(logits.shape.slice(0, -1), scores.shape)) {
    throw new ShapeError(
      `${call}: scores ${formatShape(scores.shape)} must be [N,H,W] of logits ${formatShape(logits.shape)}, [N,H,W,numClasses]`,
    );
  }
  if (!(Number.isInteger(label) && label >= 0 && label < K)) {
    throw new UsageError(`${call}: label is ${label}; give 0 to ${K - 1}`);
  }
  const p = softmax(logits.reshape([scores.size, K]));
  return mean(mul(slice(p, [[], [label, label + 1]]).reshape(scores.shape), scores));
}
