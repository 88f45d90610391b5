import { DataError } from '../errors.ts';
import type { TextPlace } from '../json.ts';
import { parseJson } from '../json.ts';
import { BadData } from './faults.ts';

/** A value at the first level of a JSON text, or an element of an array there. */
export interface JsonItem {
  /** The key of the value, or of the array that it is an element of; '' in a text that is one array. */
  readonly key: string;
  /** The index in the array; -1 for a value that is not an array. */
  readonly index: number;
  /** The first byte in the file, and the byte after the last. */
  readonly start: number;
  readonly end: number;
  /** The text of the value. */
  readonly text: string;
  /** Parses the value. Throws DataError with line and column for a text that is not JSON. */
  parse(): unknown;
}

// What the grammar allows next. The texts are also what the error says.
const TOP = "'{' or '['";
const KEY = 'a key in double quotes';
const KEY_OR_END = "a key in double quotes or '}'";
const COLON = "':'";
const VALUE = 'a value';
const COMMA_OR_BRACE = "',' or '}'";
const ELEMENT = 'a value';
const ELEMENT_OR_END = "a value or ']'";
const COMMA_OR_BRACKET = "',' or ']'";
const END = 'the end of the text';

const [QUOTE, BACKSLASH, NEWLINE] = [0x22, 0x5c, 0x0a];
const [COMMA, COLON_SIGN] = [0x2c, 0x3a];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [0x5b, 0x5d, 0x7b, 0x7d];

const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

/**
 * Splits a JSON text that arrives in pieces into the values at its first level, and arrays there into their elements,
 * so that a file of any size is read with the memory of its largest element. JSON.parse parses the values.
 *
 * Throws DataError with line and column (in bytes) if the text breaks the grammar, is not an object or array, or has a
 * key twice at its first level.
 */
export class JsonSplitter {
  /** The keys at the first level seen so far, in order. */
  readonly keys: string[] = [];
  readonly #known = new Set<string>();
  readonly #where: string;
  readonly #fix: string;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  /** The token that is expected next; undefined within a value. */
  #expected: string | undefined = TOP;
  #isArray = false;
  #inArray = false;
  #index = 0;
  // The position in the file.
  #offset = 0;
  #line = 1;
  #lineStart = 0;
  // The value (or key) that is being read: where it began, its bytes of earlier pieces, and where it is open.
  #pieces: Uint8Array[] = [];
  #start = 0;
  #place: TextPlace = { line: 1, column: 1 };
  #isKey = false;
  #isScalar = false;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /**
   * @param where Put before messages.
   * @param fix Put after messages.
   */
  constructor(where: string, fix: string) {
    this.#where = where;
    this.#fix = fix;
  }

