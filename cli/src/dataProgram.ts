// Options of data sets that several commands have.
import { type Command, Option } from 'commander';
import { FORMAT_NAMES } from 'fovea/data';
import { whole } from './optionValues.ts';

/** Adds the options of a data set in any format. */
export const data = (command: Command): Command =>
  command
    .addOption(new Option('--from <format>', 'annotation format (default: detected)').choices(FORMAT_NAMES))
    .option('--split <name>', 'use one part of the data set, such as train or val, or all')
    .option('--images <dir>', 'folder with the images (default: where the format expects them)')
    .option('--skip-bad', 'leave out what cannot be used (objects, annotations, images) instead of stopping')
    .option('--report-bad <file>', 'write everything that is bad to a JSON file')
    .option(
      '--fix-sizes',
      'scale or turn annotations made for another size of the image, where it is clear how',
    )
    .option('--encoding <name>', 'encoding of text files that state none, such as gb18030 (default: utf-8)')
    .option('--allow-outside', 'allow images outside of the folder that contains the data set')
    .option('--max-pixels <n>', 'largest number of pixels of an image', whole(1));

export const CLIP = 'cut boxes and outlines at the border of the image';

/** Adds the options of a data set that is used as it is, and not written: it is clipped by default. */
export const clipped = (command: Command): Command =>
  data(command)
    .option('--clip', CLIP, true)
    .option('--no-clip', 'refuse boxes and outlines that reach out of the image');
