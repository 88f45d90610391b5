/** The first frame of a GIF file with the colours that are transparent, which libvips makes black (CompuServe 1990, GIF89a). */

/** Reads a file from its start. Throws an Error where it ends before what is read. */
class Bytes {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.at, this.at + length);
    if (taken.length < length) throw new Error('it ends in the middle of the first frame');
    this.at += length;
    return taken;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  word(): number {
    const [low, high] = this.take(2) as unknown as [number, number];
    return low + 256 * high;
  }

  /** The data in blocks of up to 255 bytes, each after its length, up to one of none. */
  blocks(): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let length = this.byte(); length > 0; length = this.byte()) parts.push(this.take(length));
    return Buffer.concat(parts);
  }
}

/** A palette that a flag byte announces, or else the one that is given. */
function paletteOf(file: Bytes, flags: number, otherwise: Uint8Array | undefined): Uint8Array | undefined {
  return flags & 0x80 ? file.take(3 << ((flags & 7) + 1)) : otherwise;
}

const MOST_CODES = 4096;

/** `count` values of LZW codes of a growing number of bits, the first of which have `bits` + 1. */
function decodeLzw(data: Uint8Array, bits: number, count: number): Uint8Array {
  const values = new Uint8Array(count);
  const [clear, end] = [1 << bits, (1 << bits) + 1];
  // Each code is the code `before` and a last value; the first value of its chain is kept, too.
  const before = new Uint16Array(MOST_CODES);
  const last = new Uint8Array(MOST_CODES);
  const first = new Uint8Array(MOST_CODES);
  const length = new Uint16Array(MOST_CODES);
  for (let code = 0; code < clear; code++) [last[code], first[code], length[code]] = [code, code, 1];
  let [size, next, previous, filled] = [bits + 1, clear + 2, -1, 0];
  let [buffer, held] = [0, 0];
  for (const byte of data) {
    buffer |= byte << held;
    held += 8;
    while (held >= size && filled < count) {
      const code = buffer & ((1 << size) - 1);
      buffer >>>= size;
      held -= size;
      if (code === end) return expectAll(values, filled);
      if (code === clear) {
        [size, next, previous] = [bits + 1, clear + 2, -1];
        continue;
      }
      if (code > next || (code === next && previous < 0) || (code >= clear && code < clear + 2)) {
        throw new Error(`the first frame has the code ${code}, which nothing stands for`);
      }
      if (previous >= 0 && next < MOST_CODES) {
        before[next] = previous;
        first[next] = first[previous]!;
        last[next] = first[code === next ? previous : code]!;
        length[next] = length[previous]! + 1;
        next++;
        if (next === 1 << size && size < 12) size++;
      }
      let place = filled + length[code]!;
      filled = place;
      for (let link = code, left = length[code]!; left > 0; left--, link = before[link]!) {
        place--;
        if (place < count) values[place] = last[link]!;
      }
      previous = code;
    }
  }
  return expectAll(values, filled);
}

function expectAll(values: Uint8Array, filled: number): Uint8Array {
  if (filled < values.length) throw new Error(`the first frame has ${filled} of ${values.length} pixels`);
  return values;
}

/** The rows of a frame in the order in which they are stored. */
function* rowsOf(height: number, interlaced: boolean): Generator<number> {
  const passes: readonly (readonly [start: number, step: number])[] = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]];
  for (const [start, step] of passes) for (let y = start; y < height; y += step) yield y;
}

/**
 * Decodes the first frame of a GIF file to RGB [height, width, 3]. Around a frame that is smaller than the image is the colour that is
 * transparent, or else the palette's first one, as in Pillow. Throws an Error for a file that is damaged, and
 * what `check` throws for the size.
 */
export function decodeGif(
  bytes: Uint8Array,
  check: (size: { readonly width: number; readonly height: number }) => void,
): { width: number; height: number; data: Uint8Array } {
  const file = new Bytes(bytes);
  file.take(6);
  let [width, height] = [file.word(), file.word()];
  const flags = file.byte();
  file.take(2);
  const globalPalette = paletteOf(file, flags, undefined);
  let around = 0;
  for (let kind = file.byte(); kind !== 0x2c; kind = file.byte()) {
    if (kind === 0x3b) throw new Error('it has no frame');
    if (kind !== 0x21) continue;
    const label = file.byte();
    const control = file.blocks();
    if (label === 0xf9 && control[0]! & 1) around = control[3]!;
  }
  const [left, top, frameWidth, frameHeight] = [file.word(), file.word(), file.word(), file.word()];
  const frameFlags = file.byte();
  const palette = paletteOf(file, frameFlags, globalPalette);
  const bits = file.byte();
  if (bits < 1 || bits > 8) throw new Error(`its first frame has values of ${bits} bits`);
  [width, height] = [Math.max(width, left + frameWidth), Math.max(height, top + frameHeight)];
  check({ width, height });
  const values = decodeLzw(file.blocks(), bits, frameWidth * frameHeight);
  const indices = new Uint8Array(width * height).fill(around);
  let from = 0;
  for (const y of rowsOf(frameHeight, (frameFlags & 0x40) !== 0)) {
    indices.set(values.subarray(from, from + frameWidth), (top + y) * width + left);
    from += frameWidth;
  }
  const data = new Uint8Array(width * height * 3);
  indices.forEach((index, i) => {
    // A value that the palette does not have is a grey.
    for (let c = 0; c < 3; c++) data[3 * i + c] = palette?.[3 * index + c] ?? index;
  });
  return { width, height, data };
}
