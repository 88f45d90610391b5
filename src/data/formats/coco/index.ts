/** COCO: one JSON file for all images. */
import { DataError } from '../../../errors.ts';
import type { DataFiles, DatasetFormat } from '../format.ts';
import { topKeys } from '../json.ts';
import { baseName, hasExtension, isClutter, joinPath, withoutExtension } from '../paths.ts';
import { openCoco } from './reader.ts';
import { CocoWriter } from './writer.ts';

/** Keys that show a COCO file. Categories alone are in notes.json of Label Studio's YOLO export, too. */
const KEYS = ['annotations', 'images'];

/** A COCO file, and whether it has classes: one with captions has none. */
interface Found {
  readonly file: string;
  readonly captions: boolean;
}

/** The COCO files in a folder or in its annotations/. */
async function cocoFiles(files: DataFiles, path: string, encoding?: string): Promise<Found[]> {
  const found: Found[] = [];
  const add = async (file: string): Promise<void> => {
    const { keys } = await topKeys(files, file, [...KEYS, 'shapes'], encoding);
    if (keys.some((key) => KEYS.includes(key))) found.push({ file, captions: isNamed(file, 'captions') });
  };
  if ((await files.kind(path)) === 'file') await add(path);
  else {
    for (const folder of [path, joinPath(path, 'annotations')]) {
      if ((await files.kind(folder)) !== 'folder') continue;
      for (const { name, folder: isFolder } of await files.list(folder)) {
        if (!isFolder && !isClutter(name) && hasExtension(name, '.json')) await add(joinPath(folder, name));
      }
    }
  }
  return found;
}

const wordsOf = (file: string): string[] => withoutExtension(baseName(file)).split(/[-_.]/);
const isNamed = (file: string, word: string): boolean => wordsOf(file).includes(word);

/** Whether a file holds a part: instances_val2017.json is `val2017`, and `val`. */
const isPart = (file: string, split: string): boolean =>
  wordsOf(file).some((word) => word === split || word.replace(/\d+$/, '') === split);

/** The parts that names of files tell: the last word of each that tells it from the others. */
const partsIn = (found: readonly string[]): string[] =>
  [...new Set(found.map((file) => wordsOf(file).at(-1)!))].sort();

/** COCO's own folder has captions, keypoints and instances of each part: instances are what is meant. */
function instancesOf(found: readonly Found[]): string[] {
  const files = found.filter(({ captions }) => !captions).map(({ file }) => file);
  const instances = files.filter((file) => isNamed(file, 'instances'));
  return instances.length > 0 ? instances : files;
}

export const coco: DatasetFormat = {
  name: 'coco',
  title: 'COCO',

  async detect(files, path, options = {}) {
    const [first] = await cocoFiles(files, path, options.encoding);
    return first && baseName(first.file);
  },

  async open(files, path, options) {
    const isFile = (await files.kind(path)) === 'file';
    const found = isFile ? [path] : instancesOf(await cocoFiles(files, path, options.encoding));
    if (found.length === 0) {
      throw new DataError(
        `${path}: contains no COCO file (*.json with images, annotations and categories); give the file itself`,
      );
    }
    const { split } = options;
    const chosen = split === undefined ? found : found.filter((file) => isPart(file, split));
    if (chosen.length === 1) return openCoco(files, chosen[0]!, options, isFile ? undefined : path);
    const list = found.map(baseName).join(', ');
    if (split !== undefined && chosen.length === 0) {
      if (isFile) throw new DataError(`${path}: is not of part ${JSON.stringify(split)}; leave --split out`);
      throw new DataError(
        `${path}: has no part ${JSON.stringify(split)} (${list}); choose from ${partsIn(found).join(', ')}`,
      );
    }
    const parts = partsIn(chosen);
    throw new DataError(
      `${path}: contains ${chosen.length} COCO files (${chosen.map(baseName).join(', ')}); give one of them${split === undefined && parts.length === chosen.length ? `, or choose a part with --split (${parts.join(', ')})` : ''}`,
    );
  },

  create: (sink, classes, extra) => new CocoWriter(sink, classes, extra),
};
