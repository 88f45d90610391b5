import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';

/** The number of bits of a word that are 1. */
export function countOneBits(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/**
 * The bits of an image that are compared with those of others: the fewer differ, the more the images look alike.
 *
 * As text it is a number in base 16 as of Python's ImageHash, whose bits are those of the hash row by row, the first one the highest.
 */
export class ImageHash {
  /** How many bits there are. */
  readonly bits: number;
  /** The bits, 32 a word, as in the text: the last bit is the lowest of the last word, and the first word begins with zeros where the bits do not fill it. */
  readonly words: Uint32Array;

  /** @throws ShapeError for a number of words that is not ceil(bits / 32), and for bits before the first. */
  constructor(words: Uint32Array, bits: number) {
    expectArguments('ImageHash', { words, bits }, { words: 'values', bits: 'number' });
    if (!(Number.isSafeInteger(bits) && bits >= 1) || words.length !== Math.ceil(bits / 32)) {
      throw new ShapeError(
        `ImageHash: ${words.length} words for ${bits} bits; give ceil(bits / 32) words and at least 1 bit`,
      );
    }
    if (bits % 32 > 0 && words[0]! >>> (bits % 32) > 0) {
      throw new ShapeError(`ImageHash: the words have more than ${bits} bits; give the number of all`);
    }
    this.words = Uint32Array.from(words);
    this.bits = bits;
  }

  /** A hash of these bits, the first one the highest; anything but 0 and false is a 1. */
  static fromBits(bits: ArrayLike<number | boolean>): ImageHash {
    expectArguments('ImageHash.fromBits', { bits }, { bits: 'values' });
    const words = new Uint32Array(Math.ceil(bits.length / 32));
    const unused = 32 * words.length - bits.length;
    for (let i = 0; i < bits.length; i++) {
      const place = i + unused;
      if (bits[i]) words[place >>> 5]! |= 0x80000000 >>> (place & 31);
    }
    return new ImageHash(words, bits.length);
  }

  /**
   * The hash of a text. `bits`: how many there are. Default 4 a digit; hashes whose bits are no multiple of 4 (a `hashSize` of 3 has 9)
   * need it.
   *
   * @throws ShapeError for what is no number in base 16, and where it has not as many digits as the bits.
   */
  static fromHex(hex: string, bits?: number): ImageHash {
    expectArguments('ImageHash.fromHex', { hex }, { hex: 'text' });
    const count = bits ?? 4 * hex.length;
    if (!/^[0-9a-f]+$/i.test(hex) || hex.length !== Math.ceil(count / 4)) {
      throw new ShapeError(
        `ImageHash.fromHex: ${JSON.stringify(hex.slice(0, 60))} is no hash of ${count} bits; give ${Math.ceil(count / 4)} digits from 0 to f`,
      );
    }
    const words = Math.ceil(count / 32);
    const whole = hex.padStart(8 * words, '0');
    const parse = (_: unknown, i: number) => Number.parseInt(whole.slice(8 * i, 8 * i + 8), 16);
    return new ImageHash(Uint32Array.from({ length: words }, parse), count);
  }

  /** How many bits differ from those of another hash (Hamming distance). Throws ShapeError for one of another length. */
  distance(other: ImageHash): number {
    if (!(other instanceof ImageHash) || other.bits !== this.bits) {
      throw new ShapeError(
        `ImageHash.distance: this hash has ${this.bits} bits, the other ${other instanceof ImageHash ? other.bits : 'is none'}; compare hashes of one kind and size`,
      );
    }
    let differing = 0;
    for (let i = 0; i < this.words.length; i++) differing += countOneBits(this.words[i]! ^ other.words[i]!);
    return differing;
  }

  /** The number in base 16, with leading zeros: `ImageHash.fromHex` reads it. */
  toString(): string {
    const digits = Array.from(this.words, (word) => word.toString(16).padStart(8, '0')).join('');
    return digits.slice(digits.length - Math.ceil(this.bits / 4));
  }

  /** As `toString`, for JSON. */
  toJSON(): string {
    return this.toString();
  }
}
