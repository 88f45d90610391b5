import { flattenPath } from './path.ts';
import type { PlotPoint } from './points.ts';

/**
 * A small stroke alphabet, so that captions on images read the same everywhere, and need no font: a bare container has none.
 *
 * A glyph is its width and one SVG path, in units of a tenth of the capital height: capitals stand from
 * y 0 to 10, small letters from 3, descenders reach 13. Printable ASCII and a few signs; accents are dropped
 * from Latin letters; any other script is left to who draws, with the system's fonts, or becomes boxes.
 */
type Glyph = readonly [width: number, path: string];

const BOWL_RIGHT = 'M0 6.5A2.4 3.5 0 1 1 4.8 6.5A2.4 3.5 0 1 1 0 6.5';
const ROUND = 'M0 5A3.4 5 0 1 1 6.8 5A3.4 5 0 1 1 0 5';

const GLYPHS: Readonly<Record<string, Glyph>> = {
  ' ': [2.4, ''],
  A: [6.4, 'M0 10L3.2 0L6.4 10M1.1 6.6H5.3'],
  B: [5.8, 'M0 0V10H3.2A2.65 2.65 0 0 0 3.2 4.7H0M0 0H2.8A2.35 2.35 0 0 1 2.8 4.7'],
  C: [6, 'M6 2A3.4 5 0 1 0 6 8'],
  D: [6.2, 'M0 0V10H2.2C5 10 6.2 7.8 6.2 5C6.2 2.2 5 0 2.2 0H0'],
  E: [5, 'M5 0H0V10H5M0 4.8H4.4'],
  F: [5, 'M5 0H0V10M0 4.8H4.2'],
  G: [6.4, 'M6 2A3.4 5 0 1 0 6.2 8V5.4H3.8'],
  H: [6, 'M0 0V10M6 0V10M0 4.9H6'],
  I: [2.4, 'M0 0H2.4M1.2 0V10M0 10H2.4'],
  J: [4, 'M4 0V7.2C4 10.8 .6 10.8 0 8.2'],
  K: [5.8, 'M0 0V10M5.6 0L0 6M2 3.9L5.8 10'],
  L: [4.8, 'M0 0V10H4.8'],
  M: [7.2, 'M0 10V0L3.6 6.5L7.2 0V10'],
  N: [6.2, 'M0 10V0L6.2 10V0'],
  O: [6.8, ROUND],
  P: [5.6, 'M0 10V0H2.8A2.7 2.7 0 0 1 2.8 5.4H0'],
  Q: [6.8, `${ROUND}M4.4 7.4L6.8 10.6`],
  R: [5.8, 'M0 10V0H2.8A2.7 2.7 0 0 1 2.8 5.4H0M3 5.4L5.8 10'],
  S: [
    5.6,
    'M5.4 1.6C4.8 .5 3.8 0 2.8 0C1.3 0 .2 .9 .2 2.4C.2 5.6 5.6 4.2 5.6 7.4C5.6 9 4.3 10 2.8 10C1.4 10 .5 9.4 0 8.2',
  ],
  T: [6, 'M0 0H6M3 0V10'],
  U: [6, 'M0 0V6.6C0 11.1 6 11.1 6 6.6V0'],
  V: [6.4, 'M0 0L3.2 10L6.4 0'],
  W: [9, 'M0 0L2.2 10L4.5 1.5L6.8 10L9 0'],
  X: [6, 'M0 0L6 10M6 0L0 10'],
  Y: [6, 'M0 0L3 5V10M6 0L3 5'],
  Z: [5.8, 'M0 0H5.8L0 10H5.8'],
  a: [4.8, `M4.8 3V10${BOWL_RIGHT}`],
  b: [4.8, `M0 0V10${BOWL_RIGHT}`],
  c: [4.4, 'M4.4 4.4A2.5 3.5 0 1 0 4.4 8.6'],
  d: [4.8, `M4.8 0V10${BOWL_RIGHT}`],
  e: [4.8, 'M0 6.4H4.8C4.8 4.2 3.8 3 2.4 3C1 3 0 4.4 0 6.5C0 8.6 1 10 2.5 10C3.5 10 4.2 9.5 4.6 8.6'],
  f: [3, 'M3.4 .2C1.8 -.3 1.2 .8 1.2 2V10M0 3.2H3'],
  g: [4.8, `M4.8 3V10.8C4.8 13.6 1.4 13.8 .3 12.2${BOWL_RIGHT}`],
  h: [4.4, 'M0 0V10M0 6C0 2.2 4.4 2 4.4 5.6V10'],
  i: [0.4, 'M.2 3V10M.2 .3V.5'],
  j: [1.6, 'M1.6 3V11.4C1.6 13 .6 13.4 0 13M1.6 .3V.5'],
  k: [4.4, 'M0 0V10M4.2 3L0 7M1.6 5.5L4.6 10'],
  l: [1.2, 'M0 0V8.6C0 9.6 .4 10 1.4 10'],
  m: [7.6, 'M0 3V10M0 6C0 2.2 3.8 2 3.8 5.6V10M3.8 6C3.8 2.2 7.6 2 7.6 5.6V10'],
  n: [4.4, 'M0 3V10M0 6C0 2.2 4.4 2 4.4 5.6V10'],
  o: [4.8, BOWL_RIGHT],
  p: [4.8, `M0 3V13${BOWL_RIGHT}`],
  q: [4.8, `M4.8 3V13${BOWL_RIGHT}`],
  r: [2.8, 'M0 3V10M0 6C.2 3.8 1.6 2.8 3 3.2'],
  s: [
    4.2,
    'M4 4.2C3.6 3.4 3 3 2.1 3C1 3 .2 3.7 .2 4.7C.2 7 4.2 6 4.2 8.2C4.2 9.4 3.2 10 2.1 10C1.1 10 .4 9.6 0 8.8',
  ],
  t: [3, 'M1.2 .8V8.2C1.2 9.8 2 10.2 3.2 9.8M0 3.2H3'],
  u: [4.4, 'M0 3V7.4C0 11 4.4 10.8 4.4 7V3M4.4 3V10'],
  v: [4.6, 'M0 3L2.3 10L4.6 3'],
  w: [7.2, 'M0 3L1.8 10L3.6 4.2L5.4 10L7.2 3'],
  x: [4.4, 'M0 3L4.4 10M4.4 3L0 10'],
  y: [4.8, 'M0 3L2.4 10M4.8 3L2.4 10C1.8 12.4 1.2 13.2 0 13'],
  z: [4.4, 'M0 3H4.2L0 10H4.4'],
  '0': [5.2, 'M0 5A2.6 5 0 1 1 5.2 5A2.6 5 0 1 1 0 5'],
  '1': [5.2, 'M.8 2.2L3 0V10M.8 10H5.2'],
  '2': [5.2, 'M.2 2.6C.4 1 1.4 0 2.7 0C4.1 0 5.1 1.1 5.1 2.6C5.1 5 1.6 6.6 0 10H5.2'],
  '3': [
    5.2,
    'M.3 1.6C.8 .6 1.6 0 2.6 0C4 0 5 1 5 2.4C5 3.8 4 4.7 2.4 4.7C4.2 4.7 5.2 5.8 5.2 7.3C5.2 8.9 4.1 10 2.5 10C1.3 10 .5 9.5 0 8.4',
  ],
  '4': [5.2, 'M4 10V0L0 7H5.4'],
  '5': [
    5.2,
    'M4.8 0H.8L.4 4.6C1 4 1.7 3.8 2.5 3.8C4.1 3.8 5.2 5 5.2 6.8C5.2 8.8 4 10 2.4 10C1.3 10 .5 9.5 0 8.6',
  ],
  '6': [5.2, 'M4.7 1.2C4.2 .4 3.6 0 2.8 0C1 0 .1 2 .1 5.6V6.9A2.55 3.1 0 1 1 5.2 6.9A2.55 3.1 0 1 1 .1 6.9'],
  '7': [5.2, 'M0 0H5.2L1.8 10'],
  '8': [
    5.2,
    'M.4 2.4A2.2 2.4 0 1 1 4.8 2.4A2.2 2.4 0 1 1 .4 2.4M0 7.4A2.6 2.6 0 1 1 5.2 7.4A2.6 2.6 0 1 1 0 7.4',
  ],
  '9': [
    5.2,
    'M.6 8.8C1.1 9.6 1.7 10 2.5 10C4.3 10 5.2 8 5.2 4.4V3.1A2.55 3.1 0 1 1 .1 3.1A2.55 3.1 0 1 1 5.2 3.1',
  ],
  '.': [0.4, 'M.2 9.7V9.9'],
  ',': [1, 'M.8 9.6L.2 11.8'],
  ':': [0.4, 'M.2 4V4.2M.2 9.7V9.9'],
  ';': [1, 'M.8 4V4.2M.8 9.6L.2 11.8'],
  '!': [0.4, 'M.2 0V6.8M.2 9.7V9.9'],
  '?': [4.6, 'M0 2.2C.2 .8 1.2 0 2.4 0C3.8 0 4.7 1 4.7 2.4C4.7 4.6 2.3 4.6 2.3 7M2.3 9.7V9.9'],
  '-': [3, 'M0 5.8H3'],
  '\u2013': [4.6, 'M0 5.8H4.6'],
  '\u2014': [7, 'M0 5.8H7'],
  _: [5, 'M0 11.4H5'],
  '+': [5, 'M0 5.8H5M2.5 3.3V8.3'],
  '=': [5, 'M0 4.4H5M0 7.2H5'],
  '/': [4, 'M4 -.6L0 11'],
  '\\': [4, 'M0 -.6L4 11'],
  '|': [0.4, 'M.2 -.8V12'],
  '(': [2, 'M2 -.8C-.6 2.4-.6 8.6 2 11.8'],
  ')': [2, 'M0 -.8C2.6 2.4 2.6 8.6 0 11.8'],
  '[': [2, 'M2 -.8H0V11.8H2'],
  ']': [2, 'M0 -.8H2V11.8H0'],
  '{': [2.6, 'M2.6 -.8C.8 -.8 1.8 5.5 0 5.5C1.8 5.5 .8 11.8 2.6 11.8'],
  '}': [2.6, 'M0 -.8C1.8 -.8 .8 5.5 2.6 5.5C.8 5.5 1.8 11.8 0 11.8'],
  '<': [4.6, 'M4.6 3L0 5.8L4.6 8.6'],
  '>': [4.6, 'M0 3L4.6 5.8L0 8.6'],
  '%': [
    7.6,
    'M6.4 0L1.2 10M0 2.3A1.6 2.3 0 1 1 3.2 2.3A1.6 2.3 0 1 1 0 2.3M4.4 7.7A1.6 2.3 0 1 1 7.6 7.7A1.6 2.3 0 1 1 4.4 7.7',
  ],
  '@': [8, 'M5.8 6A1.8 2.2 0 1 1 5.7 5.1M5.8 3.8V6.6C5.8 8.6 8 8.2 8 5.2A4 4.8 0 1 0 5.8 9.8'],
  '#': [6, 'M2 1L1 9.4M5 1L4 9.4M.4 3.6H6M0 6.8H5.6'],
  '&': [
    6.6,
    'M6.4 5C6 8 4.4 10 2.6 10C1 10 0 9 0 7.6C0 4.8 4.4 4.8 4.4 2C4.4 .8 3.6 0 2.7 0C1.7 0 1 .8 1 2C1 4 5 7.6 6.6 10',
  ],
  '*': [4, 'M2 .6V5M0 1.7L4 3.9M4 1.7L0 3.9'],
  "'": [0.4, 'M.2 0V2.6'],
  '"': [2, 'M.2 0V2.6M1.8 0V2.6'],
  '`': [1.4, 'M0 0L1.4 1.8'],
  '~': [5, 'M0 6.6C.8 4.6 2 5 2.5 5.8C3 6.6 4.2 7 5 5'],
  '^': [4, 'M0 3L2 0L4 3'],
  $: [
    5.6,
    'M5.4 2.2C4.8 1.3 3.8 1 2.8 1C1.3 1 .2 1.7 .2 3C.2 5.6 5.6 4.6 5.6 7.2C5.6 8.6 4.3 9.2 2.8 9.2C1.4 9.2 .5 8.7 0 7.7M2.8 -.6V10.8',
  ],
  '\u00b0': [3, 'M0 1.5A1.5 1.5 0 1 1 3 1.5A1.5 1.5 0 1 1 0 1.5'],
  '\u00b1': [5, 'M0 4.6H5M2.5 2.1V7.1M0 9.6H5'],
  '\u00b7': [0.4, 'M.2 5.7V5.9'],
  '\u00d7': [4.4, 'M.2 3.6L4.2 8M4.2 3.6L.2 8'],
  '\u2026': [5, 'M.2 9.7V9.9M2.5 9.7V9.9M4.8 9.7V9.9'],
  '\u2192': [7, 'M0 5.8H7M4.4 3.2L7 5.8L4.4 8.4'],
};

