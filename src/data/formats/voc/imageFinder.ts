import { BadData } from '../../faults.ts';
import { baseName, extensionOf, isImageFile, joinPath, withoutExtension } from '../paths.ts';
import type { Reading } from '../reading.ts';

/** The images of one folder and of the folders below it: by name, and by name without the extension. */
interface Listed {
  readonly byName: Map<string, string>;
  readonly byStem: Map<string, string[]>;
}

async function listImages(reading: Reading, folder: string): Promise<Listed> {
  const listed: Listed = { byName: new Map(), byStem: new Map() };
  for await (const file of reading.walk(folder)) {
    if (!isImageFile(file)) continue;
    const name = baseName(file);
    if (!listed.byName.has(keyOf(name))) listed.byName.set(keyOf(name), file);
    const stem = keyOf(withoutExtension(name));
    const same = listed.byStem.get(stem);
    if (same) same.push(file);
    else listed.byStem.set(stem, [file]);
  }
  return listed;
}

/** A name in the form in which names are compared: macOS writes letters with accents as two characters. */
const keyOf = (name: string): string => name.normalize('NFC');

/** Where images may be: in JPEGImages/, in or below the folder, or beside a folder that has XML files alone. */
const placesOf = (path: string, folder: string): string[] => [
  joinPath(path, 'JPEGImages'),
  path,
  ...(folder === path ? ['images', 'JPEGImages'].map((name) => joinPath(path, '..', name)) : [folder]),
];

/**
 * Finds the image of an annotation: by the file name that it states, or else, where another extension is stated or none, by the
 * name without it. Throws DataError for several.
 */
export async function imageFinder(reading: Reading, path: string, folder: string) {
  const { files, options } = reading;
  const { imageFolder, imagesOptional } = options;
  const candidates = imageFolder === undefined ? placesOf(path, folder) : [imageFolder];
  const listed: Listed[] = [];
  for (const candidate of candidates) {
    if (listed.length > 0 && listed[0]!.byName.size > 0) break;
    if ((await files.kind(candidate)) === 'folder') listed.push(await listImages(reading, candidate));
  }
  const used = new Set<string>();
  const unused = () => [...(listed[0]?.byStem.values() ?? [])].flat().filter((image) => !used.has(image));
  const find = async (file: string, fileName: string): Promise<string> => {
    const stem = withoutExtension(baseName(file));
    const named = baseName(fileName.replaceAll('\\', '/'));
    const stems = [named === '' ? stem : extensionOf(named) ? withoutExtension(named) : named, stem];
    for (const { byName, byStem } of listed) {
      const exact = byName.get(keyOf(named));
      const same =
        exact === undefined ? stems.map((one) => byStem.get(keyOf(one))).find((one) => one) : [exact];
      if (!same) continue;
      if (same.length > 1) {
        throw new BadData(
          'missing image',
          `${file}: filename ${JSON.stringify(named)} is not there, but ${same.join(' and ')} are; state one of them as filename`,
        );
      }
      await reading.checkPath(file, fileName, same[0]!);
      used.add(same[0]!);
      return same[0]!;
    }
    if (imagesOptional) return joinPath(candidates[0]!, named || stem);
    const hint = await reading.otherCase(candidates.map((candidate) => joinPath(candidate, named || stem)));
    throw new BadData(
      'missing image',
      `${file}: filename ${JSON.stringify(named)} is not in ${candidates.join(', ')}${hint}; put the image there, or give its folder (--images)`,
    );
  };
  return { find, unused };
}
