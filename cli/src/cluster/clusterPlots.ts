import * as Plot from '@observablehq/plot';
import { formatValue, PLOT_COLORS, seriesColor } from 'fovea/draw';
import { render } from '../plotFrame.ts';
import type { FoundClusters } from './findClusters.ts';
import type { ItemMap } from './map.ts';

const WIDTH = 420;
const axis = { labelAnchor: 'center', labelArrow: 'none', color: PLOT_COLORS.ink } as const;
/** Numbers on dots stand out from them by an edge of the panel's colour. */
const number = {
  fill: PLOT_COLORS.ink,
  stroke: PLOT_COLORS.panel,
  strokeWidth: 4,
  fontWeight: 600,
  fontSize: 13,
};

/** Items in a plane, each cluster in a colour and with its number at its first item; as SVG text. */
export function mapPlot({ items, places }: ItemMap, { labels, clusters }: FoundClusters): string {
  const dots = items.map((item, i) => ({
    x: places[i]![0],
    y: places[i]![1],
    color: seriesColor(labels[item]!),
  }));
  const marks = clusters.flatMap(([first], cluster) => {
    const place = places[items.indexOf(first!)];
    return place ? [{ x: place[0], y: place[1], text: `${cluster}` }] : [];
  });
  const all = items.length === labels.length ? '' : ` (${items.length} of ${labels.length} items)`;
  return render(
    {
      title: `Map of the items, by UMAP${all}`,
      description: `${items.length} items as dots, near ones near each other, in the colours of ${clusters.length} clusters`,
      ...{ legend: [], width: WIDTH, height: 420, marginLeft: 16, marginRight: 16 },
    },
    {
      marginBottom: 16,
      x: { axis: null, inset: 8 },
      y: { axis: null, inset: 8 },
      marks: [
        Plot.dot(dots, {
          x: 'x',
          y: 'y',
          r: dots.length > 500 ? 1.8 : 3,
          fill: ({ color }: { color: string }) => color,
          fillOpacity: 0.7,
        }),
        Plot.text(marks, { x: 'x', y: 'y', text: 'text', ...number }),
      ],
    },
  );
}

/** Lines of pixels for the silhouettes of all items. */
const LINES = 300;

/** The silhouettes of the items of each cluster, the highest first, with a line at their mean; as SVG text. */
export function silhouettePlot(
  { clusters, labels, simplified }: FoundClusters,
  silhouettes: Float64Array,
): string {
  const bars: { y1: number; y2: number; value: number; color: string }[] = [];
  const names: { y: number; text: string }[] = [];
  let top = 0;
  const gap = LINES / 50;
  for (const [cluster, items] of clusters.entries()) {
    const sorted = items.map((item) => silhouettes[item]!).sort((a, b) => b - a);
    const height = Math.max(1, (LINES * items.length) / labels.length);
    // A bar for each item, or for as many of them as there are lines.
    const count = Math.min(sorted.length, Math.ceil(height));
    for (let i = 0; i < count; i++) {
      const value = sorted[Math.floor(((i + 0.5) * sorted.length) / count)]!;
      const y1 = top + (i * height) / count;
      bars.push({ y1, y2: y1 + height / count, value, color: seriesColor(cluster) });
    }
    names.push({ y: top + height / 2, text: `${cluster}` });
    top += height + gap;
  }
  const mean = silhouettes.reduce((sum, value) => sum + value, 0) / silhouettes.length;
  const low = Math.min(0, ...bars.map(({ value }) => value));
  return render(
    {
      title: `${simplified ? 'Simplified silhouettes' : 'Silhouettes'} (mean ${mean.toFixed(3)})`,
      description: `Silhouettes of the items of ${clusters.length} clusters, mean ${mean.toFixed(3)}`,
      ...{ legend: [], width: WIDTH, height: 420, marginLeft: 40, marginRight: 18 },
    },
    {
      marginBottom: 44,
      x: { domain: [low, 1] },
      y: { domain: [top - gap, 0], axis: null },
      marks: [
        Plot.gridX({ stroke: PLOT_COLORS.grid, strokeOpacity: 1, ticks: 5 }),
        Plot.axisX({ ...axis, label: 'silhouette', ticks: 5, tickFormat: formatValue }),
        Plot.rect(bars, {
          x1: 0,
          x2: 'value',
          y1: 'y1',
          y2: 'y2',
          fill: (bar: { color: string }) => bar.color,
          shapeRendering: 'crispEdges',
        }),
        Plot.ruleX([0], { stroke: PLOT_COLORS.soft }),
        Plot.ruleX([mean], { stroke: PLOT_COLORS.ink, strokeDasharray: '4 3' }),
        Plot.text(names, { x: low, y: 'y', text: 'text', dx: -14, fill: PLOT_COLORS.ink }),
      ],
    },
  );
}
