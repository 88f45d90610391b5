/**
 * Masks that are kept as run lengths: a mask as large as the image has as many bytes as the image has pixels, and a file of a few
 * kilobytes may list hundreds of them.
 */
import type { ImageSize } from '../vision/boxes.ts';
import { readColumns } from '../vision/columns.ts';
import { type Rle, rleDecodeBox, rleEncode, rleToBox } from '../vision/rle.ts';
import type { MaskPatch } from './annotation.ts';

/** Patches of fewer pixels are always kept as pixels. */
const SMALL = 2 ** 16;

/** The run lengths of patches that are kept as such. A patch that is made of one by spreading it has pixels only. */
const kept = new WeakMap<MaskPatch, Rle>();

/**
 * Makes the patch of a mask. That of a large one keeps the run lengths, and unpacks its pixels whenever `data` is read; they stay for as
 * long as somebody uses them.
 *
 * @param rle The mask in the image, as `checkRle` accepts it.
 * @returns Undefined for a mask without a pixel.
 */
export function patchOfRle(rle: Rle): MaskPatch | undefined {
  const box = rleToBox(rle);
  const [x, y, right, bottom] = box;
  const [width, height] = [right - x, bottom - y];
  if (width === 0 || height === 0) return undefined;
  const pixels = width * height;
  if (pixels <= SMALL || pixels <= 4 * rle.counts.length) {
    return { x, y, width, height, data: rleDecodeBox(rle, box) };
  }
  const own = tidied(rle);
  let last: WeakRef<Uint8Array> | undefined;
  const patch: MaskPatch = {
    x,
    y,
    width,
    height,
    get data() {
      let data = last?.deref();
      if (!data) {
        data = rleDecodeBox(own, box);
        last = new WeakRef(data);
      }
      return data;
    },
  };
  kept.set(patch, own);
  return patch;
}

/** A patch in an image of this size, kept as run lengths where that is smaller. */
export const compactPatch = (patch: MaskPatch, size: ImageSize): MaskPatch =>
  (patch.width * patch.height > SMALL && patchOfRle(runsOfPatch(patch, size))) || patch;

/** The same mask without runs of 0 but the first, so that equal masks have equal run lengths. */
function tidied({ size: [height, width], counts }: Rle): Rle {
  const ends = new RunEnds();
  eachRun({ size: [height, width], counts }, (start, end) => ends.add(start, end));
  return ends.rle({ width, height });
}

/** Calls `each` with the start and the end of each run inside a mask, by the number of pixels before it in the columns. */
export function eachRun({ counts }: Rle, each: (start: number, end: number) => void): void {
  let start = 0;
  for (let i = 0; i < counts.length; i++) {
    const end = start + counts[i]!;
    if (i % 2 === 1) each(start, end);
    start = end;
  }
}

/** The run lengths of a patch that is kept as such, in the image; undefined for others. */
export const keptRuns = (patch: MaskPatch): Rle | undefined => kept.get(patch);

/** The pixels of a patch, as `data`, but not held until the end of the turn, as a WeakRef holds them. */
export function pixelsOf(patch: MaskPatch): Uint8Array {
  const rle = kept.get(patch);
  if (!rle) return patch.data;
  return rleDecodeBox(rle, [patch.x, patch.y, patch.x + patch.width, patch.y + patch.height]);
}

/** The run lengths of a patch in an image of this size; what reaches out of the image is cut off. */
export function runsOfPatch(patch: MaskPatch, size: ImageSize): Rle {
  const own = kept.get(patch);
  if (own && own.size[0] === size.height && own.size[1] === size.width) return own;
  const x1 = Math.max(0, patch.x);
  const y1 = Math.max(0, patch.y);
  const width = Math.max(0, Math.min(size.width, patch.x + patch.width) - x1);
  const height = Math.max(0, Math.min(size.height, patch.y + patch.height) - y1);
  if (width === 0 || height === 0)
    return { size: [size.height, size.width], counts: [size.height * size.width] };
  let data = pixelsOf(patch);
  if (width !== patch.width || height !== patch.height) {
    const inside = new Uint8Array(width * height);
    for (let j = 0; j < height; j++) {
      const from = (y1 - patch.y + j) * patch.width + x1 - patch.x;
      inside.set(data.subarray(from, from + width), j * width);
    }
    data = inside;
  }
  // Runs down the columns of the window become runs down those of the image.
  const ends = new RunEnds();
  eachRun(rleEncode(data, { width, height }), (first, end) => {
    for (let from = first; from < end; ) {
      const column = Math.floor(from / height);
      const to = Math.min(end, (column + 1) * height);
      const start = (x1 + column) * size.height + y1 + from - column * height;
      ends.add(start, start + to - from);
      from = to;
    }
  });
  return ends.rle(size);
}

/** Runs inside, given in order; those that touch become one. */
export class RunEnds {
  readonly #ends: number[] = [];

  add(start: number, end: number): void {
    if (start === end) return;
    if (this.#ends.at(-1) === start) this.#ends[this.#ends.length - 1] = end;
    else this.#ends.push(start, end);
  }

  rle({ width, height }: ImageSize): Rle {
    const ends = this.#ends;
    const pixels = width * height;
    const counts = new Uint32Array(ends.length + (ends.at(-1) === pixels ? 0 : 1));
    for (let i = 0, before = 0; i < counts.length; i++) {
      const end = ends[i] ?? pixels;
      counts[i] = end - before;
      before = end;
    }
    return { size: [height, width], counts };
  }
}

/**
 * Finds the pixels of each number in a map, in one pass over it.
 *
 * @param map Numbers of 0 to 255 [height * width], row by row; 0 is not looked for.
 * @param size Width and height of the map.
 * @returns The mask of each number that occurs, in the order of the numbers.
 */
export function runsByNumber(map: Uint8Array, size: ImageSize): Map<number, Rle> {
  const found = new Map<number, RunEnds>();
  let start = 0;
  readColumns(map, size, (values, count) => {
    for (let from = 0, at = 0; from < count; from = at) {
      const value = values[from]!;
      while (at < count && values[at] === value) at++;
      if (value === 0) continue;
      const ends = found.get(value) ?? new RunEnds();
      found.set(value, ends);
      ends.add(start + from, start + at);
    }
    start += count;
  });
  return new Map([...found].sort(([a], [b]) => a - b).map(([value, ends]) => [value, ends.rle(size)]));
}

/** Whether two patches have the same pixels at the same place. */
export function samePatch(a: MaskPatch, b: MaskPatch): boolean {
  if (a.x !== b.x || a.y !== b.y || a.width !== b.width || a.height !== b.height) return false;
  const [runsA, runsB] = [kept.get(a), kept.get(b)];
  const [u, v] = runsA && runsB ? [runsA.counts, runsB.counts] : [pixelsOf(a), pixelsOf(b)];
  if (u.length !== v.length) return false;
  for (let i = 0; i < u.length; i++) if (u[i] !== v[i]) return false;
  return true;
}
