/** A project as a data set on the disk, written by the writers of `fovea/data`. */
import {
  type AnnotatedImage,
  type DataSink,
  type DatasetWriter,
  FORMAT_NAMES,
  FORMATS,
  type FormatName,
  isImageFile,
  objectsOf,
} from 'fovea/data';
import { classOf, isLabelled } from '../learn/samples.ts';
import { pathsInZip } from '../store/fileNames.ts';
import { type Bytes, type Parts, partsOf, ZipWriter } from '../store/zipWriter.ts';
import { annotationOf } from './convert.ts';
import type { Picture, PictureLabels, Project, Split } from './model.ts';

/** The formats: those of `fovea/data`, and a folder for each class, for pictures that have one. */
export const DATASET_FORMATS = [...FORMAT_NAMES, 'folders'] as const;
export type ExportFormat = FormatName | 'folders';

export interface DatasetChoice {
  readonly format: ExportFormat;
  /** Labelled: with objects, or said to have none. */
  readonly which: 'all' | 'labelled' | 'done';
  /** Whether the pictures are in it, or their labels alone. */
  readonly images: boolean;
}

export interface DatasetSource {
  readonly project: Pick<Project, 'classes'>;
  readonly pictures: readonly Picture[];
  labelsOf(picture: Picture): Promise<PictureLabels>;
  fileOf(picture: Picture): Promise<Blob>;
}

/** What was written, or would be. */
export interface DatasetCounts {
  pictures: number;
  objects: number;
  /** Pictures that nobody has labelled, nor said to have no objects: others take them for background. */
  unlabelled: number;
  /** Objects that are in no format: points, and proposals that nobody has accepted. */
  points: number;
  proposals: number;
  /** Pictures that have not one class, which no folder of classes holds. */
  classless: number;
  /** What the format does not hold, or holds otherwise, in the words of the library. */
  readonly warnings: Map<string, number>;
}

export const noCounts = (): DatasetCounts => ({
  ...{ pictures: 0, objects: 0, unlabelled: 0, points: 0, proposals: 0, classless: 0 },
  warnings: new Map(),
});

export const chosen = (pictures: readonly Picture[], { which }: Pick<DatasetChoice, 'which'>): Picture[] =>
  pictures.filter((picture) => which === 'all' || (which === 'done' ? picture.done : isLabelled(picture)));

/** Which parts pictures are of: a data set of one part has no folders for them. */
export const splitsOf = (pictures: readonly Picture[]): Split[] =>
  (['train', 'valid', 'test'] as const).filter((split) => pictures.some((one) => one.split === split));

/** A name without folders, which readers do not pass over as hidden. */
const flat = (name: string): string => name.replaceAll(/[/\\]/g, '_').replace(/^[.\s]+/, '_');

interface NewFile {
  readonly path: string;
  readonly content: Blob | Uint8Array | readonly string[];
}

/** Where a writer's files wait until they are taken. What is appended to comes last. */
class QueueSink implements DataSink {
  readonly #folder: string;
  readonly #image: (() => Promise<Blob>) | undefined;
  readonly #appended = new Map<string, string[]>();
  #files: NewFile[] = [];

  /** @param image The file of the image that is being written; undefined where images are left out. */
  constructor(folder: string, image: (() => Promise<Blob>) | undefined) {
    this.#folder = folder;
    this.#image = image;
  }

