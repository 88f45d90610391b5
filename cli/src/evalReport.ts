import type { DetectionEvaluation, SegmentationEvaluation } from 'fovea';
import {
  auc,
  type ChosenThreshold,
  type CocoSummary,
  type ConfusionMatrix,
  chooseThreshold,
  type DetectionErrors,
  type DetectionImage,
  detectionConfusion,
  detectionErrors,
  type PanopticResult,
  type PrecisionRecall,
  rocCurve,
  type ThresholdGoal,
} from 'fovea/vision';
import { errorTable } from './mistakes.ts';
import { confusionPlot, type Roc, rocPlot, thresholdPlot } from './plots.ts';
import type { ReportRun, ReportTable } from './report.ts';

/** What `fovea eval` says of a model: on the terminal, in its JSON file and in its report. */
export interface EvalSummary {
  /** As JSON. */
  readonly metrics: object;
  /** The first goes to the terminal, all into the report. */
  readonly tables: readonly ReportTable[];
  /** Below the table on the terminal. */
  readonly lines: readonly string[];
  readonly run: Pick<ReportRun, 'metrics' | 'precisionRecall' | 'plots'>;
}

/** With what is needed to show the mistakes of a detector. */
export interface DetectionEvalSummary extends EvalSummary {
  /** Detections with lower scores do not count: the threshold of the best F1, 0.5 where there is none. */
  readonly scoreThreshold: number;
  readonly errors: DetectionErrors<string>;
}

/** More curves than this are no longer told apart; the classes with the most objects are drawn. */
const MAX_CURVES = 7;

/** Thresholds as they are, for the command line to take. */
const exact = (chosen: ChosenThreshold | undefined): string => String(chosen?.threshold ?? 0.5);

/** A value with three digits; a dash for one that there is not. */
export const fixed = (value: number): string => (Number.isNaN(value) ? '\u2013' : value.toFixed(3));

const GOALS: readonly (readonly [name: string, goal: ThresholdGoal])[] = [
  ['best F1', { best: 'fbeta' }],
  ['best F2 (recall counts twice)', { best: 'fbeta', beta: 2 }],
  ['highest recall at precision 0.9', { best: 'recall', precision: 0.9 }],
  ['highest precision at recall 0.9', { best: 'precision', recall: 0.9 }],
];

/**
 * The threshold for a goal, moved down to the middle of the gap below it: what is kept of these images stays the same,
 * and on others a score that is a little lower is still kept. Rounded as far as the gap allows.
 */
function choose(curve: PrecisionRecall, goal: ThresholdGoal): ChosenThreshold | undefined {
  const chosen = chooseThreshold({ ...curve, thresholds: curve.scores }, goal);
  if (!chosen) return undefined;
  const high = chosen.threshold;
  const low = curve.scores.find((score) => score < high) ?? 0;
  for (let digits = 2; digits <= 9; digits++) {
    const threshold = Number(((low + high) / 2).toFixed(digits));
    if (threshold > low && threshold <= high) return { ...chosen, threshold };
  }
  return chosen;
}

/** A confusion matrix as JSON. */
export const matrixOf = (names: readonly string[], { counts }: ConfusionMatrix) => ({
  names,
  counts: names.map((_, row) => Array.from(counts.slice(row * names.length, (row + 1) * names.length))),
});

/**
 * Whether an image shows a class at all, by its best score: the one question to a detector that has true negatives.
 * Only of classes that some images have and some have not.
 */
function imageRocs(images: readonly DetectionImage<string>[], classes: readonly string[]): Roc[] {
  return classes.flatMap((name) => {
    const has = images.map(({ groundTruth }) => groundTruth.some(({ label }) => label === name));
    if (!has.includes(true) || !has.includes(false)) return [];
    const scores = images.map(({ predictions }) =>
      predictions.reduce((best, { label, score }) => (label === name ? Math.max(best, score) : best), 0),
    );
    const { fpr, tpr } = rocCurve(has, scores);
    return [{ name, fpr, tpr, auc: auc(fpr, tpr) }];
  });
}

