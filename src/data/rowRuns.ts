import type { ImageSize } from '../vision/boxes.ts';
import { type Rle, rleToBox } from '../vision/rle.ts';
import type { MaskPatch } from './annotation.ts';
import { eachRun, keptRuns } from './maskRuns.ts';

/** A mask as the runs of its rows: as much memory as it has runs, however many pixels it covers. */
export interface RowRuns extends ImageSize {
  /** The number of runs above each row [height + 1]: row y has those from `rows[y]` to before `rows[y + 1]`. */
  readonly rows: Uint32Array;
  /** First column of each run, from left to right in a row. Runs of a row do not touch. */
  readonly starts: Uint32Array;
  /** The column after the last one of each run. */
  readonly ends: Uint32Array;
}

/**
 * Finds the runs in the rows of a mask of pixels.
 *
 * @param mask Pixels [height * width], row by row; every value other than 0 is inside.
 * @param size Width and height of the mask.
 */
export function rowRunsOfPixels(mask: ArrayLike<number>, { width, height }: ImageSize): RowRuns {
  const rows = new Uint32Array(height + 1);
  let [starts, ends] = [new Uint32Array(1024), new Uint32Array(1024)];
  let count = 0;
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; ) {
      if (mask[row + x] === 0) {
        x++;
        continue;
      }
      if (count === starts.length) [starts, ends] = [twice(starts), twice(ends)];
      starts[count] = x;
      while (x < width && mask[row + x] !== 0) x++;
      ends[count++] = x;
    }
    rows[y + 1] = count;
  }
  return { width, height, rows, starts: starts.subarray(0, count), ends: ends.subarray(0, count) };
}

function twice(values: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(2 * values.length);
  larger.set(values);
  return larger;
}

/** Finds the runs in the rows of a patch, without its pixels where it is kept as run lengths. */
export function rowRunsOf(patch: MaskPatch): RowRuns {
  const rle = keptRuns(patch);
  return rle ? rowRunsOfRle(rle) : rowRunsOfPixels(patch.data, patch);
}

/**
 * Turns runs down the columns into those of the rows, within the box around the mask. A row enters or leaves the mask at a column
 * where that column and the one before it differ, so the time is that for the mask's left and right edges instead of its pixels.
 *
 * @param rle The mask in run-length encoding, as `checkRle` accepts it; has a pixel.
 */
export function rowRunsOfRle(rle: Rle): RowRuns {
  const [left, top, right, bottom] = rleToBox(rle);
  const [width, height] = [right - left, bottom - top];
  const { columns, ends } = columnEnds(rle, left, top, width);
  // How many rows more than the one above change sides at some column, then how many changes there are above a row.
  const changes = new Float64Array(height + 1);
  eachChange(columns, ends, (_, from, to) => {
    changes[from]!++;
    changes[to]!--;
  });
  const rows = new Uint32Array(height + 1);
  for (let y = 0, here = 0; y < height; y++) {
    here += changes[y]!;
    rows[y + 1] = rows[y]! + here / 2;
  }
  const next = Float64Array.from(rows, (runs) => 2 * runs);
  const runs = [new Uint32Array(rows[height]!), new Uint32Array(rows[height]!)] as const;
  eachChange(columns, ends, (x, from, to) => {
    for (let y = from; y < to; y++) {
      const change = next[y]!++;
      runs[change % 2]![Math.floor(change / 2)] = x;
    }
  });
  return { width, height, rows, starts: runs[0], ends: runs[1] };
}

/** Start and end of each run of each column, by rows of the box; `columns` counts them to the left of each column. */
function columnEnds(rle: Rle, left: number, top: number, width: number) {
  const [height] = rle.size;
  const columns = new Uint32Array(width + 1);
  const ends: number[] = [];
  eachRun(rle, (start, end) => {
    for (let from = start; from < end; ) {
      const column = Math.floor(from / height);
      const to = Math.min(end, (column + 1) * height);
      ends.push(from - column * height - top, to - column * height - top);
      columns[column - left + 1] = ends.length;
      from = to;
    }
  });
  for (let x = 1; x <= width; x++) columns[x] = Math.max(columns[x]!, columns[x - 1]!);
  return { columns, ends };
}

/** Calls `each` with each column, the one after the last included, and the rows from..to where it differs from the one before it. */
function eachChange(
  columns: Uint32Array,
  ends: readonly number[],
  each: (x: number, from: number, to: number) => void,
): void {
  for (let x = 0; x < columns.length; x++) {
    let [before, own] = [columns[x - 1] ?? 0, columns[x]!];
    const lastBefore = own;
    const lastOwn = columns[x + 1] ?? own;
    // Rows where one of the two begins or ends, in order. Where both do, they keep on being equal, or different.
    let from = -1;
    while (before < lastBefore || own < lastOwn) {
      const a = before < lastBefore ? ends[before]! : Infinity;
      const b = own < lastOwn ? ends[own]! : Infinity;
      if (a <= b) before++;
      if (b <= a) own++;
      if (a === b) continue;
      const y = Math.min(a, b);
      if (from < 0) from = y;
      else {
        each(x, from, y);
        from = -1;
      }
    }
  }
}