  async write(path: string, content: string | Uint8Array): Promise<void> {
    this.#files.push({
      path: this.#folder + path,
      content: typeof content === 'string' ? [content] : content,
    });
  }

  async append(path: string, text: string): Promise<void> {
    const texts = this.#appended.get(path) ?? [];
    texts.push(text);
    this.#appended.set(path, texts);
  }

  async image(_: AnnotatedImage, path: string): Promise<void> {
    if (this.#image) this.#files.push({ path: this.#folder + path, content: await this.#image() });
  }

  take(): NewFile[] {
    const files = this.#files;
    this.#files = [];
    return files;
  }

  /** What was appended to. */
  takeLast(): NewFile[] {
    return [...this.#appended].map(([path, content]) => ({ path: this.#folder + path, content }));
  }
}

/**
 * The files of a data set, each picture with its labels as they are asked for. A project with several parts has a folder for each of
 * them, which is a data set of its own.
 *
 * @param counts What is written is added to it.
 * @throws DataError for names of classes that the format cannot have.
 */
async function* filesOf(
  source: DatasetSource,
  choice: DatasetChoice,
  counts: DatasetCounts,
  onProgress: (done: number, all: number) => void,
): AsyncGenerator<NewFile, void> {
  const pictures = chosen(source.pictures, choice);
  const splits = splitsOf(pictures);
  // Folders of classes have no folders in them.
  const names = pictures.map(({ name }) => (choice.format === 'folders' ? flat(name) : name));
  const paths = pathsInZip(names, '.');
  const pathOf = new Map(pictures.map(({ id }, i) => [id, paths[i]!.slice(2)]));
  let done = 0;
  for (const split of splits) {
    const own = pictures.filter((picture) => picture.split === split);
    const part = { source, pictures: own, pathOf, folder: splits.length > 1 ? `${split}/` : '' };
    const files =
      choice.format === 'folders'
        ? classFolders(part, counts)
        : formatFiles(part, choice, choice.format, counts);
    for await (const of of files) {
      yield* of;
      done += 1;
      onProgress(Math.min(done, pictures.length), pictures.length);
    }
  }
}

/** One part of a data set. */
interface Part {
  readonly source: DatasetSource;
  readonly pictures: readonly Picture[];
  /** The paths of pictures, of which no two are the same. */
  readonly pathOf: ReadonlyMap<string, string>;
  /** Where it is: empty, or with a slash at its end. */
  readonly folder: string;
}

/** The files of each picture in a format, and what comes last. */
async function* formatFiles(
  { source, pictures, pathOf, folder }: Part,
  { images }: DatasetChoice,
  format: FormatName,
  counts: DatasetCounts,
): AsyncGenerator<NewFile[], void> {
  const { classes } = source.project;
  let current: Picture | undefined;
  const sink = new QueueSink(folder, images ? () => source.fileOf(current!) : undefined);
  const named = [...new Set(classes.map(({ name }) => name))].map((name) => ({ name }));
  const writer: DatasetWriter = FORMATS[format].create(sink, named);
  for (const picture of pictures) {
    const { objects } = await source.labelsOf(picture);
    const annotation = annotationOf(picture, objects, classes);
    count(counts, picture, objects);
    counts.objects += objectsOf(annotation.shapes).length;
    const path = pathOf.get(picture.id)!;
    const name = isImageFile(path) ? path.replace(/\.[^.]*$/, '') : path;
    current = picture;
    // The extension of a file whose name has none is told by its first bytes.
    const image = isImageFile(path)
      ? path
      : new Uint8Array(await (await source.fileOf(picture)).slice(0, 64).arrayBuffer());
    await writer.add({ name, source: picture.name, image, annotation });
    yield sink.take();
  }
  await writer.end();
  for (const [what, times] of writer.warnings) {
    counts.warnings.set(what, (counts.warnings.get(what) ?? 0) + times);
  }
  yield [...sink.take(), ...sink.takeLast()];
}

/** Pictures in the folder of their class, as `fovea train --task classify` reads them. */
async function* classFolders(
  { source, pictures, pathOf, folder }: Part,
  counts: DatasetCounts,
): AsyncGenerator<NewFile[], void> {
  const { classes } = source.project;
  const names = classes.map(({ name }) => flat(name));
  const folders = new Map(pathsInZip(names, '.').map((path, i) => [classes[i]!.name, path.slice(2)]));
  for (const picture of pictures) {
    const { objects } = await source.labelsOf(picture);
    const name = classOf(objects, classes);
    if (name === undefined) {
      counts.classless += 1;
      yield [];
      continue;
    }
    count(counts, picture, objects);
    const path = `${folder}${folders.get(name)}/${pathOf.get(picture.id)!}`;
    yield [{ path, content: await source.fileOf(picture) }];
  }
}

function count(counts: DatasetCounts, picture: Picture, objects: PictureLabels['objects']): void {
  counts.pictures += 1;
  if (!isLabelled(picture)) counts.unlabelled += 1;
  for (const { score, shape } of objects) {
    if (score !== undefined) counts.proposals += 1;
    else if (shape.kind === 'point') counts.points += 1;
  }
}

/** What a data set would have, and what its format cannot hold. */
export async function lookAtDataset(
  source: DatasetSource,
  choice: DatasetChoice,
  onProgress: (done: number, all: number) => void = () => undefined,
): Promise<DatasetCounts> {
  const counts = noCounts();
  for await (const _ of filesOf(source, { ...choice, images: false }, counts, onProgress)) void _;
  return counts;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The parts of a zip with a data set: pictures are read as their turn comes. */
export async function* datasetZip(
  source: DatasetSource,
  choice: DatasetChoice,
  onProgress: (done: number, all: number) => void = () => undefined,
): AsyncGenerator<Bytes, void> {
  const zip = new ZipWriter('saving the data set');
  for await (const { path, content } of filesOf(source, choice, noCounts(), onProgress)) {
    const isText = Array.isArray(content);
    const parts: Parts = isText ? content.map(encode) : partsOf(content as Blob | Uint8Array);
    yield* zip.file(path, parts, isText);
  }
  yield* zip.end();
}
