import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { detectionSummary, segmentationSummary } from '../../cli/src/evalReport.ts';
import { confusionPlot, precisionRecallPlot, rocPlot, thresholdPlot } from '../../cli/src/plots.ts';
import { renderReport } from '../../cli/src/report.ts';
import type { DetectionEvaluation } from '../../src/tasks/detectionEvaluator.ts';
import type { Box } from '../../src/vision/boxes.ts';
import {
  CocoEvaluator,
  ConfusionMatrix,
  type DetectionImage,
  evaluateDetections,
} from '../../src/vision/index.ts';

const A: Box = [0, 0, 10, 10];
const B: Box = [20, 0, 30, 10];
const C: Box = [40, 0, 50, 10];

function evaluation(images: DetectionImage<string>[], classes: readonly string[]): DetectionEvaluation {
  const evaluator = new CocoEvaluator({ classes });
  for (const image of images) evaluator.add(image);
  return {
    result: evaluateDetections(images, { classes }),
    coco: evaluator.summarize(),
    segm: undefined,
    images,
  };
}

/** One image with a cat and a dog, one with neither. */
const IMAGES: DetectionImage<string>[] = [
  {
    groundTruth: [
      { label: 'cat', box: A },
      { label: 'dog', box: B },
    ],
    predictions: [
      { label: 'cat', box: A, score: 0.9 },
      { label: 'cat', box: B, score: 0.6 },
      { label: 'dog', box: B, score: 0.5 },
    ],
  },
  { groundTruth: [], predictions: [{ label: 'dog', box: C, score: 0.55 }] },
];

const titles = (plots: readonly string[] = []): string[] =>
  plots.map((svg) => parseHTML(svg).document.querySelector('text')!.textContent!);

const html = (summary: ReturnType<typeof detectionSummary>): string =>
  renderReport({
    title: 'test',
    adapter: { name: 'x', software: false },
    runs: [{ name: 'run', task: 'task', ...summary.run, tables: summary.tables }],
    timings: [],
    versions: {},
  });

