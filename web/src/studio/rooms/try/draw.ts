/** What was found, drawn over its picture. */

import type { MaskPatch } from 'fovea/data';
import { colorAt } from 'fovea/draw';
import type { Prediction } from '../../learn/predict.ts';
import type { LabelClass } from '../../project/model.ts';
import { drawMarked, type Marked } from './marks.ts';
import type { Shown } from './session.ts';

/** A detection as it is numbered and coloured, whatever the threshold hides. */
export interface Numbered {
  readonly number: number;
  readonly label: string;
  readonly score: number;
  readonly box: readonly [number, number, number, number];
  readonly color: string;
  readonly mask?: MaskPatch;
}

/** The colour of each class: the project's, else one of the palette. */
export function colorsOf(names: readonly string[], classes: readonly LabelClass[]): (name: string) => string {
  const own = new Map(classes.map(({ name, color }) => [name, color]));
  return (name) => own.get(name) ?? colorAt(Math.max(0, names.indexOf(name)));
}

/** The detections, the surest first. */
export function numbered(found: Prediction, colorOf: (name: string) => string): Numbered[] {
  if (found.task !== 'detect') return [];
  return found.detections
    .toSorted((a, b) => b.score - a.score)
    .map(({ label, score, box, mask }, i) => ({
      ...{ number: i + 1, label, score, box, color: colorOf(label) },
      ...(mask ? { mask } : {}),
    }));
}

/** Pixels in colours, transparent where there is none. */
export interface Tint {
  readonly canvas: OffscreenCanvas;
  /** Where it lies in the picture. */
  readonly box: readonly [x: number, y: number, width: number, height: number];
}

const bytesOf = (color: string): readonly number[] =>
  [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));

function tintOf(
  { width, height }: { readonly width: number; readonly height: number },
  box: Tint['box'],
  colorAtPixel: (i: number) => readonly number[] | undefined,
): Tint {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  const pixels = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    const color = colorAtPixel(i);
    if (color) pixels.data.set([...color, 255], 4 * i);
  }
  context.putImageData(pixels, 0, 0);
  return { canvas, box };
}

/** The map of a segmenter in the colours of its classes. */
export function tintOfMap(found: Prediction, colorOf: (name: string) => string): Tint | undefined {
  if (found.task !== 'segment') return undefined;
  const { map, classNames, width, height } = found;
  const colors = [undefined, ...classNames.map((name) => bytesOf(colorOf(name)))];
  return tintOf(map, [0, 0, width, height], (i) => colors[map.labels[i]!]);
}

/** The masks of detections. */
export const tintsOfMasks = (found: readonly Numbered[]): Map<number, Tint> =>
  new Map(
    found.flatMap(({ number, mask, color }) => {
      if (!mask) return [];
      const bytes = bytesOf(color);
      const { x, y, width, height, data } = mask;
      return [[number, tintOf(mask, [x, y, width, height], (i) => (data[i] ? bytes : undefined))] as const];
    }),
  );

export interface Drawn {
  readonly marks: readonly Numbered[];
  readonly tints: readonly Tint[];
  /** Of tints. */
  readonly opacity: number;
}

/** Draws the picture as large as fits into `room` (CSS pixels), with what was found. */
export function draw(
  canvas: HTMLCanvasElement,
  { bitmap, width, height }: Shown,
  { marks, tints, opacity }: Drawn,
  room: { readonly width: number; readonly height: number },
): void {
  // Very large pictures are drawn from a smaller copy.
  const [sx, sy] = [bitmap.width / width, bitmap.height / height];
  const marked = marks.map(
    ({ box: [x1, y1, x2, y2], number, label, score, color }): Marked => ({
      box: [x1 * sx, y1 * sy, x2 * sx, y2 * sy],
      text: `${number} ${label} ${score.toFixed(2)}`,
      short: String(number),
      color,
    }),
  );
  drawMarked(canvas, bitmap, marked, room, (context) => {
    context.globalAlpha = opacity;
    context.imageSmoothingEnabled = false;
    for (const { canvas: tint, box } of tints) {
      context.drawImage(tint, box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy);
    }
  });
}
