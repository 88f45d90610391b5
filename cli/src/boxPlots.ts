import * as Plot from '@observablehq/plot';
import { formatValue, PLOT_COLORS, seriesColor } from 'fovea/draw';
import { type BoxSize, sampleBoxSizes } from 'fovea/vision';
import { logHistogram } from './boxStatistics.ts';
import { render } from './plotFrame.ts';

/** More dots are not told apart in a plot of this width, only heavy. */
const MOST_DOTS = 3000;

const WIDTH = 420;
/** What is around all plots. */
const FRAME = { legend: [], width: WIDTH, marginLeft: 68, marginRight: 18 };
const MARGIN_BOTTOM = 44;
const axis = { labelAnchor: 'center', labelArrow: 'none', color: PLOT_COLORS.ink } as const;
/** The vertical axis, whose name is left of its numbers. */
const axisY = (options: Plot.AxisYOptions) => Plot.axisY({ ...axis, labelOffset: 52, ...options });

/** Bars of counts from one value to another, on a line at 0. */
const countBars = (
  data: readonly { readonly from: number; readonly to: number; readonly count: number }[],
) => [
  Plot.rectY(data, {
    x1: 'from',
    x2: 'to',
    y: 'count',
    fill: seriesColor(0),
    insetLeft: 0.5,
    insetRight: 0.5,
  }),
  Plot.ruleY([0], { stroke: PLOT_COLORS.soft }),
];