describe('what fovea eval says', () => {
  it('of a detector: AP, thresholds, curves and confusion', () => {
    const summary = detectionSummary(evaluation(IMAGES, ['cat', 'dog']));
    const [perClass, bySize, thresholds] = summary.tables;
    expect(perClass!.rows.map(([label, ap50, , , , objects]) => [label, ap50, objects])).toEqual([
      ['cat', 1, '1'],
      ['dog', 0.5, '1'],
    ]);
    expect(perClass!.total!.slice(0, 2)).toEqual(['all', 0.75]);
    expect(bySize!.rows[2]!.slice(1)).toEqual([Number.NaN, Number.NaN]);
    // By falling score: right, wrong, wrong, right. F1 is 2/3 at 0.9 and at 0.5, and the higher one goes, halfway down to
    // the next lower score.
    expect(thresholds!.rows[0]!.slice(0, 4)).toEqual(['best F1', '0.75', 1, 0.5]);
    expect(thresholds!.rows[2]!.slice(0, 4)).toEqual(['highest recall at precision 0.9', '0.75', 1, 0.5]);
    expect(thresholds!.rows[3]!.slice(0, 4)).toEqual(['highest precision at recall 0.9', '0.25', 0.5, 1]);
    expect(summary.lines[0]).toMatch(/^threshold 0\.75 has the best F1, 0\.667/);
    expect(summary.metrics).toMatchObject({
      ap50: 0.75,
      threshold: { threshold: 0.75 },
      confusion: {
        names: ['cat', 'dog', 'background'],
        counts: [
          [1, 0, 0],
          [0, 0, 1],
          [0, 0, 0],
        ],
      },
    });
    expect(titles(summary.run.plots)).toEqual([
      'Precision and recall by threshold',
      'Is the class in the image? (ROC)',
      'Confusion at threshold 0.75, IoU .5',
    ]);
    const text = html(summary);
    expect(text.match(/class="fovea-plot"/g)).toHaveLength(4);
    expect(text).toContain('<th scope="row">dog</th><td class="n">0.500</td>');
  });

  it('of scores that lie close: no threshold is rounded over a score', () => {
    const images = [
      {
        groundTruth: [{ label: 'cat', box: A }],
        predictions: [
          { label: 'cat', box: A, score: 0.99912 },
          { label: 'cat', box: B, score: 0.99908 },
        ],
      },
    ];
    const [, , thresholds] = detectionSummary(evaluation(images, ['cat'])).tables;
    expect(thresholds!.rows[0]!.slice(0, 4)).toEqual(['best F1', '0.9991', 1, 1]);
  });

  it('of a detector that has nothing to find, and of one that finds nothing', () => {
    const empty = detectionSummary(evaluation([{ groundTruth: [], predictions: [] }], ['cat']));
    expect(empty.lines).toEqual([]);
    expect(html(empty)).not.toMatch(/NaN|Infinity|undefined/);
    const blind = detectionSummary(evaluation([{ ...IMAGES[0]!, predictions: [] }], ['cat', 'dog']));
    expect(blind.tables[2]!.rows[0]![1]).toBe('not reached');
    expect(html(blind)).not.toMatch(/NaN|Infinity|undefined/);
    // Every image has both: no ROC.
    expect(titles(blind.run.plots)).toHaveLength(2);
  });

  it('of a segmenter: the measures of each class and what was taken for what', () => {
    const confusion = new ConfusionMatrix(3);
    confusion.add([0, 0, 1, 1, 0, 1], [0, 0, 1, 1, 1, 0]);
    const { tables, metrics, lines, run } = segmentationSummary(
      {
        iou: 0.5,
        dice: 0.6,
        meanIou: 0.55,
        pixelAccuracy: 2 / 3,
        confusion,
        perClass: [],
      },
      ['cat', 'dog'],
    );
    expect(tables[0]!.rows[1]).toEqual(['cat', 0.5, 2 / 3, 2 / 3, 2 / 3, 2 / 3]);
    expect(tables[0]!.rows[2]!.slice(1, 4)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(metrics).toMatchObject({
      mIoU: 0.55,
      perClass: [{ label: 'cat', iou: 0.5 }, { label: 'dog' }],
      confusion: {
        counts: [
          [2, 1, 0],
          [1, 2, 0],
          [0, 0, 0],
        ],
      },
    });
    expect(lines).toEqual(['mIoU with background 0.550, pixel accuracy 0.667']);
    expect(titles(run.plots)).toEqual(['Confusion of pixels']);
  });
});

describe('plots of an evaluation', () => {
  const texts = (svg: string): string[] =>
    [...parseHTML(svg).document.querySelectorAll('text')].map((text) => text.textContent!);

  it('show a confusion matrix with shares of the row and counts, without zeros', () => {
    const svg = confusionPlot({ title: 'T', names: ['a', '<b>'], counts: [15, 5, 0, 30_000] });
    const shown = texts(svg);
    for (const text of ['75%', '25%', '100%', '15', '5', '30k']) expect(shown).toContain(text);
    expect(shown).not.toContain('0%');
    expect(svg).not.toContain('<b>');
    expect(parseHTML(svg).document.querySelectorAll('[aria-label="cell"] rect')).toHaveLength(4);
  });

  it('leave the numbers out where they do not fit', () => {
    const names = Array.from({ length: 40 }, (_, i) => `class ${i}`);
    const svg = confusionPlot({ title: 'T', names, counts: new Float64Array(1600).fill(1) });
    expect(texts(svg).some((text) => text.includes('%') && !text.includes('row'))).toBe(false);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it('draw ROC with guessing, and what thresholds reach from the last of equal scores', () => {
    const roc = rocPlot([{ name: 'cat', fpr: [0, 0, 1], tpr: [0, 1, 1], auc: 1 }]);
    expect(texts(roc)).toEqual(expect.arrayContaining(['ROC', 'cat (area 1.000)', 'guessing']));
    const curve = { precision: [1, 0.5], recall: [1, 1], scores: [0.5, 0.5] };
    const svg = thresholdPlot(curve, 0.5);
    expect(svg).toContain('precision from 0.5 to 0.5');
    // From 0 on, where all is kept, though the only score is 0.5.
    const path = parseHTML(svg).document.querySelector('.fovea-line')!.getAttribute('d')!;
    const xs = [...path.matchAll(/[MH](-?[\d.]+)/g)].map(([, x]) => Number(x));
    expect(Math.max(...xs) - Math.min(...xs)).toBeGreaterThan(150);
    expect(texts(svg)).toContain('threshold 0.5');
  });

  it('fill the area under a curve from 0, where a recall stands several times too', () => {
    const svg = precisionRecallPlot([
      { name: 'a', recall: [0.5, 0.5, 0.5, 1], precision: [1, 0.5, 0.4, 0.5] },
    ]);
    const { document } = parseHTML(svg);
    const area = document.querySelector('.fovea-area')!.getAttribute('d')!;
    const ys = [...area.matchAll(/ (-?[\d.]+)/g)].map(([, y]) => Number(y));
    // Nothing above the highest precision: stacked, the points at 0.5 would go to 1.9.
    const line = document.querySelector('.fovea-line')!.getAttribute('d')!;
    const top = Math.min(...[...line.matchAll(/ (-?[\d.]+)/g)].map(([, y]) => Number(y)));
    expect(Math.min(...ys)).toBeGreaterThanOrEqual(top - 1e-6);
  });
});
