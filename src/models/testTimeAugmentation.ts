import { ShapeError } from '../errors.ts';
import { batchedNms, weightedBoxFusion } from '../graph/functions/boxes.ts';
import { interpolate } from '../graph/functions/conv.ts';
import { greater, mul, sub } from '../graph/functions/elementwise.ts';
import { sum } from '../graph/functions/reduce.ts';
import { cast, concat, flip, gatherRows, slice } from '../graph/functions/shape.ts';
import { type Tensor, tensor } from '../graph/tensor.ts';
import { withDefaults } from '../options.ts';
import { expectNumber, formatShape } from '../shape.ts';
import type { Detections, DetectOptions, ResizeConfig } from './detection.ts';

/** Detections, with masks [N,D,M,M] if the model predicts them. */
export type AnyDetections = Detections & { readonly masks?: Tensor };

/** A model that detects objects: RetinaNet, FasterRCNN, MaskRCNN, YOLO, or an object with their `detect`. */
export interface DetectingModel<D extends AnyDetections = AnyDetections> {
  /** The best detections of each image of a batch, in its pixels. */
  detect(images: Tensor | readonly Tensor[], options?: DetectOptions): D;
  /** The number that the sides of batches must be multiples of. */
  readonly stride?: number;
  /** `resize`: how the model resizes images in an array, if it accepts them. */
  readonly config?: object;
}

/** A detector that merges the detections of a model in several views: see `testTimeAugmentation`. */
export interface MergingModel<D extends AnyDetections = AnyDetections> {
  /** The merged detections of all views of each image, in its pixels. */
  detect(images: Tensor | readonly Tensor[], options?: DetectOptions): Pick<D, keyof D & keyof AnyDetections>;
}

/** Options of `testTimeAugmentation`. */
export interface TestTimeAugmentationOptions {
  /** The factors by which images are resized, one view each; 1 is their own size. Default [1]. */
  readonly scales?: readonly number[];
  /** Whether each view is also mirrored, left to right. Default true. */
  readonly flip?: boolean;
  /**
   * How boxes of one object in several views are merged. `nms` (the default): the best box is kept, with its score and
   * mask. `wbf`: the boxes are averaged (see `weightedBoxFusion`), and those found in few views get lower scores.
   */
  readonly merge?: 'nms' | 'wbf';
  /** The IoU from which boxes of two views are one object. Default 0.5, for `wbf` 0.55. */
  readonly iouThreshold?: number;
  /**
   * Boxes that score this or less in their view are ignored. Default: the scoreThreshold that `detect` is called with; for
   * `wbf`, where low scores count in the mean, at most 0.05.
   */
  readonly scoreThreshold?: number;
  /** The largest number of detections per image, of each view and of the result. Default: the model's. */
  readonly maxDetections?: number;
  /** The number that the sides of resized batches are rounded to multiples of. Default: the model's `stride`, or 32. */
  readonly multiple?: number;
}

const OP = 'testTimeAugmentation';
const WBF_SCORE = 0.05;

/** The images of one view, and what takes its boxes back. */
interface View {
  readonly images: Tensor | readonly Tensor[];
  readonly resize?: ResizeConfig;
  /** What boxes are multiplied by: [4]. */
  readonly ratio?: Tensor;
  /** Widths [N,1,1] of the images as they were given, where the view is mirrored. */
  readonly mirror?: Tensor;
}

/** The size at a scale, [height, width]: the nearest multiples; at 1 unchanged. */
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

/** Images [H,W,3] at a scale: the model is told to resize them to a larger or smaller size. */
function listAt(images: readonly Tensor[], scale: number, { minSize, maxSize }: ResizeConfig): View {
  if (scale === 1) return { images };
  const scaled = (side: number) => Math.max(Math.round(side * scale), 1);
  return { images, resize: { minSize: scaled(minSize), maxSize: scaled(maxSize) } };
}

/** The views of the images, each made when it is needed. */
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

/** The detections of a view, in pixels of the given images. */
function fromView({ ratio, mirror }: View, found: AnyDetections): AnyDetections {
  const boxes = ratio ? mul(found.boxes, ratio) : found.boxes;
  if (!mirror) return { ...found, boxes };
  const side = (k: number) => slice(boxes, [[], [], [k, k + 1]]);
  return {
    ...found,
    boxes: concat([sub(mirror, side(2)), side(1), sub(mirror, side(0)), side(3)], -1),
    ...(found.masks ? { masks: flip(found.masks, [3]) } : {}),
  };
}

/** The options that are not undefined. */
const defined = (
  options: { readonly [K in keyof DetectOptions]: DetectOptions[K] | undefined },
): DetectOptions => Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** Only the detections that score more; they are in order, best first. */
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
 * Makes a detector that runs a model on each image at several sizes and mirrored, and merges the detections. Its
 * `detect` takes and returns the same as the model's, in pixels of the given images, in one submission.
 *
 * A batch [N,H,W,3] is resized bilinearly to the nearest multiples of `multiple`; for images in an array the model's
 * `resize` is scaled. The iouThreshold and candidates of `detect` apply to each view, its scoreThreshold and
 * maxDetections to the result. A single view that is not mirrored is passed on unmerged.
 *
 * `nms` keeps the masks of the boxes that it keeps. `wbf` does not fuse masks, and throws for a model that predicts
 * them: wrap it in an object whose `detect` leaves them out.
 * @param model The detector.
 * @param options Throws ShapeError for invalid numbers.
 */
export function testTimeAugmentation<D extends AnyDetections>(
  model: DetectingModel<D>,
  options: TestTimeAugmentationOptions = {},
): MergingModel<D> {
  if (typeof model?.detect !== 'function') {
    throw new ShapeError(`${OP}: the model has no detect; give a detector, such as RetinaNet`);
  }
  const {
    scales,
    flip: flips,
    merge,
    iouThreshold,
    scoreThreshold,
    maxDetections,
    multiple,
  } = withDefaults(OP, options, {
    scales: [1],
    flip: true,
    merge: 'nms',
    iouThreshold: options.merge === 'wbf' ? 0.55 : 0.5,
    scoreThreshold: undefined,
    maxDetections: undefined,
    multiple: model.stride ?? 32,
  });
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

  function detect(images: Tensor | readonly Tensor[], options: DetectOptions = {}): AnyDetections {
    const asked = options.scoreThreshold;
    const given = {
      scoreThreshold: leastScore(asked),
      maxDetections: options.maxDetections ?? maxDetections,
    };
    const found: AnyDetections[] = [];
    for (const view of viewsOf(model, images, { scales, flip: flips, multiple })) {
      const { resize } = view;
      found.push(fromView(view, model.detect(view.images, { ...options, ...defined({ ...given, resize }) })));
    }
    const [first] = found as [AnyDetections];
    if (single) return first;
    const all = (name: keyof AnyDetections) =>
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
