import type { ClassLabel } from './cocoImage.ts';

/** COCOeval's `eval`, with NaN in place of its -1: for classes without objects. */
export interface CocoEval {
  /** T thresholds, R recalls 0, 0.01 … 1, K classes, A area ranges, M numbers of detections. */
  readonly counts: readonly [T: number, R: number, K: number, A: number, M: number];
  /** The best precision at this recall or above, indexed [T, R, K, A, M]; 0 where the recall is not reached. */
  readonly precision: Float64Array;
  /** The score of the detection at which the recall is reached, indexed [T, R, K, A, M]; 0 where it is not reached. */
  readonly scores: Float64Array;
  /** The recall, indexed [T, K, A, M]: the share of the objects that are detected. */
  readonly recall: Float64Array;
}

/** The metrics of one class. */
export interface CocoClassSummary<L extends ClassLabel> {
  /** The class. */
  readonly label: L;
  /** Average precision, mean over the IoU thresholds. */
  readonly ap: number;
  /** Average precision at IoU 0.5. */
  readonly ap50: number;
  /** Average precision at IoU 0.75. */
  readonly ap75: number;
  /** Average recall, with the largest of `maxDets`. */
  readonly ar: number;
  /** The number of objects to be detected, of any size. */
  readonly groundTruths: number;
}

/** COCOeval's `summarize`: means over the thresholds and over the classes that have objects; NaN if none has. */
export interface CocoSummary<L extends ClassLabel> {
  /** Average precision, mean over the IoU thresholds. */
  readonly ap: number;
  /** Average precision at IoU 0.5. */
  readonly ap50: number;
  /** Average precision at IoU 0.75. */
  readonly ap75: number;
  /** Average recall for each of `maxDets`: AR@1, AR@10, AR@100. */
  readonly apSmall: number;
  /** Average precision of medium objects. */
  readonly apMedium: number;
  /** Average precision of large objects. */
  readonly apLarge: number;
  /** One for each of `maxDets`: AR@1, AR@10, AR@100. */
  readonly ar: readonly number[];
  /** Average recall of small objects. */
  readonly arSmall: number;
  /** Average recall of medium objects. */
  readonly arMedium: number;
  /** Average recall of large objects. */
  readonly arLarge: number;
  /** The numbers above in COCOeval's order, which with three `maxDets` are twelve. */
  readonly stats: readonly number[];
  /** The metrics of each class, in the order of the classes. */
  readonly perClass: readonly CocoClassSummary<L>[];
}
