import { expectArguments } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import type { UndrawnText } from './glyphs.ts';
import { type Overlay, type PaintOptions, paintOverlay } from './overlay.ts';
import { expectRgba, type RgbaImage } from './painter.ts';

/** What is used here of the 2D context of a canvas. */
export interface CanvasContext {
  fillStyle: unknown;
  font: string;
  textAlign: string;
  textBaseline: string;
  globalAlpha: number;
  globalCompositeOperation: string;
  /** Keeps the styles and the transform. */
  save(): void;
  /** Brings back what `save` kept. */
  restore(): void;
  /** Reads the transform of what is drawn. */
  getTransform(): Readonly<Record<'a' | 'b' | 'c' | 'd' | 'e' | 'f', number>>;
  /** Sets the transform of what is drawn. */
  setTransform(a: number, b: number, c: number, d: number, e: number, f: number): void;
  /** Makes an image of transparent pixels. */
  createImageData(width: number, height: number): RgbaImage;
  /** Reads a rectangle of pixels. */
  getImageData(x: number, y: number, width: number, height: number): RgbaImage;
  /** Writes pixels. The transform has no effect on them. */
  putImageData(image: RgbaImage, x: number, y: number): void;
  /** Writes text, no wider than `maxWidth`. */
  fillText(text: string, x: number, y: number, maxWidth: number): void;
}

/** A `<canvas>` of a page, or an `OffscreenCanvas`. */
export interface DrawingCanvas {
  width: number;
  height: number;
  /** The 2D context; null where the canvas has another one. */
  getContext(type: '2d'): CanvasContext | null;
}

/** Options of `drawOnCanvas`. */
export interface DrawOnCanvasOptions {
  /** Names in scripts that have no glyphs here, which are written with the page's fonts: what `undrawn` of `showBatch` received. Default: none. */
  readonly texts?: readonly UndrawnText[];
}

function contextOf(call: string, canvas: DrawingCanvas): CanvasContext {
  expectArguments(
    call,
    { canvas },
    { canvas: { width: 'number', height: 'number', getContext: 'function' } },
  );
  const context = canvas.getContext('2d');
  if (context) return context;
  throw new UsageError(`${call}: canvas has no 2D context, as it has another already; give another canvas`);
}

/** Writes what has no glyphs here with the page's fonts, no wider than was planned, at pixels of the canvas whatever its styles are. */
function write(context: CanvasContext, texts: readonly UndrawnText[]): void {
  context.save();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.globalCompositeOperation = 'source-over';
  context.textAlign = 'left';
  context.textBaseline = 'alphabetic';
  for (const { text, x, y, size, width, color } of texts) {
    // Capitals are about 0.8 of an em high.
    context.font = `${1.25 * size}px sans-serif`;
    context.fillStyle = color;
    context.fillText(text, x, y + size, width);
  }
  context.restore();
}

/**
 * Shows an image on a canvas of a page, in the image's own pixels: what `showBatch`, `showResults`, `showPredictions` and `imageGrid` return.
 *
 * @param canvas A `<canvas>` or an `OffscreenCanvas`. It takes the size of the image; CSS may show it smaller. Its transform has no effect and stays
 *   as it is; its styles become those of a new canvas, as always where a canvas is given a size.
 * @param image The image.
 * @param options Texts that the page's fonts write.
 * @throws ShapeError for an image whose number of values does not fit its size, UsageError for a canvas with another kind of context.
 */
export function drawOnCanvas(
  canvas: DrawingCanvas,
  image: RgbaImage,
  options: DrawOnCanvasOptions = {},
): void {
  const { texts } = withDefaults('drawOnCanvas', options, { texts: [] });
  expectRgba('drawOnCanvas', image);
  const context = contextOf('drawOnCanvas', canvas);
  // A canvas that gets a size loses its transform.
  const { a, b, c, d, e, f } = context.getTransform();
  canvas.width = image.width;
  canvas.height = image.height;
  context.setTransform(a, b, c, d, e, f);
  const pixels = context.createImageData(image.width, image.height);
  pixels.data.set(image.data);
  context.putImageData(pixels, 0, 0);
  write(context, texts);
}

/**
 * Draws boxes, masks, polygons, points and names on what a canvas shows, such as a photograph or an image of a video.
 *
 * @param canvas A `<canvas>` or an `OffscreenCanvas` whose pixels may be read: not one with an image of another origin. Its transform and styles have
 *   no effect and stay as they are.
 * @param overlay What is drawn: see `annotationOverlay` and `detectionOverlay`.
 * @param options `size`: what the coordinates refer to. Default: the pixels of the canvas.
 * @throws ShapeError for a mask whose number of values does not fit the size, UsageError for a canvas with another kind of context.
 */
export function drawOverlay(
  canvas: DrawingCanvas,
  overlay: Overlay,
  options: Pick<PaintOptions, 'size'> = {},
): void {
  const { size } = withDefaults('drawOverlay', options, { size: undefined });
  const context = contextOf('drawOverlay', canvas);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const undrawn: UndrawnText[] = [];
  paintOverlay(pixels, overlay, { undrawn, ...(size ? { size } : {}) });
  context.putImageData(pixels, 0, 0);
  write(context, undrawn);
}
