import { expectArguments } from '../arguments.ts';
import { ShapeError } from '../errors.ts';
import { textLines, type UndrawnText } from './glyphs.ts';
import { parseColor } from './palette.ts';
import type { PlotPoint } from './points.ts';

/** An image of 8-bit red, green, blue and opacity, as the `ImageData` of a canvas has them. */
export interface RgbaImage {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Values [height, width, 4], 0 to 255. */
  readonly data: Uint8ClampedArray<ArrayBuffer>;
}

/** Throws ShapeError unless an image has four values per pixel. */
export function expectRgba(call: string, image: RgbaImage): void {
  expectArguments(call, { image }, { image: { width: 'number', height: 'number', data: 'values' } });
  const { width, height, data } = image;
  if (width > 0 && height > 0 && data.length === width * height * 4) return;
  throw new ShapeError(
    `${call}: the image has ${data.length} values, ${width}x${height}x4 needs ${width * height * 4}; give red, green, blue and opacity of each pixel`,
  );
}

/** How a line is drawn. */
export interface Stroke {
  /** In pixels. */
  readonly width: number;
  /** `#rrggbb` */
  readonly color: string;
  /** 0 to 1. Default 1. */
  readonly opacity?: number;
  /** The length of the dashes and of the gaps, in pixels. Default: none. */
  readonly dash?: readonly [length: number, gap: number];
}

/** Longer pieces of a line are cut, so that the pixels around each are few. */
const MAX_PIECE = 48;

/** Cuts lines into dashes. The pattern begins anew with each line. */
function dashed(
  lines: readonly (readonly PlotPoint[])[],
  [length, gap]: readonly [number, number],
): PlotPoint[][] {
  const out: PlotPoint[][] = [];
  for (const line of lines) {
    let left = length;
    let isOn = true;
    let current: PlotPoint[] = line[0] ? [line[0]] : [];
    for (let i = 1; i < line.length; i++) {
      let [x, y] = line[i - 1]!;
      const [x2, y2] = line[i]!;
      for (let rest = Math.hypot(x2 - x, y2 - y); rest > 0; ) {
        const step = Math.min(left, rest);
        [x, y] = [x + ((x2 - x) * step) / rest, y + ((y2 - y) * step) / rest];
        rest -= step;
        left -= step;
        if (isOn) current.push([x, y]);
        if (left > 0) continue;
        if (isOn) out.push(current);
        isOn = !isOn;
        left = isOn ? length : gap;
        current = isOn ? [[x, y]] : [];
      }
    }
    if (isOn && current.length > 1) out.push(current);
  }
  return out;
}

/** Paints on an image. What lies outside of it is cut off. */
export class Painter {
  readonly image: RgbaImage;
  /** How much of each pixel the current shape covers, and the pixels where that is not 0. */
  #coverage: Float32Array | undefined;
  #touched: number[] = [];

  constructor(image: RgbaImage) {
    this.image = image;
  }

