import { ShapeError } from '../../errors.ts';
import { expectOptions } from '../../options.ts';
import { checkRle } from '../rle.ts';
import {
  byScore,
  type ClassLabel,
  type CocoImage,
  checkImage,
  IGNORED,
  type IouType,
  matchImage,
  type Outcomes,
  TRUE_POSITIVE,
} from './cocoImage.ts';
import type { CocoEval, CocoSummary } from './cocoSummary.ts';
import { meanOfNumbers, type PrecisionRecall } from './common.ts';

/** Options of `CocoEvaluator`, named as pycocotools' `Params`. */
export interface CocoOptions<L extends ClassLabel> {
  /** The labels to evaluate; objects of other labels are left out. */
  readonly classes: readonly L[];
  /** Whether boxes or masks are compared. Default `bbox`. */
  readonly iouType?: IouType;
  /** Default 0.5, 0.55 … 0.95, as pycocotools' `linspace(.5, .95, 10)` gives them in float64. */
  readonly iouThrs?: readonly number[];
  /**
   * Area ranges in square pixels, both ends included. Default all, small (to 32²), medium (32² to 96²), large (from
   * 96²).
   */
  readonly areaRng?: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** Per image and class, only this many detections count, best scores first. Default [1, 10, 100]. */
  readonly maxDets?: readonly number[];
}

/** COCO's thresholds, in float64 as NumPy's `linspace` makes them. */
export const COCO_THRESHOLDS: readonly number[] = Array.from({ length: 10 }, (_, i) =>
  i === 9 ? 0.95 : 0.5 + ((0.95 - 0.5) / 9) * i,
);
const AREAS = { all: [0, 1e10], small: [0, 1024], medium: [1024, 9216], large: [9216, 1e10] } as const;
const RECALLS = 101;

/**
 * COCO's average precision and recall of boxes or masks, as pycocotools' `COCOeval`. Images are added one by one;
 * what is kept of each is the scores of its detections and whether they were right.
 *
 *     const evaluator = new CocoEvaluator({ classes: ['cat', 'dog'], iouType: 'segm' });
 *     for (const image of images) evaluator.add(image);
 *     const { ap, ap50, apSmall, ar, perClass } = evaluator.summarize();
 *
 * - In each image and class, detections are taken by falling score (equal scores in the order given), the
 *   first `maxDets` of them. Each takes the object, not taken yet, with the highest IoU of at least the threshold;
 *   of equal IoUs, the last one. The others are false positives, duplicates included.
 * - Crowds, objects with `ignore` and objects outside of the area range need not be found. A detection takes one
 *   of these only where it finds no other, and then counts for nothing; so does one that takes none and lies
 *   outside of the area range itself. A crowd can be taken any number of times.
 * - Over all images, detections are ranked by score (equal scores in the order in which images were added:
 *   COCOeval goes by image id). With precision made monotonic from the right, AP is its mean at the recalls
 *   0, 0.01 … 1, in each case at the first detection that reaches the recall, and 0 beyond the last recall reached.
 *   AR is the last recall reached.
 *
 * Precision is TP / (TP + FP); COCOeval adds 2e-16 below, which makes its AP of a single right detection
 * 0.9999999999999998. Source: Lin et al. 2014, "Microsoft COCO", and COCOeval.
 */
export class CocoEvaluator<L extends ClassLabel> {
  /** The classes that are evaluated. */
  readonly classes: readonly L[];
  /** Whether boxes or masks are compared. */
  readonly iouType: IouType;
  /** The IoU thresholds. */
  readonly iouThrs: readonly number[];
  /** The area ranges in square pixels, by name. */
  readonly areaRng: Readonly<Record<string, readonly [low: number, high: number]>>;
  /** How many detections per image and class count, ascending. */
  readonly maxDets: readonly number[];
  #images = 0;
  readonly #outcomes = new Map<L, Outcomes[]>();

  /** Throws ShapeError for a threshold out of 0..1, and for `maxDets` that are not whole numbers of at least 1. */
  constructor(options: CocoOptions<L>) {
    expectOptions('CocoEvaluator', options, ['classes', 'iouType', 'iouThrs', 'areaRng', 'maxDets']);
    const { classes, iouType = 'bbox', iouThrs = COCO_THRESHOLDS } = options;
    const { areaRng = AREAS, maxDets = [1, 10, 100] } = options;
    const bad = iouThrs.find((threshold) => !(threshold >= 0 && threshold <= 1));
    if (bad !== undefined || iouThrs.length === 0) {
      throw new ShapeError(`CocoEvaluator: iouThrs has ${bad ?? 'no values'}; give thresholds from 0 to 1`);
    }
    if (maxDets.length === 0 || !maxDets.every((n) => Number.isInteger(n) && n >= 1)) {
      throw new ShapeError(
        `CocoEvaluator: maxDets is [${maxDets.join(', ')}]; give whole numbers of at least 1`,
      );
    }
    this.classes = [...new Set(classes)];
    this.iouType = iouType;
    this.iouThrs = iouThrs;
    this.areaRng = areaRng;
    this.maxDets = [...maxDets].sort((a, b) => a - b);
    for (const label of this.classes) this.#outcomes.set(label, []);
  }

