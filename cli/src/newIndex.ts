import { rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from 'fovea';
import { fileStorage } from 'fovea/io';
import { type CreateIndexOptions, createIndex, type IndexFile } from 'fovea/similarity';
import { makeFolder, realPath, temporaryFor, withTemporary } from './files.ts';

/** Makes an index at a path where none is, whole or not at all. `fill` puts in what is to be in it from its first moment. */
export async function writeNewIndex(
  file: string,
  options: CreateIndexOptions,
  fill: (index: IndexFile) => Promise<void> = async () => undefined,
): Promise<void> {
  const place = await realPath(file);
  const begun = temporaryFor(place);
  await makeFolder(path.dirname(place));
  await withTemporary(file, begun, async () => {
    const storage = await fileStorage(begun, 'create');
    try {
      await fill(await createIndex(storage, options));
    } finally {
      await storage.close();
    }
    // Making vectors may have taken hours.
    if (await stat(place).catch(() => undefined))
      throw new DataError(`${file}: is there already; give another name`);
    await rename(begun, place);
  });
}
