import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { diskFiles } from '../../../cli/src/dataFiles.ts';
import type { Annotation } from '../../../src/data/annotation.ts';
import type { AnnotatedImage, FormatName, ReadOptions } from '../../../src/data/formats/format.ts';
import { openDataset } from '../../../src/data/formats/index.ts';

const made: string[] = [];
process.once('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

/** A PNG of this size, for readers that only ask for the size. */
export const image = (width = 20, height = 10): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: '#777' } })
    .png()
    .toBuffer();

/** A new folder with these files, which goes when the tests have run. */
export async function folderOf(
  files: Readonly<Record<string, string | Uint8Array | object>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fovea-formats-'));
  made.push(folder);
  for (const [name, content] of Object.entries(files)) {
    const file = join(folder, name);
    await mkdir(dirname(file), { recursive: true });
    const raw = typeof content === 'string' || content instanceof Uint8Array;
    await writeFile(file, raw ? content : JSON.stringify(content));
  }
  return folder;
}

export async function readAll(
  path: string,
  options: ReadOptions & { readonly format?: FormatName } = {},
): Promise<AnnotatedImage[]> {
  const dataset = await openDataset(diskFiles, path, options);
  const images: AnnotatedImage[] = [];
  for await (const one of dataset.images()) images.push(one);
  return images;
}

export async function annotationsOf(path: string, options: ReadOptions = {}): Promise<Annotation[]> {
  return (await readAll(path, options)).map(({ annotation }) => annotation);
}

/** What is thrown; fails where nothing is. */
export async function faultOf(work: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new Error('should have failed');
  return { name: error.name, message: error.message };
}
