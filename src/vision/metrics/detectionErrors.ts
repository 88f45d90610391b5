import { expectArguments } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import { withDefaults } from '../../options.ts';
import { boxIou } from '../boxes.ts';
import { type ClassLabel, checkImage, overlap } from './cocoImage.ts';
import type { DetectionImage } from './detection.ts';

/**
 * What is wrong (TIDE: Bolya et al. 2020): a detection of the wrong class (`classification`), badly placed (`localization`), or both;
 * a second one of an object (`duplicate`); one where there is no object (`background`); an object that was not found (`missed`).
 */
export type DetectionErrorType =
  | 'classification'
  | 'localization'
  | 'both'
  | 'duplicate'
  | 'background'
  | 'missed';

const TYPES = ['classification', 'localization', 'both', 'duplicate', 'background', 'missed'] as const;

/** One thing that a detector got wrong. */
export interface DetectionError<L extends ClassLabel> {
  readonly type: DetectionErrorType;
  /** The detection; undefined for what was missed. */
  readonly prediction?: DetectionImage<L>['predictions'][number];
  /** The object that it is about; undefined for `background` and `both`. */
  readonly groundTruth?: DetectionImage<L>['groundTruth'][number];
  /** The IoU of the two; 0 where there are not both. */
  readonly iou: number;
}

/** How many errors there are of each type. */
export type DetectionErrorCounts = Readonly<Record<DetectionErrorType, number>>;

/** What a detector got wrong in one image. */
export interface ImageDetectionErrors<L extends ClassLabel> {
  /** The number of the image. */
  readonly image: number;
  /** The number of detections that are right. */
  readonly correct: number;
  readonly counts: DetectionErrorCounts;
  /** The number of errors. */
  readonly total: number;
  /** The errors: those of the detections by falling score, then what was missed. */
  readonly errors: readonly DetectionError<L>[];
}

/** What `detectionErrors` returns. */
export interface DetectionErrors<L extends ClassLabel> {
  /** The number of detections that are right, in all images. */
  readonly correct: number;
  /** The errors in all images. */
  readonly counts: DetectionErrorCounts;
  /** The images, in the order given. */
  readonly images: readonly ImageDetectionErrors<L>[];
  /** The images with the most errors first; of those with equally many, in the order given. */
  readonly worst: readonly ImageDetectionErrors<L>[];
}

/** Options of `detectionErrors`. */
export interface DetectionErrorOptions<L extends ClassLabel> {
  /** The classes; boxes of others are left out. Default: all. */
  readonly classes?: readonly L[];
  /** Leaves out detections with a lower score. Default 0.5. */
  readonly scoreThreshold?: number;
  /** The lowest IoU at which a detection has found an object. Default 0.5. */
  readonly iouThreshold?: number;
  /** The lowest IoU at which a detection is about an object at all. Default 0.1. */
  readonly backgroundThreshold?: number;
}

/**
 * Says what is wrong with the detections of each image, by the types of TIDE (Bolya et al. 2020, "TIDE: A General Toolbox for
 * Identifying Object Detection Errors", section 2.2).
 *
 * By falling score, each detection finds the object of its class that it overlaps most and that no other has found, with an IoU of at
 * least `iouThreshold`. Any other is, the first that applies: `localization` if its highest IoU with an object of its class is from
 * `backgroundThreshold` to below `iouThreshold`; `classification` if that with an object of another class is at least `iouThreshold`;
 * `duplicate` if that with an object of its class is; `background` if its IoU with every object is below `backgroundThreshold`; else `both`. Objects that are not found are `missed`, unless a detection is `localization` or `classification` for them.
 * Crowds and objects with `ignore` are never found nor missed; detections that find nothing and overlap one (IoU as in `CocoEvaluator`) are
 * not counted.
 *
 * @param images Objects and detections of each image.
 * @param options Classes and thresholds.
 * @throws UsageError for thresholds that are not in order, DataError for a score or box that is not finite.
 */
