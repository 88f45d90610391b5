import { DataError } from '../../errors.ts';
import { JsonSplitter } from '../jsonStream.ts';
import type { DataFiles } from './format.ts';
import { openText } from './textFile.ts';

const CHUNK = 1 << 16;

/** Reads a text file in pieces, as UTF-8; see `openText`. */
export async function* chunksOf(
  files: DataFiles,
  path: string,
  encoding?: string,
  size = CHUNK,
): AsyncGenerator<Uint8Array> {
  const file = await openText(files, path, encoding);
  try {
    for (let at = 0; ; ) {
      const chunk = await file.read(at, size);
      if (chunk.length === 0) return;
      yield chunk;
      at += chunk.length;
    }
  } finally {
    await file.close();
  }
}

/**
 * Lists the keys at the first level of a JSON file, up to the first of `wanted`. If the text is broken before that,
 * `broken` is true and the keys are those before the fault; the reader of the file then says what is wrong.
 */
export async function topKeys(
  files: DataFiles,
  path: string,
  wanted: readonly string[],
  encoding?: string,
): Promise<{ readonly keys: readonly string[]; readonly broken: boolean }> {
  const splitter = new JsonSplitter(path, '');
  try {
    for await (const chunk of chunksOf(files, path, encoding, 4096)) {
      const before = splitter.keys.length;
      splitter.push(chunk);
      if (splitter.keys.slice(before).some((key) => wanted.includes(key))) break;
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { keys: splitter.keys, broken: true };
  }
  return { keys: splitter.keys, broken: false };
}
