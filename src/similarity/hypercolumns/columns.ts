import { expectArguments } from '../../arguments.ts';
import { ShapeError, UsageError } from '../../errors.ts';

/** What a layer gives for an image: a vector for each place of a grid that covers the image. */
export interface FeatureMap {
  /** The name of the layer. */
  readonly name: string;
  /** Places in a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Values of each place. */
  readonly channels: number;
  /** Values [height, width, channels]. */
  readonly data: Float32Array;
}

/** Where a pixel reads along one side of a map: two places, and the share of the second. */
export interface Taps {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly share: Float64Array;
}

/** Where `size` pixels read along `cells` places: centres on centres, as `interpolate`; beyond the outer centres the outermost. */
export function tapsOf(size: number, cells: number): Taps {
  const taps = { first: new Uint32Array(size), second: new Uint32Array(size), share: new Float64Array(size) };
  for (let i = 0; i < size; i++) {
    const at = Math.min(Math.max(((i + 0.5) * cells) / size - 0.5, 0), cells - 1);
    taps.first[i] = Math.floor(at);
    taps.second[i] = Math.min(taps.first[i]! + 1, cells - 1);
    taps.share[i] = at - taps.first[i]!;
  }
  return taps;
}

/**
 * The hypercolumns of an image (Hariharan et al. 2015, Hypercolumns for object segmentation and fine-grained localization, §3): the
 * hypercolumn of a pixel has the values of all layers at its place, each map being resized bilinearly to the size of the image. Only the
 * maps are kept; columns are put together for the pixels that are asked for.
 */
export class Hypercolumns {
  /** Pixels per row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** The values of a column: those of all layers together. */
  readonly channels: number;
  /** The maps of the layers, in the order of the values. */
  readonly maps: readonly FeatureMap[];

  /**
   * @param size Width and height of the image.
   * @param maps The maps of the layers.
   * @throws ShapeError for maps whose number of values does not fit their size; UsageError for no maps and sizes that cannot be.
   */
  constructor(size: { readonly width: number; readonly height: number }, maps: readonly FeatureMap[]) {
    const call = 'Hypercolumns';
    const map = { width: 'number', height: 'number', channels: 'number', data: 'values' } as const;
    expectArguments(call, { size, maps }, { size: { width: 'number', height: 'number' }, maps: [map] });
    const { width, height } = size;
    if (maps.length === 0) throw new UsageError(`${call}: no maps; give those of one layer or more`);
    for (const sides of [size, ...maps]) {
      if (
        Number.isInteger(sides.width) &&
        sides.width > 0 &&
        Number.isInteger(sides.height) &&
        sides.height > 0
      ) {
        continue;
      }
      throw new UsageError(
        `${call}: a size of ${sides.width}x${sides.height}; give whole pixels, at least 1`,
      );
    }
    for (const { name, width: w, height: h, channels, data } of maps) {
      if (data.length === w * h * channels) continue;
      throw new ShapeError(`${call}: the map of ${name} has ${data.length} values for ${w}x${h}x${channels}`);
    }
    this.width = width;
    this.height = height;
    this.maps = maps;
    this.channels = maps.reduce((sum, { channels }) => sum + channels, 0);
  }

  /**
   * The columns of some pixels, [pixels, channels].
   *
   * @param pixels Numbers of pixels, row * width + column. Default: all, which are height * width * channels numbers.
   * @throws UsageError for a pixel that the image does not have.
   */
  at(pixels?: ArrayLike<number>): Float32Array {
    const { width, height, channels } = this;
    const count = pixels ? pixels.length : width * height;
    const out = new Float32Array(count * channels);
    let start = 0;
    for (const map of this.maps) {
      const [columns, rows] = [tapsOf(width, map.width), tapsOf(height, map.height)];
      const { data, channels: C } = map;
      for (let i = 0; i < count; i++) {
        const pixel = pixels ? pixels[i]! : i;
        if (!(Number.isInteger(pixel) && pixel >= 0 && pixel < width * height)) {
          throw new UsageError(
            `Hypercolumns: pixel ${pixel} of an image with ${width * height}; count from 0`,
          );
        }
        const [x, y] = [pixel % width, Math.floor(pixel / width)];
        const [right, down] = [columns.share[x]!, rows.share[y]!];
        const [up, low] = [rows.first[y]! * map.width, rows.second[y]! * map.width];
        const a = (up + columns.first[x]!) * C;
        const b = (up + columns.second[x]!) * C;
        const c = (low + columns.first[x]!) * C;
        const d = (low + columns.second[x]!) * C;
        const to = i * channels + start;
        for (let k = 0; k < C; k++) {
          const above = data[a + k]! * (1 - right) + data[b + k]! * right;
          const below = data[c + k]! * (1 - right) + data[d + k]! * right;
          out[to + k] = above * (1 - down) + below * down;
        }
      }
      start += C;
    }
    return out;
  }
}
