import { expectArguments } from '../../arguments.ts';
import { expectOptions } from '../../options.ts';
import type { Box } from '../boxes.ts';
import { COCO_THRESHOLDS, CocoEvaluator } from './coco.ts';
import { type ClassLabel, type CocoGroundTruth, type CocoPrediction, checkImage } from './cocoImage.ts';
import { meanOfNumbers, type PrecisionRecall } from './common.ts';

/** The objects and the detections of one image: a CocoImage with boxes. */
export interface DetectionImage<L extends ClassLabel> {
  /** The objects in the image. */
  readonly groundTruth: readonly (CocoGroundTruth<L> & { readonly box: Box })[];
  /** The detections in the image. */
  readonly predictions: readonly (CocoPrediction<L> & { readonly box: Box })[];
}

/** Options of `evaluateDetections`. */
export interface DetectionOptions<L extends ClassLabel> {
  /** The labels to evaluate; boxes of other labels are ignored. */
  readonly classes: readonly L[];
  /** Default 0.5, 0.55 … 0.95, as pycocotools' `linspace(.5, .95, 10)` gives them in float64. */
  readonly iouThresholds?: readonly number[];
  /** Per image and class, only this many detections count, best scores first. Default 100. */
  readonly maxDetections?: number;
}

/** The metrics of one class. */
export interface DetectionClassResult<L extends ClassLabel> {
  /** The class. */
  label: L;
  /** Average precision at IoU 0.5; NaN for a class without ground truth. */
  ap50: number;
  /** Average precision, mean over the IoU thresholds. */
  ap: number;
  /** The number of objects to be detected. */
  groundTruths: number;
  /** The curve at IoU 0.5. */
  precisionRecall: PrecisionRecall;
}

/** What `evaluateDetections` returns. */
export interface DetectionResult<L extends ClassLabel> {
  /** Average precision at IoU 0.5, mean over the classes that have ground truth; NaN (COCO's -1) if none has. */
  ap50: number;
  /** Average precision, mean over `iouThresholds` and the classes that have ground truth. */
  ap: number;
  /** The metrics of each class. */
  perClass: DetectionClassResult<L>[];
  /** The curve at IoU 0.5 over the detections and ground truth of all classes. */
  precisionRecall: PrecisionRecall;
}

/**
 * Computes the average precision of boxes as COCO defines it, for objects of all sizes together. The rules are those of
 * `CocoEvaluator`, which also has sizes, recall and masks.
 *
 * Means leave out classes without ground truth. A class without detections has AP 0. Throws DataError for a score or
 * box that is not finite, ShapeError for thresholds outside of 0..1 and a `maxDetections` below 1.
 */
export function evaluateDetections<L extends ClassLabel>(
  images: readonly DetectionImage<L>[],
  options: DetectionOptions<L>,
): DetectionResult<L> {
  expectOptions('evaluateDetections', options, ['classes', 'iouThresholds', 'maxDetections']);
  expectArguments(
    'evaluateDetections',
    { images, options },
    {
      images: [{ groundTruth: [{ box: 'box' }], predictions: [{ box: 'box' }] }],
      options: { classes: ['label'] },
    },
  );
  const { classes, iouThresholds = COCO_THRESHOLDS, maxDetections = 100 } = options;
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
