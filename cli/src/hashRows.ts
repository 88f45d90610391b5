import { UsageError } from 'fovea';
import { type ByteImage, colorMomentHash, type HashName, imageHashes } from 'fovea/similarity';
import { csvLine } from './csv.ts';
import { writeFileAtomic } from './files.ts';
import type { Column } from './hashColumns.ts';

const HASHES: readonly Column[] = ['aHash', 'dHash', 'pHash', 'wHash'];
/** The hashes of an image, as text or numbers, by their names. */
export type Hashed = Readonly<Record<string, string | readonly number[]>>;

/** Which hashes, and of how many bits a side. */
export interface HashChoice {
  /** Default aHash, dHash, pHash and wHash. */
  readonly hashes?: readonly Column[];
  readonly hashSize?: number;
}

const PIXEL: ByteImage = { width: 1, height: 1, data: Uint8Array.of(0) };

/** Computes the hashes of an image, in the order in which they were asked for. Throws UsageError for a size that one of them cannot have. */
export function hasher({ hashes = HASHES, hashSize }: HashChoice): (image: ByteImage) => Hashed {
  const names = hashes.filter((name): name is HashName => name !== 'colorMomentHash');
  const chosen = { hashes: names, ...(hashSize === undefined ? {} : { hashSize }) };
  // A size that a hash cannot have is no fault of the images.
  if (names.includes('wHash') && Math.log2(hashSize ?? 8) % 1 !== 0) {
    throw new UsageError(
      `hash: --hash-size is ${hashSize}, and wHash takes powers of 2; give one, or leave wHash out (--hashes ${hashes.filter((name) => name !== 'wHash').join(',') || 'pHash'})`,
    );
  }
  imageHashes(PIXEL, chosen);
  return (image) => {
    const found = imageHashes(image, chosen);
    return Object.fromEntries(
      hashes.map((name) => [
        name,
        name === 'colorMomentHash' ? [...colorMomentHash(image)] : found[name].toString(),
      ]),
    );
  };
}

/** A hash in one field: numbers with blanks between them. */
const text = (hash: string | readonly number[]): string => (typeof hash === 'string' ? hash : hash.join(' '));

/** `aHash ffd8…, pHash …`. */
export const hashSummary = (found: Hashed): string =>
  Object.entries(found)
    .map(([name, hash]) => `${name} ${text(hash)}`)
    .join(', ');

/** The hashes of images, for files of them. */
export class HashRows {
  readonly #rows: (Hashed & { readonly file: string })[] = [];
  readonly #hashes: readonly Column[];

  constructor({ hashes = HASHES }: HashChoice) {
    this.#hashes = hashes;
  }

  add(file: string, found: Hashed): void {
    this.#rows.push({ file, ...found });
  }

  /** Writes the files that were asked for. */
  async write({ json, csv }: { readonly json?: string; readonly csv?: string }): Promise<void> {
    if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(this.#rows, undefined, 2)}\n`);
    if (csv === undefined) return;
    const columns = ['file', ...this.#hashes];
    const lines = this.#rows.map((row) => csvLine(columns.map((column) => text(row[column]!))));
    await writeFileAtomic(csv, [csvLine(columns), ...lines].join(''));
  }
}
