import { type ByteImage, type HashName, type ImageHash, imageHashes } from 'fovea/similarity';
import { csvLine } from '../csv.ts';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { loadPixels } from '../pixelBytes.ts';

export interface HashCommandOptions {
  /** Default all but the vertical difference hash. */
  readonly hashes?: readonly HashName[];
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

const HASHES: readonly HashName[] = ['aHash', 'dHash', 'pHash', 'wHash'];
const PIXEL: ByteImage = { width: 1, height: 1, data: Uint8Array.of(0) };

/** fovea hash: the perceptual hashes of images, printed, and with --json and --csv as rows of a file. */
export async function hashCommand(images: readonly string[], options: HashCommandOptions): Promise<void> {
  const { hashes = HASHES, json, csv, orient = false, reportBad } = options;
  const chosen = { hashes, ...(options.hashSize === undefined ? {} : { hashSize: options.hashSize }) };
  // A size that a hash cannot have is no fault of the images.
  imageHashes(PIXEL, chosen);
  const inputs = await imageInputs(images, options);
  for (const file of [json, csv, reportBad]) if (file !== undefined) await checkOutputFile(file);
  const rows: Record<string, string>[] = [];
  await runImages<Readonly<Record<string, ImageHash>>, ByteImage>(
    inputs,
    reportBad === undefined ? {} : { reportBad },
    {
      load: (file) => loadPixels(file, { orient }),
      predict: async (image) => imageHashes(image, chosen),
      async write(found, _, { file }) {
        const row = Object.fromEntries(Object.entries(found).map(([name, hash]) => [name, hash.toString()]));
        rows.push({ file, ...row });
        return Object.entries(row)
          .map((entry) => entry.join(' '))
          .join(', ');
      },
      async finish() {
        if (json !== undefined) await writeFileAtomic(json, `${JSON.stringify(rows, undefined, 2)}\n`);
        if (csv === undefined) return;
        const columns = ['file', ...hashes];
        const lines = rows.map((row) => csvLine(columns.map((column) => row[column]!)));
        await writeFileAtomic(csv, [csvLine(columns), ...lines].join(''));
      },
      discard: async () => undefined,
    },
  );
}
