/** Masks that are painted. A pixel belongs to a stroke if its centre does; its border belongs to it. */
import type { LabelShape, Point } from './model.ts';
import type { Size } from './viewport.ts';

export type Mask = Extract<LabelShape, { readonly kind: 'mask' }>;

/** How much wider than needed a window grows, so that a long stroke does not copy it at every event. */
const SPARE = 64;

/** A mask in the making. Its window grows with the strokes; `finish` makes it as small as its pixels allow. */
export class MaskPainter {
  readonly #picture: Size;
  #x = 0;
  #y = 0;
  #width = 0;
  #height = 0;
  #data: Uint8Array = new Uint8Array(0);

  /** Begins with a mask, which is copied, or with none. */
  constructor(picture: Size, mask?: Mask) {
    this.#picture = picture;
    if (!mask) return;
    this.#x = mask.x;
    this.#y = mask.y;
    this.#width = mask.width;
    this.#height = mask.height;
    this.#data = mask.data.slice();
  }

  /**
   * Paints, or erases, all pixels whose centres are at most `radius` from the line between two places: the gap between two events is
   * joined. A single place is a line of no length.
   */
  stroke([ax, ay]: Point, [bx, by]: Point, radius: number, value: 0 | 1): void {
    const { width, height } = this.#picture;
    // Centres are at +0.5: the first is the first that is not before the stroke.
    let top = Math.max(0, Math.ceil(Math.min(ay, by) - radius - 0.5));
    let bottom = Math.min(height, Math.floor(Math.max(ay, by) + radius - 0.5) + 1);
    let left = Math.max(0, Math.ceil(Math.min(ax, bx) - radius - 0.5));
    let right = Math.min(width, Math.floor(Math.max(ax, bx) + radius - 0.5) + 1);
    if (value === 1) this.#cover(left, top, right, bottom);
    else {
      left = Math.max(left, this.#x);
      top = Math.max(top, this.#y);
      right = Math.min(right, this.#x + this.#width);
      bottom = Math.min(bottom, this.#y + this.#height);
    }
    const [dx, dy] = [bx - ax, by - ay];
    const squared = dx * dx + dy * dy;
    for (let j = top; j < bottom; j++) {
      const y = j + 0.5;
      const [from, to] = spanAt(y, ax, ay, bx, by, radius);
      const row = (j - this.#y) * this.#width - this.#x;
      const last = Math.min(right, Math.ceil(to + 0.5));
      for (let i = Math.max(left, Math.floor(from - 0.5)); i < last; i++) {
        const x = i + 0.5;
        const along = squared === 0 ? 0 : ((x - ax) * dx + (y - ay) * dy) / squared;
        const t = Math.min(Math.max(along, 0), 1);
        const [ox, oy] = [x - ax - t * dx, y - ay - t * dy];
        if (ox * ox + oy * oy <= radius * radius) this.#data[row + i] = value;
      }
    }
  }

  /** The mask in the smallest window that holds its pixels; undefined where it has none. */
  finish(): Mask | undefined {
    const data = this.#data;
    const width = this.#width;
    let [left, top, right, bottom] = [width, -1, -1, -1];
    for (let j = 0; j < this.#height; j++) {
      const row = data.subarray(j * width, (j + 1) * width);
      const first = row.indexOf(1);
      if (first < 0) continue;
      if (top < 0) top = j;
      bottom = j;
      left = Math.min(left, first);
      right = Math.max(right, row.lastIndexOf(1));
    }
    if (top < 0) return undefined;
    const size = { width: right - left + 1, height: bottom - top + 1 };
    const kept = new Uint8Array(size.width * size.height);
    for (let j = 0; j < size.height; j++) {
      const from = (top + j) * width + left;
      kept.set(data.subarray(from, from + size.width), j * size.width);
    }
    return { kind: 'mask', x: this.#x + left, y: this.#y + top, ...size, data: kept };
  }

  /** Lets the window hold a part of the picture. */
  #cover(left: number, top: number, right: number, bottom: number): void {
    if (left >= right || top >= bottom) return;
    const empty = this.#width === 0;
    const [x1, y1] = [this.#x, this.#y];
    const [x2, y2] = [x1 + this.#width, y1 + this.#height];
    if (!empty && left >= x1 && top >= y1 && right <= x2 && bottom <= y2) return;
    const x = Math.max(0, empty || left < x1 ? left - SPARE : x1);
    const y = Math.max(0, empty || top < y1 ? top - SPARE : y1);
    const width = Math.min(this.#picture.width, empty || right > x2 ? right + SPARE : x2) - x;
    const height = Math.min(this.#picture.height, empty || bottom > y2 ? bottom + SPARE : y2) - y;
    const data = new Uint8Array(width * height);
    for (let j = 0; j < this.#height; j++) {
      const row = this.#data.subarray(j * this.#width, (j + 1) * this.#width);
      data.set(row, (y1 + j - y) * width + x1 - x);
    }
    this.#x = x;
    this.#y = y;
    this.#width = width;
    this.#height = height;
    this.#data = data;
  }
}

/** Bounds of what a stroke covers at a height: of the points of its line that are near enough, the first and the last, and the radius. */
function spanAt(y: number, ax: number, ay: number, bx: number, by: number, radius: number): [number, number] {
  let [from, to] = [0, 1];
  if (ay !== by) {
    const t1 = (y - radius - ay) / (by - ay);
    const t2 = (y + radius - ay) / (by - ay);
    from = Math.min(Math.max(Math.min(t1, t2), 0), 1);
    to = Math.min(Math.max(Math.max(t1, t2), 0), 1);
  }
  const x1 = ax + from * (bx - ax);
  const x2 = ax + to * (bx - ax);
  return [Math.min(x1, x2) - radius, Math.max(x1, x2) + radius];
}

/** How many pixels a mask has. */
export function countPixels({ data }: Mask): number {
  let count = 0;
  for (const value of data) count += value;
  return count;
}
