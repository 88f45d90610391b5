import { expectArguments } from '../arguments.ts';
import type { AnnotatedShape, Annotation } from '../data/annotation.ts';
import { IGNORE_INDEX } from '../data/cropTargets.ts';
import type { Sample } from '../data/dataset.ts';
import { objectsOf } from '../data/objects.ts';
import { expectOptions } from '../options.ts';
import type { Box, Point } from '../vision/boxes.ts';
import { CocoEvaluator } from '../vision/metrics/coco.ts';
import type { CocoSummary } from '../vision/metrics/cocoSummary.ts';
import { ConfusionMatrix } from '../vision/metrics/confusion.ts';
import {
  type DetectionImage,
  type DetectionResult,
  evaluateDetections,
} from '../vision/metrics/detection.ts';
import { PanopticQuality, type PanopticResult } from '../vision/metrics/panoptic.ts';
import { type Rle, rleEncode } from '../vision/rle.ts';
import type { Detection, ObjectDetector, PixelSegmenter, Segmentation } from './infer.ts';
import { labelMap, paint } from './labelMap.ts';
import { panopticTruth } from './panoptic.ts';

/** One image of an evaluation, and what was found in it. */
export interface EvaluatedImage<Found, S extends Sample = Sample> {
  /** The number of the image, from 0. */
  readonly index: number;
  readonly sample: S;
  /** The detections, or the segmentation. */
  readonly found: Found;
}

/** Labelled images: a list, or an iterable that reads one after another, so that they need not be in memory at once. */
export type Samples<S extends Sample = Sample> = readonly S[] | AsyncIterable<S>;

/** Options of `evaluateDetector` and `evaluateSegmenter`: what is evaluated. */
export interface EvaluateOptions<Found = unknown, S extends Sample = Sample> {
  /**
   * Selects objects, labelled or detected, by the centre (x, y) of their box in pixels. The others are ignored; for a
   * segmenter, so are their pixels. Default: all.
   */
  readonly objects?: (centre: Point) => boolean;
  /** For a segmenter: pixels outside of this box are ignored. Default: all count. */
  readonly region?: Box;
  /** Called after each image with what was found in it, which is not kept. The next image waits for it. */
  readonly onImage?: (image: EvaluatedImage<Found, S>) => void | Promise<void>;
}

/** The samples in their order. Throws UsageError for what is no sample. */
async function* eachOf<S extends Sample>(call: string, samples: Samples<S>): AsyncGenerator<S, void> {
  const kind = { image: 'object', annotation: 'object' } as const;
  const isStream = Object(samples) === samples && Symbol.asyncIterator in samples;
  if (!isStream) expectArguments(call, { samples }, { samples: [kind] });
  for await (const sample of samples) {
    if (isStream) expectArguments(call, { sample }, { sample: kind });
    yield sample;
  }
}

const centreOf = (box: Box): Point => [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];

/** The mask of an object. */
function objectRle(shapes: readonly AnnotatedShape[], annotation: Annotation): Rle {
  const mask = new Uint8Array(annotation.width * annotation.height);
  for (const shape of shapes) paint(mask, annotation, shape, 1);
  return rleEncode(mask, annotation);
}

/** Regions to ignore as crowds of every class: what is detected there is neither right nor wrong. */
const ignoredTruth = (annotation: Annotation, classes: readonly string[], masks: boolean) =>
  (annotation.ignored ?? []).flatMap((region) =>
    classes.map((label) => ({
      label,
      box: region.box,
      ...(masks ? { mask: objectRle([{ ...region, label, groupId: null }], annotation) } : {}),
      iscrowd: true,
      ignore: true,
    })),
  );

/** What `evaluateDetector` returns. */
export interface DetectionEvaluation {
  /** Average precision of boxes, with curves. */
  readonly result: DetectionResult<string>;
  /** COCO's metrics of boxes, by object size too. */
  readonly coco: CocoSummary<string>;
  /** COCO's metrics of masks; undefined for models without masks. */
  readonly segm: CocoSummary<string> | undefined;
  /** Panoptic quality; undefined for models without regions, and where `EvaluateOptions.objects` selects. */
  readonly panoptic?: PanopticResult<string>;
  /** What was evaluated for each sample: the selected objects and detections. */
  readonly images: readonly DetectionImage<string>[];
}

/** Detections with this score or less are not evaluated: they would change AP by next to nothing. */
export const EVALUATED_SCORE = 0.01;

/**
 * Computes the average precision of a detector on labelled images, by COCO's rules: at IoU 0.5, and the mean over IoU
 * 0.5 to 0.95. Shapes of a group are one object, as in training. Crowds and difficult objects need not be detected.
 * Detections with a score over 0.01 are evaluated, or over `detector.leastScore` where that is more. Of models of objects and regions
 * the panoptic quality is computed too, with their own threshold for objects.
 *
 * @param detector The detector.
 * @param samples Labelled images.
 * @param options Which objects are evaluated. Default: all.
 */
