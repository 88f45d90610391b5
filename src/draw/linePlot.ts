import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { letters, PLOT_COLORS, plotFrame, seriesColor } from './plotFrame.ts';
import { type PlotPoint, smoothed, thinned } from './points.ts';
import {
  axisScale,
  type Domain,
  domainAround,
  formatTick,
  formatValue,
  niceDomain,
  type Scale,
  type ScaleType,
} from './scale.ts';
import { element, px, text } from './svg.ts';

/** A line of a plot. */
export interface PlotSeries {
  /** What the legend says. */
  readonly name: string;
  /** Points by rising x. Those that are not finite, or not above 0 on a logarithmic axis, are left out. */
  readonly points: readonly PlotPoint[];
  /** Default: the next colour of the palette. */
  readonly color?: string;
  /** Draws a running mean over the faint raw line. Default false. */
  readonly smooth?: boolean;
  /** Default false. */
  readonly dashed?: boolean;
  /** Draws stairs: each value holds until the next x. Default false. */
  readonly step?: boolean;
  /** Fills down to 0. Default false. */
  readonly area?: boolean;
  /** Draws a dot at each point. Default false; a single point has one always. */
  readonly dots?: boolean;
}

/** A place of a plot that is pointed out. */
export interface PlotMark {
  readonly x: number;
  /** Default: a vertical line at x. */
  readonly y?: number;
  /** What is written at it. */
  readonly label: string;
  /** Default: that of the text. */
  readonly color?: string;
}

/** Options of `linePlot`. */
export interface LinePlotOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly PlotSeries[];
  /** What readers are told who do not see the plot. Default: made from the title and the series. */
  readonly description?: string;
  /** The values at the ends of the axis. Default: those of the points. */
  readonly xDomain?: readonly [number, number];
  /** The values at the ends of the axis. Default: those of the points and a little more. */
  readonly yDomain?: readonly [number, number];
  /** Default `linear`. */
  readonly xScale?: ScaleType;
  /** Default `linear`. */
  readonly yScale?: ScaleType;
  /** Places that are pointed out. Default: none. */
  readonly marks?: readonly PlotMark[];
  /** In pixels. Default 420; it shrinks in a narrower page. */
  readonly width?: number;
  /** In pixels, without the rows of the legend. Default 270. */
  readonly height?: number;
}

/** Above this ratio of the lowest to the highest value, an axis does not begin at 0. */
const FROM_ZERO = 0.6;
const TICKS = { x: 6, y: 5 };
const BOTTOM = 44;
const RIGHT = 16;

/** What is drawn of a series. */
interface Drawn extends PlotSeries {
  readonly color: string;
}

const valuesOf = (drawn: readonly Drawn[], axis: 0 | 1): number[] =>
  drawn.flatMap(({ points }) => points.map((point) => point[axis]));

function ends(values: readonly number[]): Domain | undefined {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : undefined;
}

const widened = ([from, to]: Domain, type: ScaleType): Domain =>
  from < to ? [from, to] : type === 'log' ? [from / 3, to * 3] : [from - 0.5, to + 0.5];

function yDomainOf(drawn: readonly Drawn[], type: ScaleType): Domain {
  const found = ends([...valuesOf(drawn, 1), ...(drawn.some(({ area }) => area) ? [0] : [])]);
  if (!found) return type === 'log' ? [0.1, 1] : [0, 1];
  const [low, high] = found;
  if (type === 'log') return widened([low, high], type);
  if (low === high) return domainAround(low);
  const floor = low >= 0 && low < high * FROM_ZERO ? 0 : low - (high - low) * 0.05;
  return niceDomain([floor, high + (high - low) * 0.03], TICKS.y);
}

/**
 * Draws lines over a common x: a panel with title, legend, grid and axes, in the colours of the page's light or dark scheme.
 *
 * @param options What is drawn.
 * @returns SVG text, which is a file of its own or a part of a page.
 * @throws UsageError for what cannot be drawn: a domain of a logarithmic axis that is not above 0.
 */
