import type { ImageSize } from '../../vision/boxes.ts';
import type { Region } from './matte.ts';

/** A tile along one axis, and how much it counts at each of its pixels: those of all tiles add up to 1. */
interface Span {
  readonly start: number;
  readonly weights: Float64Array;
}

/**
 * Covers an axis with tiles of one length, evenly, where neighbours overlap by at least so many pixels. Their weights rise and fall in a straight
 * line over the overlap. One tile, as long as the axis, where that is no longer than a tile.
 */
export function spansOf(length: number, side: number, overlap: number): Span[] {
  if (length <= side) return [{ start: 0, weights: new Float64Array(length).fill(1) }];
  const count = Math.ceil((length - overlap) / (side - overlap));
  const starts = Array.from({ length: count }, (_, i) => Math.round((i * (length - side)) / (count - 1)));
  const spans = starts.map((start, i) => {
    const before = i === 0 ? 0 : starts[i - 1]! + side - start;
    const after = i === count - 1 ? 0 : start + side - starts[i + 1]!;
    const ramp = (place: number, over: number) => (over === 0 ? 1 : Math.min((place + 0.5) / over, 1));
    return {
      start,
      weights: Float64Array.from({ length: side }, (_, k) =>
        Math.min(ramp(k, before), ramp(side - 1 - k, after)),
      ),
    };
  });
  const totals = new Float64Array(length);
  for (const { start, weights } of spans) {
    for (let k = 0; k < side; k++) totals[start + k]! += weights[k]!;
  }
  for (const { start, weights } of spans) {
    for (let k = 0; k < side; k++) weights[k]! /= totals[start + k]!;
  }
  return spans;
}

/** How an image is cut into tiles. */
export interface Tiling {
  /** Height and width of a tile in pixels. */
  readonly side: readonly [height: number, width: number];
  /** By how many pixels neighbours overlap at least. */
  readonly overlap: number;
}

/**
 * Computes a map of an image [height, width] by tiles, and blends them where they overlap. One tile's values are in memory at a time, besides the map.
 *
 * @param compute Returns the values of a tile.
 */
export async function byTiles(
  { width, height }: ImageSize,
  { side, overlap }: Tiling,
  compute: (tile: Region) => Promise<Float32Array>,
): Promise<Float32Array> {
  const map = new Float32Array(width * height);
  for (const rows of spansOf(height, side[0], overlap)) {
    for (const columns of spansOf(width, side[1], overlap)) {
      const [h, w] = [rows.weights.length, columns.weights.length];
      const values = await compute({ x: columns.start, y: rows.start, width: w, height: h });
      for (let v = 0; v < h; v++) {
        const to = (rows.start + v) * width + columns.start;
        for (let u = 0; u < w; u++) {
          map[to + u]! += rows.weights[v]! * columns.weights[u]! * values[v * w + u]!;
        }
      }
    }
  }
  return map;
}
