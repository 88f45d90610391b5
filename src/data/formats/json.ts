import { DataError } from '../../errors.ts';
import { JsonSplitter } from '../jsonStream.ts';
import type { DataFiles } from './format.ts';

const CHUNK = 1 << 16;

/** A file in pieces. */
export async function* chunksOf(files: DataFiles, path: string, size = CHUNK): AsyncGenerator<Uint8Array> {
  const file = await files.open(path);
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
 * The keys of a JSON file's first level, up to the first of those looked for. Where the text is broken before that, those
 * in front: what is wrong, its reader says.
 */
export async function topKeys(files: DataFiles, path: string, wanted: readonly string[]): Promise<string[]> {
  const splitter = new JsonSplitter(path, '');
  try {
    for await (const chunk of chunksOf(files, path, 4096)) {
      splitter.push(chunk);
      if (splitter.keys.some((key) => wanted.includes(key))) break;
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
  }
  return splitter.keys;
}