export function linePlot(options: LinePlotOptions): string {
  const filled = withDefaults('linePlot', options, {
    title: '',
    xLabel: '',
    yLabel: '',
    series: [],
    description: undefined,
    xDomain: undefined,
    yDomain: undefined,
    xScale: 'linear' as const,
    yScale: 'linear' as const,
    marks: [],
    width: 420,
    height: 270,
  });
  const { title, xLabel, yLabel, series, xScale, yScale, marks, width } = filled;
  expectArguments(
    'linePlot',
    { title, xLabel, yLabel, series },
    {
      title: 'text',
      xLabel: 'text',
      yLabel: 'text',
      series: [{ name: 'text', points: [{ 0: 'number', 1: 'number' }] }],
    },
  );
  for (const [name, domain, type] of [
    ['xDomain', filled.xDomain, xScale],
    ['yDomain', filled.yDomain, yScale],
  ] as const) {
    if (!domain || (domain[0] < domain[1] && (type === 'linear' || domain[0] > 0))) continue;
    throw new UsageError(
      `linePlot: ${name} is ${domain}; give two rising numbers${type === 'log' ? ' above 0' : ''}`,
    );
  }
  const isShown = ([x, y]: PlotPoint): boolean =>
    Number.isFinite(x) &&
    Number.isFinite(y) &&
    (xScale === 'linear' || x > 0) &&
    (yScale === 'linear' || y > 0);
  const drawn = series
    .map((one, i): Drawn => ({ color: seriesColor(i), ...one, points: one.points.filter(isShown) }))
    .filter(({ points }) => points.length > 0);
  const xDomain =
    filled.xDomain ?? widened(ends(valuesOf(drawn, 0)) ?? (xScale === 'log' ? [0.1, 1] : [0, 1]), xScale);
  const yDomain = filled.yDomain ?? yDomainOf(drawn, yScale);
  const frame = {
    title,
    description: filled.description ?? described(title, drawn, marks),
    legend: drawn.length > 1 || series.length > 1 ? drawn : [],
    width,
    height: filled.height,
  };
  return plotFrame(frame, ({ top, height }) => {
    const y = axisScale(yScale, yDomain, [height - BOTTOM, top], TICKS.y);
    const left = 30 + Math.max(...y.ticks.map((tick) => letters(formatTick(tick))), 12);
    const x = axisScale(xScale, xDomain, [left, width - RIGHT], TICKS.x);
    const area = { left, top, right: width - RIGHT, bottom: height - BOTTOM };
    return [
      axes({ x, y }, area, { xLabel, yLabel: yScale === 'log' ? `${yLabel} (log scale)` : yLabel }),
      inside(area, [...drawn.flatMap((one) => raw(one, x, y)), ...drawn.flatMap((one) => line(one, x, y))]),
      drawn.length > 0
        ? marks.map((mark) => marked(mark, x, y, area)).join('')
        : text('no values', {
            x: (area.left + area.right) / 2,
            y: (area.top + area.bottom) / 2,
            fill: PLOT_COLORS.soft,
            'text-anchor': 'middle',
          }),
    ].join('');
  });
}

function described(title: string, drawn: readonly Drawn[], marks: readonly PlotMark[]): string {
  const parts = drawn.map(
    ({ name, points }) => `${name} from ${formatValue(points[0]![1])} to ${formatValue(points.at(-1)![1])}`,
  );
  return `${title}: ${[...parts, ...marks.map(({ label }) => label)].join('; ') || 'no values'}`;
}

interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Content in the area of the lines; what is outside of it is cut off. */
const inside = ({ left, top, right, bottom }: Area, content: readonly string[]): string =>
  element(
    'svg',
    {
      x: left - 4,
      y: top - 4,
      width: right - left + 8,
      height: bottom - top + 8,
      viewBox: [left - 4, top - 4, right - left + 8, bottom - top + 8].map(px).join(' '),
    },
    content.join('') || '<g/>',
  );

