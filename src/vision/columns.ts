import type { ImageSize } from './boxes.ts';

/** Columns that are turned at once. What is turned then stays in a processor's cache, even of an image 16,384 pixels high. */
const STRIP = 64;

/**
 * Reads a map column by column, as run lengths count pixels.
 *
 * @param map Values [height * width], row by row.
 * @param size Width and height of the map.
 * @param each Receives some columns at a time, from left to right: their values, each column from top to bottom, and how many values
 * there are. The array is used again at the next call.
 */
export function readColumns(
  map: ArrayLike<number>,
  { width, height }: ImageSize,
  each: (values: Uint8Array, count: number) => void,
): void {
  const strip = new Uint8Array(Math.min(STRIP, width) * height);
  for (let left = 0; left < width; left += STRIP) {
    const columns = Math.min(STRIP, width - left);
    for (let y = 0; y < height; y++) {
      const row = y * width + left;
      for (let k = 0, at = y; k < columns; k++, at += height) strip[at] = map[row + k]!;
    }
    each(strip, columns * height);
  }
}

/**
 * Turns runs that are counted down the columns into rows.
 *
 * @param runs Start and end of each run, by the number of pixels before it in the columns; in order, and none overlaps another.
 * @param size Width and height of the result.
 * @returns 1 inside of a run, else 0 [height * width], row by row.
 */
export function columnsToRows(runs: ArrayLike<number>, { width, height }: ImageSize): Uint8Array {
  const rows = new Uint8Array(width * height);
  const strip = new Uint8Array(Math.min(STRIP, width) * height);
  let run = 0;
  for (let left = 0; left < width; left += STRIP) {
    const columns = Math.min(STRIP, width - left);
    const [first, last] = [left * height, (left + columns) * height];
    if (run >= runs.length) break;
    if (runs[run]! >= last) continue;
    strip.fill(0);
    for (; run < runs.length && runs[run]! < last; run += 2) {
      strip.fill(1, Math.max(0, runs[run]! - first), Math.min(last, runs[run + 1]!) - first);
      // It goes on in the next columns.
      if (runs[run + 1]! > last) break;
    }
    for (let y = 0; y < height; y++) {
      const row = y * width + left;
      for (let k = 0, at = y; k < columns; k++, at += height) rows[row + k] = strip[at]!;
    }
  }
  return rows;
}
