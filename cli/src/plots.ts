import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeXml } from './glyphs.ts';
import { colorAt } from './palette.ts';

/** One step of a training run, as the report and the plots take it. */
export interface StepRecord {
  step: number;
  /** By name; the first is drawn strongest, so put the total first. */
  losses: Readonly<Record<string, number>>;
  lr?: number;
}

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
  /** What the picture shows, for readers who do not see it. By default from the title and series. */
  description?: string;
  xDomain?: readonly [number, number];
  yDomain?: readonly [number, number];
  yScale?: 'linear' | 'log';
  width?: number;
  height?: number;
}

export interface Bar {
  label: string;
  value: number;
  /** What is printed at the bar's end; the value with three digits by default. */
  text?: string;
  color?: string;
}

const INK = '#24292f';
const FAINT = '#6e7781';
/** More points than this are not visible in a plot of this width, only heavy. */
const MAX_POINTS = 500;
const DESCRIPTION = 'fovea-plot-description';
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

type Point = readonly [number, number];

/** Values for people: three significant digits, no exponents in the usual range. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

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

interface LegendEntry {
  name: string;
  color: string;
  dashed?: boolean;
}

/** Rows of legend entries that fit the width; letters are estimated, as no font is measured here. */
function legendRows(entries: readonly LegendEntry[], width: number): { entry: LegendEntry; x: number }[][] {
  const rows: { entry: LegendEntry; x: number }[][] = [[]];
  let x = 0;
  for (const entry of entries) {
    const needed = 22 + entry.name.length * 6.4 + 16;
    if (x + needed > width && rows.at(-1)!.length > 0) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ entry, x });
    x += needed;
  }
  return rows;
}

interface Frame {
  title: string;
  description: string;
  legend: readonly LegendEntry[];
  width: number;
  height: number;
  marginLeft: number;
  marginRight: number;
}

/** Plot's chart on a white panel with a title and legend, as SVG text that stands alone. */
function render(frame: Frame, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const rows = frame.legend.length > 0 ? legendRows(frame.legend, frame.width - 24) : [];
  const marginTop = 40 + rows.length * 18 + (rows.length > 0 ? 4 : 0);
  const height = frame.height + rows.length * 18;
  const plot = Plot.plot({
    ...options,
    document,
    width: frame.width,
    height,
    marginTop,
    marginLeft: frame.marginLeft,
    marginRight: frame.marginRight,
    style: { color: INK, background: '#ffffff', font: FONT } as Partial<CSSStyleDeclaration>,
  } as Plot.PlotOptions);
  const svg = plot as unknown as SVGSVGElement;
  const element = (name: string, attributes: Record<string, string | number>, text?: string): Element => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
    if (text !== undefined) made.textContent = text;
    return made;
  };
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('role', 'img');
  // linkedom leaves `<` in attributes as it is; as a file of its own the SVG must be XML.
  svg.setAttribute('aria-label', DESCRIPTION);
  const panel = element('rect', { width: frame.width, height, rx: 6, fill: '#ffffff' });
  const heading = element(
    'text',
    { x: 12, y: 20, fill: INK, 'text-anchor': 'start', style: 'font-weight:600;font-size:13px' },
    frame.title,
  );
  const children = [panel, heading];
  for (const [r, row] of rows.entries()) {
    for (const { entry, x } of row) {
      const y = 38 + r * 18;
      children.push(
        element('line', {
          x1: 12 + x,
          x2: 28 + x,
          y1: y,
          y2: y,
          stroke: entry.color,
          'stroke-width': 3,
          'stroke-dasharray': entry.dashed ? '4 3' : 'none',
        }),
        element('text', { x: 34 + x, y, dy: '0.34em', fill: INK, 'text-anchor': 'start' }, entry.name),
      );
    }
  }
  const style = [...svg.childNodes].find((node) => node.nodeName.toLowerCase() === 'style');
  const before = style?.nextSibling ?? svg.firstChild;
  for (const child of children) svg.insertBefore(child, before);
  return svg.outerHTML.replace(DESCRIPTION, () => escapeXml(frame.description));
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
        Plot.areaY(toData(thinned(finite)), { x: 'x', y: 'y', fill: color, fillOpacity: 0.12, curve }),
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
    const points: Point[] = [];
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
  const { title, xLabel, bars, legend = [], width = 560 } = options;
  const data = bars.map(({ label, value, text, color }, i) => ({
    // Rows are told apart by place: two bars may have one label.
    row: `${i}`,
    label,
    value: Number.isFinite(value) ? Math.max(0, value) : 0,
    text: text ?? formatValue(value),
    color: color ?? colorAt(0),
  }));
  const longest = Math.max(4, ...bars.map(({ label }) => label.length));
  const marginLeft = Math.min(Math.round(width * 0.4), 24 + Math.ceil(longest * 6.2));
  const letters = Math.floor((marginLeft - 18) / 6);
  const shown = data.map(({ label }) =>
    label.length > letters ? `${label.slice(0, letters - 1)}\u2026` : label,
  );
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
        Plot.gridX({ stroke: '#d0d7de', strokeOpacity: 1, ticks: 5 }),
        Plot.axisX({
          label: xLabel,
          labelAnchor: 'center',
          labelArrow: 'none',
          ticks: 5,
          color: INK,
          tickFormat: formatValue,
        }),
        Plot.axisY({ tickFormat: (row: string) => shown[Number(row)]!, tickSize: 0, color: INK }),
        Plot.barX(data, { x: 'value', y: 'row', fill: (bar: { color: string }) => bar.color }),
        Plot.text(data, {
          x: 'value',
          y: 'row',
          text: 'text',
          textAnchor: 'start',
          dx: 5,
          fill: INK,
        }),
        Plot.ruleX([0], { stroke: FAINT }),
      ],
    },
  );
}