/** Columns for masks, of models that find them. */
const maskColumns = (segm: CocoSummary<string> | undefined) => ({
  header: segm ? ['mask AP@.5', 'mask AP@[.5:.95]'] : [],
  of: (i: number) => (segm ? [segm.perClass[i]!.ap50, segm.perClass[i]!.ap] : []),
  total: segm ? [segm.ap50, segm.ap] : [],
});

/** Panoptic quality of all classes, of objects (things) and of regions (stuff). */
function panopticSummary(panoptic: PanopticResult<string>) {
  const rows = [
    ['all', panoptic.all],
    ['things', panoptic.things],
    ['stuff', panoptic.stuff],
  ] as const;
  const table: ReportTable = {
    title: 'Panoptic quality of each class',
    header: ['class', 'PQ', 'SQ', 'RQ', 'TP', 'FP', 'FN'],
    rows: [
      ...panoptic.perClass.map(({ label, pq, sq, rq, tp, fp, fn }) => [
        ...[label, pq, sq, rq],
        ...[tp, fp, fn].map(String),
      ]),
      ...rows.slice(1).map(([name, { pq, sq, rq }]) => [`mean of ${name}`, pq, sq, rq, '', '', '']),
    ],
    total: ['mean of all', panoptic.all.pq, panoptic.all.sq, panoptic.all.rq, '', '', ''],
    note: 'As panopticapi. PQ = SQ times RQ. SQ: the mean IoU of matched segments. RQ: their F1.',
  };
  return {
    table,
    lines: rows.map(
      ([name, { pq, sq, rq }]) =>
        `panoptic quality, ${name}: PQ ${fixed(pq)}, SQ ${fixed(sq)}, RQ ${fixed(rq)}`,
    ),
  };
}

export function detectionSummary({
  result,
  coco,
  segm,
  images,
  panoptic,
}: DetectionEvaluation): DetectionEvalSummary {
  const segments = panoptic && panopticSummary(panoptic);
  const masks = maskColumns(segm);
  const classes = result.perClass.map(({ label }) => label);
  const goals = GOALS.map(([name, goal]) => ({ name, chosen: choose(result.precisionRecall, goal) }));
  const best = goals[0]!.chosen;
  const scoreThreshold = best?.threshold ?? 0.5;
  const confusion = detectionConfusion(images, { classes, scoreThreshold });
  const errors = detectionErrors(images, { classes, scoreThreshold });
  const names = [...classes, 'background'];
  const objects = coco.perClass.reduce((sum, { groundTruths }) => sum + groundTruths, 0);
  const largest = new Set(
    [...result.perClass]
      .sort((a, b) => b.groundTruths - a.groundTruths)
      .slice(0, MAX_CURVES)
      .map(({ label }) => label),
  );
  const rocs = imageRocs(images, classes).filter(({ name }) => largest.has(name));
  const tables: ReportTable[] = [
    {
      title: 'Average precision of each class',
      header: ['class', 'AP@.5', 'AP@.75', 'AP@[.5:.95]', 'AR', ...masks.header, 'objects'],
      rows: coco.perClass.map(({ label, ap50, ap75, ap, ar, groundTruths }, i) => [
        label,
        ap50,
        ap75,
        ap,
        ar,
        ...masks.of(i),
        String(groundTruths),
      ]),
      total: ['all', coco.ap50, coco.ap75, coco.ap, coco.ar.at(-1)!, ...masks.total, String(objects)],
      note: 'By COCO\u2019s rules, as pycocotools. AR: the share of the objects found with at most 100 boxes per image and class, mean over IoU .5 to .95.',
    },
    {
      title: 'By size',
      header: ['size', 'AP@[.5:.95]', 'AR'],
      rows: [
        ['small (to 32\u00b2 pixels)', coco.apSmall, coco.arSmall],
        ['medium (to 96\u00b2)', coco.apMedium, coco.arMedium],
        ['large', coco.apLarge, coco.arLarge],
      ],
    },
    {
      title: 'Which threshold to use',
      header: ['goal', 'threshold', 'precision', 'recall', 'F1'],
      rows: goals.map(({ name, chosen }) => [
        name,
        ...(chosen
          ? [exact(chosen), chosen.precision, chosen.recall, f1(chosen)]
          : ['not reached', Number.NaN, Number.NaN, Number.NaN]),
      ]),
      note: 'Over all classes; a detection is correct at IoU .5 or more. On other images these thresholds do somewhat worse.',
    },
    errorTable(errors, scoreThreshold),
    ...(segments ? [segments.table] : []),
  ];
  return {
    scoreThreshold,
    errors,
    metrics: {
      ap50: result.ap50,
      ap: result.ap,
      coco: { ...coco, perClass: undefined, stats: undefined },
      perClass: coco.perClass,
      ...(segm ? { masks: { ...segm, stats: undefined } } : {}),
      ...(panoptic ? { panoptic } : {}),
      threshold: best,
      confusion: matrixOf(names, confusion),
      errors: errors.counts,
    },
    tables,
    lines: [
      ...(segments?.lines ?? []),
      ...(best
        ? [
            `threshold ${exact(best)} has the best F1, ${fixed(best.fbeta)}: precision ${fixed(best.precision)}, recall ${fixed(best.recall)} (fovea detect --threshold ${exact(best)})`,
          ]
        : []),
    ],
    run: {
      metrics: {
        'AP@.5': coco.ap50,
        'AP@[.5:.95]': coco.ap,
        AR: coco.ar.at(-1)!,
        ...(segm ? { 'mask AP@.5': segm.ap50, 'mask AP@[.5:.95]': segm.ap } : {}),
        ...(panoptic ? { PQ: panoptic.all.pq } : {}),
      },
      precisionRecall: [
        ...(classes.length > 1 ? [{ name: 'all', ...result.precisionRecall }] : []),
        ...result.perClass
          .filter(({ label, groundTruths }) => largest.has(label) && groundTruths > 0)
          .map(({ label, ap50, precisionRecall }) => ({ name: label, ...precisionRecall, ap: ap50 })),
      ],
      plots: [
        thresholdPlot(result.precisionRecall, best?.threshold),
        ...(rocs.length > 0 ? [rocPlot(rocs, { title: 'Is the class in the image? (ROC)' })] : []),
        confusionPlot({
          title: `Confusion at threshold ${exact(best)}, IoU .5`,
          names,
          counts: confusion.counts,
        }),
      ],
    },
  };
}

