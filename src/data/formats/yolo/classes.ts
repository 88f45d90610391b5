import { DataError } from '../../../errors.ts';
import { BadData } from '../../faults.ts';
import { decimal } from '../checks.ts';
import { folderOf, hasExtension, isUnreadable, joinPath, resolveFrom } from '../paths.ts';
import type { Reading } from '../reading.ts';
import { parseDataYaml, type YamlValue } from './yaml.ts';

/** The layout of a YOLO data set: the class names, and where the images of each part are. */
export interface YoloLayout {
  /** The file that the layout was read from. */
  readonly file: string;
  readonly classes: readonly string[];
  /** Folders or lists of images by part: `train`, `val`, `test`. Empty if only the classes are known. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
  /** Numbers of the keypoints behind each box. Undefined if objects have none. */
  readonly keypoints?: number;
}

const isNames = (name: string): boolean =>
  ['classes.txt', 'obj.names'].includes(name) || hasExtension(name, '.names');
const isYaml = (name: string): boolean => hasExtension(name, '.yaml') || hasExtension(name, '.yml');

/** Why a folder has no layout, for messages: a data.yaml without names, or no file that lists the classes. */
export async function withoutLayout(reading: Reading, folder: string): Promise<string> {
  for (const { name, folder: isFolder } of (await reading.files.kind(folder)) === 'folder'
    ? await reading.list(folder)
    : []) {
    if (isFolder || !isYaml(name) || isUnreadable(name)) continue;
    const file = joinPath(folder, name);
    if (!/^["']?(?:train|val|test|nc|path)["']?[ \t]*:/m.test(await reading.text(file))) continue;
    return `${file}: has no "names", which list the classes; add "names: [first, second]"`;
  }
  return `${folder}: has no data.yaml, classes.txt or obj.names, which list the classes; add one of them`;
}

/** Reads the layout of a folder from its data.yaml, classes.txt or obj.names. Undefined if it has none of these. */
export async function layoutIn(reading: Reading, folder: string): Promise<YoloLayout | undefined> {
  const { files } = reading;
  if ((await files.kind(folder)) !== 'folder') return undefined;
  const names = (await reading.list(folder)).flatMap(({ name, folder: isFolder }) =>
    isFolder || isUnreadable(name) ? [] : [name],
  );
  for (const name of names.filter(isYaml)) {
    const file = joinPath(folder, name);
    const text = await reading.text(file);
    // Other YAML files may lie there; one with names is meant for us.
    if (/^["']?names["']?[ \t]*:/m.test(text)) return readYaml(reading, file, text);
  }
  const name = names.find(isNames);
  return name === undefined ? undefined : readNames(reading, joinPath(folder, name));
}

async function readNames(reading: Reading, file: string): Promise<YoloLayout> {
  const lines = (await reading.text(file)).split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const classes = lines.map((line) => line.trim());
  const empty = classes.indexOf('');
  if (classes.length === 0 || empty >= 0) {
    throw new DataError(
      `${file}: ${classes.length === 0 ? 'is empty' : `line ${empty + 1} is empty`}; give one class name per line`,
    );
  }
  return { file, classes, parts: new Map() };
}

/** Reads data.yaml: `names`, and `train`, `val`, `test` relative to `path`, which is relative to the file's folder. */
export async function readYaml(reading: Reading, file: string, text: string): Promise<YoloLayout> {
  const { files } = reading;
  const values = parseDataYaml(text, file);
  const classes = classesOf(values.get('names'), file);
  const count = values.get('nc');
  if (typeof count === 'string' && count !== '' && decimal(count) !== classes.length) {
    throw new BadData(
      'structure',
      `${file}: nc is ${count}, but names has ${classes.length} ${classes.length === 1 ? 'class' : 'classes'}; correct one of them`,
    );
  }
  const keypoints = keypointsOf(values.get('kpt_shape'), file);
  const folder = folderOf(file);
  const stated = values.get('path');
  const base = typeof stated === 'string' ? resolveFrom(folder, stated) : folder;
  const parts = new Map<string, string[]>();
  for (const part of ['train', 'val', 'test']) {
    const value = values.get(part);
    const places = typeof value === 'string' ? [value] : Array.isArray(value) ? value : [];
    const found: string[] = [];
    for (const place of places.filter((text) => text !== '')) {
      // Roboflow writes ../train/images for what is in ./train/images, others the path on their own machine.
      const candidates = [resolveFrom(base, place), joinPath(folder, place.replace(/^(\.\.\/)+/, ''))];
      for (const candidate of candidates) {
        if ((await files.kind(candidate)) === undefined) continue;
        found.push(candidate);
        break;
      }
    }
    if (places.length > 0 && found.length === 0 && part === 'train') {
      throw new BadData(
        'missing image',
        `${file}: ${part} is ${places.join(', ')}, which does not exist; correct the path, which is relative to ${base}`,
      );
    }
    if (found.length > 0) parts.set(part, found);
  }
  return { file, classes, parts, ...(keypoints ? { keypoints } : {}) };
}

/** The numbers per row for keypoints: count times dimensions, as `kpt_shape: [17, 3]` states them. */
function keypointsOf(value: YamlValue | undefined, file: string): number | undefined {
  if (value === undefined) return undefined;
  const [count, dimensions] = Array.isArray(value) ? value.map(decimal) : [];
  if (Number.isInteger(count) && count! > 0 && (dimensions === 2 || dimensions === 3))
    return count! * dimensions;
  throw new BadData(
    'structure',
    `${file}: kpt_shape is ${JSON.stringify(value)}; write it as [keypoints, 2 or 3 numbers each]`,
  );
}

function classesOf(names: YamlValue | undefined, file: string): string[] {
  if (Array.isArray(names) && names.length > 0 && names.every((name) => name !== '')) return names;
  if (names instanceof Map) {
    const classes = Array.from({ length: names.size }, (_, i) => names.get(`${i}`));
    const missing = classes.findIndex((name) => !name);
    if (missing < 0) return classes as string[];
    throw new DataError(
      `${file}: names has ${names.size} ${names.size === 1 ? 'class' : 'classes'}, but none has number ${missing}; number them from 0`,
    );
  }
  throw new DataError(`${file}: names is not a list of classes; write it as "names: [first, second]"`);
}
