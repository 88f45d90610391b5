import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeXml } from './glyphs.ts';

export const INK = '#24292f';
export const FAINT = '#6e7781';
const DESCRIPTION = 'fovea-plot-description';
const FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** Values for people: three significant digits, no exponents in the usual range. */
export function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(2);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

export interface LegendEntry {
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

export interface Frame {
  title: string;
  description: string;
  legend: readonly LegendEntry[];
  width: number;
  height: number;
  marginLeft: number;
  marginRight: number;
}

/** Plot's chart on a white panel with a title and legend, as SVG text that stands alone. */
export function render(frame: Frame, options: Plot.PlotOptions): string {
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
