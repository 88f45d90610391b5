import { expectArguments } from '../arguments.ts';
import { PALETTE } from './palette.ts';
import { element, escapeXml, text } from './svg.ts';

/** Colours of plots, which follow the page's light or dark scheme. */
export const PLOT_COLORS = {
  panel: 'var(--fovea-panel)',
  ink: 'var(--fovea-ink)',
  soft: 'var(--fovea-soft)',
  grid: 'var(--fovea-grid)',
} as const;

/** The colour of the series with this index; repeats after the palette ends. */
export const seriesColor = (index: number): string => `var(--fovea-series-${index % PALETTE.length})`;

/** The palette on a dark panel: the same hues, light enough to be seen. */
const DARK = ['#4DB2F0', '#F28A3C', '#2FC79C', '#E29BC3', '#8CCBF2', '#F0B83F', '#B79AD6', '#B4BAC2'];

const variables = (colors: Readonly<Record<string, string>>): string =>
  Object.entries(colors)
    .map(([name, color]) => `--fovea-${name}:${color}`)
    .join(';');

const series = (colors: readonly string[]) =>
  Object.fromEntries(colors.map((color, i) => [`series-${i}`, color]));

const LIGHT_SCHEME = {
  panel: '#ffffff',
  ink: '#24292f',
  soft: '#57606a',
  grid: '#d8dee4',
  ...series(PALETTE),
};
const DARK_SCHEME = { panel: '#181d24', ink: '#e6edf3', soft: '#9aa5b1', grid: '#343b44', ...series(DARK) };

/** The class of a plot's root: what its style sets holds there only. */
const PLOT_CLASS = 'fovea-plot';

/** The style of a plot: its colours in light and dark. */
const PLOT_STYLE = `.${PLOT_CLASS}{${variables(LIGHT_SCHEME)}}@media (prefers-color-scheme:dark){.${PLOT_CLASS}{${variables(DARK_SCHEME)}}}`;

/** The letters of a plot, in pixels; their widths are estimated, as no font is measured here. */
const FONT_SIZE = 12;
const LETTER = 6.9;
const FONT = `${FONT_SIZE}px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif`;

/** Letters of East Asian scripts and emoji are about as wide as they are high. */
const WIDE_LETTER = 13;
const FIRST_WIDE = 0x1100;

const letterWidth = (letter: string): number => (letter.codePointAt(0)! >= FIRST_WIDE ? WIDE_LETTER : LETTER);

/** An estimate of the width of a text, in pixels. */
export const letters = (content: string): number =>
  [...content].reduce((sum, letter) => sum + letterWidth(letter), 0);

/**
 * Cuts a name so that it fits into a plot, with an ellipsis. Its width is estimated, as no font is measured.
 *
 * @param name The name.
 * @param width In pixels, at 12 pixels per letter's height.
 */
export function fitLabel(name: string, width: number): string {
  expectArguments('fitLabel', { name, width }, { name: 'text', width: 'number' });
  if (letters(name) <= width) return name;
  const kept: string[] = [];
  let left = width - LETTER;
  for (const letter of name) {
    left -= letterWidth(letter);
    if (left < 0) break;
    kept.push(letter);
  }
  return `${kept.join('').trimEnd()}\u2026`;
}

/** A line of the legend. */
export interface PlotLegendEntry {
  readonly name: string;
  readonly color: string;
  readonly dashed?: boolean;
}

/** Entries of a legend in rows that fit a width. */
function legendRows(
  entries: readonly PlotLegendEntry[],
  width: number,
): { entry: PlotLegendEntry; x: number }[][] {
  const rows: { entry: PlotLegendEntry; x: number }[][] = [[]];
  let x = 0;
  for (const entry of entries) {
    const needed = 22 + letters(entry.name) + 14;
    if (x + needed > width && rows.at(-1)!.length > 0) {
      rows.push([]);
      x = 0;
    }
    rows.at(-1)!.push({ entry, x });
    x += needed;
  }
  return rows;
}

/** The height of a row of the legend. */
const ROW = 18;
/** The height of the title. */
const TITLE = 34;

/** What is around a chart. */
export interface PlotFrame {
  readonly title: string;
  /** What readers are told who do not see the plot. */
  readonly description: string;
  readonly legend: readonly PlotLegendEntry[];
  /** In pixels. */
  readonly width: number;
  /** In pixels, without the rows of the legend. */
  readonly height: number;
}

function legendSvg(
  { entry: { name, color, dashed }, x }: { entry: PlotLegendEntry; x: number },
  y: number,
): string {
  const line = { x1: 12 + x, x2: 28 + x, y1: y, y2: y, stroke: color, 'stroke-width': 3 };
  return (
    element('line', { ...line, 'stroke-dasharray': dashed ? '4 3' : undefined }) +
    text(name, { x: 34 + x, y, dy: '0.34em', fill: PLOT_COLORS.ink })
  );
}

/**
 * Puts a chart on a panel with a title and a legend, in the colours of the page's light or dark scheme.
 *
 * @param frame The title, the legend and the size.
 * @param draw Makes the chart as SVG text: it has the whole width, begins at `top`, and the plot is `height` high.
 * @returns SVG text, which is a file of its own or a part of a page. It shrinks to the width that it is given.
 */
export function plotFrame(
  frame: PlotFrame,
  draw: (area: { readonly top: number; readonly height: number }) => string,
): string {
  expectArguments(
    'plotFrame',
    { frame, draw },
    {
      frame: {
        title: 'text',
        description: 'text',
        legend: [{ name: 'text', color: 'text' }],
        width: 'number',
        height: 'number',
      },
      draw: 'function',
    },
  );
  const { title, description, legend, width, height: chart } = frame;
  const entriesOf = legend.map((entry) => ({ ...entry, name: fitLabel(entry.name, width - 70) }));
  const rows = legend.length > 0 ? legendRows(entriesOf, width - 24) : [];
  const height = chart + rows.length * ROW;
  const heading = { x: 12, y: 20, fill: PLOT_COLORS.ink, 'font-weight': '600', 'font-size': '13px' };
  const entries = rows.flatMap((row, r) => row.map((entry) => legendSvg(entry, TITLE + 6 + r * ROW)));
  const top = TITLE + rows.length * ROW + (rows.length > 0 ? 10 : 6);
  return plotSvg(
    width,
    height,
    description,
    text(fitLabel(title, 0.95 * (width - 24)), heading) + entries.join('') + draw({ top, height }),
  );
}

/** A whole plot: SVG text that can be a file, or a part of a page. It shrinks to the width that it is given. */
export function plotSvg(width: number, height: number, description: string, content: string): string {
  const style = `max-width:100%;height:auto;font:${FONT}`;
  const label = escapeXml(description);
  const panel = element('rect', { width, height, rx: 6, fill: PLOT_COLORS.panel });
  return `<svg xmlns="http://www.w3.org/2000/svg" class="${PLOT_CLASS}" role="img" aria-label="${label}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" style="${escapeXml(style)}"><style>${PLOT_STYLE}</style>${panel}${content}</svg>`;
}
