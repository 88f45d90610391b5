import { expectArguments } from '../arguments.ts';
import { type LinePlotOptions, linePlot, type PlotMark } from '../draw/linePlot.ts';
import { plotSvg, seriesColor } from '../draw/plotFrame.ts';
import { formatTick, formatValue } from '../draw/scale.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { BestEpoch } from './best.ts';
import type { History, Logs } from './history.ts';
import type { LrFinding } from './lrFind.ts';

/** Options of `plotRates` and `plotLrFind`. */
export interface PlotOptions {
  /** Default: what is plotted. */
  readonly title?: string;
  /** In pixels. Default 420; it shrinks in a narrower page. */
  readonly width?: number;
  /** In pixels. Default 270. */
  readonly height?: number;
}

/** Options of `plotLoss`. */
export interface PlotLossOptions extends PlotOptions {
  /** The epoch that is marked: `FitResult.best`, or `false` for none. Default: that of the lowest `val_loss`, if there is one. */
  readonly best?: BestEpoch | false;
  /** The axis of the losses: `linear` or `log`. Default `linear`. */
  readonly yScale?: 'linear' | 'log';
}

const PLOT = { width: undefined, height: undefined };

/** The size, where it is given. */
const sizeOf = ({ width, height }: PlotOptions): Pick<LinePlotOptions, 'width' | 'height'> => ({
  ...(width === undefined ? {} : { width }),
  ...(height === undefined ? {} : { height }),
});

function expectHistory(call: string, history: History): void {
  expectArguments(
    call,
    { history },
    { history: { steps: [{ step: 'number', losses: 'object' }], epochs: ['object'] } },
  );
}

/** The last step of an epoch: where it is on an axis of steps. */
function endsOf({ steps, epochs }: History): number[] {
  const ends = new Map(steps.map(({ epoch, step }) => [epoch, step]));
  const perEpoch = [...ends].reduce((most, [epoch, step]) => Math.max(most, step / (epoch + 1)), 1);
  return epochs.map((_, i) => ends.get(i) ?? Math.round((i + 1) * perEpoch));
}

function lowest(epochs: readonly Logs[], name: string): BestEpoch | undefined {
  let best: BestEpoch | undefined;
  for (const [epoch, { [name]: value }] of epochs.entries()) {
    if (value !== undefined && (best ? value < best.value : !Number.isNaN(value)))
      best = { name, value, loss: value, epoch };
  }
  return best;
}

/**
 * Plots the loss over the steps of a training: of each step, with a running mean, and of validation after each epoch. The best
 * epoch is marked.
 *
 * @param history What the training has logged: `learner.history`.
 * @param options The best epoch, the axis and the size.
 * @returns SVG text, which is a file of its own or a part of a page, light or dark as the page.
 */
export function plotLoss(history: History, options: PlotLossOptions = {}): string {
  expectHistory('plotLoss', history);
  const { best, yScale, title, ...size } = withDefaults('plotLoss', options, {
    ...PLOT,
    title: 'Loss',
    best: undefined,
    yScale: 'linear' as const,
  });
  const { steps, epochs } = history;
  const ends = endsOf(history);
  const values = (name: string) =>
    epochs.flatMap(({ [name]: value }, i) => (value === undefined ? [] : [[ends[i]!, value] as const]));
  const marked = best === false ? undefined : (best ?? lowest(epochs, 'val_loss'));
  if (marked && !(marked.epoch in epochs)) {
    throw new UsageError(
      `plotLoss: best is epoch ${marked.epoch}, the history has ${epochs.length}; give the best of the same training`,
    );
  }
  const validation = values('val_loss');
  return linePlot({
    title,
    xLabel: 'step',
    yLabel: 'loss',
    yScale,
    ...sizeOf(size),
    series: [
      {
        name: 'training',
        smooth: true,
        points: steps.flatMap(({ step, losses: { loss } }) =>
          loss === undefined ? [] : [[step, loss] as const],
        ),
      },
      ...(validation.length > 0 ? [{ name: 'validation', points: validation, dots: true }] : []),
    ],
    marks: marked ? [markOf(marked, ends[marked.epoch]!)] : [],
  });
}

