import type { Box } from '../boxes.ts';
import { COCO_THRESHOLDS, CocoEvaluator } from './coco.ts';
import { type ClassLabel, type CocoGroundTruth, type CocoPrediction, checkImage } from './cocoImage.ts';
import { meanOfNumbers, type PrecisionRecall } from './common.ts';

/** What is in one image, and what a detector says is in it: a CocoImage with boxes. */
export interface DetectionImage<L extends ClassLabel> {
  /** The objects in the image. */
  readonly groundTruth: readonly (CocoGroundTruth<L> & { readonly box: Box })[];
  /** The detections in the image. */
  readonly predictions: readonly (CocoPrediction<L> & { readonly box: Box })[];
}

/** Options of `evaluateDetections`. */
export interface DetectionOptions<L extends ClassLabel> {
  /** The labels to evaluate; boxes of other labels are left out. */
  readonly classes: readonly L[];
  /** Default 0.5, 0.55 … 0.95, as pycocotools' `linspace(.5, .95, 10)` gives them in float64. */
  readonly iouThresholds?: readonly number[];
  /** For each image and class, only this many predictions count, best scores first. Default 100. */
  readonly maxDetections?: number;
}

/** The metrics of one class. */
export interface DetectionClassResult<L extends ClassLabel> {
  /** The class. */
  label: L;
  /** NaN where the class has no ground truth. */
  ap50: number;
  /** Average precision, mean over the IoU thresholds. */
  ap: number;
  /** The number of objects to be found. */
  groundTruths: number;
  /** At IoU 0.5. */
  precisionRecall: PrecisionRecall;
}

/** What `evaluateDetections` returns. */
export interface DetectionResult<L extends ClassLabel> {
  /** The mean over the classes that have ground truth, at IoU 0.5; NaN (COCO's -1) where none has. */
  ap50: number;
  /** The same, averaged over `iouThresholds` too. */
  ap: number;
  /** The metrics of each class. */
  perClass: DetectionClassResult<L>[];
  /** At IoU 0.5, the predictions and ground truth of all classes in one curve. */
  precisionRecall: PrecisionRecall;
}

/**
 * Average precision of boxes as COCO defines it, objects of any size together: the rules are those of
 * `CocoEvaluator`, which has sizes too, recall, and masks.
 *
 * Means leave out classes without ground truth. A class without predictions has AP 0. Throws DataError for a score
 * or box that is not finite, ShapeError for thresholds out of 0..1 and a `maxDetections` under 1.
 */
export function evaluateDetections<L extends ClassLabel>(
  images: readonly DetectionImage<L>[],
  { classes, iouThresholds = COCO_THRESHOLDS, maxDetections = 100 }: DetectionOptions<L>,
): DetectionResult<L> {
  images.forEach((image, i) => {
    checkImage('evaluateDetections', i, image, 'bbox');
  });
  const evaluate = (iouThrs: readonly number[]): CocoEvaluator<L> => {
    const evaluator = new CocoEvaluator({
      classes,
      iouThrs,
      areaRng: { all: [0, Infinity] },
      maxDets: [maxDetections],
    });
    for (const image of images) evaluator.add(image);
    return evaluator;
  };
  const all = evaluate(iouThresholds);
  const at50 = iouThresholds.includes(0.5) ? all : evaluate([0.5]);
  const { perClass } = all.summarize();
  const perClassAt50 = at50 === all ? perClass : at50.summarize().perClass;
  const results = perClass.map(({ label, ap, groundTruths }, i) => ({
    label,
    ap50: perClassAt50[i]!.ap50,
    ap,
    groundTruths,
    precisionRecall: at50.precisionRecall({ label }),
  }));
  return {
    ap50: meanOfNumbers(results.map(({ ap50 }) => ap50)),
    ap: meanOfNumbers(results.map(({ ap }) => ap)),
    perClass: results,
    precisionRecall: at50.precisionRecall(),
  };
}