/** Between two glyphs, in the same units. */
const GAP = 2.3;
/** A character of another script: about a square of the system's font. */
const WIDE = 11;

/** A part of a line of text: a known glyph, or a run of characters without one. `x` is in the units of glyphs. */
type Piece =
  | { readonly x: number; readonly char: string; readonly glyph: Glyph }
  | { readonly x: number; readonly run: string };

function layout(text: string): { readonly pieces: readonly Piece[]; readonly width: number } {
  const pieces: Piece[] = [];
  let x = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  const clean = text.replace(/\s+/g, ' ').replace(/[\u0000-\u001f\u007f\ufffe\uffff]/g, '');
  for (const char of clean.normalize('NFC')) {
    const base = char in GLYPHS ? char : char.normalize('NFKD').replace(/\p{M}/gu, '');
    const glyph = GLYPHS[base];
    if (glyph !== undefined) {
      pieces.push({ x, char: base, glyph });
      x += glyph[0] + GAP;
      continue;
    }
    const last = pieces.at(-1);
    if (last && 'run' in last) pieces[pieces.length - 1] = { ...last, run: last.run + char };
    else pieces.push({ x, run: char });
    x += WIDE + GAP;
  }
  return { pieces, width: Math.max(0, x - GAP) };
}

/** The width in pixels of text whose capitals are `size` pixels high. */
export const textWidth = (text: string, size: number): number => (layout(text).width * size) / 10;

