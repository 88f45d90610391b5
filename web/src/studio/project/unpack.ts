/** Zips among dropped files: a project, or what a folder would be. */
import { isImageFile } from 'fovea/data';
import { StoreError } from '../store/errors.ts';
import { isProjectZip } from '../store/projectFile.ts';
import { MOST_BYTES, ZipFile } from '../store/zip.ts';
import type { DroppedFile } from './dropped.ts';

const DID = 'unpacking the zip';
/** Files that the readers of data sets look at, beside pictures. */
const LABELS = /\.(?:json|xml|txt|ya?ml|names|data|csv)$/i;

export const isZip = ({ path }: DroppedFile): boolean => /\.zip$/i.test(path);

/** Whether a file is a zip that the studio has saved a project in. Throws StoreError where it is no zip at all. */
export async function isProjectFile(file: Blob): Promise<boolean> {
  return isProjectZip(await ZipFile.open(file, DID), DID);
}

/** Folders of the system, such as macOS adds. */
const hidden = (path: string): boolean => path.split('/').some((part) => /^(?:\.|__MACOSX$)/.test(part));

async function* unpacked({ path, file }: DroppedFile, under: string): AsyncGenerator<DroppedFile> {
  const zip = await ZipFile.open(file, `${DID} ${path}`);
  const entries = [...zip.entries.values()].filter(
    ({ name }) => !hidden(name) && (isImageFile(name) || LABELS.test(name)),
  );
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  if (bytes > MOST_BYTES) {
    const why = `its pictures and labels have ${bytes} bytes, and ${MOST_BYTES} is the most; unpack it, and add its folders one by one`;
    throw new StoreError('corrupt', `${DID} ${path}`, why);
  }
  for (const entry of entries) {
    yield { path: under + entry.name, file: await zip.read(entry, entry.size) };
  }
}

/**
 * What was dropped, with what is in a zip in its place. Where there is more than one zip, what each holds is in a folder of its name.
 * Zips in zips stay closed.
 *
 * @param onCount Called with the number of files so far.
 * @param signal Aborting it ends the unpacking.
 * @throws StoreError as `ZipFile`, and for more than 4 GB.
 */
export async function unpackZips(
  dropped: readonly DroppedFile[],
  onCount: (files: number) => void,
  signal: AbortSignal,
): Promise<DroppedFile[]> {
  const alone = dropped.length === 1;
  const files: DroppedFile[] = [];
  for (const one of dropped) {
    if (!isZip(one)) {
      files.push(one);
      continue;
    }
    for await (const file of unpacked(one, alone ? '' : `${one.path.slice(0, -'.zip'.length)}/`)) {
      signal.throwIfAborted();
      files.push(file);
      onCount(files.length);
    }
  }
  return files;
}