/** How many values lie in each step of equal ratio, on a logarithmic axis; as SVG text. */
export function histogramPlot(
  values: Float64Array,
  {
    title,
    xLabel,
    yLabel = 'boxes',
    bins = 24,
  }: { title: string; xLabel: string; yLabel?: string; bins?: number },
): string {
  const data = logHistogram(values, bins);
  const most = Math.max(...data.map(({ count }) => count));
  const ends = [data[0]!.from, data.at(-1)!.to];
  return render(
    {
      title,
      description: `${title}: ${values.length} values from ${formatValue(ends[0]!)} to ${formatValue(ends[1]!)}`,
      ...FRAME,
      height: 270,
    },
    {
      marginBottom: MARGIN_BOTTOM,
      x: { type: 'log', domain: ends },
      y: { domain: [0, most], nice: true },
      marks: [
        Plot.gridY({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.axisX({ ...axis, label: `${xLabel} (log scale)`, ticks: 6, tickFormat: formatValue }),
        axisY({ label: yLabel, ticks: 5, tickFormat: formatValue }),
        ...countBars(data),
      ],
    },
  );
}

/** Sets of anchors to compare, by name. */
export type NamedAnchors = readonly (readonly [name: string, anchors: readonly BoxSize[]])[];

/** Widths and heights of boxes as dots, and anchors as crosses, both axes logarithmic; as SVG text. */
export function scatterPlot(
  sides: readonly BoxSize[],
  sets: NamedAnchors,
  { title, what = 'boxes' }: { title: string; what?: string },
): string {
  const dots = sampleBoxSizes(sides, { count: MOST_DOTS });
  const shown = dots.length < sides.length ? `${dots.length} of ${sides.length} ${what}` : what;
  const colors = [1, 2].map(seriesColor);
  return render(
    {
      title,
      description: `${title}: ${sides.length} ${what}; ${sets.map(([name, anchors]) => `${name}: ${anchors.map((side) => side.map(formatValue).join(' x ')).join(', ')}`).join('; ')}`,
      ...FRAME,
      legend: [
        { name: shown, color: seriesColor(0) },
        ...sets.map(([name], i) => ({ name, color: colors[i]! })),
      ],
      height: 380,
    },
    {
      marginBottom: MARGIN_BOTTOM,
      x: { type: 'log' },
      y: { type: 'log' },
      marks: [
        Plot.gridX({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.gridY({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.axisX({ ...axis, label: 'width (log scale)', ticks: 6, tickFormat: formatValue }),
        axisY({ label: 'height (log scale)', ticks: 6, tickFormat: formatValue }),
        Plot.dot(dots, {
          x: ([w]: BoxSize) => w,
          y: ([, h]: BoxSize) => h,
          r: 2,
          fill: seriesColor(0),
          fillOpacity: dots.length > 300 ? 0.25 : 0.6,
        }),
        ...sets.map(([, anchors], i) =>
          Plot.dot([...anchors], {
            x: ([w]: BoxSize) => w,
            y: ([, h]: BoxSize) => h,
            symbol: i === 0 ? 'plus' : 'times',
            r: 5,
            stroke: colors[i]!,
            strokeWidth: 2,
          }),
        ),
      ],
    },
  );
}

/** More bars than this are not told apart: several counts then share one. */
const MOST_BARS = 30;

/** How often each whole number from 0 occurs, with as many numbers to a bar as it takes; as SVG text. */
export function countPlot(
  values: readonly number[],
  { title, xLabel, yLabel }: { title: string; xLabel: string; yLabel: string },
): string {
  const most = values.reduce((highest, value) => Math.max(highest, value), 0);
  const wide = Math.ceil((most + 1) / MOST_BARS);
  const counts = new Uint32Array(Math.ceil((most + 1) / wide));
  for (const value of values) counts[Math.floor(value / wide)]!++;
  const data = Array.from(counts, (count, i) => ({ from: i * wide - 0.5, to: (i + 1) * wide - 0.5, count }));
  const highest = data.reduce((high, { count }) => Math.max(high, count), 1);
  return render(
    {
      title,
      description: `${title}: ${data.map(({ from, to, count }) => `${from + 0.5}${wide > 1 ? `\u2013${to - 0.5}` : ''}: ${count}`).join('; ')}`,
      ...FRAME,
      height: 270,
    },
    {
      marginBottom: MARGIN_BOTTOM,
      x: { domain: [-0.5, counts.length * wide - 0.5] },
      y: { domain: [0, highest], nice: true },
      marks: [
        Plot.gridY({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.axisX({ ...axis, label: xLabel, ticks: Math.min(8, most + 1), tickFormat: wholeOnly }),
        axisY({ label: yLabel, ticks: 5, tickFormat: wholeOnly }),
        ...countBars(data),
      ],
    },
  );
}

/** A tick between two whole numbers has no text. */
const wholeOnly = (value: number): string => (Number.isInteger(value) ? formatValue(value) : '');

/** Cells per side of a map of places. */
const CELLS = 16;

/** How many points lie in each part of a square, both axes 0 to 1, the first row on top; as SVG text. */
export function placesPlot(
  places: readonly (readonly [x: number, y: number])[],
  { title }: { title: string },
): string {
  const counts = new Uint32Array(CELLS * CELLS);
  const cellAt = (share: number): number => Math.min(CELLS - 1, Math.max(0, Math.floor(share * CELLS)));
  for (const [x, y] of places) counts[cellAt(y) * CELLS + cellAt(x)]!++;
  const most = counts.reduce((high, count) => Math.max(high, count), 1);
  const cells = Array.from(counts, (count, i) => ({
    x1: (i % CELLS) / CELLS,
    x2: ((i % CELLS) + 1) / CELLS,
    y1: Math.floor(i / CELLS) / CELLS,
    y2: (Math.floor(i / CELLS) + 1) / CELLS,
    share: count / most,
  }));
  return render(
    {
      title,
      description: `${title}: ${places.length} centres, at most ${most} in one of ${CELLS} x ${CELLS} parts of the image`,
      ...FRAME,
      height: WIDTH - FRAME.marginLeft - FRAME.marginRight + 90,
    },
    {
      marginBottom: MARGIN_BOTTOM,
      x: { domain: [0, 1] },
      y: { domain: [1, 0] },
      marks: [
        Plot.axisX({ ...axis, label: 'x / width', ticks: 5 }),
        axisY({ label: 'y / height', ticks: 5 }),
        Plot.rect(cells, {
          x1: 'x1',
          x2: 'x2',
          y1: 'y1',
          y2: 'y2',
          fill: seriesColor(0),
          fillOpacity: 'share',
          stroke: PLOT_COLORS.grid,
          strokeWidth: 0.5,
        }),
      ],
      opacity: { type: 'identity' },
    },
  );
}
