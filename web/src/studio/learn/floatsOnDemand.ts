import type { FloatImage } from 'fovea/data';

/** Bytes of the pictures that are kept as floats. */
const MOST_BYTES = 512 << 20;

/**
 * Keeps pictures as bytes, a quarter of their floats, and makes floats of those that are read: many pictures fit into memory, and the last
 * ones that were used need no work.
 */
export class FloatsOnDemand {
  readonly #most: number;
  /** In the order of their last use. */
  readonly #made = new Map<object, Float32Array>();
  #bytes = 0;

  /** @param most How many bytes of floats are kept. Default 512 MiB. */
  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /** The same picture, whose values are rounded to the 256 steps of its file. */
  keep({ width, height, channels, data }: FloatImage): FloatImage {
    const bytes = Uint8ClampedArray.from(data, (value) => 255 * value);
    const key = {};
    const floats = () => this.#floatsOf(key, bytes);
    return {
      ...{ width, height, channels },
      get data() {
        return floats();
      },
    };
  }

  #floatsOf(key: object, bytes: Uint8ClampedArray): Float32Array {
    const before = this.#made.get(key);
    const floats = before ?? Float32Array.from(bytes, (value) => value / 255);
    this.#made.delete(key);
    this.#made.set(key, floats);
    if (!before) this.#bytes += floats.byteLength;
    for (const [oldest, { byteLength }] of this.#made) {
      if (this.#bytes <= this.#most || oldest === key) break;
      this.#made.delete(oldest);
      this.#bytes -= byteLength;
    }
    return floats;
  }
}
