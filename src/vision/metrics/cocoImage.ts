import { DataError } from '../../errors.ts';
import type { Box } from '../boxes.ts';
import { boxArea, boxIou } from '../boxes.ts';
import { type Rle, rleArea, rleIou, rleToBox } from '../rle.ts';

/** The label of a class: a name or a number. */
export type ClassLabel = string | number;

/** An object in the ground truth. `box` is needed to evaluate boxes, `mask` to evaluate masks. */
export interface CocoGroundTruth<L extends ClassLabel> {
  /** The class of the object. */
  readonly label: L;
  /** (x1, y1, x2, y2) in pixels. */
  readonly box?: Box;
  /** The pixels of the object. */
  readonly mask?: Rle;
  /**
   * The area in square pixels that makes it small, medium or large; in COCO's files it is the mask's. Default: that of
   * the box or mask.
   */
  readonly area?: number;
  /**
   * A crowd: objects that were not labelled one by one. It need not be detected, and any number of detections in it
   * count for nothing; the overlap with it is the intersection over the detection's area.
   */
  readonly iscrowd?: boolean;
  /**
   * The object need not be detected, and one detection of it counts for nothing. COCOeval overwrites a file's `ignore`
   * by `iscrowd`; leave it out for the same numbers.
   */
  readonly ignore?: boolean;
}

/** A detection; see `CocoGroundTruth` for box and mask. */
export interface CocoPrediction<L extends ClassLabel> {
  /** The class that was predicted. */
  readonly label: L;
  /** The confidence of the detector. */
  readonly score: number;
  /** (x1, y1, x2, y2) in pixels. */
  readonly box?: Box;
  /** The pixels that were predicted. */
  readonly mask?: Rle;
  /** Area in square pixels. Default: that of the box or mask. */
  readonly area?: number;
}

/** The objects and the detections of one image. */
export interface CocoImage<L extends ClassLabel> {
  /** The objects in the image. */
  readonly groundTruth: readonly CocoGroundTruth<L>[];
  /** The detections in the image. */
  readonly predictions: readonly CocoPrediction<L>[];
}

/** What is compared: boxes (`bbox`) or masks (`segm`). */
export type IouType = 'bbox' | 'segm';

/** What a detection came to: wrong, right, or neither. */
export const FALSE_POSITIVE = 0;
export const TRUE_POSITIVE = 1;
export const IGNORED = 2;

/** What is kept of the detections of one class in one image, best first. */
export interface Outcomes {
  readonly scores: Float64Array;
  /** [areas, thresholds, detections]. */
  readonly outcomes: Uint8Array;
  /** For each area range, the objects to be found. */
  readonly positives: readonly number[];
}

/** By falling score; equal scores keep their order (`Array.sort` is stable, like NumPy's mergesort). */
export const byScore = <T extends { readonly score: number }>(items: readonly T[]): T[] =>
  [...items].sort((a, b) => b.score - a.score);

/** Throws DataError for a score, box or area that is not finite, and for a missing box or mask. */
export function checkImage<L extends ClassLabel>(
  op: string,
  number: number,
  { groundTruth, predictions }: CocoImage<L>,
  iouType: IouType,
): void {
  for (const item of [...groundTruth, ...predictions]) {
    const { box, mask, area = 0 } = item;
    const score = 'score' in item ? item.score : 0;
    if (iouType === 'bbox' ? !box : !mask) {
      throw new DataError(
        `${op}: image ${number} has a "${item.label}" without ${iouType === 'bbox' ? 'box' : 'mask'}; iouType ${iouType} needs one for each object and detection`,
      );
    }
    if (![score, area, ...(box ?? [])].every(Number.isFinite)) {
      throw new DataError(
        `${op}: image ${number} has box [${box?.join(', ')}] with score ${score} and area ${area}; leave out values that are not finite`,
      );
    }
  }
}

