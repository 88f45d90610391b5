/**
 * Drawing without dependencies, the same in Node and in a page: plots as SVG text; boxes, masks and names on images.
 *
 * @module
 */

export {
  annotationOverlay,
  type DrawnDetection,
  detectionOverlay,
  type ObjectOverlayOptions,
} from './annotationOverlay.ts';
export {
  type CanvasContext,
  type DrawingCanvas,
  type DrawOnCanvasOptions,
  drawOnCanvas,
  drawOverlay,
} from './canvas.ts';
export type { UndrawnText } from './glyphs.ts';
export { type HeatMap, type PaintHeatMapOptions, paintHeatMap } from './heatMap.ts';
export { enlarged, type GridImage, type ImageGridOptions, imageGrid } from './imageGrid.ts';
export { type LinePlotOptions, linePlot, type PlotMark, type PlotSeries } from './linePlot.ts';
export {
  type Overlay,
  type OverlayBox,
  type OverlayMask,
  type OverlayPoints,
  type OverlayPolygon,
  type PaintOptions,
  paintOverlay,
} from './overlay.ts';
export type { RgbaImage } from './painter.ts';
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
export {
  fitLabel,
  PLOT_COLORS,
  type PlotFrame,
  type PlotLegendEntry,
  plotFrame,
  seriesColor,
} from './plotFrame.ts';
export { encodePng } from './png.ts';
export type { PlotPoint } from './points.ts';
export { formatValue, type ScaleType } from './scale.ts';
export { escapeXml } from './svg.ts';
