/** What an evaluation of a model comes to, as plain data that a page can keep, show, and judge again at another threshold. */
import type { ClassificationEvaluation, SegmentationEvaluation } from 'fovea';
import {
  boxIou,
  type ChosenThreshold,
  type CocoSummary,
  type ConfusionMatrix,
  type DetectionErrorCounts,
  type DetectionErrorType,
  type DetectionImage,
  type DetectionResult,
  detectionConfusion,
  detectionErrors,
  type PanopticResult,
} from 'fovea/vision';
import type { Box, Picture } from '../project/model.ts';

/** Counts [target, predicted], by row. */
export interface Confusion {
  readonly names: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

export const confusionOf = (names: readonly string[], { counts }: ConfusionMatrix): Confusion => ({
  names,
  counts: names.map((_, row) => Array.from(counts.slice(row * names.length, (row + 1) * names.length))),
});

/** The name of what is no object, in confusions. */
export const BACKGROUND = 'background';

/** A picture, and how wrong the model is in it: 0 where it is right. */
export interface Judged extends Pick<Picture, 'name' | 'width' | 'height'> {
  /** The id of the picture. */
  readonly picture: string;
  readonly wrong: number;
}

interface Common {
  readonly classNames: readonly string[];
  /** Pictures that were left out as what they show is of no class of the model, or of several. */
  readonly leftOut: number;
  /** Labels that the model does not know: they are neither right nor wrong. */
  readonly unknown: readonly string[];
  /** Milliseconds that it took. */
  readonly spent: number;
}

export interface DetectorEvaluation extends Common {
  readonly task: 'detect';
  /** Average precision of boxes, in all and by class, with curves. */
  readonly result: DetectionResult<string>;
  /** COCO's metrics of boxes, by object size too. */
  readonly coco: CocoSummary<string>;
  /** COCO's metrics of masks, of models that find them. */
  readonly segm?: CocoSummary<string>;
  readonly panoptic?: PanopticResult<string>;
  /** The threshold of the best F1; undefined where nothing was found. */
  readonly best?: ChosenThreshold;
  /** What was labelled and found in each picture, without masks: `mistakesAt` judges it. */
  readonly images: readonly DetectionImage<string>[];
  /** Which picture each of the images is. */
  readonly pictures: readonly Omit<Judged, 'wrong'>[];
}

export interface SegmenterEvaluation extends Common, Omit<SegmentationEvaluation, 'confusion' | 'perClass'> {
  readonly task: 'segment';
  readonly perClass: readonly {
    readonly label: string;
    readonly iou: number;
    readonly dice: number;
    readonly precision: number;
    readonly recall: number;
  }[];
  /** Of pixels; the background is the first. */
  readonly confusion: Confusion;
  readonly pictures: readonly JudgedMap[];
}

/** How well the pixels of a picture are classified; `wrong` is 1 - `iou`. */
export interface JudgedMap extends Judged {
  /** The mean of the classes that occur. */
  readonly iou: number;
  readonly pixelAccuracy: number;
  /** IoU of each class; NaN for one that does not occur. */
  readonly ious: readonly number[];
}

export interface ClassifierEvaluation extends Common, Omit<ClassificationEvaluation, 'confusion'> {
  readonly task: 'classify';
  readonly confusion: Confusion;
  readonly pictures: readonly JudgedClass[];
}

/** The class of a picture; `wrong` is 0 where it is right, else 1 less the probability of its own class. */
export interface JudgedClass extends Judged {
  readonly label: string;
  readonly predicted: string;
  /** The probability of what was predicted. */
  readonly score: number;
  /** That of its own class. */
  readonly own: number;
}

export type Evaluation = DetectorEvaluation | SegmenterEvaluation | ClassifierEvaluation;

/** A detection, or a labelled object. */
export interface JudgedBox {
  readonly box: Box;
  readonly label: string;
  /** Of detections. */
  readonly score?: number;
  /** `ignored`: a crowd, a difficult object, or a region that is neither right nor wrong. */
  readonly verdict: 'right' | 'ignored' | DetectionErrorType;
}

/** What a detector got right and wrong in a picture; `wrong` is the number of mistakes. */
export interface JudgedDetections extends Judged {
  readonly correct: number;
  readonly counts: DetectionErrorCounts;
  readonly objects: readonly JudgedBox[];
  /** By falling score. */
  readonly found: readonly JudgedBox[];
}

export interface Mistakes {
  readonly threshold: number;
  /** Detections that are right. */
  readonly correct: number;
  readonly counts: DetectionErrorCounts;
  /** Of objects at IoU 0.5; the background is the last. */
  readonly confusion: Confusion;
  /** In the order of the evaluation. */
  readonly pictures: readonly JudgedDetections[];
}

/** Without a threshold of the best F1. */
const THRESHOLD = 0.5;
/** The IoU from which on an object is found. */
const FOUND = 0.5;

/**
 * What a detector gets wrong with a threshold: fast enough for a slider.
 *
 * @param threshold Detections with lower scores do not count. Default: that of the best F1.
 */
export function mistakesAt(
  { images, classNames, pictures, best }: DetectorEvaluation,
  threshold = best?.threshold ?? THRESHOLD,
): Mistakes {
  const options = { classes: classNames, scoreThreshold: threshold };
  const errors = detectionErrors(images, options);
  return {
    threshold,
    correct: errors.correct,
    counts: errors.counts,
    confusion: confusionOf([...classNames, BACKGROUND], detectionConfusion(images, options)),
    pictures: errors.images.map(({ correct, counts, total, errors: mistakes }, i) => {
      const { groundTruth, predictions } = images[i]!;
      const ofObject = new Map<unknown, DetectionErrorType>();
      const ofFound = new Map<unknown, DetectionErrorType>();
      for (const { type, prediction, groundTruth: object } of mistakes) {
        if (prediction) ofFound.set(prediction, type);
        if (object) ofObject.set(object, type);
      }
      const kept = predictions
        .filter(({ score }) => score >= threshold)
        .toSorted((a, b) => b.score - a.score);
      const right = kept.filter((one) => !ofFound.has(one));
      // What is found once is found, whatever else was taken for it.
      const isFound = ({ label, box }: (typeof groundTruth)[number]): boolean =>
        right.some((one) => one.label === label && boxIou(one.box, box) >= FOUND);
      return {
        ...pictures[i]!,
        ...{ correct, counts, wrong: total },
        objects: groundTruth.map((object): JudgedBox => {
          const { box, label, iscrowd, ignore } = object;
          const error = isFound(object) ? undefined : ofObject.get(object);
          return { box, label, verdict: iscrowd || ignore ? 'ignored' : (error ?? 'right') };
        }),
        found: kept.map((one): JudgedBox => {
          const { box, label, score } = one;
          return { box, label, score, verdict: ofFound.get(one) ?? 'right' };
        }),
      };
    }),
  };
}
