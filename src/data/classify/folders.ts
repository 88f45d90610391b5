import { DataError } from '../../errors.ts';
import { BadData } from '../faults.ts';
import type { FolderEntry } from '../formats/format.ts';
import { isImageFile, joinPath, withoutExtension } from '../formats/paths.ts';
import type { Reading } from '../formats/reading.ts';
import { type ClassDataset, type LabelledFile, SPLITS, sortedNames } from './dataset.ts';

const foldersIn = (entries: readonly FolderEntry[]): string[] =>
  entries.filter(({ folder }) => folder).map(({ name }) => name);

/** Whether a folder has an image, in it or below. */
async function hasImage(reading: Reading, folder: string): Promise<boolean> {
  for await (const file of reading.walk(folder)) if (isImageFile(file)) return true;
  return false;
}

/** The parts of a data set: none where its folders are classes. They are parts if all are called so and have folders in them. */
async function partsOf(reading: Reading, path: string, folders: readonly string[]): Promise<string[]> {
  if (folders.length === 0 || !folders.every((name) => SPLITS.includes(name.toLowerCase()))) return [];
  for (const name of folders) {
    if (foldersIn(await reading.list(joinPath(path, name))).length === 0) return [];
  }
  return [...folders];
}

/** Says in words why a folder looks like one of classes; undefined where it does not. */
export async function detectFolders(reading: Reading, path: string): Promise<string | undefined> {
  const folders = foldersIn(await reading.list(path));
  const parts = await partsOf(reading, path, folders);
  if (parts.length > 0) return `${parts[0]}/`;
  for (const name of folders) if (await hasImage(reading, joinPath(path, name))) return `${name}/`;
  return undefined;
}

/** Adds the images of the class folders of one folder. */
async function addFiles(
  found: LabelledFile[],
  reading: Reading,
  folder: string,
  root: string,
): Promise<void> {
  for (const { name: label, folder: isFolder } of await reading.list(folder)) {
    const path = joinPath(folder, label);
    if (!isFolder) {
      if (isImageFile(path)) {
        reading.note('missing annotation', `${path}: is in no folder of a class, and was passed over`);
      }
      continue;
    }
    const before = found.length;
    for await (const image of reading.walk(path)) {
      if (!isImageFile(image)) {
        reading.note('not an image', `${image}: has no extension of an image, and was passed over`);
        continue;
      }
      found.push({ name: withoutExtension(image.slice(root.length + 1)), source: image, image, label });
    }
    if (found.length === before) {
      reading.attempt('class', () => {
        throw new BadData(
          'missing image',
          `${path}: has no image, but each folder is a class; put images of the class there, or remove the folder`,
        );
      });
    }
  }
}

/**
 * Opens a folder with a folder per class, as torchvision's ImageFolder and Keras's image_dataset_from_directory, or with such a folder per part
 * (`train/cat`, `val/cat`). Folders in those of classes are looked through, too.
 */
export async function openFolders(
  reading: Reading,
  path: string,
  split: string | undefined,
): Promise<Omit<ClassDataset, 'format' | 'path'>> {
  const folders = foldersIn(await reading.list(path));
  const splits = await partsOf(reading, path, folders);
  if (split !== undefined && !splits.includes(split)) {
    throw new DataError(
      `${path}: has no part ${JSON.stringify(split)}; ${splits.length === 0 ? 'it has no parts, so give none' : `choose from ${splits.join(', ')}`}`,
    );
  }
  const wanted = split === undefined ? splits : [split];
  const roots = splits.length === 0 ? [path] : wanted.map((name) => joinPath(path, name));
  const files: LabelledFile[] = [];
  for (const root of roots) await addFiles(files, reading, root, path);
  // A part may lack images of a class, whose number the others have.
  const named =
    splits.length === 0
      ? []
      : (
          await Promise.all(splits.map(async (name) => foldersIn(await reading.list(joinPath(path, name)))))
        ).flat();
  const classNames = sortedNames([...named, ...files.map(({ label }) => label)]);
  return { classNames, splits, files };
}
