import { ShapeError } from '../errors.ts';
import { add, affine, div, equal, greater, maximum, mul, sub } from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { mean, softmax, sum } from '../graph/functions/reduce.ts';
import { cast, oneHot } from '../graph/functions/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { formatShape } from '../shape.ts';

/** The class of pixels that count for nothing. */
export const IGNORE_LABEL = 255;

/** What segmenters learn from each pixel. */
export interface SegmentationLossConfig {
  /**
   * Adds the Dice loss to the cross-entropy: classes of few pixels then count as much as the background. Default false.
   */
  readonly dice?: boolean;
}

/** Height and width of images [N,H,W,3]; both must be multiples of `multiple`. Throws ShapeError that begins with `op`. */
export function checkImages(op: string, images: Tensor, multiple = 1): [height: number, width: number] {
  const [, H = 0, W = 0, C] = images.shape;
  if (images.shape.length !== 4 || C !== 3 || H % multiple !== 0 || W % multiple !== 0) {
    const sizes = multiple > 1 ? ` with H and W multiples of ${multiple}` : '';
    throw new ShapeError(`${op}: images ${formatShape(images.shape)} must be [N,H,W,3]${sizes}`);
  }
  return [H, W];
}

/**
 * The mean cross-entropy over pixels, and 1 - Dice where the configuration has it: 2 sum(p t) / (sum p + sum t) of the softmax
 * p and the one-hot target t over all pixels of the batch, the mean over the classes that occur in it (Milletari et al. 2016,
 * V-Net, §3, without the squares). logits: [N,H,W,C]; masks: i32 [N,H,W], 255 is ignored by both.
 */
export function segmentationLoss(
  logits: Tensor,
  masks: Tensor,
  { dice = false }: SegmentationLossConfig,
): Tensor {
  const entropy = crossEntropy(logits, masks, { ignoreIndex: IGNORE_LABEL });
  if (!dice) return entropy;
  const C = logits.shape.at(-1)!;
  const pixels = masks.reshape([masks.size]);
  const counted = sub(1, cast(equal(pixels, IGNORE_LABEL), 'f32')).reshape([masks.size, 1]);
  const p = mul(softmax(logits.reshape([masks.size, C])), counted);
  const t = oneHot(pixels, C);
  const truth = sum(t, { dim: 0 });
  const both = sum(mul(p, t), { dim: 0 });
  const score = div(affine(both, 2), maximum(add(sum(p, { dim: 0 }), truth), 1e-6));
  const present = cast(greater(truth, 0), 'f32');
  // Classes without a pixel in the batch have nothing to find.
  const lost = div(mean(mul(sub(1, score), present)), maximum(mean(present), 1e-6));
  return add(entropy, lost);
}
