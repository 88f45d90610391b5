import { DataError } from '../../errors.ts';
import { BadData } from '../faults.ts';
import {
  baseName,
  folderOf,
  IMAGE_EXTENSIONS,
  isImageFile,
  joinPath,
  resolveFrom,
  withoutExtension,
} from '../formats/paths.ts';
import type { Reading } from '../formats/reading.ts';
import { type CsvRow, parseCsv } from './csv.ts';
import { type ClassDataset, type LabelledFile, sortedNames } from './dataset.ts';

/** What columns are called, in the order in which they are looked for. Spaces, hyphens and underscores make no difference. */
const COLUMNS = {
  file: [
    'file',
    'filename',
    'filepath',
    'image',
    'imagefile',
    'imagename',
    'imagepath',
    'path',
    'imageid',
    'id',
    'name',
  ],
  label: ['label', 'labels', 'class', 'classname', 'category', 'categoryname', 'target'],
  split: ['split', 'subset', 'set', 'partition'],
} as const;

interface Columns {
  readonly file: number;
  readonly label: number;
  /** -1: there is none. */
  readonly split: number;
}

/** The columns by the header. Undefined without those of files and classes. */
function columnsIn(header: CsvRow | undefined): Columns | undefined {
  const names = (header?.fields ?? []).map((name) => name.toLowerCase().replace(/[\s_-]/g, ''));
  const place = (known: readonly string[]) =>
    known.map((name) => names.indexOf(name)).find((index) => index >= 0) ?? -1;
  const [file, label, split] = [place(COLUMNS.file), place(COLUMNS.label), place(COLUMNS.split)];
  return file >= 0 && label >= 0 ? { file, label, split } : undefined;
}

/** Whether a CSV file has columns of files and classes. Faults are reported when it is read. */
export async function isClassTable(reading: Reading, file: string): Promise<boolean> {
  try {
    const text = await reading.text(file);
    const end = text.search(/[\r\n]/);
    return columnsIn(parseCsv(end < 0 ? text : text.slice(0, end), file)[0]) !== undefined;
  } catch (error) {
    if (error instanceof DataError) return false;
    throw error;
  }
}

/** The path of the image that a row names: from the folder of images, or of the file. The extension may be left out. */
async function imageOf(reading: Reading, where: string, named: string, folder: string): Promise<string> {
  const path = resolveFrom(folder, named.replaceAll('\\', '/'));
  await reading.checkPath(where, named, path);
  const paths = isImageFile(path) ? [path] : [path, ...IMAGE_EXTENSIONS.map((extension) => path + extension)];
  for (const one of paths) {
    if ((await reading.files.kind(one)) === 'file') return one;
  }
  const real = await reading.sameLetters(where, path);
  if (real !== undefined) return real;
  throw new BadData(
    'missing image',
    `${where}: there is no image ${path}${await reading.otherCase([path])}; put it there, or give the folder of the images (--images)`,
  );
}

/**
 * Opens a CSV file with a header and a row per image: its file and its class, and perhaps its part. Paths are relative to the folder of images,
 * or else to that of the file.
 */
export async function openTable(
  reading: Reading,
  file: string,
  split: string | undefined,
): Promise<Omit<ClassDataset, 'format' | 'path'>> {
  const [header, ...rows] = parseCsv(await reading.text(file), file);
  const columns = columnsIn(header);
  if (!header || !columns) {
    throw new BadData(
      'structure',
      `${file}: its first line is ${JSON.stringify(header?.fields.join(',').slice(0, 100) ?? '')}, not a header with a column of files (${COLUMNS.file.slice(0, 4).join(', ')} …) and one of classes (${COLUMNS.label.join(', ')}); add it`,
    );
  }
  const partOf = ({ fields }: CsvRow) => (columns.split < 0 ? '' : (fields[columns.split]?.trim() ?? ''));
  const splits = columns.split < 0 ? [] : sortedNames(rows.map(partOf).filter((part) => part !== ''));
  if (split !== undefined && !splits.includes(split)) {
    throw new DataError(
      `${file}: has no part ${JSON.stringify(split)}; ${splits.length === 0 ? 'it has no column split, so give none' : `choose from ${splits.join(', ')}`}`,
    );
  }
  const folder = reading.options.imageFolder ?? folderOf(file);
  const seen = new Map<string, { readonly label: string; readonly line: number }>();
  const files: LabelledFile[] = [];
  const labels: string[] = [];
  for (const row of rows) {
    const where = `${file}: line ${row.line}`;
    const label = row.fields[columns.label]?.trim() ?? '';
    if (label !== '') labels.push(label);
    if (split !== undefined && partOf(row) !== split) continue;
    const found = await reading.attemptLater('annotation', async (): Promise<LabelledFile | undefined> => {
      const named = row.fields[columns.file]?.trim() ?? '';
      if (row.fields.length !== header.fields.length) {
        throw new BadData(
          'structure',
          `${where}: has ${row.fields.length} fields, the header ${header.fields.length}; quote fields with separators in them`,
        );
      }
      if (named === '') throw new BadData('structure', `${where}: names no file; fill it in`);
      if (label === '') throw new BadData('class name', `${where}: ${named} has no class; fill it in`);
      const image = await imageOf(reading, where, named, folder);
      const before = seen.get(image);
      if (before && before.label !== label) {
        throw new BadData(
          'duplicate',
          `${where}: ${named} is ${label}, but ${before.label} in line ${before.line}; an image has one class, so keep one of the lines`,
        );
      }
      if (before) {
        reading.note('duplicate', `${where}: ${named} is the same as in line ${before.line}; it counts once`);
        return undefined;
      }
      seen.set(image, { label, line: row.line });
      const inside = image.startsWith(`${folder}/`) ? image.slice(folder.length + 1) : baseName(image);
      return { name: withoutExtension(inside), source: where, image, label };
    });
    if (found) files.push(found);
  }
  return { classNames: sortedNames(labels), splits, files };
}

/** The CSV file of images and classes that a path is, or that its folder has. Throws DataError for several. */
export async function tableAt(reading: Reading, path: string): Promise<string | undefined> {
  if ((await reading.files.kind(path)) === 'file') return path;
  const tables: string[] = [];
  for (const { name, folder } of await reading.list(path)) {
    const file = joinPath(path, name);
    if (!folder && /\.[ct]sv$/i.test(name) && (await isClassTable(reading, file))) tables.push(file);
  }
  if (tables.length > 1) {
    throw new DataError(
      `${path}: has several tables of images and classes, ${tables.map(baseName).join(', ')}; give one of these files`,
    );
  }
  return tables[0];
}
