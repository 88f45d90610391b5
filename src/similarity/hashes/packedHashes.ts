import { expectArguments } from '../../arguments.ts';
import { ShapeError } from '../../errors.ts';
import { ImageHash } from './imageHash.ts';

/** Many hashes of one length, one after the other. */
export interface PackedHashes {
  /** How many bits each has. */
  readonly bits: number;
  /** The `words` of each: [hashes, ceil(bits / 32)]. */
  readonly words: Uint32Array;
}

/** Hashes as calls take them. */
export type Hashes = readonly ImageHash[] | PackedHashes;

/**
 * Puts hashes one after the other, as searches take them.
 *
 * @throws ShapeError for hashes of different lengths, and for none: their length is not known.
 */
export function packHashes(hashes: readonly ImageHash[]): PackedHashes {
  return packed('packHashes', 'hashes', hashes);
}

/** The words of one hash. */
export const wordsOf = (bits: number): number => Math.ceil(bits / 32);

/** Hashes as they are searched, and how many there are. */
export function packed(
  call: string,
  name: string,
  hashes: Hashes,
): PackedHashes & { readonly count: number } {
  if (!Array.isArray(hashes)) {
    expectArguments(call, { [name]: hashes }, { [name]: { bits: 'number', words: 'values' } });
    const { bits, words } = hashes as PackedHashes;
    const count = words.length / wordsOf(bits);
    if (
      !(words instanceof Uint32Array) ||
      !(Number.isInteger(bits) && bits >= 1) ||
      !Number.isInteger(count)
    ) {
      throw new ShapeError(
        `${call}: ${name} has ${words.length} words for hashes of ${bits} bits; give a Uint32Array of ceil(bits / 32) words for each`,
      );
    }
    // The first word of each begins with zeros, as an ImageHash's does: other bits would count as differing.
    const [width, used] = [wordsOf(bits), bits % 32];
    for (let i = 0; used > 0 && i < words.length; i += width) {
      if (words[i]! >>> used === 0) continue;
      throw new ShapeError(
        `${call}: hash ${i / width} of ${name} has more than ${bits} bits; give the number of all`,
      );
    }
    return { bits, words, count };
  }
  const [first] = hashes as readonly ImageHash[];
  if (hashes.length === 0) throw new ShapeError(`${call}: ${name} is empty; give at least one hash`);
  const bits = first instanceof ImageHash ? first.bits : 0;
  const size = wordsOf(bits);
  const words = new Uint32Array(hashes.length * size);
  (hashes as readonly ImageHash[]).forEach((hash, i) => {
    if (!(hash instanceof ImageHash) || hash.bits !== bits) {
      const found =
        hash instanceof ImageHash ? `has ${hash.bits} bits, ${name}[0] ${bits}` : 'is no ImageHash';
      throw new ShapeError(`${call}: ${name}[${i}] ${found}; give hashes of one kind and size`);
    }
    words.set(hash.words, i * size);
  });
  return { bits, words, count: hashes.length };
}
