/**
 * Colours that stay apart for people with any of the common colour-vision deficiencies, and in grey print:
 * Okabe and Ito, "Color Universal Design", 2008 (without black and the yellow that vanishes on white).
 */
export const PALETTE: readonly string[] = [
  '#0072B2',
  '#D55E00',
  '#009E73',
  '#CC79A7',
  '#56B4E9',
  '#E69F00',
  '#7A5195',
  '#4D4D4D',
];

/** The colour of predictions on images: it and that of the truth differ most in hue and lightness, from each other and from grey. */
export const PREDICTED = '#FFB000';

/** The colour of what is labelled, on images. */
export const TRUTH = '#56B4E9';

/** A colour for the class or series with this index; repeats after the palette ends. */
export const colorAt = (index: number): string => PALETTE[index % PALETTE.length]!;

/** Red, green and blue, 0 to 255. */
export type Rgb = readonly [number, number, number];

/** `#rgb` or `#rrggbb` to three bytes. Anything else is grey: a colour is never worth an error. */
export function parseColor(color: string): Rgb {
  const hex = /^#([0-9a-f]{6}|[0-9a-f]{3})$/i.exec(color)?.[1];
  if (hex === undefined) return [128, 128, 128];
  const full = hex.length === 3 ? [...hex].map((digit) => digit + digit).join('') : hex;
  const value = Number.parseInt(full, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** A colour as `#rrggbb`; grey for what is none. */
export const formatColor = (color: string): string =>
  `#${parseColor(color)
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')}`;

/** Black or white, whichever reads better on this colour (relative luminance of WCAG 2). */
export function textColorOn(color: string): string {
  const [r, g, b] = parseColor(color).map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000000' : '#ffffff';
}
