import * as Plot from '@observablehq/plot';
import {
  fitLabel,
  formatValue,
  type LinePlotOptions,
  linePlot,
  PLOT_COLORS,
  type PlotPoint,
  seriesColor,
} from 'fovea/draw';
import { render } from './plotFrame.ts';

/** One step of a training run, as the report and the plots take it. */
export interface StepRecord {
  step: number;
  /** By name; the first is drawn strongest, so put the total first. */
  losses: Readonly<Record<string, number>>;
  lr?: number;
}

export interface Bar {
  label: string;
  value: number;
  /** What is printed at the bar's end; the value with three digits by default. */
  text?: string;
  color?: string;
}

/** Every loss over the steps: raw faint, running mean strong. The first loss is the strongest colour. */
export function lossPlot(
  steps: readonly StepRecord[],
  options: Partial<Pick<LinePlotOptions, 'title' | 'yScale' | 'width' | 'height'>> = {},
): string {
  const names = [...new Set(steps.flatMap(({ losses }) => Object.keys(losses)))];
  return linePlot({
    title: 'Loss',
    xLabel: 'step',
    yLabel: 'loss',
    series: names.map((name) => ({
      name,
      smooth: true,
      points: steps
        .filter(({ losses }) => losses[name] !== undefined)
        .map(({ step, losses }) => [step, losses[name]!] as const),
    })),
    ...options,
  });
}

/** The learning rate over the steps. */
export function learningRatePlot(
  steps: readonly StepRecord[],
  options: Partial<Pick<LinePlotOptions, 'title' | 'yScale' | 'width' | 'height'>> = {},
): string {
  return linePlot({
    title: 'Learning rate',
    xLabel: 'step',
    yLabel: 'learning rate',
    series: [
      {
        name: 'learning rate',
        points: steps.filter(({ lr }) => lr !== undefined).map(({ step, lr }) => [step, lr!] as const),
      },
    ],
    ...options,
  });
}

export interface PrecisionRecall {
  /** E.g. `IoU 0.5`, or a class. */
  name: string;
  /** By falling score, so recall never falls. */
  recall: ArrayLike<number>;
  precision: ArrayLike<number>;
  /** Average precision, printed with the name. */
  ap?: number;
}

/** Precision over recall, both axes 0 to 1. */
export function precisionRecallPlot(
  curves: readonly PrecisionRecall[],
  options: Partial<Pick<LinePlotOptions, 'title' | 'width' | 'height'>> = {},
): string {
  const series = curves.map(({ name, recall, precision, ap }) => {
    const points: PlotPoint[] = [];
    for (let i = 0; i < recall.length; i++) points.push([recall[i]!, precision[i] ?? Number.NaN]);
    // The curve starts at its first precision: nothing is known left of the first detection.
    if (points.length > 0 && points[0]![0] > 0) points.unshift([0, points[0]![1]]);
    const label = ap === undefined ? name : `${name} (AP ${ap.toFixed(3)})`;
    return { name: label, points, area: curves.length === 1 };
  });
  const { title = 'Precision and recall' } = options;
  return linePlot({
    xLabel: 'recall',
    yLabel: 'precision',
    xDomain: [0, 1],
    yDomain: [0, 1.02],
    description: `${title}: ${series.map(({ name }) => name).join('; ')}`,
    series,
    ...options,
    title: series.length === 1 ? `${title}: ${series[0]!.name}` : title,
  });
}

