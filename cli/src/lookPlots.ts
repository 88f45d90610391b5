// Plots that fovea look shows of data sets of objects and of classes alike.
import { scatterPlot } from './boxPlots.ts';
import { barPlot } from './plots.ts';

const MOST_BARS = 30;

/** How many things each class has, the most frequent first: `Objects per class`. */
export function classPlot(
  what: string,
  counts: readonly { readonly name: string; readonly count: number }[],
): string {
  const shown = counts.slice(0, MOST_BARS);
  const more = counts.length - shown.length;
  const title = `${what[0]!.toUpperCase()}${what.slice(1)} per class`;
  return barPlot({
    title: more > 0 ? `${title} (${more} rarer ones left out)` : title,
    xLabel: what,
    bars: shown.map(({ name, count }) => ({ label: name, value: count, text: `${count}` })),
  });
}

/** The sizes of images; no plot where all have the same. */
export function sizePlots(images: readonly { readonly width: number; readonly height: number }[]): string[] {
  const [first] = images;
  if (images.every(({ width, height }) => width === first!.width && height === first!.height)) return [];
  const sides = images.map(({ width, height }) => [width, height] as const);
  return [scatterPlot(sides, [], { title: 'Sizes of images', what: 'images' })];
}
