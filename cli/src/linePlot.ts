import * as Plot from '@observablehq/plot';
import { colorAt } from './palette.ts';
import { FAINT, formatValue, INK, type LegendEntry, render } from './plotFrame.ts';

export interface Series {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
  color?: string;
  /** Draws a running mean over the faint raw line. */
  smooth?: boolean;
  dashed?: boolean;
  /** Draws as stairs: each value holds until the next x. */
  step?: boolean;
  /** Fills down to 0. */
  area?: boolean;
}

export interface LinePlotOptions {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly Series[];
  /** Description of the image for screen readers. Default: made from the title and the series. */
  description?: string;
  xDomain?: readonly [number, number];
  yDomain?: readonly [number, number];
  yScale?: 'linear' | 'log';
  width?: number;
  height?: number;
}

/** More points than this are not visible in a plot of this width, only heavy. */
const MAX_POINTS = 500;

export type Point = readonly [number, number];

/**
 * A running mean over `span` points centred on each, so that it does not lag behind a falling loss; the window
 * shrinks evenly at both ends. Points that are not finite are left out.
 */
export function smoothed(points: readonly Point[], span: number): Point[] {
  const finite = points.filter(([, y]) => Number.isFinite(y));
  const sums = new Float64Array(finite.length + 1);
  for (let i = 0; i < finite.length; i++) sums[i + 1] = sums[i]! + finite[i]![1];
  const half = Math.floor(span / 2);
  return finite.map(([x], i) => {
    const reach = Math.min(half, i, finite.length - 1 - i);
    return [x, (sums[i + reach + 1]! - sums[i - reach]!) / (2 * reach + 1)] as const;
  });
}

/** At most `limit` points; of each stretch its lowest and highest, so that spikes stay. */
export function thinned(points: readonly Point[], limit = MAX_POINTS): Point[] {
  if (points.length <= limit) return [...points];
  const buckets = Math.max(1, Math.floor(limit / 2) - 1);
  const out: Point[] = [points[0]!];
  for (let b = 0; b < buckets; b++) {
    const from = 1 + Math.floor((b * (points.length - 2)) / buckets);
    const to = 1 + Math.floor(((b + 1) * (points.length - 2)) / buckets);
    let low = from;
    let high = from;
    for (let i = from; i < to; i++) {
      if (points[i]![1] < points[low]![1]) low = i;
      if (points[i]![1] > points[high]![1]) high = i;
    }
    out.push(points[Math.min(low, high)]!);
    if (low !== high) out.push(points[Math.max(low, high)]!);
  }
  out.push(points.at(-1)!);
  return out;
}

const toData = (points: readonly Point[]): { x: number; y: number }[] => points.map(([x, y]) => ({ x, y }));

/** Lines over a common x, as SVG text: a white panel with title, legend, grid and axes. */
export function linePlot(options: LinePlotOptions): string {
  const { title, xLabel, yLabel, series, xDomain, yDomain, width = 560, height = 300 } = options;
  // A log axis has no place for 0 and below: they are left out there.
  const log = options.yScale === 'log';
  const usable = ([x, y]: Point): boolean => Number.isFinite(x) && Number.isFinite(y) && (!log || y > 0);
  const marks: Plot.Markish[] = [
    Plot.gridY({ stroke: '#d0d7de', strokeOpacity: 1 }),
    Plot.axisX({
      label: xLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: 6,
      color: INK,
      tickFormat: formatValue,
    }),
    Plot.axisY({
      label: log ? `${yLabel} (log scale)` : yLabel,
      labelAnchor: 'center',
      labelArrow: 'none',
      ticks: 5,
      color: INK,
      tickFormat: formatValue,
    }),
    Plot.ruleX([xDomain?.[0] ?? Number.NaN], { stroke: FAINT }),
  ];
  const legend: LegendEntry[] = [];
  const ends: { low: number; high: number } = { low: Infinity, high: -Infinity };
  const include = (points: readonly Point[]): void => {
    for (const [, y] of points) {
      ends.low = Math.min(ends.low, y);
      ends.high = Math.max(ends.high, y);
    }
  };
  const raws: Plot.Markish[] = [];
  const lines: Plot.Markish[] = [];
  for (const [i, { name, points, color = colorAt(i), smooth, dashed, step, area }] of series.entries()) {
    const finite = points.filter(usable);
    if (finite.length === 0) continue;
    legend.push({ name, color, dashed });
    include(finite);
    const curve = step ? 'step-after' : 'linear';
    const dash = dashed ? '5 4' : undefined;
    if (area) {
      raws.push(
        Plot.areaY(toData(thinned(finite)), {
          x: 'x',
          // Not `y`, which would stack points of one x on each other.
          y1: 0,
          y2: 'y',
          fill: color,
          fillOpacity: 0.12,
          curve,
        }),
      );
      ends.low = Math.min(ends.low, 0);
    }
    if (smooth && finite.length > 8) {
      const span = Math.min(101, Math.max(5, finite.length / 15));
      raws.push(
        Plot.line(toData(thinned(finite)), {
          x: 'x',
          y: 'y',
          stroke: color,
          strokeOpacity: 0.28,
          strokeWidth: 1,
        }),
      );
      lines.push(
        Plot.line(toData(thinned(smoothed(finite, span))), { x: 'x', y: 'y', stroke: color, strokeWidth: 2 }),
      );
    } else {
      lines.push(
        Plot.line(toData(thinned(finite)), {
          x: 'x',
          y: 'y',
          stroke: color,
          strokeWidth: 2,
          curve,
          strokeDasharray: dash,
        }),
      );
    }
    if (finite.length === 1) lines.push(Plot.dot(toData(finite), { x: 'x', y: 'y', fill: color, r: 3 }));
  }
  const empty = legend.length === 0;
  if (empty) {
    const middle = (domain?: readonly [number, number]): number =>
      domain ? (domain[0] + domain[1]) / 2 : 0.5;
    lines.push(
      Plot.text([{ x: middle(xDomain), y: middle(yDomain) }], {
        x: 'x',
        y: 'y',
        text: () => 'no values',
        fill: FAINT,
        fontSize: 13,
      }),
    );
  }
  const spread = ends.high - ends.low;
  const floor = ends.low >= 0 && ends.low < ends.high * 0.6 ? 0 : ends.low - spread * 0.05;
  const domain =
    yDomain ??
    (empty ? [0, 1] : log ? undefined : spread === 0 ? around(ends.low) : [floor, ends.high + spread * 0.03]);
  const description =
    options.description ??
    `${title}: ${series
      .filter(({ points }) => points.some(usable))
      .map(({ name, points }) => {
        const finite = points.filter(usable);
        return `${name} from ${formatValue(finite[0]![1])} to ${formatValue(finite.at(-1)![1])}`;
      })
      .join('; ')}`;
  return render(
    {
      title,
      description,
      legend: legend.length > 1 || series.length > 1 ? legend : [],
      width,
      height,
      marginLeft: 68,
      marginRight: 18,
    },
    {
      marginBottom: 44,
      x: { domain: xDomain ? [...xDomain] : empty ? [0, 1] : undefined },
      y: { domain: domain ? [...domain] : undefined, type: options.yScale ?? 'linear', nice: !yDomain },
      marks: [...marks, ...raws, ...lines],
    },
  );
}

/** A domain around one value, for a series that never changes. */
function around(value: number): [number, number] {
  return value === 0 ? [0, 1] : value > 0 ? [0, value * 1.2] : [value * 1.2, 0];
}
