import * as Plot from '@observablehq/plot';
import { PLOT_COLORS, type PlotLegendEntry, plotFrame } from 'fovea/draw';
import { parseHTML } from 'linkedom';

export interface Frame {
  title: string;
  description: string;
  legend: readonly PlotLegendEntry[];
  width: number;
  height: number;
  marginLeft: number;
  marginRight: number;
}

/** Plot's chart in the frame of Fovea's plots, as SVG text that can be a file. */
export function render(frame: Frame, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return plotFrame(frame, ({ top, height }) => {
    const plot = Plot.plot({
      ...options,
      document,
      width: frame.width,
      height,
      marginTop: top,
      marginLeft: frame.marginLeft,
      marginRight: frame.marginRight,
      style: { color: PLOT_COLORS.ink, background: 'none' },
    } as Plot.PlotOptions);
    const chart = (plot as unknown as SVGSVGElement).innerHTML;
    return `<g fill="${PLOT_COLORS.ink}" font-size="11" text-anchor="middle">${chart}</g>`;
  });
}