/** The best epoch as a circle on the line of validation losses, or else as a vertical line. */
function markOf({ name, value, epoch }: BestEpoch, x: number): PlotMark {
  const label = `best: epoch ${epoch + 1}, ${name} ${formatValue(value)}`;
  return name === 'val_loss' ? { x, y: value, label, color: seriesColor(1) } : { x, label };
}

/**
 * Plots the learning rate of each step, on a logarithmic axis, and below it the momentum if a schedule has changed it.
 *
 * @param history What the training has logged: `learner.history`.
 * @param options The size; the height is that of each of the two.
 * @returns SVG text, which is a file of its own or a part of a page, light or dark as the page.
 */
export function plotRates(history: History, options: PlotOptions = {}): string {
  expectHistory('plotRates', history);
  const { title, width, height } = withDefaults('plotRates', options, {
    title: 'Learning rate',
    width: 420,
    height: 270,
  });
  const size = { width, height, xLabel: 'step' };
  const rates = linePlot({
    title,
    ...size,
    yLabel: 'learning rate',
    yScale: 'log',
    series: [{ name: 'learning rate', points: history.steps.map(({ step, lr }) => [step, lr] as const) }],
  });
  const momenta = history.steps.flatMap(({ step, momentum }) =>
    momentum === undefined ? [] : [[step, momentum] as const],
  );
  if (momenta.length === 0) return rates;
  const momentum = linePlot({
    title: 'Momentum',
    ...size,
    yLabel: 'momentum',
    series: [{ name: 'momentum', points: momenta, color: seriesColor(1) }],
  });
  const below = momentum.replace('<svg ', `<svg y="${height}" `);
  return plotSvg(width, 2 * height, `${title} and momentum over the steps`, rates + below);
}

/**
 * Plots the loss over the learning rate, on a logarithmic axis, with the suggestions of `Learner.lrFind`.
 *
 * @param finding What `learner.lrFind()` has found.
 * @param options The size.
 * @returns SVG text, which is a file of its own or a part of a page, light or dark as the page.
 */
export function plotLrFind(finding: LrFinding, options: PlotOptions = {}): string {
  expectArguments(
    'plotLrFind',
    { finding },
    { finding: { lrs: 'values', losses: 'values', valley: 'number', steep: 'number', minimum: 'number' } },
  );
  const { title, ...size } = withDefaults('plotLrFind', options, { ...PLOT, title: 'Loss by learning rate' });
  const { lrs, losses, valley, steep, minimum } = finding;
  const lossAt = (rate: number): number => {
    const next = lrs.findIndex((lr) => lr >= rate);
    return losses[next < 0 ? losses.length - 1 : next]!;
  };
  const marks = [
    { name: 'valley', rate: valley, color: seriesColor(1) },
    { name: 'steep', rate: steep, color: seriesColor(2) },
    { name: 'minimum / 10', rate: minimum, color: seriesColor(3) },
  ];
  // Where the loss explodes, the line leaves the plot: what matters would be flat otherwise.
  const low = Math.min(...losses);
  const high = Math.max(...losses.slice(0, losses.indexOf(low) + 1));
  return linePlot({
    title,
    xLabel: 'learning rate (log scale)',
    yLabel: 'loss',
    xScale: 'log',
    ...(low < high ? { yDomain: [low - 0.1 * (high - low), high + 0.3 * (high - low)] as const } : {}),
    ...sizeOf(size),
    series: [
      { name: 'loss', points: lrs.map((lr, i) => [lr, losses[i]!] as const) },
      // In the legend, as their labels would cover each other where they are close.
      ...marks.map(({ name, rate, color }) => ({
        name: `${name} ${formatTick(rate)}`,
        points: [[rate, lossAt(rate)] as const],
        color,
      })),
    ],
  });
}