const f1 = ({ precision, recall }: ChosenThreshold): number =>
  precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);

export function segmentationSummary(
  { iou, dice, meanIou, pixelAccuracy, confusion }: SegmentationEvaluation,
  classNames: readonly string[],
): EvalSummary {
  const names = ['background', ...classNames];
  const [ious, dices, precision, recall, specificity] = [
    confusion.iou(),
    confusion.dice(),
    confusion.precision(),
    confusion.recall(),
    confusion.specificity(),
  ];
  const row = (name: string, c: number) => [
    name,
    ious[c]!,
    dices[c]!,
    precision[c]!,
    recall[c]!,
    specificity[c]!,
  ];
  return {
    metrics: {
      mIoU: meanIou,
      iou,
      dice,
      pixelAccuracy,
      perClass: classNames.map((label, i) => ({
        label,
        iou: ious[i + 1]!,
        dice: dices[i + 1]!,
        precision: precision[i + 1]!,
        recall: recall[i + 1]!,
        specificity: specificity[i + 1]!,
      })),
      confusion: matrixOf(names, confusion),
    },
    tables: [
      {
        title: 'Pixels of each class',
        header: ['class', 'IoU', 'Dice', 'precision', 'recall', 'specificity'],
        rows: names.map(row),
        total: ['mean without background', iou, dice, '', '', ''],
      },
    ],
    lines: [`mIoU with background ${fixed(meanIou)}, pixel accuracy ${fixed(pixelAccuracy)}`],
    run: {
      metrics: { mIoU: meanIou, IoU: iou, Dice: dice, 'pixel accuracy': pixelAccuracy },
      plots: [confusionPlot({ title: 'Confusion of pixels', names, counts: confusion.counts })],
    },
  };
}