  /** Mixes a colour into a pixel. */
  #blend(index: number, [r, g, b]: readonly [number, number, number], opacity: number): void {
    const { data } = this.image;
    const at = 4 * index;
    const below = data[at + 3]! / 255;
    const alpha = opacity + below * (1 - opacity);
    if (alpha === 0) return;
    const share = opacity / alpha;
    data[at] = Math.round(data[at]! * (1 - share) + r * share);
    data[at + 1] = Math.round(data[at + 1]! * (1 - share) + g * share);
    data[at + 2] = Math.round(data[at + 2]! * (1 - share) + b * share);
    data[at + 3] = Math.round(alpha * 255);
  }

  /** Fills the pixels for which a function says so. */
  fillWhere(isInside: (x: number, y: number) => boolean, color: string, opacity = 1): void {
    const rgb = parseColor(color);
    const { width, height } = this.image;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (isInside(x, y)) this.#blend(y * width + x, rgb, opacity);
    }
  }

  /** Fills a rectangle of whole pixels. */
  fillRect(left: number, top: number, right: number, bottom: number, color: string, opacity = 1): void {
    const rgb = parseColor(color);
    const { width, height } = this.image;
    for (let y = Math.max(0, top); y < Math.min(height, bottom); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, right); x++)
        this.#blend(y * width + x, rgb, opacity);
    }
  }

  /** Copies an image, its upper left corner at (left, top). */
  put({ width, height, data }: RgbaImage, left: number, top: number): void {
    const { image } = this;
    for (let y = Math.max(0, -top); y < Math.min(height, image.height - top); y++) {
      const row = data.subarray(4 * y * width, 4 * (y * width + Math.min(width, image.width - left)));
      image.data.set(row, 4 * ((top + y) * image.width + left));
    }
  }

  /** Draws lines with round ends and corners. Where they cross, they are not darker. */
  stroke(lines: readonly (readonly PlotPoint[])[], { width, color, opacity = 1, dash }: Stroke): void {
    const { image } = this;
    this.#coverage ??= new Float32Array(image.width * image.height);
    for (const line of dash ? dashed(lines, dash) : lines) {
      if (line.length === 1) this.#segment(line[0]!, line[0]!, width / 2);
      for (let i = 1; i < line.length; i++) this.#pieces(line[i - 1]!, line[i]!, width / 2);
    }
    const rgb = parseColor(color);
    for (const index of this.#touched) {
      this.#blend(index, rgb, this.#coverage[index]! * opacity);
      this.#coverage[index] = 0;
    }
    this.#touched = [];
  }

  #pieces(from: PlotPoint, to: PlotPoint, radius: number): void {
    const isStraight = from[0] === to[0] || from[1] === to[1];
    const pieces = isStraight ? 1 : Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / MAX_PIECE);
    const at = (share: number): PlotPoint => [
      from[0] + (to[0] - from[0]) * share,
      from[1] + (to[1] - from[1]) * share,
    ];
    for (let i = 0; i < pieces; i++) this.#segment(at(i / pieces), at((i + 1) / pieces), radius);
  }

  /** Covers the pixels whose middles are at most a radius from a piece of a line; those at the edge in part. */
  #segment([x1, y1]: PlotPoint, [x2, y2]: PlotPoint, radius: number): void {
    const { width, height } = this.image;
    const coverage = this.#coverage!;
    const reach = radius + 1;
    const clip = (value: number, limit: number): number => Math.min(limit, Math.max(0, value));
    const left = clip(Math.floor(Math.min(x1, x2) - reach), width);
    const right = clip(Math.ceil(Math.max(x1, x2) + reach), width);
    const top = clip(Math.floor(Math.min(y1, y2) - reach), height);
    const bottom = clip(Math.ceil(Math.max(y1, y2) + reach), height);
    const [dx, dy] = [x2 - x1, y2 - y1];
    const square = dx * dx + dy * dy;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        const [px, py] = [x + 0.5 - x1, y + 0.5 - y1];
        const along = square === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / square));
        const covered = Math.min(1, radius + 0.5 - Math.hypot(px - along * dx, py - along * dy));
        const index = y * width + x;
        if (covered <= coverage[index]!) continue;
        if (coverage[index] === 0) this.#touched.push(index);
        coverage[index] = covered;
      }
    }
  }

  /**
   * Writes a line of text, its capitals' upper left corner at (x, y).
   *
   * @param text What is written.
   * @param x In pixels.
   * @param y In pixels.
   * @param size The height of a capital in pixels.
   * @param color `#rrggbb`
   * @param undrawn Receives what has no glyphs. Default: such characters become boxes.
   */
  text(text: string, x: number, y: number, size: number, color: string, undrawn?: UndrawnText[]): void {
    const { lines, runs } = textLines(text, x, y, size);
    for (const run of runs) {
      if (undrawn) undrawn.push({ ...run, color });
      else lines.push(...boxesOf(run));
    }
    this.stroke(lines, { width: Math.max(1, size * 0.13), color });
  }
}

/** A box for each character of a run. */
function boxesOf({ text, x, y, size, width }: Omit<UndrawnText, 'color'>): PlotPoint[][] {
  const count = [...text].length;
  const [step, side] = [width / count, Math.min(width / count, size) * 0.8];
  return Array.from({ length: count }, (_, i) => {
    const left = x + i * step;
    const [right, bottom] = [left + side, y + size];
    return [
      [left, y],
      [right, y],
      [right, bottom],
      [left, bottom],
      [left, y],
    ];
  });
}
