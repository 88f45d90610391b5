/** What dropped files are: pictures, and their labels where a data set of a known format is among them. */
import {
  type Annotation,
  type DataFault,
  type Dataset,
  detectFormat,
  type FormatName,
  isImageFile,
  openDataset,
  type ReadOptions,
} from 'fovea/data';
import { BrowserFiles } from './browserFiles.ts';
import type { DroppedFile } from './dropped.ts';
import type { Split } from './model.ts';

/** A picture that is to be added. */
export interface Arriving {
  /** Its path among what was dropped. */
  readonly path: string;
  readonly file: Blob;
  /** The part of a data set that it was in, if the data set has parts. */
  readonly split?: Split;
  readonly annotation?: Annotation;
}

export interface Arrival {
  /** The format of the labels; undefined where there are pictures alone. */
  readonly format?: FormatName;
  readonly pictures: readonly Arriving[];
  /** The classes, in the order of the data set, else in that of their first object. */
  readonly classes: readonly string[];
  /** What was left out, or changed and then used. */
  readonly faults: readonly DataFault[];
  /** Files that are neither pictures nor labels. */
  readonly others: number;
}

/** Names of parts, as data sets have them. */
const SPLITS: Readonly<Record<string, Split>> = {
  train: 'train',
  training: 'train',
  val: 'valid',
  valid: 'valid',
  validation: 'valid',
  test: 'test',
};

/** The names of a path's folders, and of those above: where a data set may begin. */
function startsOf(dropped: readonly DroppedFile[]): string[] {
  const [first] = dropped;
  const parts = first?.path.split('/').slice(0, -1) ?? [];
  const shared = parts.filter((_, i) => {
    const folder = `${parts.slice(0, i + 1).join('/')}/`;
    return dropped.every(({ path }) => path.startsWith(folder));
  });
  return ['.', ...shared.map((_, i) => shared.slice(0, i + 1).join('/'))];
}

/**
 * The folders of parts, train and valid, that are data sets of their own: those that the studio writes. None where files beside them
 * belong to all parts.
 */
async function partFolders(
  files: BrowserFiles,
  start: string,
  options: ReadOptions,
): Promise<{ readonly dataset: Dataset; readonly split: Split }[]> {
  const entries = await files.list(start);
  if (entries.some(({ folder }) => !folder)) return [];
  const found: { dataset: Dataset; split: Split }[] = [];
  for (const { name } of entries) {
    const split = SPLITS[name.toLowerCase()];
    const path = `${start}/${name}`;
    const format = split && (await detectFormat(files, path).catch(() => undefined));
    if (format) found.push({ dataset: await openDataset(files, path, { ...options, format }), split });
  }
  return found;
}

/** The parts of the data set among the files; none where there are pictures alone. */
async function findDataset(
  files: BrowserFiles,
  dropped: readonly DroppedFile[],
  faults: DataFault[],
): Promise<{ readonly dataset: Dataset; readonly split?: Split }[]> {
  const jsons = dropped.filter(({ path }) => /\.json$/i.test(path)).map(({ path }) => path);
  const options: ReadOptions = {
    skipBad: true,
    clip: true,
    fixSizes: true,
    onFault: (fault: DataFault) => {
      faults.push(fault);
    },
  };
  for (const start of startsOf(dropped)) {
    const parts = await partFolders(files, start, options);
    if (parts.length > 1) return parts;
  }
  // A file of COCO's annotations names its images; folders are looked at from the outermost on.
  for (const start of [...startsOf(dropped), ...jsons]) {
    const format = await detectFormat(files, start).catch(() => undefined);
    if (!format) continue;
    const whole = await openDataset(files, start, { ...options, format });
    if (whole.splits.length < 2) return [{ dataset: whole }];
    return Promise.all(
      whole.splits.map(async (name) => {
        const dataset = await openDataset(files, start, { ...options, format, split: name });
        const split = SPLITS[name.toLowerCase()];
        return { dataset, ...(split && { split }) };
      }),
    );
  }
  return [];
}

/**
 * Reads what was dropped. A picture of a data set without an annotation file is a picture without labels. Throws DataError where
 * a data set cannot be read at all.
 *
 * @param onCount Called with the number of pictures found so far.
 */
export async function readArrival(
  dropped: readonly DroppedFile[],
  onCount: (pictures: number) => void = () => undefined,
): Promise<Arrival> {
  const files = new BrowserFiles(dropped);
  const faults: DataFault[] = [];
  const parts = await findDataset(files, dropped, faults);
  const pictures = new Map<string, Arriving>();
  const classes = new Set<string>();
  for (const { dataset, split } of parts) {
    for (const { name } of dataset.classes ?? []) classes.add(name);
    for await (const { name, image, annotation } of dataset.images()) {
      for (const { label } of annotation.shapes) classes.add(label);
      const path = typeof image === 'string' ? BrowserFiles.key(image) : name;
      const file = typeof image === 'string' ? files.blob(image) : new Blob([image as BlobPart]);
      pictures.set(path, { path, file, annotation, ...(split && { split }) });
      onCount(pictures.size);
    }
  }
  const format = parts[0]?.dataset.format;
  let others = 0;
  for (const { path, file } of dropped) {
    if (pictures.has(path)) continue;
    // Masks are PNG files, and no pictures; without labels every image is a picture.
    if (isImageFile(path) && format !== 'masks') pictures.set(path, { path, file });
    else others += format === undefined ? 1 : 0;
    onCount(pictures.size);
  }
  return {
    ...(format && { format }),
    pictures: [...pictures.values()],
    classes: [...classes],
    faults,
    others,
  };
}