/** Bars from left to right, one a row, each with its value at the end. */
export function barPlot(options: {
  title: string;
  xLabel: string;
  bars: readonly Bar[];
  /** Names for the bars' colours, where colour carries a meaning. */
  legend?: readonly { name: string; color: string }[];
  width?: number;
}): string {
  const { title, xLabel, bars, legend = [], width = 420 } = options;
  const data = bars.map(({ label, value, text, color }, i) => ({
    // Rows are told apart by place: two bars may have one label.
    row: `${i}`,
    label,
    value: Number.isFinite(value) ? Math.max(0, value) : 0,
    text: text ?? formatValue(value),
    color: color ?? seriesColor(0),
  }));
  const longest = Math.max(4, ...bars.map(({ label }) => label.length));
  const marginLeft = Math.min(Math.round(width * 0.4), 24 + Math.ceil(longest * 6.2));
  const shown = data.map(({ label }) => fitLabel(label, 1.15 * (marginLeft - 18)));
  const most = Math.max(0, ...data.map(({ value }) => value));
  return render(
    {
      title,
      description: `${title}: ${data.map(({ label, text }) => `${label} ${text}`).join('; ')}`,
      legend,
      width,
      height: 86 + data.length * 24,
      marginLeft,
      marginRight: 20 + Math.max(0, ...data.map(({ text }) => text.length)) * 6.4,
    },
    {
      marginBottom: 40,
      x: { domain: [0, most > 0 ? most : 1] },
      y: { domain: data.map(({ row }) => row), padding: 0.25, label: null },
      marks: [
        Plot.gridX({ stroke: PLOT_COLORS.grid, strokeOpacity: 1, ticks: 5 }),
        Plot.axisX({
          label: xLabel,
          labelAnchor: 'center',
          labelArrow: 'none',
          ticks: 5,
          color: PLOT_COLORS.ink,
          tickFormat: formatValue,
        }),
        Plot.axisY({ tickFormat: (row: string) => shown[Number(row)]!, tickSize: 0, color: PLOT_COLORS.ink }),
        Plot.barX(data, { x: 'value', y: 'row', fill: (bar: { color: string }) => bar.color }),
        Plot.text(data, {
          x: 'value',
          y: 'row',
          text: 'text',
          textAnchor: 'start',
          dx: 5,
          fill: PLOT_COLORS.ink,
        }),
        Plot.ruleX([0], { stroke: PLOT_COLORS.soft }),
      ],
    },
  );
}

export interface Roc {
  /** E.g. a class. */
  name: string;
  /** Rising from 0 to 1. */
  fpr: readonly number[];
  tpr: readonly number[];
  /** The area, printed with the name. */
  auc?: number;
}

/** The share of positives found over the share of negatives taken for positives, with the diagonal of guessing. */
export function rocPlot(
  curves: readonly Roc[],
  options: Partial<Pick<LinePlotOptions, 'title' | 'width' | 'height'>> = {},
): string {
  const series = curves.map(({ name, fpr, tpr, auc }) => ({
    name: auc === undefined ? name : `${name} (area ${auc.toFixed(3)})`,
    points: fpr.map((x, i): PlotPoint => [x, tpr[i]!]),
  }));
  const { title = 'ROC' } = options;
  return linePlot({
    xLabel: 'false positive rate',
    yLabel: 'true positive rate',
    xDomain: [0, 1],
    yDomain: [0, 1.02],
    description: `${title}: ${series.map(({ name }) => name).join('; ')}`,
    series: [
      ...series,
      {
        name: 'guessing',
        points: [
          [0, 0],
          [1, 1],
        ],
        color: PLOT_COLORS.soft,
        dashed: true,
      },
    ],
    ...options,
    title,
  });
}

/** What each threshold reaches: precision, recall and F1 over the score, with a line where one was chosen. */
export function thresholdPlot(
  curve: {
    readonly precision: readonly number[];
    readonly recall: readonly number[];
    /** Falling. */
    readonly scores: readonly number[];
  },
  chosen?: number,
  options: Partial<Pick<LinePlotOptions, 'title' | 'width' | 'height'>> = {},
): string {
  // Of equal scores the last says what a threshold there keeps.
  const places = [...curve.scores.keys()].filter((i) => curve.scores[i] !== curve.scores[i + 1]).reverse();
  // Stairs: a threshold over one score and up to the next keeps what has the next.
  const line = (name: string, value: (i: number) => number) => ({
    name,
    step: true,
    points: places.flatMap((place, k): PlotPoint[] => {
      const from = k === 0 ? Math.min(0, curve.scores[place]!) : curve.scores[places[k - 1]!]!;
      const last: PlotPoint[] = k === places.length - 1 ? [[curve.scores[place]!, value(place)]] : [];
      return [[from, value(place)], ...last];
    }),
  });
  const [p, r] = [curve.precision, curve.recall];
  return linePlot({
    title: 'Precision and recall by threshold',
    xLabel: 'lowest score kept',
    yLabel: 'precision, recall, F1',
    xDomain: [0, 1],
    yDomain: [0, 1.02],
    series: [
      line('precision', (i) => p[i]!),
      line('recall', (i) => r[i]!),
      line('F1', (i) => (p[i]! + r[i]! === 0 ? 0 : (2 * p[i]! * r[i]!) / (p[i]! + r[i]!))),
      ...(chosen === undefined
        ? []
        : [
            {
              name: `threshold ${formatValue(chosen)}`,
              points: [[chosen, 0] as const, [chosen, 1.02] as const],
              color: PLOT_COLORS.soft,
              dashed: true,
            },
          ]),
    ],
    ...options,
  });
}

