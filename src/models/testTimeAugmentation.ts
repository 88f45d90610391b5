import { ShapeError } from '../errors.ts';
import { batchedNms, weightedBoxFusion } from '../graph/functions/boxes.ts';
import { interpolate } from '../graph/functions/conv.ts';
import { greater, mul, sub } from '../graph/functions/elementwise.ts';
import { sum } from '../graph/functions/reduce.ts';
import { cast, concat, flip, gatherRows, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { expectNumber, formatShape } from '../shape.ts';
import type { Detections, DetectOptions, ResizeConfig } from './detection.ts';

/** Detections, with masks [N,D,M,M] of models that find them. */
export type Found = Detections & { readonly masks?: Tensor };

/** A model that finds objects: RetinaNet, FasterRCNN, MaskRCNN, YOLO, or what is made of them. */
export interface DetectingModel<D extends Found = Found> {
  detect(images: Tensor | readonly Tensor[], options?: DetectOptions): D;
  /** What sides of batches must be multiples of. */
  readonly stride?: number;
  /** Of models that take images in an array: how they resize them, as `resize`. */
  readonly config?: object;
}

/** Finds what a model finds, and merges it: boxes, scores, labels, count and masks. */
export interface MergingModel<D extends Found = Found> {
  detect(images: Tensor | readonly Tensor[], options?: DetectOptions): Pick<D, keyof D & keyof Found>;
}

export interface TestTimeAugmentationOptions {
  /** The sizes at which images are looked at, 1 being their own. Default: [1]. */
  readonly scales?: readonly number[];
  /** Whether they are looked at mirrored, left to right, as well. Default: true. */
  readonly flip?: boolean;
  /**
   * `nms` (the default): of the boxes that several views found for one object the best stays, with its score and mask.
   * `wbf`: they become their mean (see weightedBoxFusion), and what few views found scores less.
   */
  readonly merge?: 'nms' | 'wbf';
  /** From which overlap on boxes of two views are one object. Default: 0.5, of `wbf` 0.55. */
  readonly iouThreshold?: number;
  /**
   * What scores no more in its view takes no part. Default: what `detect` is asked for, and of `wbf`, where low scores count
   * in the mean, no more than 0.05.
   */
  readonly scoreThreshold?: number;
  /** Of each view, and of all together, an image. Default: the model's. */
  readonly maxDetections?: number;
  /** What the sides of scaled batches become multiples of. Default: the model's `stride`, or 32. */
  readonly multiple?: number;
}

const OP = 'testTimeAugmentation';
const WBF_SCORE = 0.05;

/** Images as a model is shown them, and the way back. */
interface View {
  readonly images: Tensor | readonly Tensor[];
  readonly resize?: ResizeConfig;
  /** What boxes are multiplied with: [4]. */
  readonly ratio?: Tensor;
  /** Widths [N,1,1] of the images as they were given, where the view is mirrored. */
  readonly mirror?: Tensor;
}

/** (height, width) at a scale: the nearest multiples; at 1 as it is. */
const scaledSize = (size: readonly number[], scale: number, multiple: number): number[] =>
  size.map((side) => (scale === 1 ? side : Math.max(Math.round((side * scale) / multiple), 1) * multiple));

/** A batch [N,H,W,C] at a scale. */
function batchAt(images: Tensor, scale: number, multiple: number): View {
  const [, H, W] = images.shape as [number, number, number];
  const [h, w] = scaledSize([H, W], scale, multiple) as [number, number];
  if (h === H && w === W) return { images };
  return {
    images: interpolate(images, { size: [h, w], mode: 'bilinear' }),
    ratio: tensor([W / w, H / h, W / w, H / h]),
  };
}

/** Images [H,W,3] at a scale: the model is told to resize them to more or less than it would. */
function listAt(images: readonly Tensor[], scale: number, { minSize, maxSize }: ResizeConfig): View {
  if (scale === 1) return { images };
  const scaled = (side: number) => Math.max(Math.round(side * scale), 1);
  return { images, resize: { minSize: scaled(minSize), maxSize: scaled(maxSize) } };
}

/** All that the model is shown; each view is made when its turn comes. */
function* viewsOf(
  model: DetectingModel,
  images: Tensor | readonly Tensor[],
  { scales, flip: flips, multiple }: { scales: readonly number[]; flip: boolean; multiple: number },
): Generator<View> {
  const list = Array.isArray(images) ? (images as readonly Tensor[]) : undefined;
  const resize = (model.config as { resize?: ResizeConfig } | undefined)?.resize;
  if (list && !resize) {
    throw new ShapeError(
      `${OP}: this model has no config.resize for images in an array; give it a batch [N,H,W,3]`,
    );
  }
  if (!list && (images as Tensor).shape.length !== 4) {
    throw new ShapeError(
      `${OP}: images ${formatShape((images as Tensor).shape)} must be [N,H,W,3], or [H,W,3] each in an array`,
    );
  }
  for (const scale of scales) {
    const view = list ? listAt(list, scale, resize!) : batchAt(images as Tensor, scale, multiple);
    yield view;
    if (!flips) continue;
    const widths = list
      ? list.map(({ shape }) => shape[1]!)
      : new Array<number>((images as Tensor).shape[0]!).fill((images as Tensor).shape[2]!);
    const mirrored = list ? list.map((image) => flip(image, [1])) : flip(view.images as Tensor, [2]);
    yield { ...view, images: mirrored, mirror: tensor(widths, [widths.length, 1, 1]) };
  }
}

/** What was found in a view, as of the images that were given. */
function fromView({ ratio, mirror }: View, found: Found): Found {
  const boxes = ratio ? mul(found.boxes, ratio) : found.boxes;
  if (!mirror) return { ...found, boxes };
  const side = (k: number) => slice(boxes, [[], [], [k, k + 1]]);
  return {
    ...found,
    boxes: concat([sub(mirror, side(2)), side(1), sub(mirror, side(0)), side(3)], -1),
    ...(found.masks ? { masks: flip(found.masks, [3]) } : {}),
  };
}

/** Without what is undefined. */
const defined = (
  options: { readonly [K in keyof DetectOptions]: DetectOptions[K] | undefined },
): DetectOptions => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** Only what scores more: detections are in order, best first. */
function over(threshold: number, { boxes, scores, labels }: Detections): Detections {
  const more = greater(scores, Math.max(threshold, 0));
  const weight = cast(more, scores.dtype);
  const count = cast(more, 'i32');
  return {
    boxes: mul(boxes, weight.reshape([...weight.shape, 1])),
    scores: mul(scores, weight),
    labels: mul(labels, count),
    count: sum(count, { dim: 1 }),
  };
}

/**
 * Shows a model its images at several sizes and mirrored, and merges what it finds, as one detector: the result's `detect`
 * takes and gives what the model's own does, in pixels of the images that are given, in one submission.
 *
 * A batch [N,H,W,3] is resized bilinearly to the nearest multiples of `multiple`; for images in an array the model's `resize`
 * is multiplied. `detect`'s iouThreshold and candidates are the model's, for each view; its scoreThreshold and maxDetections
 * hold for the result. With one view, which is not mirrored, nothing is merged.
 *
 * Masks stay with the boxes that `nms` keeps. `wbf` fuses no masks, and throws for a model that finds some: show it
 * `{ detect: (images, options) => … }` without them. Throws ShapeError for options that do not fit.
 */
export function testTimeAugmentation<D extends Found>(
  model: DetectingModel<D>,
  {
    scales = [1],
    flip: flips = true,
    merge = 'nms',
    iouThreshold = merge === 'wbf' ? 0.55 : 0.5,
    scoreThreshold,
    maxDetections,
    multiple = model.stride ?? 32,
  }: TestTimeAugmentationOptions = {},
): MergingModel<D> {
  if (typeof model.detect !== 'function') {
    throw new ShapeError(`${OP}: the model has no detect; give a detector, such as RetinaNet`);
  }
  if (scales.length === 0) throw new ShapeError(`${OP}: no scales; give at least one, such as [1]`);
  const wrong = scales.find((scale) => !(scale > 0 && scale < Number.POSITIVE_INFINITY));
  if (wrong !== undefined) throw new ShapeError(`${OP}: scale ${wrong} must be a positive number`);
  if (merge !== 'nms' && merge !== 'wbf') {
    throw new ShapeError(`${OP}: merge must be nms or wbf, got ${merge}`);
  }
  expectNumber(OP, 'iouThreshold', iouThreshold, 0);
  if (scoreThreshold !== undefined) expectNumber(OP, 'scoreThreshold', scoreThreshold, 0);
  for (const [name, value] of Object.entries({ multiple, maxDetections })) {
    if (value !== undefined && !(Number.isInteger(value) && value > 0)) {
      throw new ShapeError(`${OP}: ${name} ${value} must be a whole number of 1 or more`);
    }
  }

  const single = scales.length === 1 && !flips;

  /** What a box must score more than in its view, to be one of a result in which `asked` is wanted. */
  function leastScore(asked: number | undefined): number | undefined {
    if (merge === 'wbf' && !single) {
      return scoreThreshold ?? (asked === undefined ? undefined : Math.min(asked, WBF_SCORE));
    }
    return asked === undefined ? scoreThreshold : Math.max(asked, scoreThreshold ?? 0);
  }

  function detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): Found {
    const asked = options.scoreThreshold;
    const given = {
      scoreThreshold: leastScore(asked),
      maxDetections: options.maxDetections ?? maxDetections,
    };
    const found: Found[] = [];
    for (const view of viewsOf(model, images, { scales, flip: flips, multiple })) {
      const { resize } = view;
      found.push(fromView(view, model.detect(view.images, { ...options, ...defined({ ...given, resize }) })));
    }
    const [first] = found as [Found];
    if (single) return first;
    const all = (name: keyof Found) =>
      concat(
        found.map((one) => one[name]!),
        1,
      );
    const [boxes, scores, labels] = [all('boxes'), all('scores'), all('labels')];
    const most = first.scores.shape[1]!;
    if (merge === 'wbf') {
      if (first.masks) {
        throw new ShapeError(
          `${OP}: merge 'wbf' fuses boxes and scores, not masks, and this model finds masks; use merge 'nms'`,
        );
      }
      const fused = weightedBoxFusion(boxes, scores, labels, {
        models: found.length,
        iouThreshold,
        maxDetections: most,
      });
      return asked === undefined ? fused : over(asked, fused);
    }
    // What pads the detections of a view has score 0.
    const kept = batchedNms(boxes, scores, labels, { iouThreshold, scoreThreshold: 0, maxDetections: most });
    const best = (values: Tensor) => gatherRows(values, kept.indices, 1);
    return {
      boxes: best(boxes),
      scores: best(scores),
      labels: best(labels),
      count: kept.count,
      ...(first.masks ? { masks: best(all('masks')) } : {}),
    };
  }

  return { detect } as unknown as MergingModel<D>;
}