  /** Returns the values that end in this piece. */
  push(bytes: Uint8Array): JsonItem[] {
    const items: JsonItem[] = [];
    let from = 0;
    let i = 0;
    while (i < bytes.length) {
      const byte = bytes[i]!;
      if (this.#expected !== undefined) {
        if (byte === NEWLINE) this.#newLine(i);
        const isMark = byte === BYTE_ORDER_MARK[this.#offset + i];
        if (!isSpace(byte) && !isMark && this.#begin(byte, i)) {
          from = i;
          continue;
        }
        i++;
        continue;
      }
      i = this.#scan(bytes, i);
      if (this.#expected === undefined) continue;
      const text = this.#textUpTo(bytes.subarray(from, i));
      const item = this.#finish(text, this.#offset + i);
      if (item) items.push(item);
    }
    if (this.#expected === undefined) this.#pieces.push(bytes.slice(from));
    this.#offset += bytes.length;
    return items;
  }

  /** Throws DataError if the text is incomplete. */
  end(): void {
    // In another encoding a quote may be missed, for a byte that only looks like a backslash. The last character may be cut off.
    for (const piece of this.#pieces) this.#decode(piece, true);
    if (this.#expected !== END) this.#fail(this.#expected ?? "the value's end", END);
  }

  #decode(bytes: Uint8Array, stream = false): string {
    try {
      return this.#decoder.decode(bytes, { stream });
    } catch (cause) {
      const { line, column } = this.#place;
      throw new BadData(
        'encoding',
        `${this.#where}: line ${line}, column ${column}: is not UTF-8 text; ${this.#fix}, or name its encoding (--encoding gb18030, shift_jis …)`,
        { cause },
      );
    }
  }

  #newLine(i: number): void {
    this.#line++;
    this.#lineStart = this.#offset + i + 1;
  }

  /** Handles the first byte of a token; returns true if a value or key begins with it. */
  #begin(byte: number, i: number): boolean {
    const expected = this.#expected!;
    this.#place = { line: this.#line, column: this.#offset + i - this.#lineStart + 1 };
    const found = () => JSON.stringify(String.fromCharCode(byte));
    if (expected === TOP && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
      this.#isArray = byte === OPEN_BRACKET;
      if (this.#isArray) this.#openArray('');
      else this.#expected = KEY_OR_END;
    } else if (expected === COLON && byte === COLON_SIGN) {
      this.#expected = VALUE;
    } else if (expected === VALUE && !this.#inArray && byte === OPEN_BRACKET) {
      this.#openArray(this.keys.at(-1)!);
    } else if (byte === COMMA && (expected === COMMA_OR_BRACE || expected === COMMA_OR_BRACKET)) {
      this.#expected = this.#inArray ? ELEMENT : KEY;
    } else if (byte === CLOSE_BRACKET && (expected === ELEMENT_OR_END || expected === COMMA_OR_BRACKET)) {
      this.#inArray = false;
      this.#expected = this.#isArray ? END : COMMA_OR_BRACE;
    } else if (byte === CLOSE_BRACE && (expected === KEY_OR_END || expected === COMMA_OR_BRACE)) {
      this.#expected = END;
    } else {
      const isKey = expected === KEY || expected === KEY_OR_END;
      const takesValue = expected === VALUE || expected === ELEMENT || expected === ELEMENT_OR_END;
      const closes = byte === CLOSE_BRACE || byte === CLOSE_BRACKET;
      if (isKey ? byte !== QUOTE : !takesValue || closes || byte === COMMA || byte === COLON_SIGN) {
        this.#fail(expected, found());
      }
      this.#isKey = isKey;
      this.#isScalar = byte !== QUOTE && byte !== OPEN_BRACE && byte !== OPEN_BRACKET;
      this.#start = this.#offset + i;
      this.#depth = 0;
      this.#inString = false;
      this.#escaped = false;
      this.#expected = undefined;
      return true;
    }
    return false;
  }

  #openArray(key: string): void {
    if (key === '') this.keys.push(key);
    this.#inArray = true;
    this.#index = 0;
    this.#expected = ELEMENT_OR_END;
  }

  /** Continues a value. If it ends, `#expected` says what may follow. Returns the index after the last byte read. */
  #scan(bytes: Uint8Array, first: number): number {
    let i = first;
    let [depth, inString, escaped] = [this.#depth, this.#inString, this.#escaped];
    let done = false;
    for (; i < bytes.length && !done; i++) {
      const byte = bytes[i]!;
      if (byte === NEWLINE) this.#newLine(i);
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) {
          inString = false;
          done = depth === 0;
        }
      } else if (this.#isScalar) {
        if (byte !== COMMA && byte !== CLOSE_BRACE && byte !== CLOSE_BRACKET && !isSpace(byte)) continue;
        // This byte is not the scalar's, and is taken again as what follows it.
        if (byte === NEWLINE) this.#line--;
        done = true;
        i--;
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        depth++;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        depth--;
        done = depth === 0;
      }
    }
    [this.#depth, this.#inString, this.#escaped] = [depth, inString, escaped];
    if (done) this.#expected = this.#isKey ? COLON : this.#inArray ? COMMA_OR_BRACKET : COMMA_OR_BRACE;
    return i;
  }

  #textUpTo(last: Uint8Array): string {
    if (this.#pieces.length === 0) return this.#decode(last);
    const whole = new Uint8Array(this.#pieces.reduce((sum, { length }) => sum + length, last.length));
    let at = 0;
    for (const piece of [...this.#pieces, last]) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    return this.#decode(whole);
  }

  #finish(text: string, end: number): JsonItem | undefined {
    const place = this.#place;
    if (this.#isKey) {
      const key = parseJson(text, this.#where, this.#fix, place) as string;
      if (this.#known.has(key)) {
        throw new DataError(
          `${this.#where}: line ${place.line}, column ${place.column}: the key ${JSON.stringify(key)} occurs twice; ${this.#fix}`,
        );
      }
      this.#known.add(key);
      this.keys.push(key);
      return undefined;
    }
    const key = this.keys.at(-1)!;
    const index = this.#inArray ? this.#index++ : -1;
    const name = key === '' ? `[${index}]` : index < 0 ? key : `${key}[${index}]`;
    const where = `${this.#where}: ${name}`;
    return {
      key,
      index,
      start: this.#start,
      end,
      text,
      parse: () => parseJson(text, where, this.#fix, place),
    };
  }

  #fail(expected: string, found: string): never {
    const place =
      found === END ? { line: this.#line, column: this.#offset - this.#lineStart + 1 } : this.#place;
    throw new DataError(
      `${this.#where}: line ${place.line}, column ${place.column}: expected ${expected}, found ${found}; ${this.#fix}`,
    );
  }
}

/** Reads the values of a JSON text one by one; see `JsonSplitter`. */
export async function* jsonItems(
  chunks: AsyncIterable<Uint8Array>,
  where: string,
  fix: string,
): AsyncGenerator<JsonItem> {
  const splitter = new JsonSplitter(where, fix);
  for await (const chunk of chunks) yield* splitter.push(chunk);
  splitter.end();
}
