import { expectArguments } from '../../arguments.ts';
import { expectRgba, type RgbaImage } from '../../draw/painter.ts';
import { ShapeError, UsageError } from '../../errors.ts';

/** Red, green, blue and opacity, 0 to 255 each. */
export type Rgba = readonly [red: number, green: number, blue: number, alpha: number];

/** Throws UsageError for what is no colour. */
export function expectColor(call: string, name: string, color: Rgba): void {
  expectArguments(call, { [name]: color }, { [name]: 'box' });
  if (color.every((value) => value >= 0 && value <= 255)) return;
  throw new UsageError(`${call}: ${name} is [${color.join(', ')}]; give four numbers from 0 to 255`);
}

/**
 * Lays a cut-out over a background (Porter and Duff 1984, "over"): where alpha is 1 the cut-out's colour, elsewhere a mixture. As Pillow's
 * `alpha_composite`, but computed with fractions and rounded once.
 *
 * @param cutOut What is on top.
 * @param background A colour, or an image of the same size.
 * @returns A new image. Where nothing is seen its colour is black.
 * @throws ShapeError for an image of another size or without four values per pixel; UsageError for no colour.
 */
export function composite(cutOut: RgbaImage, background: Rgba | RgbaImage): RgbaImage {
  expectRgba('composite', cutOut);
  const { width, height, data: top } = cutOut;
  const isColor = Array.isArray(background);
  if (isColor) expectColor('composite', 'background', background as Rgba);
  else {
    expectRgba('composite', background as RgbaImage);
    const { width: w, height: h } = background as RgbaImage;
    if (w !== width || h !== height) {
      throw new ShapeError(
        `composite: the background is ${w}x${h}, the cut-out ${width}x${height}; give one of the same size`,
      );
    }
  }
  const below: ArrayLike<number> = isColor ? (background as Rgba) : (background as RgbaImage).data;
  const data = new Uint8ClampedArray(top.length);
  for (let i = 0; i < top.length; i += 4) {
    const at = isColor ? 0 : i;
    const alpha = top[i + 3]! / 255;
    const rest = (below[at + 3]! / 255) * (1 - alpha);
    const total = alpha + rest;
    if (total === 0) continue;
    for (let c = 0; c < 3; c++) data[i + c] = (top[i + c]! * alpha + below[at + c]! * rest) / total;
    data[i + 3] = total * 255;
  }
  return { width, height, data };
}
