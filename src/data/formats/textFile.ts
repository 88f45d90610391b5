import { BadData } from '../faults.ts';
import type { DataFiles, OpenFile } from './format.ts';
import { checkZeros, decoderFor, markedEncoding, notText } from './text.ts';

/** Bytes that are decoded at a time. */
const BLOCK = 1 << 16;

/** Where a block begins: in the file, and in its text as UTF-8. */
interface Mark {
  readonly source: number;
  readonly text: number;
}

/**
 * A file in another encoding, read as if it were UTF-8. Blocks are decoded as they are asked for; only where they begin is kept, so
 * that a file of any size is read with the memory of one block.
 */
class DecodedFile implements OpenFile {
  readonly #file: OpenFile;
  readonly #name: string;
  readonly #decoder: TextDecoder;
  readonly #marks: Mark[];
  #block: { readonly mark: Mark; readonly bytes: Uint8Array; readonly end: number } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(file: OpenFile, name: string, encoding: string, start: number) {
    this.#file = file;
    this.#name = name;
    // The mark of the file is passed over by `start`; others are characters.
    this.#decoder = decoderFor(encoding, name, true);
    this.#marks = [{ source: start, text: 0 }];
  }

  read(start: number, length: number): Promise<Uint8Array> {
    // One after another: they share the block and the marks.
    const result = this.#turn.then(() => this.#read(start, length));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #read(start: number, length: number): Promise<Uint8Array> {
    const found = new Uint8Array(length);
    let filled = 0;
    for (let i = this.#indexOf(start); filled < length; i++) {
      const mark = this.#marks[i]!;
      const block = this.#block?.mark === mark ? this.#block : await this.#decode(mark);
      this.#block = block;
      if (block.end === mark.source) break;
      const { length: size } = block.bytes;
      if (i + 1 === this.#marks.length) this.#marks.push({ source: block.end, text: mark.text + size });
      const from = Math.max(0, start + filled - mark.text);
      const part = block.bytes.subarray(from, from + length - filled);
      found.set(part, filled);
      filled += part.length;
    }
    return found.subarray(0, filled);
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** The last known block that begins at or before a place in the text. */
  #indexOf(place: number): number {
    let [low, high] = [0, this.#marks.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#marks[middle]!.text <= place) low = middle;
      else high = middle;
    }
    return low;
  }

  async #decode(mark: Mark): Promise<{ mark: Mark; bytes: Uint8Array; end: number }> {
    for (let size = BLOCK; ; size *= 2) {
      const raw = await this.#file.read(mark.source, size);
      const whole = raw.length < size ? raw.length : lastBoundary(raw, this.#decoder.encoding);
      if (whole === 0 && raw.length === size) continue;
      const bytes = new TextEncoder().encode(this.#text(raw.subarray(0, whole)));
      return { mark, bytes, end: mark.source + whole };
    }
  }

  #text(raw: Uint8Array): string {
    try {
      return this.#decoder.decode(raw);
    } catch (cause) {
      throw new BadData('encoding', notText(this.#name, this.#decoder.encoding), { cause });
    }
  }
}

/**
 * The end of the last character that surely ends in these bytes; 0 for none. Bytes under 0x30 are characters of their own in all
 * multi-byte encodings but UTF-16 and ISO-2022-JP, whose shifts go on: that one is decoded as a whole.
 */
function lastBoundary(bytes: Uint8Array, encoding: string): number {
  if (encoding === 'iso-2022-jp') return 0;
  if (!encoding.startsWith('utf-16')) return bytes.findLastIndex((byte) => byte < 0x30) + 1;
  const high = encoding === 'utf-16le' ? 1 : 0;
  for (let end = bytes.length & ~1; end > 0; end -= 2) {
    // A character of one unit: no half of a surrogate pair.
    if ((bytes[end - 2 + high]! & 0xf8) !== 0xd8) return end;
  }
  return 0;
}

/**
 * Opens a text file for reading as UTF-8: by its byte order mark, or in `encoding` (default UTF-8, in which bytes are given as they
 * are). Reading throws DataError for bytes that are not in another encoding; nothing is ever replaced by U+FFFD.
 */
export async function openText(files: DataFiles, path: string, encoding = 'utf-8'): Promise<OpenFile> {
  const file = await files.open(path);
  try {
    const start = await file.read(0, 3);
    const mark = markedEncoding(start);
    const name = decoderFor(mark?.encoding ?? encoding, path).encoding;
    checkZeros(start, name, path);
    return name === 'utf-8' ? file : new DecodedFile(file, path, name, mark?.length ?? 0);
  } catch (error) {
    await file.close();
    throw error;
  }
}
