/** COCO: one JSON file for all images. */
import { DataError } from '../../../errors.ts';
import type { DataFiles, DatasetFormat } from '../format.ts';
import { topKeys } from '../json.ts';
import { baseName, hasExtension, joinPath, withoutExtension } from '../paths.ts';
import { openCoco } from './reader.ts';
import { CocoWriter } from './writer.ts';

const KEYS = ['annotations', 'images', 'categories'];

/** The COCO files in a folder or in its annotations/. */
async function cocoFiles(files: DataFiles, path: string): Promise<string[]> {
  if ((await files.kind(path)) === 'file') return (await isCoco(files, path)) ? [path] : [];
  const found: string[] = [];
  for (const folder of [path, joinPath(path, 'annotations')]) {
    if ((await files.kind(folder)) !== 'folder') continue;
    for (const { name, folder: isFolder } of await files.list(folder)) {
      const file = joinPath(folder, name);
      if (!isFolder && hasExtension(name, '.json') && (await isCoco(files, file))) found.push(file);
    }
  }
  return found;
}

async function isCoco(files: DataFiles, file: string): Promise<boolean> {
  const keys = await topKeys(files, file, [...KEYS, 'shapes']);
  return keys.some((key) => KEYS.includes(key));
}

/** Whether a file holds a part: instances_val2017.json is `val2017`, and `val`. */
const isPart = (file: string, split: string): boolean =>
  withoutExtension(baseName(file))
    .split(/[-_.]/)
    .some((word) => word === split || word.replace(/\d+$/, '') === split);

export const coco: DatasetFormat = {
  name: 'coco',
  title: 'COCO',

  async detect(files, path) {
    const [first] = await cocoFiles(files, path);
    return first === undefined ? undefined : baseName(first);
  },

  async open(files, path, options) {
    const found = (await files.kind(path)) === 'file' ? [path] : await cocoFiles(files, path);
    const chosen =
      options.split === undefined || found.length === 1
        ? found
        : found.filter((file) => isPart(file, options.split!));
    if (chosen.length === 1) return openCoco(files, chosen[0]!, options);
    if (found.length === 0) {
      throw new DataError(
        `${path}: contains no COCO file (*.json with images, annotations and categories); give the file itself`,
      );
    }
    throw new DataError(
      `${path}: contains ${found.length} COCO files (${found.map(baseName).join(', ')}); give one of them`,
    );
  },

  create: (sink, classes) => new CocoWriter(sink, classes),
};
