import { expectArguments } from '../arguments.ts';
import { ShapeError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { fitText, type UndrawnText } from './glyphs.ts';
import { expectRgba, Painter, type RgbaImage } from './painter.ts';
import { textColorOn } from './palette.ts';

/** An image of a grid. */
export interface GridImage {
  readonly image: RgbaImage;
  /** What is written above it. Longer ones end in an ellipsis. */
  readonly title?: string;
  /** A swatch before the title, `#rrggbb`: in the colour that the image's outlines have. */
  readonly color?: string;
  /** Whether the swatch is a dashed outline, as the image's. Default false. */
  readonly dashed?: boolean;
  /** Texts on the image that are still to be drawn: what `paintOverlay` gave to `undrawn`. Default: none. */
  readonly texts?: readonly UndrawnText[];
}

/** Options of `imageGrid`. */
export interface ImageGridOptions {
  /** Images per row. Default: about as many as rows. */
  readonly columns?: number;
  /** What is around the images, `#rrggbb`. Default: nothing, so that a page shows through; titles are on dark strips. */
  readonly background?: string;
  /** Receives titles in scripts that have no glyphs here, for the caller to draw, and the `texts` of the images. Default: characters of such titles become boxes. */
  readonly undrawn?: UndrawnText[];
}

/**
 * Enlarges an image by repeating its pixels in both directions.
 *
 * @param image The image.
 * @param factor How many times as wide and as high the result is: a whole number of at least 1.
 * @throws UsageError for another factor, ShapeError for an image whose number of values does not fit its size.
 */
export function enlarged(image: RgbaImage, factor: number): RgbaImage {
  expectRgba('enlarged', image);
  if (!Number.isSafeInteger(factor) || factor < 1) {
    throw new UsageError(`enlarged: factor is ${factor}; give a whole number of at least 1`);
  }
  const { width, height, data } = image;
  const out = new Uint8ClampedArray(data.length * factor * factor);
  const [from, to] = [new Uint32Array(data.slice().buffer), new Uint32Array(out.buffer)];
  for (let y = 0; y < height * factor; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < width * factor; x++) to[y * width * factor + x] = from[row + Math.floor(x / factor)]!;
  }
  return { width: width * factor, height: height * factor, data: out };
}

/** The strip behind titles where there is no background. */
const STRIP = '#24292f';

/**
 * Puts images into rows and columns, each under its title.
 *
 * @param images The images. Each column is as wide as the widest, each row as high as its highest.
 * @param options Columns and background.
 * @throws ShapeError for no images, and for one whose number of values does not fit its size.
 */
export function imageGrid(images: readonly GridImage[], options: ImageGridOptions = {}): RgbaImage {
  expectArguments('imageGrid', { images }, { images: [{ image: 'object' }] });
  const { columns, background, undrawn } = withDefaults('imageGrid', options, {
    columns: Math.ceil(Math.sqrt(images.length)),
    background: undefined,
    undrawn: undefined,
  });
  if (images.length === 0) throw new ShapeError('imageGrid: there are no images; give at least one');
  if (!Number.isSafeInteger(columns) || columns < 1) {
    throw new UsageError(`imageGrid: columns is ${columns}; give a whole number of at least 1`);
  }
  for (const { image } of images) expectRgba('imageGrid', image);
  const count = Math.min(columns, images.length);
  const cell = Math.max(...images.map(({ image }) => image.width));
  const longest = Math.max(...images.map(({ image }) => Math.max(image.width, image.height)));
  const size = Math.max(9, Math.round(longest / 75));
  const margin = Math.round(size * 0.9);
  const strip = images.some(({ title }) => title !== undefined) ? Math.round(size * 2.4) : 0;
  const rows = Array.from({ length: Math.ceil(images.length / count) }, (_, r) =>
    images.slice(r * count, (r + 1) * count),
  );
  const heights = rows.map((row) => strip + Math.max(...row.map(({ image }) => image.height)));
  const width = margin + count * (cell + margin);
  const height = (strip > 0 && background ? 0 : margin) + heights.reduce((sum, one) => sum + one + margin, 0);
  const out: RgbaImage = { width, height, data: new Uint8ClampedArray(width * height * 4) };
  const painter = new Painter(out);
  if (background) painter.fillRect(0, 0, width, height, background);
  let y = strip > 0 && background ? 0 : margin;
  rows.forEach((row, r) => {
    row.forEach((one, c) => {
      const x = margin + c * (cell + margin);
      if (strip > 0)
        paintTitle(painter, one, { x, y, width: cell, height: strip, size }, background, undrawn);
      painter.put(one.image, x, y + strip);
      for (const text of one.texts ?? []) {
        undrawn?.push({ ...text, x: text.x + x, y: text.y + y + strip });
      }
    });
    y += heights[r]! + margin;
  });
  return out;
}

function paintTitle(
  painter: Painter,
  { image, title = '', color, dashed }: GridImage,
  { x, y, width, height, size }: { x: number; y: number; width: number; height: number; size: number },
  background: string | undefined,
  undrawn: UndrawnText[] | undefined,
): void {
  if (!background) painter.fillRect(x, y, x + image.width, y + height, STRIP);
  const top = y + Math.round((height - size) / 2);
  const padding = background ? 0 : Math.round(size * 0.6);
  let left = x + padding;
  if (color !== undefined) {
    painter.fillRect(left, top, left + size, top + size, color, 0.35);
    const pen = Math.max(2, Math.round(size / 6));
    const [a, b] = [pen / 2, size - pen / 2];
    const outline = [
      [left + a, top + a],
      [left + b, top + a],
      [left + b, top + b],
      [left + a, top + b],
      [left + a, top + a],
    ] as const;
    painter.stroke([outline], {
      width: pen,
      color,
      ...(dashed ? { dash: [pen * 1.5, pen * 1.5] as const } : {}),
    });
    left += Math.round(size * 1.6);
  }
  const ink = textColorOn(background ?? STRIP);
  painter.text(fitText(title, size, width - (left - x) - padding), left, top, size, ink, undrawn);
}