/** Names are cut to this many pixels; the image's description has them whole. */
const NAME_WIDTH = 97;
/** Cells under this width have no numbers in them. */
const TEXT_CELL = 34;

/** What was taken for what: a row for each true class, in each cell the row's share and the count. */
export function confusionPlot(options: {
  title: string;
  /** The last may be the background. */
  names: readonly string[];
  /** [true, predicted], row by row. */
  counts: ArrayLike<number>;
  width?: number;
}): string {
  const { title, names, counts, width = 420 } = options;
  const n = names.length;
  const short = names.map((name) => fitLabel(name, NAME_WIDTH));
  const letters = Math.max(...short.map(({ length }) => length));
  const marginLeft = 44 + Math.ceil(letters * 6.2);
  const tilted = letters * 6.4 > (width - marginLeft - 20) / n;
  const marginBottom = 40 + (tilted ? Math.ceil(letters * 4.6) : 6);
  const cell = Math.min(76, (width - marginLeft - 20) / n);
  const cells = Array.from({ length: n * n }, (_, i) => {
    const row = Math.floor(i / n);
    let total = 0;
    for (let k = 0; k < n; k++) total += counts[row * n + k]!;
    const count = counts[i]!;
    return { row, column: i % n, count, share: total === 0 ? 0 : count / total };
  });
  const opacity = (share: number): number => (share === 0 ? 0 : 0.06 + 0.94 * share);
  const words = {
    x: 'column',
    y: 'row',
    fill: (d: { share: number }) => (opacity(d.share) > 0.5 ? PLOT_COLORS.panel : PLOT_COLORS.ink),
  } as const;
  const texts =
    cell < TEXT_CELL
      ? []
      : [
          Plot.text(
            cells.filter(({ count }) => count > 0),
            { ...words, text: (d: { share: number }) => percent(d.share), dy: -6, fontWeight: 600 },
          ),
          Plot.text(
            cells.filter(({ count }) => count > 0),
            { ...words, text: (d: { count: number }) => briefCount(d.count), dy: 8, fontSize: 10 },
          ),
        ];
  const axis = { tickSize: 0, color: PLOT_COLORS.ink, labelAnchor: 'center', labelArrow: 'none' } as const;
  return render(
    {
      title,
      description: `${title}: ${cells
        .filter(({ count }) => count > 0)
        .map(({ row, column, count }) => `${names[row]} taken for ${names[column]} ${briefCount(count)}`)
        .join('; ')}`,
      legend: [],
      width,
      height: Math.round(cell * n + 44 + marginBottom),
      marginLeft,
      marginRight: Math.max(20, width - marginLeft - cell * n),
    },
    {
      marginBottom,
      x: { type: 'band', domain: [...names.keys()], padding: 0.03 },
      y: { type: 'band', domain: [...names.keys()], padding: 0.03 },
      marks: [
        Plot.axisX({
          ...axis,
          label: 'predicted',
          labelOffset: marginBottom - 8,
          tickFormat: (i: number) => short[i]!,
          ...(tilted ? { tickRotate: -40, textAnchor: 'end' as const } : {}),
        }),
        Plot.axisY({
          ...axis,
          label: 'true (a row is 100%)',
          labelOffset: marginLeft - 14,
          tickFormat: (i: number) => short[i]!,
        }),
        Plot.cell(cells, {
          x: 'column',
          y: 'row',
          fill: seriesColor(0),
          fillOpacity: (d: { share: number }) => opacity(d.share),
          stroke: PLOT_COLORS.grid,
          strokeWidth: 0.5,
        }),
        ...texts,
      ],
    },
  );
}

const percent = (share: number): string => (share < 0.01 ? '<1%' : `${Math.round(share * 100)}%`);

/** 950, 12k, 3.4M: what fits into a cell. */
function briefCount(count: number): string {
  if (count < 1e4) return String(count);
  return count < 1e6 ? `${Math.round(count / 1e3)}k` : `${Number((count / 1e6).toPrecision(2))}M`;
}
