/** Which part of a picture is seen, and how large. Places on the screen are in CSS pixels from the top left of the view. */
import type { Box, Point } from './model.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** (x, y) of the picture lies at the top left of the view; a pixel of the picture is `scale` CSS pixels wide. */
export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** Single pixels can be hit with a finger. */
const LARGEST = 48;
/** Beside a picture that fits, this stays free. */
const MARGIN = 12;

/** The view that shows the whole picture in the middle; a small one is enlarged at most eight times. */
export function fitView(view: Size, picture: Size): Viewport {
  const across = Math.max(view.width - 2 * MARGIN, 1) / picture.width;
  const down = Math.max(view.height - 2 * MARGIN, 1) / picture.height;
  const scale = Math.min(across, down, 8);
  return {
    scale,
    x: (picture.width - view.width / scale) / 2,
    y: (picture.height - view.height / scale) / 2,
  };
}

export const toPicture = ({ x, y, scale }: Viewport, [left, top]: Point): Point => [
  x + left / scale,
  y + top / scale,
];

export const toScreen = ({ x, y, scale }: Viewport, [px, py]: Point): Point => [
  (px - x) * scale,
  (py - y) * scale,
];

/** From half of what fits to 48 CSS pixels for a pixel. */
export function limitsOf(view: Size, picture: Size): { readonly smallest: number; readonly largest: number } {
  const { scale } = fitView(view, picture);
  return { smallest: scale / 2, largest: Math.max(LARGEST, scale) };
}

const between = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

/** Keeps the middle of the view on the picture, so that the picture is never lost. */
export function keepInView(viewport: Viewport, view: Size, picture: Size): Viewport {
  const { scale } = viewport;
  const across = view.width / scale / 2;
  const down = view.height / scale / 2;
  return {
    scale,
    x: between(viewport.x + across, 0, picture.width) - across,
    y: between(viewport.y + down, 0, picture.height) - down,
  };
}

/** Enlarges by `factor`; what is at a place on the screen stays there, as far as the limits allow. */
export function zoomAt(viewport: Viewport, at: Point, factor: number, view: Size, picture: Size): Viewport {
  const { smallest, largest } = limitsOf(view, picture);
  const scale = between(viewport.scale * factor, smallest, largest);
  const [px, py] = toPicture(viewport, at);
  return keepInView({ scale, x: px - at[0] / scale, y: py - at[1] / scale }, view, picture);
}

/** Moves the picture by CSS pixels. */
export const panBy = (viewport: Viewport, [dx, dy]: Point, view: Size, picture: Size): Viewport =>
  keepInView(
    { ...viewport, x: viewport.x - dx / viewport.scale, y: viewport.y - dy / viewport.scale },
    view,
    picture,
  );

/** Two fingers, before and after: what was under them stays under them. */
export function pinch(
  viewport: Viewport,
  before: readonly [Point, Point],
  after: readonly [Point, Point],
  view: Size,
  picture: Size,
): Viewport {
  const distance = ([[ax, ay], [bx, by]]: readonly [Point, Point]) => Math.hypot(ax - bx, ay - by);
  const middle = ([[ax, ay], [bx, by]]: readonly [Point, Point]): Point => [(ax + bx) / 2, (ay + by) / 2];
  const from = middle(before);
  const to = middle(after);
  const factor = distance(after) / Math.max(distance(before), 1);
  const moved = panBy(viewport, [to[0] - from[0], to[1] - from[1]], view, picture);
  return zoomAt(moved, to, factor, view, picture);
}

/** Moves the view as little as possible so that a place of the picture is seen, with some room about it. */
export function reveal(viewport: Viewport, [px, py]: Point, view: Size, picture: Size): Viewport {
  const { scale } = viewport;
  const room = Math.min(32, view.width / 4, view.height / 4) / scale;
  return keepInView(
    {
      scale,
      x: between(viewport.x, px + room - view.width / scale, px - room),
      y: between(viewport.y, py + room - view.height / scale, py - room),
    },
    view,
    picture,
  );
}

/** The part of the picture's plane that the view shows. */
export const seenBox = ({ x, y, scale }: Viewport, { width, height }: Size): Box => [
  x,
  y,
  x + width / scale,
  y + height / scale,
];

/** The size of a canvas in device pixels, which it shows one to one. */
export const deviceSize = ({ width, height }: Size, ratio: number): Size => ({
  width: Math.max(1, Math.round(width * ratio)),
  height: Math.max(1, Math.round(height * ratio)),
});