/** The text, cut with an ellipsis where it is wider than `width` pixels. */
export function fitText(text: string, size: number, width: number): string {
  if (textWidth(text, size) <= width) return text;
  const chars = [...text];
  while (chars.length > 0 && textWidth(`${chars.join('')}\u2026`, size) > width) chars.pop();
  return chars.length > 0 ? `${chars.join('').trimEnd()}\u2026` : '';
}

/** A run of characters of a script that has no glyphs here: where its line begins, and how large it is, in pixels. */
export interface UndrawnText {
  readonly text: string;
  readonly x: number;
  /** The upper edge of its capitals. */
  readonly y: number;
  /** The height of its capitals. */
  readonly size: number;
  readonly width: number;
  /** `#rrggbb` */
  readonly color: string;
}

const flattened = new Map<string, readonly (readonly PlotPoint[])[]>();

/** The lines of a glyph, in its units. */
function linesOf(char: string, [, path]: Glyph): readonly (readonly PlotPoint[])[] {
  const known = flattened.get(char) ?? flattenPath(path);
  flattened.set(char, known);
  return known;
}

/** The lines to stroke for a line of text with its capitals' upper left corner at (x, y), and the runs that have no glyphs. */
export function textLines(
  text: string,
  x: number,
  y: number,
  size: number,
): { readonly lines: PlotPoint[][]; readonly runs: Omit<UndrawnText, 'color'>[] } {
  const scale = size / 10;
  const lines: PlotPoint[][] = [];
  const runs: Omit<UndrawnText, 'color'>[] = [];
  for (const piece of layout(text).pieces) {
    const left = x + piece.x * scale;
    if ('run' in piece) {
      const width = ([...piece.run].length * (WIDE + GAP) - GAP) * scale;
      runs.push({ text: piece.run, x: left, y, size, width });
      continue;
    }
    for (const line of linesOf(piece.char, piece.glyph)) {
      lines.push(line.map(([a, b]) => [left + a * scale, y + b * scale] as const));
    }
  }
  return { lines, runs };
}