function axes(
  { x, y }: { readonly x: Scale; readonly y: Scale },
  { left, top, right, bottom }: Area,
  { xLabel, yLabel }: { readonly xLabel: string; readonly yLabel: string },
): string {
  const { ink, soft, grid } = PLOT_COLORS;
  const middle = (top + bottom) / 2;
  return [
    ...y.ticks.flatMap((tick) => [
      element('line', { x1: left, x2: right, y1: y.map(tick), y2: y.map(tick), stroke: grid }),
      text(formatTick(tick), { x: left - 6, y: y.map(tick), dy: '0.34em', fill: soft, 'text-anchor': 'end' }),
    ]),
    ...x.ticks.flatMap((tick) => [
      element('line', { x1: x.map(tick), x2: x.map(tick), y1: bottom, y2: bottom + 4, stroke: soft }),
      text(formatTick(tick), { x: x.map(tick), y: bottom + 16, fill: soft, 'text-anchor': 'middle' }),
    ]),
    element('line', { x1: left, x2: right, y1: bottom, y2: bottom, stroke: soft }),
    text(xLabel, { x: (left + right) / 2, y: bottom + 34, fill: ink, 'text-anchor': 'middle' }),
    text(yLabel, {
      transform: `translate(14 ${px(middle)}) rotate(-90)`,
      fill: ink,
      'text-anchor': 'middle',
    }),
  ].join('');
}

function pathOf(points: readonly PlotPoint[], x: Scale, y: Scale, step = false): string {
  return points
    .map(([a, b], i) => {
      const place = `${px(x.map(a))} ${px(y.map(b))}`;
      if (i === 0) return `M${place}`;
      return step ? `H${px(x.map(a))}V${px(y.map(b))}` : `L${place}`;
    })
    .join('');
}

/** Whether a series has enough points for a running mean. */
const isSmooth = ({ smooth, points }: Drawn): boolean => smooth === true && points.length > 8;

/** What lies behind the lines. */
function raw(one: Drawn, x: Scale, y: Scale): string[] {
  const { points, color, step, area } = one;
  const thin = thinned(points);
  const parts: string[] = [];
  if (area) {
    const floor = px(y.map(0));
    const d = `${pathOf(thin, x, y, step)}V${floor}H${px(x.map(thin[0]![0]))}Z`;
    parts.push(element('path', { class: 'fovea-area', d, fill: color, 'fill-opacity': 0.12 }));
  }
  if (isSmooth(one)) {
    parts.push(
      element('path', { d: pathOf(thin, x, y), fill: 'none', stroke: color, 'stroke-opacity': 0.3 }),
    );
  }
  return parts;
}

function line(one: Drawn, x: Scale, y: Scale): string[] {
  const { points, color, dashed, step, dots } = one;
  const span = Math.min(101, Math.max(5, points.length / 15));
  const shown = thinned(isSmooth(one) ? smoothed(points, span) : points);
  const d = pathOf(shown, x, y, step);
  const stroke = { stroke: color, 'stroke-width': 2, 'stroke-linejoin': 'round' };
  return [
    ...(points.length > 1
      ? [
          element('path', {
            class: 'fovea-line',
            d,
            fill: 'none',
            ...stroke,
            'stroke-dasharray': dashed ? '5 4' : undefined,
          }),
        ]
      : []),
    ...(dots || points.length === 1
      ? thinned(points, 100).map(([a, b]) =>
          element('circle', { cx: x.map(a), cy: y.map(b), r: points.length === 1 ? 4.5 : 3, fill: color }),
        )
      : []),
  ];
}

function marked(
  { x: at, y: value, label, color = PLOT_COLORS.ink }: PlotMark,
  x: Scale,
  y: Scale,
  area: Area,
): string {
  const place = x.map(at);
  if (!(place >= area.left - 1 && place <= area.right + 1)) return '';
  // The label is on the side with more room.
  const isLeft = place > (area.left + area.right) / 2;
  const side = {
    x: place + (isLeft ? -6 : 6),
    y: area.top + 8,
    fill: color,
    'text-anchor': isLeft ? 'end' : 'start',
    // A rim in the colour of the panel, so that it can be read on a line.
    stroke: PLOT_COLORS.panel,
    'stroke-width': 4,
    'paint-order': 'stroke',
  };
  const height = value === undefined ? area.bottom : Math.min(area.bottom, Math.max(area.top, y.map(value)));
  const rule = { x1: place, x2: place, y1: area.top, y2: height, stroke: color, 'stroke-dasharray': '3 3' };
  const ring = { cx: place, cy: height, r: 4.5, fill: PLOT_COLORS.panel, stroke: color, 'stroke-width': 2 };
  return element('line', rule) + (value === undefined ? '' : element('circle', ring)) + text(label, side);
}