export function detectionErrors<L extends ClassLabel>(
  images: readonly DetectionImage<L>[],
  options: DetectionErrorOptions<L> = {},
): DetectionErrors<L> {
  const filled = withDefaults('detectionErrors', options, {
    classes: undefined,
    scoreThreshold: 0.5,
    iouThreshold: 0.5,
    backgroundThreshold: 0.1,
  });
  const { iouThreshold, backgroundThreshold } = filled;
  expectArguments(
    'detectionErrors',
    { images, options: filled },
    {
      images: [{ groundTruth: [{ box: 'box' }], predictions: [{ box: 'box' }] }],
      options: { 'classes?': ['label'], scoreThreshold: 'number' },
    },
  );
  if (!(backgroundThreshold > 0 && backgroundThreshold < iouThreshold && iouThreshold <= 1)) {
    throw new UsageError(
      `detectionErrors: backgroundThreshold is ${backgroundThreshold} and iouThreshold ${iouThreshold}; give rising numbers above 0, up to 1`,
    );
  }
  const found = images.map((image, number): ImageDetectionErrors<L> => {
    checkImage('detectionErrors', number, image, 'bbox');
    const { correct, errors } = errorsOf(image, filled);
    return { image: number, correct, errors, counts: countsOf(errors), total: errors.length };
  });
  return {
    correct: found.reduce((sum, { correct }) => sum + correct, 0),
    counts: countsOf(found.flatMap(({ errors }) => errors)),
    images: found,
    worst: found.toSorted((a, b) => b.total - a.total),
  };
}

function countsOf(errors: readonly DetectionError<ClassLabel>[]): DetectionErrorCounts {
  const counts = Object.fromEntries(TYPES.map((type) => [type, 0])) as Record<DetectionErrorType, number>;
  for (const { type } of errors) counts[type]++;
  return counts;
}

/** The place of the highest value, the first of equal ones, and the value; 0 for what is left out. */
function highest(values: readonly number[], counts: (index: number) => boolean) {
  let best = { index: -1, iou: 0 };
  values.forEach((iou, index) => {
    if (iou > best.iou && counts(index)) best = { index, iou };
  });
  return best;
}

function errorsOf<L extends ClassLabel>(
  image: DetectionImage<L>,
  {
    classes,
    scoreThreshold,
    iouThreshold,
    backgroundThreshold,
  }: Required<Omit<DetectionErrorOptions<L>, 'classes'>> & Pick<DetectionErrorOptions<L>, 'classes'>,
): { readonly correct: number; readonly errors: DetectionError<L>[] } {
  const isCounted = ({ label }: { readonly label: L }): boolean => !classes || classes.includes(label);
  const all = image.groundTruth.filter(isCounted);
  const objects = all.filter(({ iscrowd, ignore }) => !iscrowd && !ignore);
  const ignored = all.filter((object) => !objects.includes(object));
  const predictions = image.predictions
    .filter((prediction) => isCounted(prediction) && prediction.score >= scoreThreshold)
    .toSorted((a, b) => b.score - a.score);
  const ious = predictions.map(({ box }) => objects.map((object) => boxIou(box, object.box)));
  const isSame = (i: number, j: number): boolean => predictions[i]!.label === objects[j]!.label;
  const foundBy = new Map<number, number>();
  const right = new Set<number>();
  predictions.forEach((_, i) => {
    const { index, iou } = highest(ious[i]!, (j) => isSame(i, j) && !foundBy.has(j));
    if (iou < iouThreshold) return;
    foundBy.set(index, i);
    right.add(i);
  });
  const about = new Set<number>();
  const errors: DetectionError<L>[] = [];
  const wrong = (i: number): { type: DetectionErrorType; index: number; iou: number } => {
    const same = highest(ious[i]!, (j) => isSame(i, j));
    if (same.iou >= backgroundThreshold && same.iou < iouThreshold) return { type: 'localization', ...same };
    const other = highest(ious[i]!, (j) => !isSame(i, j));
    if (other.iou >= iouThreshold) return { type: 'classification', ...other };
    if (same.iou >= iouThreshold) return { type: 'duplicate', ...same };
    const isBackground = Math.max(same.iou, other.iou) < backgroundThreshold;
    return { type: isBackground ? 'background' : 'both', index: -1, iou: 0 };
  };
  predictions.forEach((prediction, i) => {
    if (right.has(i)) return;
    if (ignored.some(({ box, iscrowd }) => overlap(prediction.box, box, iscrowd) >= iouThreshold)) return;
    const { type, index, iou } = wrong(i);
    const groundTruth = objects[index];
    errors.push({ type, prediction, iou, ...(groundTruth ? { groundTruth } : {}) });
    if (type === 'localization' || type === 'classification') about.add(index);
  });
  objects.forEach((groundTruth, j) => {
    if (!foundBy.has(j) && !about.has(j)) errors.push({ type: 'missed', groundTruth, iou: 0 });
  });
  return { correct: right.size, errors };
}
