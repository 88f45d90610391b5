/**
 * Drawing without dependencies, the same in Node and in a page: plots as SVG text.
 *
 * @module
 */

export { type LinePlotOptions, linePlot, type PlotMark, type PlotSeries } from './linePlot.ts';
export {
  colorAt,
  formatColor,
  PALETTE,
  PREDICTED,
  parseColor,
  type Rgb,
  TRUTH,
  textColorOn,
} from './palette.ts';
export { PLOT_COLORS, type PlotFrame, type PlotLegendEntry, plotFrame, seriesColor } from './plotFrame.ts';
export type { PlotPoint } from './points.ts';
export { formatValue, type ScaleType } from './scale.ts';
export { escapeXml } from './svg.ts';
