/**
 * YOLO's text files (Darknet, Ultralytics): one object per line, and the class names in data.yaml, classes.txt or
 * obj.names.
 */
import type { DatasetFormat } from '../format.ts';
import { baseName, hasExtension, joinPath } from '../paths.ts';
import { Reading } from '../reading.ts';
import { findLayout, NO_LABELS, openYolo } from './reader.ts';
import { YoloWriter } from './writer.ts';

/** Whether a folder has PNG files and no text files of labels: CamVid's labels/ are masks. */
async function hasMasksAlone(reading: Reading, folder: string): Promise<boolean> {
  let found = false;
  for await (const file of reading.walk(folder)) {
    if (hasExtension(file, '.txt') && !NO_LABELS.includes(baseName(file))) return false;
    found ||= hasExtension(file, '.png');
  }
  return found;
}

export const yolo: DatasetFormat = {
  name: 'yolo',
  title: 'YOLO',

  async detect(files, path, options = {}) {
    if ((await files.kind(path)) === 'file') {
      const isYaml = hasExtension(path, '.yaml') || hasExtension(path, '.yml');
      return isYaml ? baseName(path) : undefined;
    }
    const hasLabels = (await files.kind(joinPath(path, 'labels'))) === 'folder';
    // A list of classes beside masks/ is that of the masks.
    if (!hasLabels && (await files.kind(joinPath(path, 'masks'))) === 'folder') return undefined;
    const reading = new Reading(files, path, { ...options, skipBad: true });
    if (hasLabels && (await hasMasksAlone(reading, joinPath(path, 'labels')))) return undefined;
    const layout = await findLayout(new Reading(files, path, options), path);
    return layout ? baseName(layout.file) : hasLabels ? 'labels/' : undefined;
  },

  open: openYolo,
  create: (sink, classes, extra, options) => new YoloWriter(sink, classes, extra, options),
};
