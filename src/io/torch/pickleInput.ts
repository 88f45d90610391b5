/** The bytes of a pickle, read one after another. */
import { quote } from '../fileTensor.ts';

/** What is wrong with a pickle, and what to do. The file and the place are added where it is caught. */
export class PickleFault extends Error {
  readonly fix: string;

  constructor(problem: string, fix: string) {
    super(problem);
    this.fix = fix;
  }
}

export const DAMAGED = 'the file is damaged, so copy or download it again';

/** The longest number, in bytes or in digits: more than any checkpoint has, and short enough to convert at once. */
const MAX_NUMBER = 300;
/** The longest text in bytes: engines hold no more than about 2^29 characters. */
const MAX_TEXT = 2 ** 27;
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

const asNumber = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Reads the operands of opcodes. Each method throws PickleFault where the bytes end before it has what it needs. */
export class PickleInput {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** The next byte. */
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  /** The start of `length` bytes, which are consumed. */
  #take(length: number): number {
    if (!(length <= this.#bytes.length - this.at)) {
      throw new PickleFault(`needs ${length} bytes, ${this.#bytes.length - this.at} are left`, DAMAGED);
    }
    this.at += length;
    return this.at - length;
  }

  byte = (): number => this.#bytes[this.#take(1)]!;
  u16 = (): number => this.#view.getUint16(this.#take(2), true);
  i32 = (): number => this.#view.getInt32(this.#take(4), true);
  u32 = (): number => this.#view.getUint32(this.#take(4), true);
  u64 = (): number => Number(this.#view.getBigUint64(this.#take(8), true));
  f64 = (): number => this.#view.getFloat64(this.#take(8));

  /** A view of the next bytes. */
  slice(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(length: number): string {
    if (length > MAX_TEXT) throw new PickleFault(`a text has ${length} bytes`, DAMAGED);
    return utf8.decode(this.slice(length));
  }

  /** The text up to the end of the line, which is consumed. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new PickleFault('a line has no end', DAMAGED);
    const text = this.text(end - this.at);
    this.at++;
    return text;
  }

  /** A little-endian integer in two's complement. */
  integer(length: number): number | bigint {
    if (length > MAX_NUMBER) throw new PickleFault(`an integer has ${length} bytes`, DAMAGED);
    const bytes = this.slice(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    return asNumber(BigInt.asIntN(8 * length, value));
  }

  /** An integer in decimal digits. */
  decimal(text: string): number | bigint {
    const digits = text.replace(/L$/, '').trim();
    if (digits.length > MAX_NUMBER || !/^[+-]?\d+$/.test(digits)) {
      throw new PickleFault(`${quote(text)} is no integer`, DAMAGED);
    }
    return asNumber(BigInt(digits));
  }

  /** A number in decimal digits, on a line of its own. */
  float(): number {
    const text = this.line().slice(0, MAX_NUMBER);
    const named = { inf: Number.POSITIVE_INFINITY, '-inf': Number.NEGATIVE_INFINITY, nan: Number.NaN };
    return text in named ? named[text as keyof typeof named] : Number(text);
  }
}
