import type { ByteImage } from 'fovea/similarity';
import { checkOutputFile, expectNoInput } from '../files.ts';
import { type HashChoice, type Hashed, HashRows, hasher, hashSummary } from '../hashRows.ts';
import { imageInputs } from '../imageInputs.ts';
import { runImages } from '../imageRun.ts';
import { loadPixels } from '../pixelBytes.ts';

export interface HashCommandOptions extends HashChoice {
  /** File for rows `{ file, aHash, … }`. */
  readonly json?: string;
  /** File for the same rows as CSV. */
  readonly csv?: string;
  /** Whether images are turned as their EXIF orientation says. */
  readonly orient?: boolean;
  readonly recursive?: boolean;
  readonly reportBad?: string;
}

/** fovea hash: the perceptual hashes of images, printed, and with --json and --csv as rows of a file. */
export async function hashCommand(images: readonly string[], options: HashCommandOptions): Promise<void> {
  const { json, csv, orient = false, reportBad } = options;
  const hashesOf = hasher(options);
  const inputs = await imageInputs(images, { ...options, stored: true });
  await expectNoInput(
    [json, csv, reportBad],
    inputs.map(({ file }) => file),
  );
  for (const file of [json, csv, reportBad]) if (file !== undefined) await checkOutputFile(file);
  const rows = new HashRows(options);
  await runImages<Hashed, ByteImage>(inputs, reportBad === undefined ? {} : { reportBad }, {
    load: (file) => loadPixels(file, { orient }),
    predict: async (image) => hashesOf(image),
    async write(found, _, { file }) {
      rows.add(file, found);
      return hashSummary(found);
    },
    finish: () => rows.write(options),
    discard: async () => undefined,
  });
}
