import { BadData } from '../../faults.ts';
import { baseName, folderOf, isImageFile, joinPath, resolveFrom, withoutExtension } from '../paths.ts';
import type { Reading } from '../reading.ts';

/** Finds the file of an image. `needed`: it must be there even where images are optional. */
export type FindImage = (fileName: string, source: string, needed: boolean) => Promise<string>;

/** Finds the file of an image. Remembers the folder of the last one. */
export function imageFinder(reading: Reading, file: string): FindImage {
  const { files, options } = reading;
  const { imageFolder, imagesOptional } = options;
  const folder = folderOf(file);
  const stem = withoutExtension(baseName(file));
  const part = stem.slice(stem.lastIndexOf('_') + 1);
  const around = [
    '.',
    'images',
    part,
    `images/${part}`,
    '..',
    '../images',
    `../${part}`,
    `../images/${part}`,
  ];
  const candidates = imageFolder === undefined ? around.map((name) => joinPath(folder, name)) : [imageFolder];
  let nested: Promise<Map<string, string[]>> | undefined;
  return async (file_name, source, needed) => {
    if (imagesOptional && !needed) return resolveFrom(candidates[0]!, file_name);
    for (const [i, candidate] of candidates.entries()) {
      const path = resolveFrom(candidate, file_name);
      if ((await files.kind(path)) !== 'file') continue;
      await reading.checkPath(source, file_name, path);
      candidates.splice(i, 1);
      candidates.unshift(candidate);
      return path;
    }
    for (const candidate of candidates) {
      const path = await reading.sameLetters(source, resolveFrom(candidate, file_name));
      if (path === undefined) continue;
      await reading.checkPath(source, file_name, path);
      return path;
    }
    if (/^\w+:\/\//.test(file_name)) await reading.checkPath(source, file_name, file_name);
    nested ??= listNested(reading, candidates);
    const found = (await nested).get(baseName(file_name)) ?? [];
    const ending = found.filter((path) => `/${path}`.endsWith(`/${file_name}`));
    const [path, other] = ending.length > 0 ? ending : found;
    if (path !== undefined && other === undefined) {
      await reading.checkPath(source, file_name, path);
      return path;
    }
    const several = path === undefined ? '' : `, and ${found.length} folders below have one of that name`;
    const hint = await reading.otherCase(candidates.map((candidate) => resolveFrom(candidate, file_name)));
    throw new BadData(
      'missing image',
      `${source}: file_name ${JSON.stringify(file_name)} is not in ${candidates.join(', ')}${several}${hint}; put the image there, or give its folder (--images)`,
    );
  };
}

/** The images in folders and the folders below them, by name. */
async function listNested(reading: Reading, folders: readonly string[]): Promise<Map<string, string[]>> {
  const byName = new Map<string, string[]>();
  const visited = new Set<string>();
  for (const folder of folders) {
    if ((await reading.files.kind(folder)) !== 'folder' || !(await reading.isNear(folder))) continue;
    for await (const path of reading.walk(folder, visited)) {
      if (!isImageFile(path)) continue;
      const same = byName.get(baseName(path));
      if (same) same.push(path);
      else byName.set(baseName(path), [path]);
    }
  }
  return byName;
}