  /**
   * Matches the detections of one image. Throws, before anything is counted, DataError for a score, box or area that is not
   * finite and for a missing or broken mask, ShapeError for masks of different sizes.
   */
  add(image: CocoImage<L>): void {
    const where = `CocoEvaluator.add: image ${this.#images}`;
    checkImage('CocoEvaluator.add', this.#images, image, this.iouType);
    if (this.iouType === 'segm') {
      for (const { mask, label } of [...image.groundTruth, ...image.predictions]) {
        const [height, width] = checkRle(mask!, `${where}, mask of a "${label}"`).size;
        const first = (image.groundTruth[0] ?? image.predictions[0]!).mask!.size;
        if (height !== first[0] || width !== first[1]) {
          throw new ShapeError(
            `${where} has masks of ${first[1]}x${first[0]} and ${width}x${height} pixels; pass masks of one image`,
          );
        }
      }
    }
    const params = {
      iouType: this.iouType,
      iouThrs: this.iouThrs,
      areaRng: Object.values(this.areaRng),
      maxDet: this.maxDets.at(-1)!,
    };
    for (const [label, list] of this.#outcomes) {
      const outcomes = matchImage(
        {
          groundTruth: image.groundTruth.filter((g) => g.label === label),
          predictions: image.predictions.filter((p) => p.label === label),
        },
        params,
      );
      if (outcomes) list.push(outcomes);
    }
    this.#images++;
  }

  /** Computes precision and recall for every class, threshold, area range and number of detections, as COCOeval's `accumulate`. */
  accumulate(): CocoEval {
    const [T, K, M] = [this.iouThrs.length, this.classes.length, this.maxDets.length];
    const A = Object.keys(this.areaRng).length;
    const precision = new Float64Array(T * RECALLS * K * A * M).fill(Number.NaN);
    const scores = precision.slice();
    const recall = new Float64Array(T * K * A * M).fill(Number.NaN);
    this.classes.forEach((label, k) => {
      const ranking = this.#ranking([label]);
      for (let a = 0; a < A; a++) {
        const positives = this.#positives([label], a);
        if (positives === 0) continue;
        for (let t = 0; t < T; t++) {
          for (let m = 0; m < M; m++) {
            const length = walk(ranking, a * T + t, positives, this.maxDets[m]!, true);
            recall[((t * K + k) * A + a) * M + m] = length === 0 ? 0 : ranking.recall[length - 1]!;
            interpolate(ranking, length, (r, p, score) => {
              const place = (((t * RECALLS + r) * K + k) * A + a) * M + m;
              precision[place] = p;
              scores[place] = score;
            });
          }
        }
      }
    });
    return { counts: [T, RECALLS, K, A, M], precision, scores, recall };
  }

  /**
   * Means of `accumulate`. AP and the numbers by size take the most detections (COCOeval's `maxDets[2]`). A threshold or
   * area range that was not evaluated has NaN.
   */
  summarize(): CocoSummary<L> {
    const { counts, precision, recall } = this.accumulate();
    const [, R, K, A, M] = counts;
    const names = Object.keys(this.areaRng);
    const all = Math.max(0, names.indexOf('all'));
    const each = (threshold: number | undefined, k: number | undefined) => ({
      ts: [...this.iouThrs.keys()].filter(
        (t) => threshold === undefined || Math.abs(this.iouThrs[t]! - threshold) < 1e-9,
      ),
      ks: k === undefined ? [...this.classes.keys()] : [k],
    });
    const ap = (a: number, threshold?: number, k?: number): number => {
      const { ts, ks } = each(threshold, k);
      const values: number[] = [];
      for (const t of a < 0 ? [] : ts) {
        for (const c of ks) {
          for (let r = 0; r < R; r++) values.push(precision[(((t * R + r) * K + c) * A + a) * M + M - 1]!);
        }
      }
      return meanOfNumbers(values);
    };
    const ar = (a: number, m = M - 1, k?: number): number => {
      const { ts, ks } = each(undefined, k);
      if (a < 0) return Number.NaN;
      return meanOfNumbers(ts.flatMap((t) => ks.map((c) => recall[((t * K + c) * A + a) * M + m]!)));
    };
    const [small, medium, large] = ['small', 'medium', 'large'].map((name) => names.indexOf(name)) as [
      number,
      number,
      number,
    ];
    const summary = {
      ap: ap(all),
      ap50: ap(all, 0.5),
      ap75: ap(all, 0.75),
      apSmall: ap(small),
      apMedium: ap(medium),
      apLarge: ap(large),
      ar: this.maxDets.map((_, m) => ar(all, m)),
      arSmall: ar(small),
      arMedium: ar(medium),
      arLarge: ar(large),
    };
    return {
      ...summary,
      stats: Object.values(summary).flat(),
      perClass: this.classes.map((label, k) => ({
        label,
        ap: ap(all, undefined, k),
        ap50: ap(all, 0.5, k),
        ap75: ap(all, 0.75, k),
        ar: ar(all, M - 1, k),
        groundTruths: this.#positives([label], all),
      })),
    };
  }

  /**
   * The curve of one class, or of all in one, with the most detections: precision and recall (not interpolated) after
   * each detection that counts. `areaRng` is a name; default the first. Throws ShapeError for a threshold, area range or
   * class that was not evaluated.
   */
  precisionRecall(
    options: { readonly label?: L; readonly iouThr?: number; readonly areaRng?: string } = {},
  ): PrecisionRecall {
    expectOptions('CocoEvaluator.precisionRecall', options, ['label', 'iouThr', 'areaRng']);
    const { label, iouThr = 0.5, areaRng = Object.keys(this.areaRng)[0]! } = options;
    const t = this.iouThrs.findIndex((threshold) => Math.abs(threshold - iouThr) < 1e-9);
    const a = Object.keys(this.areaRng).indexOf(areaRng);
    if (t < 0 || a < 0 || (label !== undefined && !this.classes.includes(label))) {
      throw new ShapeError(
        `CocoEvaluator.precisionRecall: label ${label}, iouThr ${iouThr}, areaRng ${areaRng}: evaluated were the classes ${this.classes.join(', ')}, iouThrs ${this.iouThrs.join(', ')} and areaRng ${Object.keys(this.areaRng).join(', ')}`,
      );
    }
    const labels = label === undefined ? this.classes : [label];
    const ranking = this.#ranking(labels);
    const place = a * this.iouThrs.length + t;
    const length = walk(ranking, place, this.#positives(labels, a), Infinity, false);
    const { recall, precision, kept } = ranking;
    return {
      recall: Array.from(recall.subarray(0, length)),
      precision: Array.from(precision.subarray(0, length)),
      scores: Array.from(kept.subarray(0, length)),
    };
  }

  #positives(labels: readonly L[], a: number): number {
    return labels
      .flatMap((label) => this.#outcomes.get(label)!)
      .reduce((sum, { positives }) => sum + positives[a]!, 0);
  }

  #ranking(labels: readonly L[]): Ranking {
    const found = byScore(
      labels.flatMap((label) =>
        this.#outcomes
          .get(label)!
          .flatMap((from) => Array.from(from.scores, (score, rank) => ({ score, rank, from }))),
      ),
    );
    const places = Object.keys(this.areaRng).length * this.iouThrs.length;
    const outcomes = new Uint8Array(places * found.length);
    found.forEach(({ rank, from }, d) => {
      for (let p = 0; p < places; p++) {
        outcomes[p * found.length + d] = from.outcomes[p * from.scores.length + rank]!;
      }
    });
    const floats = () => new Float64Array(found.length);
    return {
      scores: Float64Array.from(found, ({ score }) => score),
      ranks: Int32Array.from(found, ({ rank }) => rank),
      outcomes,
      recall: floats(),
      precision: floats(),
      kept: floats(),
    };
  }
}

/** Detections of all images by falling score, and room for a curve of them. */
interface Ranking {
  readonly scores: Float64Array;
  /** The place among those of the class in its image. */
  readonly ranks: Int32Array;
  /** [areas * thresholds, detections]: side by side, as they are read many times. */
  readonly outcomes: Uint8Array;
  readonly recall: Float64Array;
  readonly precision: Float64Array;
  readonly kept: Float64Array;
}

/**
 * Writes recall, precision and score after each detection, for the area and threshold at `place` of the outcomes, and
 * returns how many points there are.
 */
function walk(
  { scores, ranks, outcomes, recall, precision, kept }: Ranking,
  place: number,
  positives: number,
  maxDet: number,
  keepIgnored: boolean,
): number {
  let right = 0;
  let counted = 0;
  let length = 0;
  for (let d = 0; d < scores.length; d++) {
    if (ranks[d]! >= maxDet) continue;
    const outcome = outcomes[place * scores.length + d];
    if (outcome === TRUE_POSITIVE) right++;
    if (outcome !== IGNORED) counted++;
    else if (!keepIgnored) continue;
    recall[length] = right / positives;
    precision[length] = counted === 0 ? 0 : right / counted;
    kept[length] = scores[d]!;
    length++;
  }
  return length;
}

/**
 * Makes precision monotonic from the right and reads it at 101 recalls, 0 beyond the last one reached. `r * 0.01` in
 * float64 is what pycocotools compares recalls with.
 */
function interpolate(
  { recall, precision, kept }: Ranking,
  length: number,
  each: (r: number, precision: number, score: number) => void,
): void {
  for (let i = length - 1; i > 0; i--) {
    if (precision[i]! > precision[i - 1]!) precision[i - 1] = precision[i]!;
  }
  for (let r = 0, i = 0; r < RECALLS; r++) {
    while (i < length && recall[i]! < r * 0.01) i++;
    each(r, i < length ? precision[i]! : 0, i < length ? kept[i]! : 0);
  }
}
