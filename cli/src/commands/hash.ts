import { UsageError } from 'fovea';
import { type ByteImage, colorMomentHash, type HashName, imageHashes } from 'fovea/similarity';
import { csvLine } from '../csv.ts';
import { checkOutputFile, expectNoInput, writeFileAtomic } from '../files.ts';
import type { Column } from '../hashColumns.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { loadPixels } from '../pixelBytes.ts';

export interface HashCommandOptions {
  /** Default aHash, dHash, pHash and wHash. */
  readonly hashes?: readonly Column[];
  readonly hashSize?: number;
  /** File for rows `{ file, aHash, … }`. */
  readonly json?: string;
  /** File for the same rows as CSV. */
  readonly csv?: string;
  /** Whether images are turned as their EXIF orientation says. */
  readonly orient?: boolean;
  readonly recursive?: boolean;
  readonly reportBad?: string;
}

const HASHES: readonly Column[] = ['aHash', 'dHash', 'pHash', 'wHash'];
/** The hashes of an image, as text or numbers, by their names. */
type Hashed = Readonly<Record<string, string | readonly number[]>>;

/** A hash in one field: numbers with blanks between them. */
const text = (hash: string | readonly number[]): string => (typeof hash === 'string' ? hash : hash.join(' '));

const PIXEL: ByteImage = { width: 1, height: 1, data: Uint8Array.of(0) };

/** fovea hash: the perceptual hashes of images, printed, and with --json and --csv as rows of a file. */
export async function hashCommand(images: readonly string[], options: HashCommandOptions): Promise<void> {
  const { hashes = HASHES, json, csv, orient = false, reportBad } = options;
  const names = hashes.filter((name): name is HashName => name !== 'colorMomentHash');
  const chosen = { hashes: names, ...(options.hashSize === undefined ? {} : { hashSize: options.hashSize }) };
  /** Each hash in the order in which they were asked for. */
  const hashesOf = (image: ByteImage): Hashed => {
    const found = imageHashes(image, chosen);
    return Object.fromEntries(
      hashes.map((name) => [
        name,
        name === 'colorMomentHash' ? [...colorMomentHash(image)] : found[name].toString(),
      ]),
    );
  };
  // A size that a hash cannot have is no fault of the images.
  const { hashSize = 8 } = options;
  if (names.includes('wHash') && Math.log2(hashSize) % 1 !== 0) {
    throw new UsageError(
      `hash: --hash-size is ${hashSize}, and wHash takes powers of 2; give one, or leave wHash out (--hashes ${hashes.filter((name) => name !== 'wHash').join(',') || 'pHash'})`,
    );
  }
  imageHashes(PIXEL, chosen);
  const inputs = await imageInputs(images, options);
  await expectNoInput(
    [json, csv, reportBad],
    inputs.map(({ file }) => file),
  );
  for (const file of [json, csv, reportBad]) if (file !== undefined) await checkOutputFile(file);
  const rows: (Hashed & { readonly file: string })[] = [];
  await runImages<Hashed, ByteImage>(inputs, reportBad === undefined ? {} : { reportBad }, {
    load: (file) => loadPixels(file, { orient }),
    predict: async (image) => hashesOf(image),
    async write(found, _, { file }) {
      rows.push({ file, ...found });
      return Object.entries(found)
        .map(([name, hash]) => `${name} ${text(hash)}`)
        .join(', ');
    },
    async finish() {
      if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(rows, undefined, 2)}\n`);
      if (csv === undefined) return;
      const columns = ['file', ...hashes];
      const lines = rows.map((row) => csvLine(columns.map((column) => text(row[column]!))));
      await writeFileAtomic(csv, [csvLine(columns), ...lines].join(''));
    },
    discard: async () => undefined,
  });
}
