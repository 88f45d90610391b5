import { ShapeError } from '../errors.ts';
import { interpolate } from '../graph/functions/conv.ts';
import { add, affine, div, equal, greater, maximum, mul, sub } from '../graph/functions/elementwise.ts';
import { crossEntropy } from '../graph/functions/losses.ts';
import { mean, softmax, sum } from '../graph/functions/reduce.ts';
import { cast, oneHot } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { formatShape, sameShape } from '../shape.ts';

/** The label of pixels that losses ignore. */
export const IGNORE_LABEL = 255;

/** The loss of a segmenter. */
export interface SegmentationLossConfig {
  /**
   * Whether the Dice loss is added to the cross-entropy: classes with few pixels then count as much as the background. Default
   * false.
   */
  readonly dice?: boolean;
}

/** Options of the `losses` of a segmenter. */
export interface SegmentationLossOptions {
  /**
   * The weight of each class in the cross-entropy, of which the mean is then by weight, as PyTorch's; the Dice loss has none. Default: all
   * count the same.
   */
  readonly classWeights?: readonly number[] | undefined;
  /**
   * f32 [N,H,W]: how much each pixel counts in the cross-entropy, of which the mean is then by weight: a map that says where it matters to be
   * right. 0 or more; the Dice loss has none. Default: all count the same.
   */
  readonly pixelWeights?: Tensor | undefined;
}

/** The logits of a segmenter's classifiers. */
export interface SegmentationOutputs {
  /** [N,H,W,numClasses]. */
  readonly out: Tensor;
  /** The same of the auxiliary classifier, where there is one. */
  readonly aux?: Tensor;
}

/** A map [N,h,w,C] resized bilinearly. */
export const enlarge = (x: Tensor, size: readonly [number, number]): Tensor =>
  interpolate(x, { size: [...size], mode: 'bilinear' });

/** Logits with those of the auxiliary classifier where there are any, of the size of the images. */
export const enlargedOutputs = (
  out: Tensor,
  aux: Tensor | undefined,
  size: readonly [number, number],
): SegmentationOutputs =>
  aux ? { out: enlarge(out, size), aux: enlarge(aux, size) } : { out: enlarge(out, size) };

/** Height and width of images [N,H,W,3]. Throws ShapeError, which begins with `op`, unless both are multiples of `multiple`. */
export function checkImages(op: string, images: Tensor, multiple = 1): [height: number, width: number] {
  const [, H = 0, W = 0, C] = images.shape;
  if (images.shape.length !== 4 || C !== 3 || H % multiple !== 0 || W % multiple !== 0) {
    const sizes = multiple > 1 ? ` with H and W multiples of ${multiple}` : '';
    throw new ShapeError(`${op}: images ${formatShape(images.shape)} must be [N,H,W,3]${sizes}`);
  }
  return [H, W];
}

/**
 * The mean cross-entropy over pixels; with `dice`, plus 1 - Dice: 2 sum(p t) / (sum p + sum t) of the softmax p and the one-hot
 * target t over all pixels of the batch, averaged over the classes that occur in it (Milletari et al. 2016, V-Net, §3, without
 * the squares). logits: [N,H,W,C]; masks: i32 [N,H,W]; both ignore 255. 0, with gradients of 0, where all pixels are ignored.
 */
export function segmentationLoss(
  logits: Tensor,
  masks: Tensor,
  { dice = false }: SegmentationLossConfig,
  { classWeights, pixelWeights }: SegmentationLossOptions = {},
): Tensor {
  const C = logits.shape.at(-1)!;
  if (classWeights && classWeights.length !== C) {
    throw new ShapeError(
      `losses: classWeights has ${classWeights.length} weights for ${C} classes; give one for each`,
    );
  }
  if (pixelWeights && !sameShape(pixelWeights.shape, masks.shape)) {
    throw new ShapeError(
      `losses: pixelWeights ${formatShape(pixelWeights.shape)} must have the shape of masks ${formatShape(masks.shape)}`,
    );
  }
  const pixels = masks.reshape([masks.size]);
  const counted = sub(1, cast(equal(pixels, IGNORE_LABEL), 'f32')).reshape([masks.size, 1]);
  const weight = classWeights && tensor(Float32Array.from(classWeights), [C]);
  const options = { ignoreIndex: IGNORE_LABEL, ...(weight ? { weight } : {}) };
  const total = pixelWeights
    ? sum(mul(crossEntropy(logits, masks, { ...options, reduction: 'none' }), pixelWeights))
    : crossEntropy(logits, masks, { ...options, reduction: 'sum' });
  // Of ignored pixels the one-hot target is all 0.
  const counts = weight ? mul(oneHot(pixels, C), weight) : counted;
  const weighed = pixelWeights ? mul(counts, pixelWeights.reshape([masks.size, 1])) : counts;
  const weights = maximum(sum(weighed), weight || pixelWeights ? 1e-6 : 1);
  // A crop may show nothing but ignored pixels; the mean over none of them would be NaN.
  const entropy = div(total, weights);
  if (!dice) return entropy;
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

/** The loss `segmentation` of outputs: that of `out`, and half of that of `aux`. masks: i32 [N,H,W]. */
export function outputLosses(
  { out, aux }: SegmentationOutputs,
  masks: Tensor,
  config: SegmentationLossConfig,
  options?: SegmentationLossOptions,
): { segmentation: Tensor } {
  const loss = segmentationLoss(out, masks, config, options);
  return { segmentation: aux ? add(loss, affine(segmentationLoss(aux, masks, config, options), 0.5)) : loss };
}
