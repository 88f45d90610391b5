import type { ClassificationEvaluation } from 'fovea';
import { type EvalSummary, fixed, matrixOf } from './evalReport.ts';
import { confusionPlot } from './plots.ts';

/** What `fovea eval` says of a classifier. */
export function classificationSummary(evaluation: ClassificationEvaluation): EvalSummary {
  const { accuracy, top5, loss, macro, weighted, perClass, confusion } = evaluation;
  const names = perClass.map(({ label }) => label);
  return {
    metrics: {
      accuracy,
      ...(top5 === undefined ? {} : { top5 }),
      loss,
      macro,
      weighted,
      perClass,
      confusion: matrixOf(names, confusion),
    },
    tables: [
      {
        title: 'Images of each class',
        header: ['class', 'precision', 'recall', 'F1', 'loss', 'images'],
        rows: perClass.map(({ label, precision, recall, f1, loss, support }) => [
          label,
          precision,
          recall,
          f1,
          loss,
          String(support),
        ]),
        total: ['mean of the classes', macro.precision, macro.recall, macro.f1, loss, String(macro.support)],
        note: 'As scikit-learn\u2019s classification_report. Loss: the mean cross entropy.',
      },
    ],
    lines: [
      `accuracy ${fixed(accuracy)}${top5 === undefined ? '' : `, among the five most probable ${fixed(top5)}`}`,
    ],
    run: {
      metrics: {
        accuracy,
        ...(top5 === undefined ? {} : { 'top 5': top5 }),
        precision: macro.precision,
        recall: macro.recall,
        F1: macro.f1,
      },
      plots: [confusionPlot({ title: 'Confusion of images', names, counts: confusion.counts })],
    },
  };
}
