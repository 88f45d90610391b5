/**
 * YOLO's text files (Darknet, Ultralytics): one object per line, and the class names in data.yaml, classes.txt or
 * obj.names.
 */
import type { DatasetFormat } from '../format.ts';
import { baseName, hasExtension, joinPath } from '../paths.ts';
import { findLayout, openYolo } from './reader.ts';
import { YoloWriter } from './writer.ts';

export const yolo: DatasetFormat = {
  name: 'yolo',
  title: 'YOLO',

  async detect(files, path) {
    if ((await files.kind(path)) === 'file') {
      const isYaml = hasExtension(path, '.yaml') || hasExtension(path, '.yml');
      return isYaml ? baseName(path) : undefined;
    }
    const layout = await findLayout(files, path);
    if (layout) return baseName(layout.file);
    const labels = joinPath(path, 'labels');
    return (await files.kind(labels)) === 'folder' ? 'labels/' : undefined;
  },

  open: openYolo,
  create: (sink, classes) => new YoloWriter(sink, classes),
};
