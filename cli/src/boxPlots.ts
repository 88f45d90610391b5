import * as Plot from '@observablehq/plot';
import { formatValue, PLOT_COLORS, seriesColor } from 'fovea/draw';
import { type BoxSize, sampleBoxSizes } from 'fovea/vision';
import { logHistogram } from './boxStatistics.ts';
import { render } from './plotFrame.ts';

/** More dots are not told apart in a plot of this width, only heavy. */
const MOST_DOTS = 3000;

const WIDTH = 420;
const axis = { labelAnchor: 'center', labelArrow: 'none', color: PLOT_COLORS.ink } as const;

/** How many values lie in each step of equal ratio, on a logarithmic axis; as SVG text. */
export function histogramPlot(
  values: Float64Array,
  { title, xLabel, bins = 24 }: { title: string; xLabel: string; bins?: number },
): string {
  const data = logHistogram(values, bins);
  const most = Math.max(...data.map(({ count }) => count));
  const ends = [data[0]!.from, data.at(-1)!.to];
  return render(
    {
      title,
      description: `${title}: ${values.length} values from ${formatValue(ends[0]!)} to ${formatValue(ends[1]!)}`,
      legend: [],
      width: WIDTH,
      height: 270,
      marginLeft: 68,
      marginRight: 18,
    },
    {
      marginBottom: 44,
      x: { type: 'log', domain: ends },
      y: { domain: [0, most], nice: true },
      marks: [
        Plot.gridY({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.axisX({ ...axis, label: `${xLabel} (log scale)`, ticks: 6, tickFormat: formatValue }),
        Plot.axisY({ ...axis, label: 'boxes', ticks: 5, tickFormat: formatValue }),
        Plot.rectY(data, {
          x1: 'from',
          x2: 'to',
          y: 'count',
          fill: seriesColor(0),
          insetLeft: 0.5,
          insetRight: 0.5,
        }),
        Plot.ruleY([0], { stroke: PLOT_COLORS.soft }),
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
  { title }: { title: string },
): string {
  const dots = sampleBoxSizes(sides, { count: MOST_DOTS });
  const shown = dots.length < sides.length ? `${dots.length} of ${sides.length} boxes` : 'boxes';
  const colors = [1, 2].map(seriesColor);
  return render(
    {
      title,
      description: `${title}: ${sides.length} boxes; ${sets.map(([name, anchors]) => `${name}: ${anchors.map((side) => side.map(formatValue).join(' x ')).join(', ')}`).join('; ')}`,
      legend: [
        { name: shown, color: seriesColor(0) },
        ...sets.map(([name], i) => ({ name, color: colors[i]! })),
      ],
      width: WIDTH,
      height: 380,
      marginLeft: 68,
      marginRight: 18,
    },
    {
      marginBottom: 44,
      x: { type: 'log' },
      y: { type: 'log' },
      marks: [
        Plot.gridX({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.gridY({ stroke: PLOT_COLORS.grid, strokeOpacity: 1 }),
        Plot.axisX({ ...axis, label: 'width (log scale)', ticks: 6, tickFormat: formatValue }),
        Plot.axisY({ ...axis, label: 'height (log scale)', ticks: 6, tickFormat: formatValue }),
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
