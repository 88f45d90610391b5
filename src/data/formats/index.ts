/** The annotation formats, each with its reader and writer, and how the format of a folder is recognized. */
import { expectArguments } from '../../arguments.ts';
import { DataError } from '../../errors.ts';
import { expectOptions } from '../../options.ts';
import { IGNORE_LABEL } from '../annotation.ts';
import { jsonItems } from '../jsonStream.ts';
import { separateIgnored } from '../objects.ts';
import { coco } from './coco/index.ts';
import {
  type DataFiles,
  type Dataset,
  type DatasetFormat,
  type DetectOptions,
  type FormatName,
  READ_OPTIONS,
  type ReadOptions,
} from './format.ts';
import { chunksOf } from './json.ts';
import { labelme } from './labelme/index.ts';
import { LabelNotes } from './labels.ts';
import { hasOtherMasks, masks } from './masks/index.ts';
import { hasExtension, isClutter, joinPath } from './paths.ts';
import { voc } from './voc/index.ts';
import { yolo } from './yolo/index.ts';

/** All annotation formats by name. */
export const FORMATS: Readonly<Record<FormatName, DatasetFormat>> = { coco, voc, yolo, labelme, masks };

const KNOWN =
  'Labelme (*.json beside the images), COCO (a JSON file), Pascal VOC (Annotations/*.xml), YOLO (data.yaml or classes.txt, and labels/*.txt), masks (images/, and masks/ or labels/ with PNG files)';

/** The formats that recognize a folder or file, each with its reason. */
async function detectAll(
  files: DataFiles,
  path: string,
  options: DetectOptions,
): Promise<{ format: DatasetFormat; sign: string }[]> {
  const found: { format: DatasetFormat; sign: string }[] = [];
  for (const format of Object.values(FORMATS)) {
    const sign = await format.detect(files, path, options);
    if (sign !== undefined) found.push({ format, sign });
  }
  return found;
}

/** Throws DataError for a file that is not JSON: it may be broken before the part that shows its format. */
async function checkJson(files: DataFiles, file: string, encoding?: string): Promise<void> {
  const items = jsonItems(
    chunksOf(files, file, encoding),
    file,
    'save it again with the program that wrote it',
  );
  for await (const item of items) item.parse();
}

/**
 * Recognizes the format of a folder or file by its content. Throws DataError for none, and for several: it then names
 * the signs of each.
 *
 * @param options `encoding` of text files that state none (default UTF-8), and `allowOutside`, as in `ReadOptions`.
 */
export async function detectFormat(
  files: DataFiles,
  path: string,
  options: DetectOptions = {},
): Promise<FormatName> {
  expectOptions('detectFormat', options, ['encoding', 'allowOutside']);
  expectArguments(
    'detectFormat',
    { files, path },
    { files: { kind: 'function', list: 'function', bytes: 'function' }, path: 'text' },
  );
  const kind = await files.kind(path);
  if (kind === undefined) {
    throw new DataError(`${path}: no such file or folder; give the folder with the images and annotations`);
  }
  const found = await detectAll(files, path, options);
  if (found.length === 1) return found[0]!.format.name;
  if (found.length > 1) {
    const list = found.map(({ format, sign }) => `${format.title} (${sign})`).join(' and ');
    throw new DataError(`${path}: contains ${list}; choose one, for example --from ${found[0]!.format.name}`);
  }
  if (kind === 'folder') {
    if (await hasOtherMasks(files, path, options)) return 'masks';
    for (const { name, folder } of await files.list(path)) {
      const below = joinPath(path, name);
      if (isClutter(name)) continue;
      if (!folder && hasExtension(name, '.json')) await checkJson(files, below, options.encoding);
      const [first] = folder ? await detectAll(files, below, options) : [];
      if (first) {
        throw new DataError(
          `${path}: contains no annotations, but ${below} contains ${first.format.title} (${first.sign}); give that folder`,
        );
      }
    }
  }
  throw new DataError(`${path}: contains no annotations of a known format; give a folder of ${KNOWN}`);
}

/**
 * Opens a data set in the given format. Default: the format that is recognized. Throws DataError if there is none, or
 * the data set cannot be read.
 */
export async function openDataset(
  files: DataFiles,
  path: string,
  given: ReadOptions & { readonly format?: FormatName } = {},
): Promise<Dataset> {
  expectOptions('openDataset', given, ['format', ...READ_OPTIONS]);
  expectArguments(
    'openDataset',
    { files, path },
    { files: { kind: 'function', list: 'function', bytes: 'function' }, path: 'text' },
  );
  const { format, ...options } = given;
  const { encoding, allowOutside } = options;
  const name =
    format ??
    (await detectFormat(files, path, {
      ...(encoding === undefined ? {} : { encoding }),
      ...(allowOutside === undefined ? {} : { allowOutside }),
    }));
  if ((await files.kind(path)) === undefined) {
    throw new DataError(`${path}: no such file or folder; give the folder with the images and annotations`);
  }
  const dataset = await FORMATS[name].open(files, path, options);
  const labels = new LabelNotes(options);
  for (const { name } of dataset.classes ?? []) labels.add(dataset.path, name);
  return {
    ...dataset,
    ...(dataset.classes ? { classes: dataset.classes.filter((one) => one.name !== IGNORE_LABEL) } : {}),
    async *images() {
      for await (const image of dataset.images()) {
        options.signal?.throwIfAborted();
        separateIgnored(image.annotation);
        for (const { label } of image.annotation.shapes) labels.add(image.source, label);
        yield image;
      }
    },
  };
}