/** IoU of each detection with each object; masks whose boxes do not meet are not compared. */
function overlaps<L extends ClassLabel>(
  predictions: readonly CocoPrediction<L>[],
  groundTruth: readonly CocoGroundTruth<L>[],
  iouType: IouType,
): number[][] {
  if (iouType === 'bbox') {
    return predictions.map((p) => groundTruth.map((g) => overlap(p.box!, g.box!, g.iscrowd)));
  }
  const found = predictions.map((p) => rleToBox(p.mask!));
  const true_ = groundTruth.map((g) => rleToBox(g.mask!));
  return predictions.map((p, i) =>
    groundTruth.map((g, j) =>
      boxIou(found[i]!, true_[j]!) > 0 ? rleIou(p.mask!, g.mask!, { crowd: g.iscrowd ?? false }) : 0,
    ),
  );
}

/** IoU, or of a crowd the share of the detection that lies in it. */
export function overlap(detection: Box, truth: Box, iscrowd = false): number {
  if (!iscrowd) return boxIou(detection, truth);
  const w = Math.min(detection[2], truth[2]) - Math.max(detection[0], truth[0]);
  const h = Math.min(detection[3], truth[3]) - Math.max(detection[1], truth[1]);
  return w <= 0 || h <= 0 ? 0 : (w * h) / boxArea(detection);
}

const areaOf = (item: { box?: Box; mask?: Rle; area?: number }, iouType: IouType): number =>
  item.area ?? (iouType === 'bbox' ? boxArea(item.box!) : rleArea(item.mask!));

/**
 * Matches the detections of one class in one image (COCOeval's `evaluateImg`), for each area range and threshold;
 * undefined where the class is neither there nor found.
 */
export function matchImage<L extends ClassLabel>(
  { groundTruth, predictions }: CocoImage<L>,
  {
    iouType,
    iouThrs,
    areaRng,
    maxDet,
  }: {
    readonly iouType: IouType;
    readonly iouThrs: readonly number[];
    readonly areaRng: readonly (readonly [number, number])[];
    readonly maxDet: number;
  },
): Outcomes | undefined {
  if (groundTruth.length === 0 && predictions.length === 0) return undefined;
  const best = byScore(predictions).slice(0, maxDet);
  const ious = overlaps(best, groundTruth, iouType);
  const areas = best.map((item) => areaOf(item, iouType));
  const trueAreas = groundTruth.map((item) => areaOf(item, iouType));
  const outcomes = new Uint8Array(areaRng.length * iouThrs.length * best.length);
  const positives = areaRng.map(([low, high], a) => {
    const outside = (area: number): boolean => area < low || area > high;
    const ignored = groundTruth.map((g, i) => !!g.iscrowd || !!g.ignore || outside(trueAreas[i]!));
    // Those to be found come first, so that a detection is given an ignored one only if no other is left.
    const order = [...ignored.keys()].sort((i, j) => Number(ignored[i]) - Number(ignored[j]));
    iouThrs.forEach((threshold, t) => {
      const taken = new Set<number>();
      best.forEach((_, d) => {
        const match = bestMatch(ious[d]!, order, ignored, taken, threshold);
        let outcome = outside(areas[d]!) ? IGNORED : FALSE_POSITIVE;
        if (match >= 0) {
          outcome = ignored[match] ? IGNORED : TRUE_POSITIVE;
          if (!groundTruth[match]!.iscrowd) taken.add(match);
        }
        outcomes[(a * iouThrs.length + t) * best.length + d] = outcome;
      });
    });
    return ignored.filter((no) => !no).length;
  });
  return { scores: Float64Array.from(best, ({ score }) => score), outcomes, positives };
}

/** The object with the highest IoU of at least the threshold, of equal ones the last in order; -1 for none. */
function bestMatch(
  ious: readonly number[],
  order: readonly number[],
  ignored: readonly boolean[],
  taken: ReadonlySet<number>,
  threshold: number,
): number {
  let best = Math.min(threshold, 1 - 1e-10); // COCOeval's: a threshold of 1 still takes equal boxes
  let match = -1;
  for (const i of order) {
    if (taken.has(i)) continue;
    if (match >= 0 && !ignored[match] && ignored[i]) break;
    if (ious[i]! < best) continue;
    best = ious[i]!;
    match = i;
  }
  return match;
}
