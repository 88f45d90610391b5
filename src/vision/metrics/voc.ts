import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import { type Box, boxIou } from '../boxes.ts';
import { byScore, type ClassLabel, checkImage } from './cocoImage.ts';
import { meanOfNumbers, type PrecisionRecall } from './common.ts';

/** The objects and detections in one image. */
export interface VocImage<L extends ClassLabel> {
  /** The objects. Those that are `difficult` need not be detected, and their detections count for nothing. */
  readonly groundTruth: readonly { readonly box: Box; readonly label: L; readonly difficult?: boolean }[];
  /** The detections in the image. */
  readonly predictions: readonly { readonly box: Box; readonly label: L; readonly score: number }[];
}

/** The metrics of one class. */
export interface VocClassResult<L extends ClassLabel> {
  /** The class. */
  readonly label: L;
  /** Average precision; NaN for a class without objects to be detected. */
  readonly ap: number;
  /** The number of objects to be detected: those that are not difficult. */
  readonly groundTruths: number;
  /** Precision and recall after each detection that counts. */
  readonly precisionRecall: PrecisionRecall;
}

/** What `evaluateVoc` returns. */
export interface VocResult<L extends ClassLabel> {
  /** The mean AP of the classes with objects to be detected; NaN if none has any. */
  readonly map: number;
  /** The metrics of each class. */
  readonly perClass: readonly VocClassResult<L>[];
}

/**
 * Average precision of boxes by the rules of Pascal VOC's development kit:
 *
 * - Detections of a class in all images are taken by falling score (equal scores in the order given). Each belongs to the
 *   object with the highest IoU (of equal ones, the first), taken or not. Under `iouThreshold` (default 0.5) it is wrong; at
 *   or over it, it is right if the object was not taken yet, else wrong (a duplicate), and counts for nothing if the
 *   object is difficult. In COCO's rules it would take the next best object instead.
 * - With `use07Metric`, AP is the mean over the recalls 0, 0.1 … 1 of the highest precision at that recall or more (VOC 2007),
 *   else the area under the curve made monotonic from the right (2010 and later).
 *
 * VOC's files count pixels from 1 and include the last: a box is (xmin - 1, ymin - 1, xmax, ymax) here, with the same IoU.
 * Source: Everingham et al. 2010, and the kit's VOCevaldet.m. Throws DataError for a score or box that is not finite,
 * ShapeError for a threshold out of 0..1.
 */
export function evaluateVoc<L extends ClassLabel>(
  images: readonly VocImage<L>[],
  options: { readonly classes: readonly L[]; readonly iouThreshold?: number; readonly use07Metric?: boolean },
): VocResult<L> {
  expectArguments(
    'evaluateVoc',
    { images, options },
    {
      images: [{ groundTruth: [{ box: 'box' }], predictions: [{ box: 'box' }] }],
      options: { classes: ['label'] },
    },
  );
  const { classes, iouThreshold = 0.5, use07Metric = false } = options;
  if (!(iouThreshold >= 0 && iouThreshold <= 1)) {
    throw new ShapeError(`evaluateVoc: iouThreshold ${iouThreshold}; give a number from 0 to 1`);
  }
  images.forEach((image, i) => {
    checkImage('evaluateVoc', i, image, 'bbox');
  });
  const perClass = classes.map((label): VocClassResult<L> => {
    // Copies, so that each is an object of its own: `taken` tells them apart.
    const truths = images.map(({ groundTruth }) =>
      groundTruth.filter((g) => g.label === label).map((g) => ({ ...g })),
    );
    const groundTruths = truths.flat().filter(({ difficult }) => !difficult).length;
    const predictions = byScore(
      images.flatMap((image, i) =>
        image.predictions.filter((p) => p.label === label).map((p) => ({ ...p, truths: truths[i]! })),
      ),
    );
    const precisionRecall: PrecisionRecall = { recall: [], precision: [], scores: [] };
    const taken = new Set<object>();
    let right = 0;
    let counted = 0;
    for (const { box, score, truths } of predictions) {
      const ious = truths.map((truth) => boxIou(box, truth.box));
      const best = ious.indexOf(Math.max(...ious));
      const truth = best >= 0 && ious[best]! >= iouThreshold ? truths[best]! : undefined;
      if (truth?.difficult) continue;
      if (truth && !taken.has(truth)) {
        taken.add(truth);
        right++;
      }
      counted++;
      precisionRecall.recall.push(right / groundTruths);
      precisionRecall.precision.push(right / counted);
      precisionRecall.scores.push(score);
    }
    const average = use07Metric ? elevenPoints : area;
    return {
      label,
      ap: groundTruths === 0 ? Number.NaN : average(precisionRecall),
      groundTruths,
      precisionRecall,
    };
  });
  return { map: meanOfNumbers(perClass.map(({ ap }) => ap)), perClass };
}

/** `i * 0.1` in float64, as NumPy's `arange(0, 1.1, 0.1)` in the usual Python evaluation. */
function elevenPoints({ recall, precision }: PrecisionRecall): number {
  let sum = 0;
  for (let i = 0; i <= 10; i++) {
    sum += precision.reduce((best, p, j) => (recall[j]! >= i * 0.1 ? Math.max(best, p) : best), 0);
  }
  return sum / 11;
}

function area({ recall, precision }: PrecisionRecall): number {
  let sum = 0;
  let best = 0;
  for (let i = recall.length - 1; i >= 0; i--) {
    best = Math.max(best, precision[i]!);
    sum += (recall[i]! - (recall[i - 1] ?? 0)) * best;
  }
  return sum;
}
