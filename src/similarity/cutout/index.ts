export { type ClosedFormOptions, closedFormMatte } from './closedForm.ts';
export { composite, type Rgba } from './composite.ts';
export { estimateForeground, type ForegroundOptions } from './foreground.ts';
export type { Matte, RgbPixels } from './matte.ts';
export { postProcessMask } from './postProcess.ts';
export { type Trimap, type TrimapOptions, trimapOf } from './trimap.ts';