export async function evaluateDetector<S extends Sample>(
  detector: ObjectDetector,
  samples: Samples<S>,
  options: EvaluateOptions<readonly Detection[], S> = {},
): Promise<DetectionEvaluation> {
  expectOptions('evaluateDetector', options, ['objects', 'region', 'onImage']);
  expectArguments(
    'evaluateDetector',
    { detector },
    { detector: { classNames: ['text'], detect: 'function' } },
  );
  const { onImage } = options;
  const scoreThreshold = Math.max(EVALUATED_SCORE, detector.leastScore ?? 0);
  const { classNames: classes, hasMasks: masks } = detector;
  const { stuff = [] } = detector;
  const quality =
    detector.panoptic && !options.objects ? new PanopticQuality({ things: classes, stuff }) : undefined;
  const images: DetectionImage<string>[] = [];
  for await (const sample of eachOf('evaluateDetector', samples)) {
    const segments = quality && (await detector.panoptic?.(sample.image, { scoreThreshold }));
    if (segments) quality?.add(segments.panoptic, panopticTruth(sample.annotation, stuff));
    const found = segments?.detections ?? (await detector.detect(sample.image, { scoreThreshold }));
    await onImage?.({ index: images.length, sample, found });
    images.push(evaluatedImage(sample, found, detector, options.objects));
  }
  const evaluator = new CocoEvaluator({ classes });
  for (const image of images) evaluator.add(image);
  const segm = masks ? new CocoEvaluator({ classes, iouType: 'segm' }) : undefined;
  for (const image of segm ? images : []) segm!.add(image);
  return {
    result: evaluateDetections(images, { classes }),
    coco: evaluator.summarize(),
    segm: segm?.summarize(),
    ...(quality ? { panoptic: quality.result() } : {}),
    images,
  };
}

/** Objects and detections of an image as metrics take them. */
function evaluatedImage(
  { annotation }: Sample,
  detections: readonly Detection[],
  { classNames, stuff = [], hasMasks: masks }: ObjectDetector,
  objects: (centre: Point) => boolean = () => true,
): DetectionImage<string> {
  return {
    groundTruth: [
      ...ignoredTruth(annotation, classNames, masks),
      ...objectsOf(annotation.shapes)
        .filter(({ label, box }) => !stuff.includes(label) && objects(centreOf(box)))
        .map(({ label, box, area, crowd, difficult, shapes }) => ({
          label,
          box,
          ...(masks ? { mask: objectRle(shapes, annotation) } : {}),
          ...(area === undefined ? {} : { area }),
          iscrowd: crowd ?? false,
          ignore: difficult ?? false,
        })),
    ],
    predictions: detections
      .filter(({ box }) => objects(centreOf(box)))
      .map(({ mask, ...found }) => {
        const shape = { label: found.label, box: found.box, groupId: null };
        const pixels = () => objectRle(mask ? [{ ...shape, mask }] : [], annotation);
        return { ...found, ...(masks ? { mask: pixels() } : {}) };
      }),
  };
}

/** What `evaluateSegmenter` returns. */
export interface SegmentationEvaluation {
  /** Mean intersection over union of the classes that occur, without the background, 0..1. */
  readonly iou: number;
  /** Mean Dice coefficient of the classes that occur, without the background, 0..1. */
  readonly dice: number;
  /** Fraction of pixels classified correctly, 0..1. */
  readonly pixelAccuracy: number;
  /** Mean intersection over union with the background counted as a class, as benchmarks report it. */
  readonly meanIou: number;
  /** Intersection over union and Dice of each class; NaN for a class that does not occur. */
  readonly perClass: readonly { readonly label: string; readonly iou: number; readonly dice: number }[];
  /** Confusion matrix of pixels: the background first, then the classes. */
  readonly confusion: ConfusionMatrix;
}

/**
 * Computes intersection over union and Dice coefficient of a segmenter on labelled images, over the pixels of all images.
 *
 * @param segmenter The segmenter.
 * @param samples Labelled images.
 * @param options Which objects and pixels are evaluated. Default: all.
 */
export async function evaluateSegmenter<S extends Sample>(
  segmenter: PixelSegmenter,
  samples: Samples<S>,
  options: EvaluateOptions<Segmentation, S> = {},
): Promise<SegmentationEvaluation> {
  expectOptions('evaluateSegmenter', options, ['objects', 'region', 'onImage']);
  expectArguments(
    'evaluateSegmenter',
    { segmenter },
    { segmenter: { classNames: ['text'], segment: 'function' } },
  );
  const { objects = () => true, region, onImage } = options;
  const { classNames } = segmenter;
  const confusion = new ConfusionMatrix(classNames.length + 1);
  let index = 0;
  for await (const sample of eachOf('evaluateSegmenter', samples)) {
    const { image, annotation } = sample;
    const found = await segmenter.segment(image);
    const truth = labelMap(annotation, classNames);
    for (const { box, shapes } of objectsOf(annotation.shapes)) {
      if (!objects(centreOf(box))) for (const shape of shapes) paint(truth, annotation, shape, IGNORE_INDEX);
    }
    if (region) {
      truth.forEach((_, i) => {
        const [x, y] = [i % annotation.width, Math.floor(i / annotation.width)];
        if (x < region[0] || y < region[1] || x >= region[2] || y >= region[3]) truth[i] = IGNORE_INDEX;
      });
    }
    confusion.add(found.labels, truth, { ignoreIndex: IGNORE_INDEX });
    await onImage?.({ index, sample, found });
    index++;
  }
  const ious = confusion.iou();
  const dices = confusion.dice();
  const perClass = classNames.map((label, i) => ({ label, iou: ious[i + 1]!, dice: dices[i + 1]! }));
  const present = perClass.filter(({ iou }) => !Number.isNaN(iou));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / Math.max(values.length, 1);
  return {
    iou: mean(present.map(({ iou }) => iou)),
    dice: mean(present.map(({ dice }) => dice)),
    pixelAccuracy: confusion.pixelAccuracy,
    meanIou: confusion.meanIou,
    perClass,
    confusion,
  };
}
