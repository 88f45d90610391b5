/** Pascal VOC (http://host.robots.ox.ac.uk/pascal/VOC/): one XML file per image, and masks as PNG files with a palette. */
import type { DataFiles, DatasetFormat } from '../format.ts';
import { baseName, hasExtension, isClutter, isUnreadable, joinPath } from '../paths.ts';
import { openVoc, xmlFolder } from './reader.ts';
import { VocWriter } from './writer.ts';

export const voc: DatasetFormat = {
  name: 'voc',
  title: 'Pascal VOC',

  async detect(files, path) {
    if ((await files.kind(path)) !== 'folder') return undefined;
    const folder = await xmlFolder(files, path);
    if (folder === undefined) return undefined;
    const all = (await files.list(folder)).filter(
      (entry) => !entry.folder && !isClutter(entry.name) && hasExtension(entry.name, '.xml'),
    );
    const first = all.find(({ name }) => !isUnreadable(name));
    if (!first) return undefined;
    // The tag is ASCII in every encoding but UTF-16, where each byte of it stands beside a 0.
    const text = String.fromCharCode(...(await startOf(files, joinPath(folder, first.name)))).replaceAll(
      '\0',
      '',
    );
    const place = folder === path ? first.name : `${baseName(folder)}/${first.name}`;
    return /<annotation[\s>]/.test(text) ? place : undefined;
  },

  open: openVoc,
  create: (sink, classes, extra) => new VocWriter(sink, classes, extra),
};

/** The first bytes of a file. */
async function startOf(files: DataFiles, path: string): Promise<Uint8Array> {
  const file = await files.open(path);
  try {
    return await file.read(0, 8192);
  } finally {
    await file.close();
  }
}
