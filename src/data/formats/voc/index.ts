/** Pascal VOC (http://host.robots.ox.ac.uk/pascal/VOC/): one XML file per image, and masks as PNG files with a palette. */
import type { DatasetFormat } from '../format.ts';
import { baseName, hasExtension, joinPath } from '../paths.ts';
import { openVoc, xmlFolder } from './reader.ts';
import { VocWriter } from './writer.ts';

export const voc: DatasetFormat = {
  name: 'voc',
  title: 'Pascal VOC',

  async detect(files, path) {
    if ((await files.kind(path)) !== 'folder') return undefined;
    const folder = await xmlFolder(files, path);
    if (folder === undefined) return undefined;
    const first = (await files.list(folder)).find(
      (entry) => !entry.folder && hasExtension(entry.name, '.xml'),
    );
    const text = await files.text(joinPath(folder, first!.name));
    const place = folder === path ? first!.name : `${baseName(folder)}/${first!.name}`;
    return /<annotation[\s>]/.test(text) ? place : undefined;
  },

  open: openVoc,
  create: (sink, classes) => new VocWriter(sink, classes),
};
