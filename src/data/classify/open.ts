/** Data sets of images with one class each: a folder per class, or a CSV file. */
import { expectArguments } from '../../arguments.ts';
import { DataError } from '../../errors.ts';
import { expectOneOf, withDefaults } from '../../options.ts';
import { BadData } from '../faults.ts';
import type { DataFiles } from '../formats/format.ts';
import { LabelNotes } from '../formats/labels.ts';
import { Reading, rootOf } from '../formats/reading.ts';
import { CLASS_FORMATS, type ClassDataset, type ClassReadOptions, type LabelledFile } from './dataset.ts';
import { detectFolders, openFolders } from './folders.ts';
import { openTable, tableAt } from './table.ts';

const KNOWN =
  'a folder per class (DIR/cat/1.jpg, or DIR/train/cat/1.jpg), or a CSV file with the columns file and label';

/**
 * Opens a data set of images with one class each: a folder per class, as torchvision's ImageFolder and Keras's
 * image_dataset_from_directory read it, also one per part (`train/cat`, `val/cat`); or a CSV file with a header and the columns of the
 * file and the class, also called filename, image, path; class, category.
 *
 * @param files The file system.
 * @param path The folder, or the CSV file.
 * @param given The format, the part, and what happens to what is bad.
 * @returns The images and their classes. Nothing is decoded.
 * @throws DataError where there is neither, and for the first fault; with `skipBad` what is bad is left out and reported.
 */
export async function openClassDataset(
  files: DataFiles,
  path: string,
  given: ClassReadOptions = {},
): Promise<ClassDataset> {
  expectArguments(
    'openClassDataset',
    { files, path },
    { files: { kind: 'function', list: 'function', bytes: 'function' }, path: 'text' },
  );
  const { format, ...rest } = withDefaults('openClassDataset', given, {
    format: undefined,
    split: undefined,
    imageFolder: undefined,
    skipBad: false,
    onFault: undefined,
    classes: undefined,
    encoding: undefined,
    allowOutside: false,
    signal: undefined,
  });
  if (format !== undefined) expectOneOf('openClassDataset', 'format', format, CLASS_FORMATS);
  const options = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const kind = await files.kind(path);
  if (kind === undefined) {
    throw new DataError(`${path}: no such file or folder; give ${KNOWN}`);
  }
  const reading = new Reading(files, await rootOf(files, path), options);
  const table = format === 'folders' ? undefined : await tableAt(reading, path);
  if (table !== undefined) {
    const found = await openTable(reading, table, rest.split);
    return checked(reading, { format: 'csv', path: table, ...found });
  }
  if (format === 'csv')
    throw new DataError(`${path}: has no CSV file with columns of files and classes; give ${KNOWN}`);
  if (kind === 'file') throw new DataError(`${path}: is a file, not a folder; give ${KNOWN}`);
  if ((await detectFolders(reading, path)) === undefined) {
    throw new DataError(`${path}: has no folder with images; give ${KNOWN}`);
  }
  return checked(reading, { format: 'folders', path, ...(await openFolders(reading, path, rest.split)) });
}

/** Leaves out images of classes that are not wanted, and notes odd labels. */
function checked(reading: Reading, dataset: ClassDataset): ClassDataset {
  const wanted = new Set(reading.options.classes ?? dataset.classNames);
  const labels = new LabelNotes(reading.options);
  for (const name of dataset.classNames) labels.add(dataset.path, name);
  const isWanted = ({ source, label }: LabelledFile): boolean =>
    wanted.has(label) ||
    (reading.attempt('annotation', (): boolean => {
      throw new BadData(
        'unknown class',
        `${source}: the class ${JSON.stringify(label)} is not a class of the model (${[...wanted].join(', ')}); rename it, train the model with it`,
      );
    }) ??
      false);
  return { ...dataset, files: dataset.files.filter(isWanted) };
}
